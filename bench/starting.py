"""How many payments a second can be started, and how few commits that takes when they come together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from sqlalchemy import Engine as SqlEngine
from sqlalchemy import event

from bench.engines import Engine
from bench.report import Figure, Part, say
from bench.shop import accepting, add_machines, merchant_id, settings
from galla.service import payments
from galla.service.till import Principal, Till

TOGETHER = 64
ALONE_SHARE = 5  # one at a time is slower: so many fewer are enough


async def measure(engine: Engine, rounds: int, count: int) -> Part:
    """Measure one engine: 64 at once, and one at a time."""
    say(f"  {engine.name}: starting {count:,} payments, {TOGETHER} at once and one at a time")
    together: list[tuple[float, float]] = []
    alone: list[tuple[float, float]] = []
    with engine.fresh() as url:
        till = await Till.open(settings(url), send=accepting())
        try:
            machines = _numbers()
            for _ in range(rounds):
                together.append(await _round(till, next(machines), count, TOGETHER))
                alone.append(await _round(till, next(machines), count // ALONE_SHARE, 1))
        finally:
            await till.close()
    fast, few = (median(found) for found in zip(*together, strict=True))
    slow, many = (median(found) for found in zip(*alone, strict=True))
    return Part(
        title=f"Starting payments, {engine.name}",
        how=(
            "`payments.start` with an idempotency key, Paytm accepting at once in this process: three durable writes "
            f"each (the intent, the answer, the reply to the key). Rounds of {count:,}, each payment on a machine "
            "of its own. Wall clock."
        ),
        figures=[
            Figure(what=f"payments a second, {TOGETHER} at once", value=f"{fast:,.0f}"),
            Figure(what=f"commits a payment, {TOGETHER} at once", value=f"{few:.3g}"),
            Figure(what="payments a second, one at a time", value=f"{slow:,.0f}"),
            Figure(what="commits a payment, one at a time", value=f"{many:.3g}"),
            Figure(what="gain by sharing commits", value=f"{fast / slow:.3g}×"),
        ],
    )


async def _round(till: Till, first: int, count: int, width: int) -> tuple[float, float]:
    """Return payments a second and commits a payment."""
    tids = iter(await till.database.write(add_machines, first, count))
    shop_id = await till.database.read(merchant_id)
    principal = Principal(merchant_id=shop_id, actor="bench", scopes=frozenset({"collect"}))

    async def counter() -> None:
        for tid in tids:
            new = payments.NewPayment(amount_paise=250_000, terminal=tid, reference=f"OPD-{tid}")
            started = await payments.start(till, principal, new, idempotency_key=tid, fingerprint=tid)
            assert started.payment["status"] == "pending"

    with _commits() as commits:
        begun = time.monotonic()
        await asyncio.gather(*[counter() for _ in range(width)])
        took = time.monotonic() - begun
    return count / took, len(commits) / count


def _numbers() -> Iterator[int]:
    """Give the first terminal id of each round."""
    return iter(range(20_000_000, 90_000_000, 100_000))


@contextmanager
def _commits() -> Iterator[list[None]]:
    """Count the commits of every connection of this process."""
    seen: list[None] = []

    def note(_connection: object) -> None:
        seen.append(None)

    event.listen(SqlEngine, "commit", note)
    try:
        yield seen
    finally:
        event.remove(SqlEngine, "commit", note)
