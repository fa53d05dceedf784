"""The same polling as a job of a job queue: ten thousand jobs, each of which puts itself off by ten seconds.

PGQueuer and Procrastinate keep their jobs in the same PostgreSQL that galla keeps its payments in, and do nothing but
keep them: no question is written and no answer read, as galla's worker does in its figure.
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
from bench.report import Figure, Part, at_least, say

JOBS = 10_000
EVERY_S = 10.0
WARM_UP_S = 4.0
LEAST = 8
HANDS = 100
BATCH = 200

Peer = Callable[[str, Callable[[], None]], Awaitable["asyncio.Task[Any]"]]


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
        costs[name], pace_s = await _watched(engine, start, window_s)
        figures.append(Figure(what=f"{name} {found}: CPU of a job", value=f"{costs[name]:,.0f} µs"))
        figures.append(Figure(what=f"{name} {found}: jobs a second", value=f"{pace_s:,.0f}"))
    say(f"  galla: {polling.COUNT:,} payments")
    window, most_s = await polling.bare(engine, 1, window_s)
    ours = (window.worker + window.database) / window.polls_s * 1e4
    figures.append(Figure(what="galla: CPU of a poll, its question and answer with it", value=f"{ours:,.0f} µs"))
    figures.append(Figure(what="galla: polls a second, as many as fall due", value=f"{window.polls_s:,.0f}"))
    figures.append(Figure(what="galla: polls a second at most", value=f"{most_s:,.0f}"))
    if costs:
        best = min(costs, key=lambda name: costs[name])
        figures.append(at_least(f"the best of them ({best}) to galla", costs[best] / ours, LEAST, "×"))
    return Part(
        title="Polling as jobs of a queue, PostgreSQL",
        how=(
            f"{JOBS:,} jobs, each of which, when it is run, asks to be run again in {EVERY_S:g} s, beside galla's "
            f"{polling.COUNT:,} payments in flight without HTTP. CPU of the worker's process and of the PostgreSQL "
            "server together. The queues' jobs do nothing else; galla's polls write a signed question and read an "
            "answer as well. A queue that cannot keep up with a thousand a second is measured at what it can."
        ),
        figures=figures,
    )


async def _watched(engine: Engine, start: Peer, window_s: float) -> tuple[float, float]:
    """Return the microseconds of CPU that a job of a peer takes, and how many it does in a second."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    with engine.fresh() as url:
        running = await start(url, count)
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


async def pgqueuer(url: str, done: Callable[[], None]) -> asyncio.Task[Any]:
    """Start PGQueuer over a pool, taking jobs in batches as galla takes payments."""
    from pgqueuer import AsyncpgPoolDriver, Job, PgQueuer, Queries  # type: ignore[import-not-found]

    pool = await asyncpg.create_pool(url, min_size=4, max_size=16)
    driver = AsyncpgPoolDriver(pool)
    queries = Queries(driver)
    await queries.install()
    queue = PgQueuer(driver)

    @queue.entrypoint("poll")  # type: ignore[untyped-decorator]
    async def poll(job: Job) -> None:
        await queries.enqueue("poll", job.payload, execute_after=timedelta(seconds=EVERY_S))
        done()

    for first in range(0, JOBS, 1000):
        few = range(first, first + 1000)
        after = [timedelta(seconds=EVERY_S * number / JOBS) for number in few]
        payloads: list[bytes | None] = [str(number).encode() for number in few]
        await queries.enqueue(["poll"] * 1000, payloads, [0] * 1000, after)

    async def run() -> None:
        async with pool:
            await queue.run(dequeue_timeout=timedelta(seconds=0.1), batch_size=BATCH)

    return asyncio.create_task(run())


async def procrastinate(url: str, done: Callable[[], None]) -> asyncio.Task[Any]:
    """Start Procrastinate with many hands, finished jobs deleted."""
    from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found]

    app = App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=16))

    @app.task(name="poll")  # type: ignore[untyped-decorator]
    async def poll(number: int) -> None:
        await poll.configure(schedule_in={"seconds": EVERY_S}).defer_async(number=number)
        done()

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
