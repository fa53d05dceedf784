"""The same polling as a job of a job queue: ten thousand payments, each asked about again after ten seconds.

PGQueuer and Procrastinate keep their jobs in the same PostgreSQL that galla keeps its payments in. A job does what
galla's worker does for a poll, by the shortest way there is beside such a queue: it reads the payment from a table of
nine columns, writes the signed question, reads the answer with every check, counts it, and puts itself off. What the
queues cost when their jobs do nothing but that last part is measured as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import asyncpg

from bench import polling
from bench.engines import Engine
from bench.pretend import AMOUNT_PAISE, TID, paytm_id
from bench.report import Figure, Part, at_least, say
from bench.shop import all_pending
from galla.clock import SYSTEM, ist_text
from galla.protocol.edc import StatusRequest
from galla.protocol.message import Host, MerchantKey, Request
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID

JOBS = 10_000
EVERY_S = 10.0
WARM_UP_S = 4.0
LEAST = 8
HANDS = 100
BATCH = 200

Work = Callable[[int], Awaitable[None]]
Peer = Callable[[str, Work], Awaitable["asyncio.Task[Any]"]]


async def measure(engine: Engine, window_s: float) -> Part:
    """Measure each queue that is installed, then galla, by CPU of the process and of PostgreSQL for each job."""
    figures: list[Figure] = []
    costs: dict[str, float] = {}
    for name, package, start in (("PGQueuer", "pgqueuer", pgqueuer), ("Procrastinate", "procrastinate", procrastinate)):
        try:
            found = version(package)
        except PackageNotFoundError:
            figures.append(Figure(what=f"{name}: not installed here", value="–"))
            continue
        say(f"  {name}: {JOBS:,} jobs")
        costs[name], pace_s = await _watched(engine, start, window_s, is_poll=True)
        empty, _ = await _watched(engine, start, window_s, is_poll=False)
        figures.append(Figure(what=f"{name} {found}: CPU of a poll", value=f"{costs[name]:,.0f} µs"))
        figures.append(Figure(what=f"{name} {found}: polls a second", value=f"{pace_s:,.0f}"))
        figures.append(Figure(what=f"{name} {found}: CPU of a job that does nothing", value=f"{empty:,.0f} µs"))
    say(f"  galla: {polling.COUNT:,} payments")
    window, most_s = await polling.bare(engine, 1, window_s)
    ours = (window.worker + window.database) / window.polls_s * 1e4
    figures.append(Figure(what="galla: CPU of a poll", value=f"{ours:,.0f} µs"))
    figures.append(Figure(what="galla: polls a second, as many as fall due", value=f"{window.polls_s:,.0f}"))
    figures.append(Figure(what="galla: polls a second at most", value=f"{most_s:,.0f}"))
    if costs:
        best = min(costs, key=lambda name: costs[name])
        figures.append(at_least(f"the best of them ({best}) to galla", costs[best] / ours, LEAST, "×"))
    return Part(
        title="Polling as jobs of a queue, PostgreSQL",
        how=(
            f"{JOBS:,} payments, each asked about again after {EVERY_S:g} s, without HTTP: all answers are there. A "
            "job reads its payment from a table of nine columns, writes the signed question, reads the answer with all "
            "checks, writes down that it asked, and puts itself off, as galla's worker does. CPU of the worker's "
            "process and of the PostgreSQL server together. A queue that cannot keep up with a thousand a second is "
            "measured at what it can."
        ),
        figures=figures,
    )


async def _watched(engine: Engine, start: Peer, window_s: float, *, is_poll: bool) -> tuple[float, float]:
    """Return the microseconds of CPU that a job of a peer takes, and how many it does in a second."""
    done = 0
    with engine.fresh() as url:
        async with asyncpg.create_pool(url, min_size=4, max_size=16) as pool:
            poll = await polls(pool) if is_poll else None

            async def work(number: int) -> None:
                nonlocal done
                if poll is not None:
                    await poll(number)
                done += 1

            running = await start(url, work)
            try:
                await asyncio.sleep(WARM_UP_S)
                before, used, begun = done, time.process_time() + engine.cpu_s(), time.monotonic()
                await asyncio.sleep(window_s)
                jobs, took_s = done - before, time.monotonic() - begun
                used = time.process_time() + engine.cpu_s() - used
            finally:
                running.cancel()
                await asyncio.wait({running})
    if not jobs:
        raise RuntimeError("The queue did no job at all.") from (running.exception() if running.done() else None)
    return used / jobs * 1e6, jobs / took_s


async def polls(pool: Any) -> Work:
    """Return what asks about a payment, given its number, and writes down that it did."""
    await pool.execute(
        "CREATE TABLE asked (number bigint PRIMARY KEY, paytm_id text NOT NULL, mid text NOT NULL, tid text NOT NULL,"
        " amount_paise bigint NOT NULL, sent_at text NOT NULL, status text NOT NULL, checks bigint NOT NULL,"
        " asked_at timestamptz)"
    )
    at = ist_text(SYSTEM.now())
    rows = [(number, paytm_id(number), DEMO_MID, TID, AMOUNT_PAISE, at, "pending", 0) for number in range(JOBS)]
    await pool.executemany("INSERT INTO asked VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", rows)
    key, send = MerchantKey(DEMO_KEY), all_pending(JOBS)

    async def poll(number: int) -> None:
        row = await pool.fetchrow("SELECT * FROM asked WHERE number = $1", number)
        now = ist_text(SYSTEM.now())
        question = StatusRequest(
            paytm_mid=row["mid"],
            paytm_tid=row["tid"],
            transaction_date_time=row["sent_at"],
            merchant_transaction_id=row["paytm_id"],
            channel_id="EDC",
            request_time_stamp=now,
        )
        request = Request(
            host=Host.EDC, path="/status", body=question.encode(key), operation="status", paytm_id=row["paytm_id"]
        )
        question.parse_reply(await send(request), key)
        await pool.execute("UPDATE asked SET checks = checks + 1, asked_at = now() WHERE number = $1", number)

    return poll


async def pgqueuer(url: str, work: Work) -> asyncio.Task[Any]:
    """Start PGQueuer over a pool, taking jobs in batches as galla takes payments."""
    from pgqueuer import AsyncpgPoolDriver, Job, PgQueuer, Queries  # type: ignore[import-not-found]

    pool = await asyncpg.create_pool(url, min_size=4, max_size=16)
    driver = AsyncpgPoolDriver(pool)
    queries = Queries(driver)
    await queries.install()
    queue = PgQueuer(driver)

    @queue.entrypoint("poll")  # type: ignore[untyped-decorator]
    async def poll(job: Job) -> None:
        await work(int(job.payload or b""))
        await queries.enqueue("poll", job.payload, execute_after=timedelta(seconds=EVERY_S))

    for first in range(0, JOBS, 1000):
        few = range(first, first + 1000)
        after = [timedelta(seconds=EVERY_S * number / JOBS) for number in few]
        payloads: list[bytes | None] = [str(number).encode() for number in few]
        await queries.enqueue(["poll"] * 1000, payloads, [0] * 1000, after)

    async def run() -> None:
        async with pool:
            await queue.run(dequeue_timeout=timedelta(seconds=0.1), batch_size=BATCH)

    return asyncio.create_task(run())


async def procrastinate(url: str, work: Work) -> asyncio.Task[Any]:
    """Start Procrastinate with many hands, finished jobs deleted."""
    from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found]

    app = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=16))

    @app.task(name="poll")  # type: ignore[untyped-decorator]
    async def poll(number: int) -> None:
        await work(number)
        await poll.configure(schedule_in={"seconds": EVERY_S}).defer_async(number=number)

    await app.open_async()
    await app.schema_manager.apply_schema_async()
    await poll.batch_defer_async(*({"number": number} for number in range(JOBS)))

    async def run() -> None:
        try:
            await app.run_worker_async(
                concurrency=HANDS, delete_jobs="always", fetch_job_polling_interval=0.2, install_signal_handlers=False
            )
        finally:
            await app.close_async()

    return asyncio.create_task(run())
