"""Where a simulated run takes place: one till that can die, the pretend Paytm, the network between, and two clocks.

Everything happens on one event loop and one thing after another, so that a run follows from its deeds alone; what
must overlap overlaps because the network holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection

from galla.clock import ManualClock, to_millis
from galla.config import Secret, Settings, load
from galla.sandbox.outbox import Post
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, Sandbox
from galla.service import access, callbacks
from galla.service.till import Till
from galla.service.worker import Worker
from galla.simulation import invariants
from galla.simulation.books import Books, Rows
from galla.simulation.breach import Breach, must
from galla.simulation.dying import Fate, Killed, put_at_risk
from galla.simulation.network import Network
from galla.simulation.one_thread import OneThread
from galla.simulation.shop_clock import ShopClock
from galla.simulation.truth import Observer, Truth
from galla.store.sqlite import SQLiteDatabase

T = TypeVar("T")
START = datetime(2026, 1, 5, 17, 50, tzinfo=UTC)  # 23:20 in India: midnight is never far
TIDS = ("12345671", "12345672", "12345673", "12345674")
MACHINE_GIVES_UP_S = 7_200.0
API_KEY = "gk_simulated_shop"


class Stage:
    """One run's world. `url` is an empty database, or one that `prepared` has filled."""

    def __init__(self, url: str, heard: list[str] | None = None) -> None:
        self.url = url
        self.heard = heard if heard is not None else []
        self.time = ManualClock(START)
        self.clock = ShopClock(self.time)
        self.box = Sandbox(self.time, seed=1)
        for number, tid in enumerate(TIDS[2:], 3):
            self.box.add_terminal(tid, DEMO_MID, label=f"Counter {number}")
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
        self.books = Books(self._read, is_growing=True)
        self._seen: tuple[int, int, int] | None = None

    async def open(self) -> None:
        """Open the till, at the beginning or after it has died."""
        self.till = await Till.open(_settings(self.url), send=self.box.ahandle, clock=self.clock)
        self.till.carry = self.network.carry
        if isinstance(self.till.database, SQLiteDatabase):
            self.till.database = OneThread(self.till.database)
        self.fate = Fate()
        self.database = put_at_risk(self.till, self.fate)
        principal = await access.principal_for_key(self.till, API_KEY)
        if principal is None:
            raise Breach("the shop's own key opens nothing")
        self.principal = principal
        names = ("Counter 1", "Counter 2")
        self.counters = tuple(msgspec.structs.replace(principal, counter=each) for each in names)
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

    async def doing_both(self, *works: Coroutine[Any, Any, T]) -> list[T | BaseException]:
        """Do several things at one instant, each as far as it comes; return what came of those that ended."""
        tasks = [self._spawn(work) for work in works]
        await self.quiet()
        if self.fate.is_dead:
            await self.die()
            return []
        return list(await asyncio.gather(*(task for task in tasks if task.done()), return_exceptions=True))

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
            claims = (await self.doing(self.worker._claim(20)) or []) if await self._is_due("payments") else []
            for payment in claims:
                await self.doing(self.worker._advance(payment))
            refunds = (await self.doing(self.worker._refunds._claim()) or []) if await self._is_due("refunds") else []
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
        """Look at the books and ask every invariant, unless neither they nor the truth have moved since."""
        truth = self.observer.truth()
        if self._eye is None:
            return await self.database.real.read(lambda connection: self._look(_reading(connection), truth, is_over))
        (version,) = self._eye.execute("PRAGMA data_version").fetchone()
        seen = (version, self.box.version, len(self.box.wire))
        if seen == self._seen and not is_over:
            self.books.rest()
            return []
        self._seen = seen
        self._eye.execute("BEGIN")
        try:
            return self._look(self._read, truth, is_over)
        finally:
            self._eye.execute("COMMIT")

    def _look(self, rows: Rows, truth: Truth, is_over: bool) -> list[str]:
        kept = self.books
        if self._eye is None or is_over:
            self.books = Books(rows, is_growing=self._eye is not None)
        self.books.look(to_millis(self.clock.now()), is_over=is_over, set_back_ms=self.clock.set_back_ms)
        self.books.speak_of(self.observer.spoken_of())
        found = invariants.breaches(self.books, truth)
        if self._eye is not None and is_over:
            found += invariants.differences(kept, self.books)
        return found

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        return list(self._eye.execute(query).fetchall())

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run one reading statement."""
        if self.till.database.dialect == "sqlite" and self._eye is not None:
            return self._read(query)
        return await self.database.real.read(
            lambda connection: _reading(connection)(query)
        )

    def assert_calm(self) -> None:
        """Nothing went wrong inside that the service did not foresee."""
        heard = [each for each in self.heard if "Killed" not in each]
        self.heard.clear()
        must(not heard, "; ".join(heard))

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

    async def _is_due(self, table: str) -> bool:
        ((due_at,),) = await self.rows(_DUE[table])
        return due_at is not None and due_at <= to_millis(self.clock.now())

    async def _due_in(self) -> float | None:
        """Return in how many seconds the next thing falls due and is free to be taken, or None."""
        found = [(await self.rows(query))[0][0] for query in _DUE.values()]
        due = [each for each in found if each is not None]
        return (min(due) - to_millis(self.clock.now())) / 1000 if due else None

    async def _stop(self) -> None:
        tasks = self._tasks | self.till._tasks
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception | Killed | asyncio.CancelledError):
                continue
        self.till._tasks.clear()
        await self.database.real.close()


_FREE_AT = "MIN(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END)"
_DUE = {table: f"SELECT {_FREE_AT} FROM {table} WHERE due_at IS NOT NULL" for table in ("payments", "refunds")}  # noqa: S608


def _reading(connection: Connection) -> Rows:
    return lambda query: [tuple(row) for row in connection.exec_driver_sql(query)]


def _settings(url: str) -> Settings:
    return load(
        {},
        database_url=url,
        mid=DEMO_MID,
        key=Secret(DEMO_KEY),
        tids=TIDS,
        secret_key=Secret("x" * 40),
        api_key=Secret(API_KEY),
        client_id="C11",
        public_url="https://pay.clinic.example",
    )
