"""PostgreSQL: many processes, many machines.

Concurrent writes of one process share a transaction, each in a savepoint of its own, and are answered after
its commit. A lost race (deadlock, serialisation) runs the function again, alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from galla.errors import ConfigError, Unavailable
from galla.store.migrating import upgrade

T = TypeVar("T")
P = ParamSpec("P")
_Item = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]
_Answer = tuple["asyncio.Future[Any]", Any, Exception | None]

GROUP_MAX = 128
WRITERS = 3
RACES_MAX = 6
_LOST_RACES = {"40001", "40P01", "55P03", "23505"}  # 23505: somebody wrote the row we looked for, meanwhile
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


class PostgresDatabase:
    """A `Database` on a PostgreSQL server."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._writers = [asyncio.create_task(self._work(), name="galla-write") for _ in range(WRITERS)]

    @classmethod
    async def open(cls, url: str) -> PostgresDatabase:
        """Connect and migrate.

        Raises:
            ConfigError: the server is set up to lose acknowledged commits.
            Unavailable: the server does not answer.
        """
        address = "postgresql+asyncpg://" + url.split("://", 1)[1]
        engine = create_async_engine(
            address,
            pool_size=WRITERS + 5,
            max_overflow=4,
            pool_pre_ping=False,
            connect_args={"prepared_statement_cache_size": 512},
        )
        try:
            async with engine.begin() as connection:
                await connection.run_sync(_check_durable)
                await connection.run_sync(upgrade)
        except (OSError, OperationalError, InterfaceError) as error:
            await engine.dispose()
            raise Unavailable(
                "PostgreSQL does not answer at GALLA_DATABASE_URL. Start it, or correct the address."
            ) from error
        return cls(engine)

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading function."""
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(work, *args, **kwargs)
        except (OSError, OperationalError, InterfaceError) as error:
            raise _unavailable() from error

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a writing function; return after the commit that holds it."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((lambda connection: work(connection, *args, **kwargs), future))
        return await future

    async def close(self) -> None:
        """Finish the queue and close the pool."""
        await self._queue.join()
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)
        await self._engine.dispose()

    async def _work(self) -> None:
        while True:
            group = [await self._queue.get()]
            while len(group) < GROUP_MAX and not self._queue.empty():
                group.append(self._queue.get_nowait())
            try:
                await self._commit([item for item in group if not item[1].cancelled()])
            finally:
                for _ in group:
                    self._queue.task_done()

    async def _commit(self, group: list[_Item], races: int = 0) -> None:
        if not group:
            return
        try:
            async with self._engine.connect() as connection, connection.begin():
                answers = await connection.run_sync(_run, group)
        except Exception as error:
            await self._recover(group, error, races)
            return
        for future, value, failure in answers:
            if future.done():
                continue
            if failure is None:
                future.set_result(value)
            else:
                future.set_exception(failure)

    async def _recover(self, group: list[_Item], error: Exception, races: int) -> None:
        """A group that failed is done one by one; a lost race is run again; the rest is the caller's to hear."""
        if len(group) > 1:
            for item in group:
                await self._commit([item])
            return
        if is_lost_race(error) and races < RACES_MAX:
            await asyncio.sleep(0.005 * 2**races)
            await self._commit(group, races + 1)
            return
        future = group[0][1]
        if future.done():
            return
        if isinstance(error, OSError | OperationalError | InterfaceError):
            failure = _unavailable()
            failure.__cause__ = error
            future.set_exception(failure)
        else:
            future.set_exception(error)


def is_lost_race(error: BaseException) -> bool:
    """Whether PostgreSQL gave up this transaction in favour of another: running it again is right."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _LOST_RACES


def _run(connection: Connection, group: list[_Item]) -> list[_Answer]:
    if len(group) == 1:
        return [(group[0][1], group[0][0](connection), None)]
    answers: list[_Answer] = []
    for work, future in group:
        try:
            with connection.begin_nested():
                value = work(connection)
            answers.append((future, value, None))
        except Exception as error:
            if is_lost_race(error) or isinstance(error, OperationalError | InterfaceError):
                raise
            answers.append((future, None, error))
    return answers


def _check_durable(connection: Connection) -> None:
    for name in _DURABLE:
        value = connection.exec_driver_sql(f"SHOW {name}").scalar()
        if value in ("off", "local"):
            raise ConfigError(
                f"PostgreSQL runs with {name}={value} and would lose payments in a power cut. "
                f"Set {name}=on on the server.",
                setting="GALLA_DATABASE_URL",
            )


def _unavailable() -> Unavailable:
    return Unavailable("The database does not answer, so nothing was recorded. Try again in a moment.")
