"""The worker: claims what is due, in batches, and advances each claim.

It holds no queue of its own: what it has not finished when it dies is taken up by others, or at the next start.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import structlog

from galla.errors import Unavailable
from galla.payments.model import Payment
from galla.service.advance import advance
from galla.service.ended import give_back
from galla.service.left_behind import Heir
from galla.service.refund_worker import RefundWorker
from galla.service.till import Till
from galla.service.webhook_worker import WebhookWorker
from galla.store.claims import claim_due, next_due_at

log = structlog.get_logger("galla.worker")

BATCH = 200
IN_FLIGHT_MAX = 512  # so 1,000 inquiries a second while Paytm takes half a second, and within the usual 1,024 files
IDLE_S = 0.25
PACE_S = 0.1  # while payments fall due all the time, a claim takes what 0.1 s has gathered: its price is shared
ROOM_MIN = 64  # of the hands, before more is claimed: many small claims cost more than one
OUTAGE_S = 1.0
ENDING_S = 30.0


class Worker:
    """Advances due payments until told to stop."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self._waiting: deque[Payment] = deque()
        self._hands: set[asyncio.Task[None]] = set()
        self._is_hand_called = False
        self._refunds = RefundWorker(till)
        self._webhooks = WebhookWorker(till)
        self._heir = Heir(till)
        self._is_behind = False
        self._heard = -1  # how often the bell had rung when it was last looked what fell due under a claim
        self._awaited = 0  # how many of those are in a talk still
        self.advanced = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then let what is in flight finish.

        Raises:
            Unavailable: the database is broken, and so is the promise to follow payments: the process must end.
        """
        others = [asyncio.create_task(each.run(stop)) for each in (self._refunds, self._webhooks, self._heir)]
        while not stop.is_set():
            try:
                taken = await self._round()
                idle_s = await self._idle_s(taken) if taken < BATCH else 0.0
            except Unavailable as error:
                log.error("database_unavailable", detail=str(error))
                if self._till.database.is_broken:
                    stop.set()
                    raise
                idle_s = OUTAGE_S
            except Exception:  # a worker that ended would leave charged bills unpaid: it goes on, whatever this was
                log.exception("round_failed")
                idle_s = OUTAGE_S
            if idle_s:
                await self._rest(stop, idle_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDING_S):
                while self._hands:
                    await asyncio.wait(self._hands)
        await asyncio.gather(*others)

    async def drain_due(self) -> int:
        """Advance everything due at this instant and return how many that was. For tests and simulation."""
        count = 0
        while True:
            claims = await self._claim(BATCH)
            if not claims:
                await give_back(self._till)
                claims = await self._claim(BATCH)
            if not claims:
                return count + await self._refunds.drain_due()
            for payment in claims:
                await self._advance(payment)
            count += len(claims)

    async def _round(self) -> int:
        while (room := IN_FLIGHT_MAX - len(self._hands) - len(self._waiting)) < ROOM_MIN:
            await asyncio.wait(self._hands, return_when=asyncio.FIRST_COMPLETED)
        if self._heard != (count := self._till.bell.count) or self._awaited:
            self._heard = count
            self._awaited = await give_back(self._till)
        claims = await self._claim(min(room, BATCH))
        self._waiting.extend(claims)
        self._call_hand()
        return len(claims)

    def _call_hand(self) -> None:
        """Let one more hand take up claims, if some wait and none is on its way to them."""
        if self._waiting and not self._is_hand_called:
            self._is_hand_called = True
            hand = asyncio.create_task(self._take())
            self._hands.add(hand)
            hand.add_done_callback(self._hands.discard)

    async def _take(self) -> None:
        """Advance claims until none waits, having called the next hand before each.

        So there are as many hands as conversations that wait for Paytm, and no task for each of them.
        """
        self._is_hand_called = False
        while self._waiting:
            payment = self._waiting.popleft()
            self._call_hand()
            await self._advance(payment)

    async def _claim(self, limit: int) -> list[Payment]:
        """Claim what is due; once it is more than fits into one claim, each merchant's in its turn."""
        till, in_turn = self._till, self._is_behind
        claims = await till.database.write(claim_due, till.schedule, till.clock.now(), limit, in_turn=in_turn)
        self._is_behind = len(claims) == limit
        return claims

    async def _advance(self, payment: Payment) -> None:
        """Advance one claim; whatever goes wrong with it stays with it."""
        try:
            await advance(self._till, payment)
            self.advanced += 1
        except Unavailable as error:
            log.error("database_unavailable", detail=str(error), payment=payment.id)
        except Exception:
            log.exception("advance_failed", payment=payment.id)

    async def _idle_s(self, taken: int) -> float:
        if taken:
            return PACE_S
        due_at = await self._till.database.read(next_due_at)
        if due_at is None:
            return IDLE_S
        return min(IDLE_S, max(PACE_S, (due_at - self._till.clock.now()).total_seconds()))

    async def _rest(self, stop: asyncio.Event, seconds: float) -> None:
        """Sleep, but wake for a stop or for a commit; however often it rings, no sooner than after `PACE_S`."""
        count = self._till.bell.count
        await asyncio.sleep(min(seconds, PACE_S))
        if seconds <= PACE_S:
            return
        stopping = asyncio.create_task(stop.wait())
        ringing = asyncio.create_task(self._till.bell.wait(seconds - PACE_S, count))
        await asyncio.wait({stopping, ringing}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, ringing):
            task.cancel()
