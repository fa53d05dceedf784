"""Ten thousand payments in flight, each asked about every ten seconds: how late, and at what cost.

Every payment waits for its customer for as long as the measurement lasts, so each answer is "pending": the common
answer, and the one that must write nothing. It is measured twice: against a sandbox in another process over HTTP,
and with the answers given in this process, which leaves what the engine itself costs.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime
from statistics import median

import msgspec
from sqlalchemy import Connection, func, select, update

from bench import pace
from bench.engines import Engine
from bench.pretend import Pretend
from bench.report import Figure, Part, at_most, say
from bench.shop import add_payments, all_pending, settings, wire_us
from galla.cli.hosting import settle
from galla.clock import SYSTEM, to_millis
from galla.payments.ladder import Ladder, Rung
from galla.payments.model import Payment
from galla.service.till import Till
from galla.service.worker import Worker
from galla.store.claims import Schedule
from galla.store.record_tables import events
from galla.store.tables import exchanges, payments

COUNT = 10_000
EVERY_S = 9.5  # a payment's jitter adds up to a tenth: ten seconds in the middle
FLAT = Ladder(first_s=EVERY_S, rungs=(Rung(1e8, EVERY_S),), hold_s=1e8)
WARM_UP_S = 3.0
ENGINE_CORE, LATE_S = 10, 1


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What one stretch of time showed. CPU in percent of a core, lateness in seconds; the pace just after it."""

    polls_s: float
    late_p50_s: float
    late_p99_s: float
    worker: float
    database: float
    sandbox: float
    pace: float


class PunctualWorker(Worker):
    """galla's worker, noting how long after `due_at` each payment's turn came."""

    def __init__(self, till: Till, due: dict[str, datetime]) -> None:
        super().__init__(till)
        self.due = due
        self.late_s: list[float] = []

    async def _advance(self, payment: Payment) -> None:
        self.late_s.append((SYSTEM.now() - self.due[payment.id]).total_seconds())
        assert payment.due_at is not None
        self.due[payment.id] = payment.due_at
        await super()._advance(payment)


async def measure(engine: Engine, windows: int, window_s: float) -> Part:
    """Measure one engine, with and without HTTP."""
    with closing(Pretend(COUNT)) as sandbox:
        say(f"  {engine.name}: {COUNT:,} payments, the sandbox over HTTP")
        wired, _ = await _measure_line(engine, windows, window_s, sandbox)
    say(f"  {engine.name}: {COUNT:,} payments, without HTTP")
    alone, most_s = await bare(engine, windows, window_s)
    is_inside = engine.name == "SQLite"
    where = "of that SQLite's writer thread" if is_inside else "the PostgreSQL server"
    wire = wire_us() * alone.polls_s / 1e4
    apart = alone.worker - (alone.database if is_inside else 0.0)
    figures = [
        Figure(what="polls a second over HTTP", value=f"{wired.polls_s:.0f}"),
        Figure(what="late over HTTP, median", value=f"{wired.late_p50_s:.3f} s"),
        at_most("late over HTTP, 99th percentile", wired.late_p99_s, LATE_S, "s"),
        Figure(what="core: the worker's process, without HTTP", value=f"{alone.worker:.3g} %"),
        Figure(what=f"core: {where}", value=f"{alone.database:.3g} %"),
        Figure(what="core: of that the wire: questions written, answers read", value=f"{wire:.3g} %"),
        pace.at_most("core: the engine, without HTTP and database", apart, ENGINE_CORE, "%", alone.pace),
        Figure(what="core: the engine, without the wire as well", value=f"{apart - wire:.3g} %"),
        Figure(what="core: the HTTP client, the difference", value=f"{wired.worker - alone.worker:.3g} %"),
        Figure(what="core: the sandbox, which is not galla's", value=f"{wired.sandbox:.3g} %"),
        Figure(what="late without HTTP, 99th percentile", value=f"{alone.late_p99_s:.3f} s"),
        Figure(what="polls a second at most, without HTTP", value=f"{most_s:,.0f}"),
    ]
    return Part(
        title=f"{COUNT:,} payments in flight, {engine.name}",
        how=(
            f"Each is asked about every {EVERY_S} to {EVERY_S * 1.1:.4g} s and is never paid. {windows} windows of "
            f"{window_s:g} s. Late is from `due_at` to the moment the inquiry begins. A poll without news wrote "
            "nothing but its claim. The target holds for everything the worker does but HTTP and the database; the "
            "wire's share, which has targets of its own (Messages), is printed beside it, as it costs in a warm loop."
        ),
        figures=figures,
    )


async def bare(engine: Engine, windows: int, window_s: float) -> tuple[Window, float]:
    """Return the median window of one engine without HTTP, and the polls a second when all are due at once."""
    return await _measure_line(engine, windows, window_s, None)


async def _measure_line(engine: Engine, windows: int, window_s: float, sandbox: Pretend | None) -> tuple[Window, float]:
    """Return the median window of one line to Paytm; without HTTP also the polls a second when all are due."""
    with engine.fresh() as url:
        async with _crowded(url, sandbox) as (till, worker):
            await asyncio.sleep(WARM_UP_S)
            seen = [await _watch(worker, window_s, engine, sandbox) for _ in range(windows)]
            most_s = 0.0 if sandbox else await _rush(till, worker)
            assert await till.database.read(_news) == 0, "a poll without news wrote something"
    middle = {name: median(getattr(window, name) for window in seen) for name in Window.__struct_fields__}
    return Window(**middle), most_s


@asynccontextmanager
async def _crowded(url: str, sandbox: Pretend | None) -> AsyncIterator[tuple[Till, PunctualWorker]]:
    """Open a till full of payments in flight and run its worker."""
    send = None if sandbox else all_pending(COUNT)
    till = await Till.open(settings(url, sandbox.url if sandbox else ""), send=send)
    till.card = FLAT
    till.schedule = Schedule(card=FLAT, upi=FLAT, lease_ms=till.schedule.lease_ms)
    worker = PunctualWorker(till, await till.database.write(add_payments, COUNT, EVERY_S))
    stop = asyncio.Event()
    settle()  # as `galla serve` and `galla worker` do
    running = asyncio.create_task(worker.run(stop))
    try:
        yield till, worker
    finally:
        gc.unfreeze()
        stop.set()
        await running
        await till.close()


async def _watch(worker: PunctualWorker, window_s: float, engine: Engine, sandbox: Pretend | None) -> Window:
    """Look at a running worker for a while."""
    clocks: list[Callable[[], float]] = [
        time.monotonic,
        time.process_time,
        engine.cpu_s,
        sandbox.cpu_s if sandbox else lambda: 0.0,
    ]
    worker.late_s.clear()
    advanced = worker.advanced
    before = [clock() for clock in clocks]
    await asyncio.sleep(window_s)
    took, *used = [clock() - start for clock, start in zip(clocks, before, strict=True)]
    late = sorted(worker.late_s)
    window = Window(
        polls_s=(worker.advanced - advanced) / took,
        late_p50_s=late[len(late) // 2],
        late_p99_s=late[len(late) * 99 // 100],
        worker=used[0] / took * 100,
        database=used[1] / took * 100,
        sandbox=used[2] / took * 100,
        pace=pace.now(),
    )
    say(f"    {window.polls_s:.0f} polls/s, p99 {window.late_p99_s:.3f} s late, {window.worker:.1f} % of a core")
    return window


async def _rush(till: Till, worker: PunctualWorker) -> float:
    """Let everything fall due at once and return the polls a second until all are asked about."""
    await till.database.write(_all_due)
    advanced, started = worker.advanced, time.monotonic()
    till.bell.ring()
    async with asyncio.timeout(60):
        while worker.advanced - advanced < COUNT:  # noqa: ASYNC110 - a worker has no need to say when it is done
            await asyncio.sleep(0.005)
    return COUNT / (time.monotonic() - started)


def _all_due(connection: Connection) -> None:
    connection.execute(update(payments).values(due_at=to_millis(SYSTEM.now()), lease_until=None))


def _news(connection: Connection) -> int:
    """Count what a poll may only write when there is news."""
    changed = select(func.count()).where(payments.c.sequence != 2).scalar_subquery()
    told = select(func.count()).select_from(events).scalar_subquery()
    kept = select(func.count()).select_from(exchanges).scalar_subquery()
    return int(connection.execute(select(changed + told + kept)).scalar_one())
