"""The two database engines, each empty, and what each uses of the processor."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec
import psutil  # type: ignore[import-untyped]

from tests.database import fresh_database, running_postgres, sql


class Engine(msgspec.Struct, frozen=True):
    """An engine: its name, how to get an empty database, and the CPU seconds it has used.

    Those of SQLite are the writer thread's, and so also a part of this process's.
    """

    name: str
    fresh: Callable[[], AbstractContextManager[str]]
    cpu_s: Callable[[], float]


@contextmanager
def both() -> Iterator[list[Engine]]:
    """Start a PostgreSQL and give both engines."""
    with running_postgres() as url:
        server = psutil.Process(int(sql(url, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")))
        yield [
            Engine("SQLite", _fresh_file, _writer_cpu_s),
            Engine("PostgreSQL", lambda: fresh_database(url), lambda: _server_cpu_s(server)),
        ]


@contextmanager
def _fresh_file() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="galla-bench-") as folder:
        yield f"sqlite:///{folder}/galla.db"


def _writer_cpu_s() -> float:
    writers = {thread.native_id for thread in threading.enumerate() if thread.name == "galla-write"}
    used = [thread for thread in psutil.Process().threads() if thread.id in writers]
    return float(sum(thread.user_time + thread.system_time for thread in used))


def _server_cpu_s(server: psutil.Process) -> float:
    """Return what the postmaster, its living children and those that have ended used."""
    own = server.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in server.children(recursive=True):
        try:
            used = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system
    return float(total)
