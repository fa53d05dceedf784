"""Talks with Paytm that have ended without news, while the claims they were held under still stand.

Such a talk writes nothing down: its claim runs out by itself, before the payment falls due by its ladder. Should the
payment fall due sooner, by a callback or by somebody who asks, then the process that talked gives the claim back.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from galla.clock import Clock
from galla.payments.model import Payment
from galla.store import claims, payments

if TYPE_CHECKING:
    from galla.service.till import Till

_Claim = tuple[str, str, int]


class Ended:
    """The claims of this process whose talk is over: merchant, payment and fencing token, each until it runs out."""

    def __init__(self, clock: Clock, lease_ms: int) -> None:
        self._clock = clock
        self._lease_s = lease_ms / 1000
        self._since: dict[_Claim, float] = {}

    def add(self, payment: Payment) -> None:
        """Remember that nothing is said any more under a payment's claim."""
        now = self._clock.monotonic()
        self._since[payment.merchant_id, payment.id, payment.fence] = now
        while (oldest := next(iter(self._since))) and now - self._since[oldest] > self._lease_s:
            del self._since[oldest]

    def __contains__(self, claim: _Claim) -> bool:
        return claim in self._since


async def give_back(till: Till) -> int:
    """Free what is due and held by a claim of ours whose talk has ended; return how many due ones others hold."""
    held = await till.database.read(claims.due_and_held, till.clock.now())
    ours = [claim for claim in held if claim in till.ended]
    if ours:
        await till.database.write(claims.free, ours)
    return len(held) - len(ours)


def claim_now(connection: Connection, till: Till, merchant_id: str, payment_id: str, now: datetime) -> Payment | None:
    """Claim a payment, due or not; None while it is being sent or asked about, or was within the gap between questions.

    One that somebody else has been asking about for longer than that falls due at once, for them.
    """
    claimed = claims.claim_one(connection, till.schedule, now, merchant_id, payment_id)
    if claimed is not None:
        return claimed
    held = payments.get(connection, merchant_id, payment_id)
    if held is None or held.asked_at is None or (held.sent_at is not None and held.sent_at >= held.asked_at):
        return None  # what holds it is a sending
    if (now - held.asked_at).total_seconds() < till.ask_gap_s:
        return None
    claim = (merchant_id, payment_id, held.fence)
    if claim in till.ended:
        claims.free(connection, [claim])
        return claims.claim_one(connection, till.schedule, now, merchant_id, payment_id)
    claims.hint(connection, merchant_id, payment_id, now)
    return None
