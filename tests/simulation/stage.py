"""Where a simulated run takes place: one till that can die, the pretend Paytm, the network between, and two clocks.

Everything happens on one event loop and one thing after another, so that a run follows from its rules alone; what
must overlap overlaps because the network holds it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from collections.abc import Awaitable, Coroutine, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pysqlite3.dbapi2 as sqlite
import structlog
from sqlalchemy import Engine, event

import galla.service.till as till_module
import galla.store.sqlite as sqlite_store
from galla.clock import ManualClock, to_millis
from galla.config import Secret
from galla.sandbox.outbox import Post
from galla.sandbox.sandbox import DEMO_MID, Sandbox
from galla.service import access, callbacks
from galla.service.till import Till
from galla.service.worker import Worker
from galla.store.sqlite import SQLiteDatabase
from tests.acceptance.dying import Fate, Killed, put_at_risk
from tests.database import sql
from tests.service.shop import API_KEY, settings_for
from tests.service.upi_shop import CLIENT, PUBLIC
from tests.simulation import invariants
from tests.simulation.books import Books
from tests.simulation.network import Network
from tests.simulation.truth import Observer

T = TypeVar("T")
START = datetime(2026, 1, 5, 17, 50, tzinfo=UTC)  # 23:20 in India: midnight is never far
TIDS = ("12345671", "12345672")
MACHINE_GIVES_UP_S = 7_200.0


class ShopClock:
    """The till's clock: it runs with true time, and may be set wrong."""

    def __init__(self, true: ManualClock) -> None:
        self._true = true
        self._most_s = 0.0
        self.wrong_by_s = 0.0

    @property
    def set_back_ms(self) -> int:
        """By how much it has been set back since it was furthest ahead."""
        return round((self._most_s - self.wrong_by_s) * 1000)

    def set_wrong(self, by_s: float) -> None:
        """Set it wrong by so much, or right again."""
        self._most_s, self.wrong_by_s = max(self._most_s, by_s), by_s

    def now(self) -> datetime:
        """Return what this computer takes for the present instant."""
        return self._true.now() + timedelta(seconds=self.wrong_by_s)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return self._true.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self._true.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self._true.pause(seconds)


class Stage:
    """One run's world. `url` is an empty database, or one that `prepared` has filled."""

    def __init__(self, url: str, heard: list[str] | None = None) -> None:
        self.url = url
        self.heard = heard if heard is not None else []
        self.time = ManualClock(START)
        self.clock = ShopClock(self.time)
        self.box = Sandbox(self.time, seed=1)
        self.box.operator_expiry_s = MACHINE_GIVES_UP_S
        self.observer = Observer(self.box)
        self.network = Network(self.box, self.time, self.observer.overlaps)
        self.posts: list[Post] = []
        self.second: Secret | None = None
        self.deaths = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()
        self.network.on_change = self._changed.set
        self._eye: Any = None
        self._seen: tuple[int, int, int] | None = None

    async def open(self) -> None:
        """Open the till, at the beginning or after it has died."""
        settings = settings_for(self.url, client_id=CLIENT, public_url=PUBLIC, tids=TIDS)
        self.till = await Till.open(settings, send=self.box.ahandle, clock=self.clock)
        self.till.carry = self.network.carry
        if isinstance(self.till.database, SQLiteDatabase):
            without_threads(self.till.database)
        self.fate = Fate()
        put_at_risk(self.till, self.fate)
        principal = await access.principal_for_key(self.till, API_KEY)
        assert principal is not None
        self.principal = principal
        self.worker = Worker(self.till)
        if self.second is None:
            key = await access.create_key(self.till, principal.merchant_id, ["refund"], "Supervisor")
            self.second = Secret(key)
        account = await self.till.account(principal.merchant_id)
        if self._eye is None and self.till.database.dialect == "sqlite":
            self._eye = sqlite.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)
        self.token = (account.callback_url or "").rpartition("/")[2]
        merchant = self.box.merchants[DEMO_MID]
        self.box.merchants[DEMO_MID] = msgspec.structs.replace(merchant, callback_url=account.callback_url)

    async def close(self) -> None:
        """Leave the run, whatever is still under way."""
        await self._stop()
        if self._eye is not None:
            self._eye.close()

    async def die(self) -> None:
        """Kill the process where it stands, and start it again on what it had committed."""
        self.fate.is_dead = True
        self.deaths += 1
        await self._stop()
        self.network.cut_off()
        for row in self.box.charges, self.box.orders:
            self.observer.prompted.update(id_ for _, id_ in row)
        await self.open()

    async def doing(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do one thing to its end, or until it waits in the network; a till that dies of it is started again."""
        task = self._spawn(work)
        await self.quiet()
        if self.fate.is_dead:
            await self.die()
            return None
        return await task if task.done() else None

    async def quiet(self) -> None:
        """Return when nothing moves any more but what the network holds."""
        while True:
            busy = {each for each in self._tasks | self.till._tasks if not each.done()}
            if len(busy) <= len(self.network.flying):
                return
            self._changed.clear()
            waiter = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({*busy, waiter}, return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()

    async def work(self, rounds: int = 3) -> int:
        """Let a worker take what is due, one after the other; return how many it took."""
        count = 0
        for _ in range(rounds):
            due_s = await self._due_in()
            if due_s is None or due_s > 0:
                break
            claims = await self.doing(self.worker._claim(20)) or []
            for payment in claims:
                await self.doing(self.worker._advance(payment))
            refunds = await self.doing(self.worker._refunds._claim()) or []
            for refund in refunds:
                await self.doing(self.worker._refunds._advance(refund))
            if not claims and not refunds:
                break
            count += len(claims) + len(refunds)
        return count

    async def pass_time(self, seconds: float) -> None:
        """Let time pass while nothing works."""
        self.time.advance(seconds)
        self.network.expire()
        await self.quiet()
        if self.fate.is_dead:
            await self.die()

    async def work_for(self, seconds: float, most: int = 4) -> None:
        """Let time pass with a worker that does each thing when it falls due, at most so many times."""
        end = self.time.monotonic() + seconds
        for _ in range(most):
            left_s = end - self.time.monotonic()
            due_s = await self._due_in()
            if due_s is None or due_s > left_s:
                break
            await self.pass_time(max(0.001, due_s))
            await self.work(1)
        await self.pass_time(max(0.0, end - self.time.monotonic()))
        await self.work(1)

    async def tell(self, post: Post, body: bytes | None = None) -> Any:
        """Let a message arrive at the merchant's callback address; return what it was taken for, or the refusal."""
        try:
            return await self.doing(
                callbacks.receive(self.till, self.token, post.content_type, body if body is not None else post.body)
            )
        except Exception as error:  # the rule that told it knows which refusal is right
            return error

    async def breaches(self, *, is_over: bool = False) -> list[str]:
        """Ask every invariant, unless neither the books nor the truth have moved since the last time."""
        truth = self.observer.truth()
        now_ms = to_millis(self.clock.now())
        if self.till.database.dialect != "sqlite":
            return await self.till.database.real.read(
                lambda connection: invariants.breaches(
                    Books(
                        lambda query: [tuple(row) for row in connection.exec_driver_sql(query)],
                        now_ms,
                        is_over=is_over,
                        set_back_ms=self.clock.set_back_ms,
                    ),
                    truth,
                )
            )
        (version,) = self._eye.execute("PRAGMA data_version").fetchone()
        seen = (version, self.box.version, len(self.box.wire))
        if seen == self._seen and not is_over:
            return []
        self._seen = seen
        self._eye.execute("BEGIN")
        try:
            books = Books(
                lambda query: self._eye.execute(query).fetchall(),
                now_ms,
                is_over=is_over,
                set_back_ms=self.clock.set_back_ms,
            )
            return invariants.breaches(books, truth)
        finally:
            self._eye.execute("COMMIT")

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run one reading statement."""
        if self.till.database.dialect == "sqlite" and self._eye is not None:
            return list(self._eye.execute(query).fetchall())
        return await self.till.database.real.read(
            lambda connection: [tuple(row) for row in connection.exec_driver_sql(query)]
        )

    def assert_calm(self) -> None:
        """Nothing went wrong inside that the service did not foresee."""
        heard = [each for each in self.heard if "Killed" not in each]
        self.heard.clear()
        assert not heard, heard

    def doom(self, soon: int) -> None:
        """Let the process die at one of its next uses of the database or the network; 0 lets it live."""
        self.fate.doom(soon)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def _due_in(self) -> float | None:
        """Return in how many seconds the next thing falls due and is free to be taken, or None."""
        now_ms = to_millis(self.clock.now())
        ((due_at,),) = await self.rows(
            "SELECT MIN(due_at) FROM (SELECT CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END AS due_at"
            " FROM payments UNION ALL SELECT CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END"
            " FROM refunds) AS waiting"
        )
        return (due_at - now_ms) / 1000 if due_at is not None else None

    async def _stop(self) -> None:
        tasks = self._tasks | self.till._tasks
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception | Killed | asyncio.CancelledError):
                continue
        self.till._tasks.clear()
        await self.till.database.real.close()


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
        self.get, self.get_nowait = database._queue.get, database._queue.get_nowait

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


class Playhouse:
    """One event loop for all runs, and a database that is ready to be copied for each."""

    def __init__(self, folder: Path, postgres_url: str | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.heard: list[str] = []
        self.loop.set_exception_handler(self._hear)
        self._folder = folder
        self._postgres_url = postgres_url
        self._count = 0

    def run(self, work: Awaitable[T]) -> T:
        """Run to the end on the one loop."""
        return self.loop.run_until_complete(work)

    def _hear(self, _loop: asyncio.AbstractEventLoop, what: dict[str, Any]) -> None:
        self.heard.append(f"{what.get('message')}: {what.get('exception')!r}")

    def fresh(self) -> str:
        """Return the URL of a database with the demo shop in it and nothing else."""
        if self._postgres_url is not None:
            return self._copy_of_postgres(self._postgres_url)
        ready = self._folder / "ready.db"
        if not ready.exists():
            self._prepare(f"sqlite:///{ready}")
        self._count += 1
        for old in self._folder.glob("run*"):
            old.unlink()
        copy = self._folder / f"run{self._count}.db"
        shutil.copy(ready, copy)
        return f"sqlite:///{copy}"

    def _copy_of_postgres(self, url: str) -> str:
        if not self._count:
            sql(url, 'CREATE DATABASE "run_ready"')
            self._prepare(url.replace("/postgres?", "/run_ready?"))
        else:
            sql(url, f'DROP DATABASE IF EXISTS "run_{self._count}" WITH (FORCE)')
        self._count += 1
        sql(url, f'CREATE DATABASE "run_{self._count}" TEMPLATE "run_ready"')
        return url.replace("/postgres?", f"/run_{self._count}?")

    def _prepare(self, url: str) -> None:
        stage = Stage(url)
        self.run(stage.open())
        self.run(stage.close())

    def close(self) -> None:
        """Close the loop."""
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@contextmanager
def quick_to_open() -> Iterator[None]:
    """Open every SQLite file with the same two engines, so that a restart need not compile each statement anew.

    The files are copies of one that is up to date, so they are not migrated again either.
    """
    real, migrate = sqlite_store._engine, sqlite_store.migrate
    kept: dict[bool, Engine] = {}
    paths: dict[bool, str] = {}

    def engine(path: str, *, is_writer: bool) -> Engine:
        paths[is_writer] = path
        if is_writer not in kept:
            kept[is_writer] = real(path, is_writer=is_writer)

            @event.listens_for(kept[is_writer], "do_connect")
            def _choose(_dialect: Any, _record: Any, arguments: list[Any], _more: Any) -> None:
                arguments[0] = paths[is_writer]

        return kept[is_writer]

    find, found = till_module.connectors, till_module.connectors()
    sqlite_store._engine, sqlite_store.migrate = engine, lambda writer: None
    till_module.connectors = lambda: dict(found)
    try:
        yield
    finally:
        sqlite_store._engine, sqlite_store.migrate, till_module.connectors = real, migrate, find


@contextmanager
def listening(heard: list[str]) -> Iterator[None]:
    """Write no log lines, and keep those that say that something went wrong which nobody foresaw."""
    before = structlog.get_config()

    def hear(_logger: Any, _method: str, line: dict[str, Any]) -> Any:
        heard.append(f"{line.get('event')}: {sys.exc_info()[1]!r}")
        raise structlog.DropEvent

    structlog.configure(processors=[hear], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)
