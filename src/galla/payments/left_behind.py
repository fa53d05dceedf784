"""When to take up what a dead process was about: at once, but for the wait that is due to Paytm.

It is not known how far the dead one came. A request that it had written down may have left, a question may have been
answered without news: so each counts as its last word, and the next keeps the ladder's shortest distance from it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from galla.payments.ladder import Ladder
from galla.payments.machine import LATE_AGAIN_S
from galla.payments.model import Payment, Status
from galla.payments.refund import RETRY_S, Refund


def payment_due(payment: Payment, ladder: Ladder, now: datetime) -> datetime:
    """Return when a payment that a dead process held is taken up, if it was not due sooner.

    One that is not paid is asked about again as after a lost reply: it may have been its last look of the day.
    """
    if payment.status is Status.NOT_PAID:
        return now + timedelta(seconds=LATE_AGAIN_S * ladder.scale)
    every_s = ladder.rungs[0].every_s * ladder.scale
    return _after(payment, every_s, ladder.first_s, now)


def refund_due(refund: Refund, scale: float, now: datetime) -> datetime:
    """Return when a refund or void that a dead process held is taken up, if it was not due sooner."""
    return _after(refund, RETRY_S * scale, RETRY_S * scale, now)


def _after(held: Payment | Refund, asked_s: float, sent_s: float, now: datetime) -> datetime:
    """Return the end of the wait after the last word: a question, or the request itself."""
    if held.sends == 0:  # a sending is written down before it leaves, so nothing has left
        return now
    asked_at, sent_at = held.asked_at, held.sent_at
    if sent_at is not None and (asked_at is None or sent_at >= asked_at):
        return max(now, sent_at + timedelta(seconds=sent_s))
    return max(now, asked_at + timedelta(seconds=asked_s)) if asked_at is not None else now
