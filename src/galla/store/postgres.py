"""PostgreSQL: many processes, many machines.

Concurrent writes of one process share a transaction and are answered after its commit; what they record is written at
its end. If one of them fails, they are run again with each in a savepoint of its own, which costs two journeys more
for each. A lost race (a held row, deadlock, serialisation) runs the function again, alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from galla.errors import ConfigError, Unavailable
from galla.store import journal
from galla.store.afterwards import Later, kept
from galla.store.migrating import ONE_AT_A_TIME, upgrade
from galla.store.nudges import Nudges
from galla.store.one_statement import is_one_statement
from galla.store.presence import PROCESS, hold, new_number
from galla.store.statistics import Statistics

T = TypeVar("T")
P = ParamSpec("P")
_Item = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]
_Answer = tuple["asyncio.Future[Any]", Any, Exception | None, list[Later]]

_LIMITS = {"lock_timeout": "300ms", "statement_timeout": "20s", "idle_in_transaction_session_timeout": "20s"}
"""Who meets a held row lets its own go, sooner than PostgreSQL looks for deadlocks; a group is then done one by one.

And a process that dies with a lock in its hand must not hold up the others until its connection is missed.
"""
_PATIENT = f"SET LOCAL lock_timeout = '{journal.PATIENCE}'"
"""For who waits for a held row a second time, alone."""

GROUP_MAX = 128
QUEUE_MAX = 5_000
POOL_S = 5.0  # who gets no connection in this time hears that there is none
WRITERS = 2
RACES_MAX = 6
HINT_RACES_MAX = 20  # at the short time-out: as patient as who waits for a row alone
AFTERWARDS_MAX = 2  # statements after a commit that run at once: what they wait for keeps no writer waiting
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
        self._looking = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._is_closed = False
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._nudges = Nudges(engine)
        self._statistics = Statistics(self._looking)
        self._after: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AFTERWARDS_MAX)
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
            pool_size=WRITERS + 9,
            max_overflow=0,  # a connection that is opened for a moment costs more than it does in it
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
                    await connection.exec_driver_sql(_PATIENT)
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
        """Run a reading function on a snapshot; one statement is a snapshot by itself."""
        engine = self._looking if is_one_statement(work) else self._reading
        try:
            async with engine.connect() as connection:
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
        await asyncio.gather(*self._after)
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
            except Exception as error:  # whatever it is, the writer lives on and every caller hears
                _refuse(group, _unavailable(is_run=True), error)
            finally:
                for _ in group:
                    self._queue.task_done()

    async def _commit(self, group: list[_Item], races: int = 0, *, is_apart: bool = False) -> None:
        """Run and commit a group in one transaction; only if one of them fails, again with each in a savepoint."""
        if not group:
            return
        is_run = False
        try:
            async with self._engine.connect() as connection, connection.begin():
                if races:
                    await connection.exec_driver_sql(_PATIENT)
                answers = await connection.run_sync(_run_apart if is_apart else _run, group)
                is_run = True
        except Exception as error:
            if is_gone(error):
                _refuse(group, _unavailable(is_run), error)
            elif len(group) > 1 and not is_apart and not is_lost_race(error):
                await self._commit(group, races, is_apart=True)
            else:
                await self._recover(group, error, races)
            return
        if self._statistics.is_due(len(answers)):
            self._spawn(self._statistics.refresh())
        for future, value, failure, later in answers:
            if failure is None and later:
                self._spawn(self._do(later, future, value))
            else:
                _answer(future, value, failure)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="galla-afterwards")
        self._after.add(task)
        task.add_done_callback(self._after.discard)

    async def _do(self, later: list[Later], future: asyncio.Future[Any], value: Any) -> None:
        """Run what a committed work has left for afterwards, each by itself, and then answer its caller."""
        failure = None
        try:
            async with self._room:
                for statement, given in later:
                    await self._do_one(statement, given)
        except Exception as error:
            failure = Unavailable("This was recorded, but the database did not let it be followed. Send it again.")
            failure.__cause__ = error
        _answer(future, value, failure)

    async def _do_one(self, statement: Executable, given: dict[str, Any], races: int = 0) -> None:
        try:
            async with self._looking.connect() as connection:
                await connection.execute(statement, given)
        except DBAPIError as error:
            if not is_lost_race(error) or races >= HINT_RACES_MAX:
                raise
            await self._do_one(statement, given, races + 1)

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
    answers: list[_Answer] = []
    with kept(connection) as later, journal.held_back(connection):
        for work, future in group:
            before = len(later)
            value = work(connection)
            answers.append((future, value, None, later[before:]))
    return answers


def _run_apart(connection: Connection, group: list[_Item]) -> list[_Answer]:
    """Run each in a savepoint of its own, so that one that fails takes back only what is its own."""
    answers: list[_Answer] = []
    with kept(connection) as later, journal.held_back(connection) as held:
        for work, future in group:
            before, recorded = len(later), len(held)
            try:
                with connection.begin_nested():
                    value = work(connection)
                answers.append((future, value, None, later[before:]))
            except Exception as error:
                if is_lost_race(error) or is_gone(error):
                    raise
                del held[recorded:]
                answers.append((future, None, error, []))
    return answers


def _answer(future: asyncio.Future[Any], value: Any, failure: Exception | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(value)
    else:
        future.set_exception(failure)


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
