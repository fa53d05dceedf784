"""PostgreSQL: many processes, many machines.

Concurrent writes of one process share a transaction, each in a savepoint of its own, and are answered after
its commit. A lost race (deadlock, serialisation) runs the function again, alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from galla.errors import ConfigError, Unavailable
from galla.store.migrating import ONE_AT_A_TIME, upgrade
from galla.store.nudges import Nudges
from galla.store.presence import PROCESS, hold, new_number

T = TypeVar("T")
P = ParamSpec("P")
_Item = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]
_Answer = tuple["asyncio.Future[Any]", Any, Exception | None]

_LIMITS = {"lock_timeout": "5s", "statement_timeout": "20s", "idle_in_transaction_session_timeout": "20s"}
"""A process that dies with a lock in its hand must not hold up the others until its connection is missed."""

GROUP_MAX = 128
QUEUE_MAX = 5_000
POOL_S = 5.0  # who gets no connection in this time hears that there is none
WRITERS = 3
RACES_MAX = 6
_GONE = ("08", "57P", "53", "58")  # connection lost, server stopping, out of connections or space, disk
_LOST_RACES = {"40001", "40P01", "55P03", "23505"}  # 23505: somebody wrote the row we looked for, meanwhile
_REFUSED = {"3D000", "28000", "28P01"}  # no such database, role or password
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


class PostgresDatabase:
    """A `Database` on a PostgreSQL server."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._is_closed = False
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._nudges = Nudges(engine)
        self._writers = [asyncio.create_task(self._work(), name="galla-write") for _ in range(WRITERS)]

    @classmethod
    async def open(cls, url: str) -> PostgresDatabase:
        """Connect and migrate.

        Raises:
            ConfigError: the server is set up to lose acknowledged commits.
            Unavailable: the server does not answer.
        """
        address = "postgresql+asyncpg://" + url.split("://", 1)[1]
        number = new_number()
        engine = create_async_engine(
            address,
            pool_size=WRITERS + 5,
            max_overflow=4,
            pool_timeout=POOL_S,
            pool_pre_ping=False,
            hide_parameters=True,
            execution_options={PROCESS: number},
            connect_args={"prepared_statement_cache_size": 512, "server_settings": _LIMITS},
        )
        hold(engine.sync_engine, number)
        try:
            async with engine.connect() as connection:
                await connection.run_sync(_check_durable)
            while not ONE_AT_A_TIME.acquire(blocking=False):  # noqa: ASYNC110 - other loops and threads hold it too
                await asyncio.sleep(0.01)
            try:
                async with engine.begin() as connection:
                    await connection.run_sync(upgrade)
            finally:
                ONE_AT_A_TIME.release()
        except BaseException as error:
            await engine.dispose()
            if is_gone(error):
                raise Unavailable(
                    "PostgreSQL does not answer at GALLA_DATABASE_URL. Start it, or correct the address."
                ) from error
            if isinstance(error, DBAPIError) and _state(error) in _REFUSED:
                raise ConfigError(
                    f"PostgreSQL refuses GALLA_DATABASE_URL ({_state(error)}): the user, the password or the database "
                    "is not known there. Create them, or correct the address.",
                    setting="GALLA_DATABASE_URL",
                ) from error
            raise
        return cls(engine)

    @property
    def is_broken(self) -> bool:
        """Never: a server that comes back can be trusted again."""
        return False

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading function on a snapshot."""
        try:
            async with self._reading.connect() as connection:
                return await connection.run_sync(work, *args, **kwargs)
        except (OSError, SQLAlchemyError) as error:
            if is_gone(error):
                raise Unavailable("The database does not answer. Try again in a moment.") from error
            raise

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a writing function; return after the commit that holds it."""
        if self._is_closed:
            raise Unavailable("The database is closed, so nothing was recorded.")
        if self._queue.qsize() >= QUEUE_MAX:
            raise Unavailable("Too much waits to be written, so this was not recorded. Try again in a moment.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((lambda connection: work(connection, *args, **kwargs), future))
        return await future

    def listen(self, hear: Callable[[], None]) -> None:
        """Call `hear` whenever another process may have committed something."""
        self._nudges.listen(hear)

    def tell(self) -> None:
        """Nudge the other processes: something was committed."""
        self._nudges.tell()

    async def close(self) -> None:
        """Finish the queue and close the pool."""
        self._is_closed = True
        await self._queue.join()
        await self._nudges.close()
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
        is_run = False
        try:
            async with self._engine.connect() as connection, connection.begin():
                answers = await connection.run_sync(_run, group)
                is_run = True
        except Exception as error:
            if is_gone(error):
                _refuse(group, _unavailable(is_run), error)
            else:
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
        _refuse(group, error, error.__cause__)


def is_lost_race(error: BaseException) -> bool:
    """Whether PostgreSQL gave up this transaction in favour of another: running it again is right."""
    return _state(error) in _LOST_RACES


def is_gone(error: BaseException) -> bool:
    """Whether the server or the way to it failed, not the work."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OSError | OperationalError | InterfaceError | PoolTimeout) or _state(error).startswith(
        _GONE
    )


def _state(error: BaseException) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "") if isinstance(error, DBAPIError) else ""


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
            if is_lost_race(error) or is_gone(error):
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


def _refuse(group: list[_Item], failure: Exception, cause: BaseException | None) -> None:
    failure.__cause__ = cause
    for _, future in group:
        if not future.done():
            future.set_exception(failure)


def _unavailable(is_run: bool) -> Unavailable:
    """A connection that breaks during COMMIT leaves it open whether the server kept the work: say so."""
    if is_run:
        return Unavailable("The database went away while it was committing. Look whether it was recorded, then retry.")
    return Unavailable("The database does not answer, so nothing was recorded. Try again in a moment.")
