"""A database without its threads: the same work, done where it is asked for and in an order that is always the same."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import Any

from galla.store.sqlite import SQLiteDatabase


class _Here(Executor):
    """Runs what it is given at once, where it stands."""

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class _NoQueue:
    """Stands in for the queue to the writer thread: what is put in is committed at once, each by itself."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self._database = database
        self._queue = database._queue
        self.get, self.get_nowait, self.qsize = self._queue.get, self._queue.get_nowait, self._queue.qsize

    def put(self, item: Any) -> None:
        """Commit it; the word that there is nothing more goes to the thread."""
        if item is None:
            self._queue.put(None)
        elif item[1].set_running_or_notify_cancel():
            self._database._commit([item])


def without_threads(database: SQLiteDatabase) -> None:
    """Let a database do all its work on the caller's thread: the same work, in an order that is always the same."""
    database._queue = _NoQueue(database)  # type: ignore[assignment]
    database._pool = _Here()  # type: ignore[assignment]
