"""When to ask Paytm again.

A ladder is a list of rungs: until this age, ask this often. It is data, so that the worker's claim can be
one SQL statement made from the same rungs. Nothing here reads a clock.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from galla.clock import from_millis, to_millis
from galla.payments.model import Payment, Status


class Rung(msgspec.Struct, frozen=True):
    """Until the payment is `until_s` old, ask every `every_s` seconds."""

    until_s: float
    every_s: float


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule of one method.

    `first_s` is the wait after the first send, `rungs` rise in age; past the last one only the late watch is
    left. `grace_s` is how long "unknown id" means nothing, `resend_until_s` the age after which an unknown
    sale is given up instead of being sent again.
    """

    first_s: float
    rungs: tuple[Rung, ...]
    grace_s: float = 180.0
    grace_asks: int = 3
    resend_until_s: float = 900.0
    hold_s: float = 1800.0
    scale: float = 1.0

    @property
    def end_s(self) -> float:
        """The age at which the ladder ends: whoever is live beyond it needs a person (scaled seconds)."""
        return self.rungs[-1].until_s * self.scale

    def every_s(self, age_s: float) -> float | None:
        """Return the interval for a payment of this age (unscaled seconds in, scaled seconds out)."""
        for rung in self.rungs:
            if age_s < rung.until_s * self.scale:
                return rung.every_s * self.scale
        return None


_MINUTE, _HOUR = 60.0, 3600.0
_UNITS = {"s": 1.0, "m": _MINUTE, "h": _HOUR}
_RUNG = re.compile(r"([0-9]{1,6})([smh]):([0-9]{1,6})([smh])", re.ASCII)

EDC = Ladder(
    first_s=3.0,
    rungs=(
        Rung(5 * _MINUTE, 5.0),
        Rung(30 * _MINUTE, 30.0),
        Rung(2 * _HOUR, 5 * _MINUTE),
        Rung(24 * _HOUR, _HOUR),
    ),
)
UPI = Ladder(
    first_s=5.0,
    rungs=(
        Rung(10.0, 5.0),
        Rung(20.0, 10.0),
        Rung(35.0, 15.0),
        Rung(65.0, 30.0),
        Rung(15 * _MINUTE, _MINUTE),
        Rung(_HOUR, 15 * _MINUTE),
        Rung(6 * _HOUR, _HOUR),
        Rung(24 * _HOUR, 6 * _HOUR),
        Rung(72 * _HOUR, 24 * _HOUR),
    ),
)
REFUND_RUNGS = (
    Rung(_MINUTE, 5.0),
    Rung(10 * _MINUTE, 30.0),
    Rung(_HOUR, 5 * _MINUTE),
    Rung(24 * _HOUR, _HOUR),
    Rung(240 * _HOUR, 6 * _HOUR),
)
"""Refunds: soon at first, four times a day for ten days, once a day for ever after."""

VOID_RUNGS = (
    Rung(5 * _MINUTE, 5.0),
    Rung(30 * _MINUTE, 30.0),
    Rung(2 * _HOUR, 5 * _MINUTE),
    Rung(240 * _HOUR, _HOUR),
)
"""Voids: somebody stands at the machine, as for a sale."""

VOID_END_S = _HOUR
"""A void that is neither done nor refused after this long needs a person: the day on which it is possible ends."""

REFUND_WATCH_S = (_HOUR, 24 * _HOUR, 72 * _HOUR)
"""Ages at which a refund that failed is asked about again."""

LATE_WATCH_S = (5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 12 * _HOUR, 24 * _HOUR, 48 * _HOUR, 72 * _HOUR)
"""Ages at which a payment that is not paid is asked about again: a failure is not always final."""

DAY_MS, IST_MS = 86_400_000, 19_800_000
LAST_LOOK_MS, LOOK_SPREAD_MS = 85_200_000, 600
"""The last look while a void is still possible: from 23:40 to 23:50 India time, by the payment's own jitter."""

PATIENCE_S = 2 * _MINUTE
"""The longest wait that silence makes of a shorter one: whoever has paid is not kept waiting for hours by a few."""

_MISS_CAP = 4


def read_rungs(text: str) -> tuple[Rung, ...]:
    """Read rungs written as `5m:5s 30m:30s 2h:5m 24h:1h`: until this age, ask this often.

    Raises:
        ValueError: it cannot be read, the ages do not rise, or an interval is below one second.

    Example:
        >>> read_rungs("5m:5s 24h:1h")
        (Rung(until_s=300.0, every_s=5.0), Rung(until_s=86400.0, every_s=3600.0))
    """
    rungs = []
    for word in text.replace(",", " ").split():
        found = _RUNG.fullmatch(word)
        if found is None:
            raise ValueError(f"`{word}` is not a rung such as 5m:5s.")
        until, until_unit, every, every_unit = found.groups()
        rungs.append(Rung(int(until) * _UNITS[until_unit], int(every) * _UNITS[every_unit]))
    ages = [rung.until_s for rung in rungs]
    if not rungs or ages != sorted(set(ages)) or any(rung.every_s < 1 for rung in rungs):
        raise ValueError("Rungs rise in age, and no interval is below 1s.")
    return tuple(rungs)


def scaled(ladder: Ladder, scale: float) -> Ladder:
    """Return the ladder with every wait multiplied, for tests and demonstrations."""
    return msgspec.structs.replace(
        ladder,
        scale=scale,
        first_s=ladder.first_s * scale,
        grace_s=ladder.grace_s * scale,
        resend_until_s=ladder.resend_until_s * scale,
        hold_s=ladder.hold_s * scale,
    )


def next_due(payment: Payment, ladder: Ladder, now: datetime) -> datetime | None:
    """Return when this payment is to be asked about next, or None when nothing is left to ask.

    A live payment past its ladder is asked hourly until a person decides: it never falls silent.
    """
    age_s = (now - payment.created_at).total_seconds()
    if payment.status is Status.PAID:
        return None
    if payment.status is Status.NOT_PAID:
        looks = [payment.created_at + timedelta(seconds=watch_s * ladder.scale) for watch_s in LATE_WATCH_S]
        return min((at for at in (*looks, last_look(payment)) if at > now), default=None)
    every_s = ladder.every_s(age_s) or _HOUR * ladder.scale
    every_s = backed_off(every_s, payment.misses, ladder.scale)
    return now + timedelta(seconds=jittered(every_s, payment.jitter))


def last_look(payment: Payment) -> datetime:
    """Return when a payment that is not paid is asked about on its own business day, shortly before midnight.

    A late success found then can still be voided; after midnight in India it can only be refunded.
    """
    made = to_millis(payment.created_at)
    midnight = made - (made + IST_MS) % DAY_MS
    return from_millis(midnight + LAST_LOOK_MS + payment.jitter * LOOK_SPREAD_MS)


def is_past(payment: Payment, ladder: Ladder, now: datetime) -> bool:
    """Whether a payment is live although its ladder has ended: time decides nothing, so a person must."""
    return payment.is_live and (now - payment.created_at).total_seconds() > ladder.end_s


def backed_off(every_s: float, misses: int, scale: float = 1.0) -> float:
    """Double the interval for each inquiry in a row without an answer: four times, and to `PATIENCE_S`, at most."""
    return max(every_s, min(every_s * float(2 ** min(misses, _MISS_CAP)), PATIENCE_S * scale))


def jittered(every_s: float, jitter: int) -> float:
    """Spread an interval by up to a tenth, by the payment's own stable jitter (0 to 999)."""
    return every_s * (1.0 + jitter / 10_000.0)
