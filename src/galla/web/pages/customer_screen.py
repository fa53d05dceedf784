"""What the screen beside a counter shows a customer: a pure reading of that machine's latest payment.

It shows an amount and what to do with it, and nothing of anybody: no name, no reference, no card.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from galla.web.pages.panel import Code
from galla.web.pages.queue_panel import digits_of
from galla.web.pages.upi_panel import code_of, is_over
from galla.web.pages.wording import instant, is_collect, is_queue, is_upi

PAID_SHOWN_S = 30.0
NOT_PAID_SHOWN_S = 20.0
SENT_SHOWN_S = 15 * 60.0


class ScreenView(msgspec.Struct, frozen=True, kw_only=True):
    """One picture. `state` is `idle`, `waiting`, `paid`, `not-paid` or `checking`; the amount in paise."""

    state: str
    sentence: str
    amount_paise: int | None = None
    code: Code | None = None
    digits: str | None = None


def screen_view(payment: dict[str, Any] | None, now: datetime) -> ScreenView:
    """Return what to show of the latest payment at this machine; what is over is soon forgotten."""
    idle = ScreenView(state="idle", sentence="Welcome.")
    if payment is None:
        return idle
    age_s = (now - instant(payment["settled_at"] or payment["created_at"])).total_seconds()
    match payment["status"]:
        case "paid" if not payment["is_late"] and age_s <= PAID_SHOWN_S:
            return ScreenView(state="paid", sentence="Paid. Thank you.", amount_paise=payment["amount"])
        case "not_paid" if age_s <= NOT_PAID_SHOWN_S and payment["cancel_requested_at"] is None:
            said = "Not paid. Please ask at the counter."
            return ScreenView(state="not-paid", sentence=said, amount_paise=payment["amount"])
        case "in_doubt" if age_s <= SENT_SHOWN_S:
            said = "We are checking this payment. Please do not pay again."
            return ScreenView(state="checking", sentence=said, amount_paise=payment["amount"])
        case "created" | "pending" if age_s <= SENT_SHOWN_S and payment["cancel_requested_at"] is None:
            return _waiting(payment, now)
        case _:
            return idle


def _waiting(payment: dict[str, Any], now: datetime) -> ScreenView:
    amount = payment["amount"]
    if is_queue(payment) and payment["phase"] != "on_device":
        digits = digits_of(payment)
        said = "Your number, for any card machine here." if digits else "One moment, please."
        return ScreenView(state="waiting", sentence=said, amount_paise=amount, digits=digits)
    if not is_upi(payment):
        return ScreenView(state="waiting", sentence="Tap, insert or scan on the machine.", amount_paise=amount)
    code = code_of(payment)
    if is_over(code, now):
        said = "The time to pay is over. Please ask at the counter."
        return ScreenView(state="checking", sentence=said, amount_paise=amount)
    if is_collect(payment) and payment["phase"] == "awaiting_payer":
        said = "Please approve the request in your UPI app."
        return ScreenView(state="waiting", sentence=said, amount_paise=amount)
    if payment["method"] != "upi_qr" or code is None:
        said = "Please approve the payment in your UPI app." if code is not None else "One moment, please."
        return ScreenView(state="waiting", sentence=said, amount_paise=amount)
    return ScreenView(
        state="waiting", sentence="Scan with any UPI app and approve.", amount_paise=amount, code=code
    )
