"""The void clock: until when a card sale can be taken back on its machine, and what is done when it cannot.

A void reverses a whole sale before Paytm closes the day. Everything else is a refund. Which of the two is chosen,
and the sentence that says why, is decided here; nothing here reads a clock or sends anything.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from galla.clock import IST
from galla.errors import IllegalTransition
from galla.money import format_inr
from galla.payments.giving_back import given_paise
from galla.payments.model import Method, Payment, Status

VOID, REFUND, AUTO = "void", "refund", "auto"
KINDS = (AUTO, VOID, REFUND)
CUTOFF = "00:05"
"""When Paytm closes a day: five past midnight in India, unless it told the merchant otherwise."""

_CUTOFF = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_NOON = 12


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How money is given back: `kind` is `void` or `refund`, `why` the sentence for people."""

    kind: str
    why: str


def is_cutoff(text: str) -> bool:
    """Whether a text is a time of day such as `00:05`."""
    return _CUTOFF.fullmatch(text) is not None


def void_until(paid_at: datetime, cutoff: str) -> datetime:
    """Return the instant from which a sale paid at `paid_at` cannot be voided any more.

    Args:
        paid_at: an aware instant; its day in India is what counts.
        cutoff: `HH:MM` in India. Before noon it belongs to the day after the sale, from noon on to the sale's own day.

    Example:
        >>> void_until(datetime(2026, 1, 5, 4, 50, tzinfo=UTC), "00:05").isoformat()
        '2026-01-05T18:35:00+00:00'
    """
    hour, minute = int(cutoff[:2]), int(cutoff[3:])
    day = paid_at.astimezone(IST).replace(hour=hour, minute=minute, second=0, microsecond=0)
    ends_at = day + timedelta(days=1) if hour < _NOON else day
    return ends_at.astimezone(UTC)


def until(payment: Payment) -> datetime | None:
    """Return until when a payment can be voided; None when it never could, or something of it is given back."""
    if payment.void_cutoff is None or payment.status is not Status.PAID or _given(payment):
        return None
    paid_at = payment.proof.paid_at if payment.proof is not None else None
    return void_until(paid_at or payment.created_at, payment.void_cutoff)


def choose(
    payment: Payment, wanted: str, amount_paise: int, now: datetime, *, has_failed: bool = False
) -> Choice:
    """Choose how an amount of a paid payment is given back.

    Args:
        payment: a paid payment of which this much can still be given back.
        wanted: `auto`, `void` or `refund`.
        amount_paise: how much goes back.
        now: the present instant.
        has_failed: a void of it has failed already; another is tried only when it is asked for by name.

    Raises:
        IllegalTransition: `void` was asked for and is not possible (`void_not_possible`).
    """
    against = _against(payment, amount_paise, now)
    if wanted == VOID and against is not None:
        raise IllegalTransition(
            f"{against} Nothing was given back. Ask for a refund instead, which Paytm pays to the customer's bank.",
            code="void_not_possible",
            param="kind",
        )
    if payment.method == Method.CASH:
        return Choice(kind=REFUND, why="Cash goes back as cash, out of the drawer.")
    if wanted == REFUND:
        return Choice(kind=REFUND, why="A refund was asked for.")
    if against is not None:
        return Choice(kind=REFUND, why=f"{against} So it is refunded.")
    if wanted == AUTO and has_failed:
        return Choice(kind=REFUND, why="A void of this sale has failed already. So it is refunded.")
    ends_at = until(payment)
    when = f" That is possible until {clock_text(ends_at)}." if ends_at is not None else ""
    return Choice(kind=VOID, why=f"The whole sale is taken back on {payment.machine or 'the machine'}.{when}")


def clock_text(instant: datetime) -> str:
    """Write an instant for people, India time: `12:05 am on 6 Jan`."""
    at = instant.astimezone(IST)
    half = "am" if at.hour < _NOON else "pm"
    return f"{at.hour % 12 or 12}:{at.minute:02d} {half} on {at.day} {_MONTHS[at.month - 1]}"


def _against(payment: Payment, amount_paise: int, now: datetime) -> str | None:
    """Return why a void is not possible, in a sentence; None when it is."""
    if payment.void_cutoff is None:
        return "Only a sale on a card machine can be voided."
    if _given(payment):
        return "A void takes back the whole sale, and a part of this one is given back already or on its way."
    if amount_paise != payment.amount_paise:
        return f"A void takes back the whole sale of {format_inr(payment.amount_paise)}, not a part of it."
    ends_at = until(payment)
    if ends_at is None or now >= ends_at:
        when = f" until {clock_text(ends_at)}" if ends_at is not None else ""
        return f"This sale could be voided{when}, and that time is over."
    return None


def _given(payment: Payment) -> bool:
    return payment.is_voided or given_paise(payment) > 0


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
