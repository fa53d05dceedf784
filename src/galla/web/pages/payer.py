"""What a customer is told about a bill or a payment: a pure reading of it, one state at a time.

The words are for somebody who has never heard of galla. Nothing is shown that the customer does not know already.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from galla.web.pages.panel import Code
from galla.web.pages.upi_panel import code_of, is_over
from galla.web.pages.wording import inr, is_collect

ANY_APP = "Pay with any UPI app: Paytm, PhonePe, Google Pay, BHIM or your bank's own."
DO_NOT_REPEAT = "If your app says that the money has left your account, do not pay again: this page will show it."
RETURNED = "If money has left your account all the same, it is shown here when it arrives, or your bank returns it."
ASKED = "The request went to {upi_id}. Open that app, check the amount and the name, and approve with your UPI PIN."
COME_BACK = "Then come back to this page."

_LIVE = frozenset({"created", "pending", "in_doubt"})


class PayerView(msgspec.Struct, frozen=True, kw_only=True):
    """One page for a customer. `state` is `ready`, `waiting`, `paid`, `not-paid` or `checking`; amounts in paise.

    `can_start` offers a payment, `is_live` says that this may still change by itself.
    """

    state: str
    word: str
    heading: str
    amount_paise: int
    sentences: tuple[str, ...] = ()
    code: Code | None = None
    facts: tuple[tuple[str, str], ...] = ()
    paid_at: str | None = None
    can_start: bool = False
    can_check: bool = False
    is_live: bool = False


def payer_view(shown: dict[str, Any], now: datetime) -> PayerView:
    """Return what to tell the customer; `shown` is what `paylinks.look` found."""
    bill, payment = shown["bill"], shown["payment"]
    if bill is None:
        return _of_payment(payment, now, can_start=False) if payment is not None else _nothing()
    if bill["status"] == "cancelled":
        return PayerView(
            state="not-paid",
            word="Cancelled",
            heading="This bill was cancelled",
            amount_paise=bill["total"],
            sentences=("Nothing is to be paid. Ask the shop if you expected otherwise.",),
        )
    status = payment["status"] if payment is not None else None
    if bill["due"] == 0:
        if status == "paid":
            return _paid(payment)
        return PayerView(
            state="paid",
            word="Paid",
            heading="This bill is paid",
            amount_paise=bill["total"],
            sentences=("Nothing more is to be paid. If you have an older code on your phone, do not use it.",),
        )
    if status in _LIVE:
        return _of_payment(payment, now, can_start=True)
    if bill["live"] > 0:
        return PayerView(
            state="checking",
            word="Checking",
            heading="This bill is being paid at the counter",
            amount_paise=bill["due"],
            sentences=("Do not pay it here as well. This page shows when that is finished.",),
            is_live=True,
        )
    if status == "not_paid":
        return _of_payment(payment, now, can_start=True)
    so_far = (f"{inr(bill['paid'])} of {inr(bill['total'])} is paid; this is the rest.",) if bill["paid"] else ()
    return PayerView(
        state="ready",
        word="To pay",
        heading=f"Bill {bill['number']}",
        amount_paise=bill["due"],
        sentences=(*so_far, ANY_APP),
        can_start=True,
    )


def _of_payment(payment: dict[str, Any], now: datetime, *, can_start: bool) -> PayerView:
    status, amount = payment["status"], payment["amount"]
    if status == "paid":
        return _paid(payment)
    if status == "not_paid":
        ran_out = (payment["reason"] or {}).get("code") == "expired"
        return PayerView(
            state="not-paid",
            word="Not paid",
            heading="Not paid",
            amount_paise=amount,
            sentences=("The time to pay ran out." if ran_out else "The payment did not go through.", RETURNED),
            can_start=can_start,
        )
    code = code_of(payment)
    if status == "pending" and code is not None and not is_over(code, now) and not payment["needs_review"]:
        return PayerView(
            state="waiting",
            word="Waiting",
            heading="Pay with a UPI app",
            amount_paise=amount,
            code=code,
            can_check=True,
            is_live=True,
        )
    if _is_asked(payment):
        return PayerView(
            state="waiting",
            word="Waiting",
            heading="Approve it in your UPI app",
            amount_paise=amount,
            sentences=(ASKED.format(upi_id=payment["next_action"].get("upi_id") or "your UPI id"), COME_BACK),
            can_check=True,
            is_live=True,
        )
    if status == "created" or payment["phase"] == "sending":
        return PayerView(
            state="waiting",
            word="Waiting",
            heading="Sending the request" if is_collect(payment) else "Making your code",
            amount_paise=amount,
            sentences=(
                "It appears in your UPI app in a moment." if is_collect(payment) else "It appears here in a moment.",
            ),
            is_live=True,
        )
    has_run_out = status == "pending" and is_over(code, now)
    return PayerView(
        state="checking",
        word="Checking",
        heading="We are checking this payment",
        amount_paise=amount,
        sentences=(*(("The time on the code is over.",) if has_run_out else ()), DO_NOT_REPEAT),
        can_start=can_start and has_run_out,
        can_check=True,
        is_live=True,
    )


def _is_asked(payment: dict[str, Any]) -> bool:
    """Whether a request stands in the customer's app, to be approved there."""
    is_there = payment["status"] == "pending" and payment["phase"] == "awaiting_payer"
    is_open = payment["cancel_requested_at"] is None and not payment["needs_review"]
    return is_collect(payment) and is_there and is_open


def _paid(payment: dict[str, Any]) -> PayerView:
    proof = payment["proof"] or {}
    named = (("UPI reference (RRN)", proof.get("rrn")), ("From", proof.get("upi_id")))
    return PayerView(
        state="paid",
        word="Paid",
        heading="Paid",
        amount_paise=payment["amount"],
        sentences=("The shop has it. You can close this page.",),
        facts=tuple((name, str(value)) for name, value in named if value),
        paid_at=proof.get("paid_at") or payment["settled_at"],
    )


def _nothing() -> PayerView:
    return PayerView(
        state="not-paid", word="Not paid", heading="There is nothing to pay here", amount_paise=0, sentences=(RETURNED,)
    )
