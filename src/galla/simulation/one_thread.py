"""A database without its threads: the same work, done where it is asked for and in an order that is always the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from galla.store.sqlite import SQLiteDatabase


class OneThread:
    """An SQLite database that reads and commits at once on the caller's thread, and lets others go on afterwards."""

    def __init__(self, real: SQLiteDatabase) -> None:
        self._real = real
        self.dialect = real.dialect
        self.listen, self.tell, self.close = real.listen, real.tell, real.close

    @property
    def is_broken(self) -> bool:
        """Whether the database underneath will write nothing more."""
        return self._real.is_broken

    async def read(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a reading function on a snapshot."""
        with self._real._readers.connect() as connection:
            value = work(connection, *args, **kwargs)
        await asyncio.sleep(0)
        return value

    async def write(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a writing function in a commit of its own; return after it."""
        done: Future[Any] = Future()
        self._real._commit([(lambda connection: work(connection, *args, **kwargs), done)])
        await asyncio.sleep(0)
        return done.result()
