"""The limits of giving back: how much of a payment may go back, and from when on two people must want it.

What is on its way counts as if it had arrived: two refunds at once must never exceed the sale.
"""

from __future__ import annotations

from galla.errors import AmountNotAllowed
from galla.money import format_inr
from galla.payments.model import Method, Payment

LEAST_PARTIAL_PAISE = 100
"""Paytm refuses a partial refund below one rupee (635)."""


def given_paise(payment: Payment) -> int:
    """Return the paise of a payment that are given back or on their way."""
    return payment.refunded_paise + payment.refunding_paise


def left_paise(payment: Payment) -> int:
    """Return the paise of a paid payment that can still be given back."""
    return payment.amount_paise - given_paise(payment)


def amount_to_give(payment: Payment, wanted_paise: int | None) -> int:
    """Return the paise that go back: those asked for, or all that is left.

    Args:
        payment: a paid payment.
        wanted_paise: a whole number of paise above zero; None asks for all that is left.

    Raises:
        AmountNotAllowed: more than is left (`over_refund`), or Paytm would refuse it, or refuse what it leaves over
            (`amount_below_minimum`). Cash may be given back to the paisa.
    """
    left = left_paise(payment)
    amount_paise = left if wanted_paise is None else wanted_paise
    if amount_paise > left or left == 0:
        raise AmountNotAllowed(
            f"At most {format_inr(left)} of payment {payment.id} can still be given back"
            f" ({format_inr(payment.refunded_paise)} is given back,"
            f" {format_inr(payment.refunding_paise)} is on its way).",
            code="over_refund",
            param="amount",
        )
    rest = left - amount_paise
    if amount_paise == payment.amount_paise or payment.method == Method.CASH:
        return amount_paise
    if amount_paise < LEAST_PARTIAL_PAISE or 0 < rest < LEAST_PARTIAL_PAISE:
        raise AmountNotAllowed(
            "Paytm gives back at least ₹1.00 at a time, so less than ₹1.00 may not be asked for, nor be left over. "
            f"Choose another part, or all of the {format_inr(left)}.",
            code="amount_below_minimum",
            param="amount",
        )
    return amount_paise


def needs_second(payment: Payment, amount_paise: int, limit_paise: int | None) -> bool:
    """Whether two people must want an amount to go back.

    Args:
        payment: the payment before it; what it has given back already counts.
        amount_paise: how much is to go back now.
        limit_paise: how much of one payment a person may give back alone; None is no limit.
    """
    return limit_paise is not None and given_paise(payment) + amount_paise > limit_paise
