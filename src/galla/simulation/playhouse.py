"""Where simulated runs take place, one after the other: one event loop, and a prepared database copied for each.

All of a till's work is done on the caller's thread, so that its order is always the same.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import selectors
import shutil
import sys
from collections.abc import Awaitable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from copy import copy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import structlog
from sqlalchemy import Dialect, Engine
from sqlalchemy.pool import PoolProxiedConnection

import galla.service.till as till_module
import galla.store.sqlite as sqlite_store
from galla import ids
from galla.connectors.registry import connectors
from galla.simulation.stage import Stage
from galla.simulation.stand_in import stand_in

T = TypeVar("T")
MEMORY = "/dev/shm"  # noqa: S108 - an fsync costs nothing there


class _Patient(selectors.DefaultSelector):
    """Asks the system only when there is nothing else to do: what waits in a simulation waits for no socket."""

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready."""
        return [] if timeout == 0 else super().select(timeout)


class Playhouse:
    """One event loop for all runs, and a database that is ready to be copied for each."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.SelectorEventLoop(_Patient())
        self.heard: list[str] = []
        self.loop.set_exception_handler(self._hear)
        self.folder = folder
        self.count = 0

    def run(self, work: Awaitable[T]) -> T:
        """Run to the end on the one loop."""
        return self.loop.run_until_complete(work)

    def _hear(self, _loop: asyncio.AbstractEventLoop, what: dict[str, Any]) -> None:
        self.heard.append(f"{what.get('message')}: {what.get('exception')!r}")

    def fresh(self) -> str:
        """Return the URL of a database with the demo shop in it and nothing else."""
        ready = self.folder / "ready.db"
        if not ready.exists():
            self.prepare(f"sqlite:///{ready}")
        self.count += 1
        gc.collect()
        for old in self.folder.glob("run*"):
            old.unlink()
        copy = self.folder / f"run{self.count}.db"
        shutil.copy(ready, copy)
        return f"sqlite:///{copy}"

    def prepare(self, url: str) -> None:
        """Make the demo shop in an empty database, the same one every time."""
        with ids.seeded("ready"):
            stage = Stage(url)
            self.run(stage.open())
            self.run(stage.close())

    def close(self) -> None:
        """Close the loop."""
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@contextmanager
def open_house() -> Iterator[Playhouse]:
    """Open a playhouse in memory, if this computer lets one, for as many runs as there will be."""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(prefix="galla-run-", dir=memory) as folder:
        house = Playhouse(Path(folder))
        house.fresh()
        gc.freeze()  # what is loaded now stays: the collector need not look at it
        gc.disable()  # and for what a run leaves, once before the next is often enough
        try:
            with listening(house.heard), quick_to_open():
                yield house
        finally:
            gc.enable()
            gc.unfreeze()
            house.close()


@contextmanager
def quick_to_open() -> Iterator[None]:
    """Keep what SQLAlchemy has compiled for all files that are opened, and what else is the same at each opening.

    The files are copies of one that is up to date, so they are not migrated again either. A transaction is begun by the
    dialect and not by a listener, for which SQLAlchemy would look at every statement.
    """
    real = sqlite_store._engine
    dialects: dict[bool, Dialect] = {}
    compiled: dict[bool, dict[Any, Any]] = {True: {}, False: {}}

    def engine(path: str, *, is_writer: bool) -> Engine:
        opened = real(path, is_writer=is_writer)
        opened._has_events = False
        if is_writer not in dialects:
            own = dialects[is_writer] = copy(opened.dialect)
            own.do_begin = partial(_begin, "BEGIN IMMEDIATE" if is_writer else "BEGIN")  # type: ignore[method-assign]
        opened.dialect = opened.pool._dialect = dialects[is_writer]
        opened._compiled_cache = compiled[is_writer]
        return opened

    found = connectors()
    with (
        stand_in(sqlite_store, "_engine", engine),
        stand_in(sqlite_store, "migrate", lambda writer: None),
        stand_in(sqlite_store, "_tune", lambda writer: None),
        stand_in(till_module, "connectors", lambda: dict(found)),
    ):
        yield


def _begin(words: str, connection: PoolProxiedConnection) -> None:
    connection.cursor().execute(words)


@contextmanager
def listening(heard: list[str]) -> Iterator[None]:
    """Write no log lines, and keep those that say that something went wrong which nobody foresaw."""
    before = structlog.get_config()

    def hear(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
        error = line.get("exc_info")
        heard.append(f"{line.get('event')}: {(error if isinstance(error, BaseException) else sys.exc_info()[1])!r}")
        raise structlog.DropEvent

    structlog.configure(processors=[hear], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)
