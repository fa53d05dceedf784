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

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        while not stop.is_set():
            try:
                await self.drain_due()
            except Unavailable as error:
                log.error("database_unavailable", detail=str(error))
            except Exception:
                log.exception("round_failed")
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue

    async def drain_due(self) -> int:
        """Advance every refund due at this instant and return how many that was."""
        till, count = self._till, 0
        while True:
            claims = await till.database.write(claim_due, till.clock.now(), till.send_lease_ms, BATCH)
            if not claims:
                return count
            await asyncio.gather(*(self._advance(refund) for refund in claims))
            count += len(claims)

    async def _advance(self, refund: Refund) -> None:
        """Advance one claim; whatever goes wrong with it stays with it."""
        try:
            await advance_refund(self._till, refund)
        except Exception:
            log.exception("refund_failed", refund=refund.id)
