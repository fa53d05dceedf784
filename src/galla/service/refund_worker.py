"""The refunds' half of the worker: few, slow, and never in the way of a payment at the counter."""

from __future__ import annotations

import asyncio

import structlog

from galla.errors import Unavailable
from galla.payments.refund import Refund
from galla.service.refunding import advance_refund
from galla.service.till import Till
from galla.store.refunds import claim_due

log = structlog.get_logger("galla.worker")

BATCH = 20
LOOK_EVERY_S = 0.5


class RefundWorker:
    """Advances due refunds until told to stop."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then let what is in flight finish. One slow refund holds up no other."""
        while not stop.is_set():
            try:
                for refund in await self._claim():
                    task = asyncio.create_task(self._advance(refund))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
            except Unavailable as error:
                log.error("database_unavailable", detail=str(error))
            except Exception:
                log.exception("round_failed")
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue
        if self._running:
            await asyncio.wait(self._running, timeout=30)

    async def drain_due(self) -> int:
        """Advance every refund due at this instant and return how many that was. For tests and simulation."""
        count = 0
        while claims := await self._claim():
            await asyncio.gather(*(self._advance(refund) for refund in claims))
            count += len(claims)
        return count

    async def _claim(self) -> list[Refund]:
        till, room = self._till, BATCH - len(self._running)
        if room <= 0:
            return []
        return await till.database.write(claim_due, till.clock.now(), till.send_lease_ms, room)

    async def _advance(self, refund: Refund) -> None:
        """Advance one claim; whatever goes wrong with it stays with it."""
        try:
            await advance_refund(self._till, refund)
        except Exception:
            log.exception("refund_failed", refund=refund.id)
