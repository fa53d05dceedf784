"""The two database engines, each empty, and what the PostgreSQL server uses of the processor."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec
import psutil  # type: ignore[import-untyped]

from tests.database import fresh_database, running_postgres, sql


class Engine(msgspec.Struct, frozen=True):
    """An engine: its name, how to get an empty database, and the CPU seconds its server has used."""

    name: str
    fresh: Callable[[], AbstractContextManager[str]]
    cpu_s: Callable[[], float]


@contextmanager
def both() -> Iterator[list[Engine]]:
    """Start a PostgreSQL and give both engines; SQLite works inside the measured process."""
    with running_postgres() as url:
        server = psutil.Process(int(sql(url, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")))
        yield [
            Engine("SQLite", _fresh_file, lambda: 0.0),
            Engine("PostgreSQL", lambda: fresh_database(url), lambda: _cpu_s(server)),
        ]


@contextmanager
def _fresh_file() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="galla-bench-") as folder:
        yield f"sqlite:///{folder}/galla.db"


def _cpu_s(server: psutil.Process) -> float:
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
