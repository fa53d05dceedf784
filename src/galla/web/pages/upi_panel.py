"""What the panel says about a UPI payment: a pure reading of its view, one state at a time.

The states and their order are the card machine's (`panel.py`); the words are about a code and a phone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from galla.web.pages.panel import Code, Panel, Step, facts_of, is_surprise, person_panel, said_of
from galla.web.pages.wording import instant, is_collect

STOPPING = "We will stop waiting. The customer may still approve it in the app, so we keep checking."
MEANWHILE = "We ask by ourselves. Serve the next patient meanwhile: this payment stays under Unfinished."
OVER = "The time on this code is over. We are asking Paytm whether it was paid before you make a new one."
SOON_HERE = "It appears here in a moment."
SOON_THERE = "It appears in the customer's app in a moment."
_STARTING = frozenset({"created", "sending"})


def upi_panel_of(payment: dict[str, Any], now: datetime) -> Panel:
    """Return what to show of a UPI payment."""
    status = payment["status"]
    if payment["needs_review"] and not is_surprise(payment):
        return person_panel(payment, _steps_of(payment))
    if status == "paid":
        return _paid(payment)
    if status == "not_paid":
        return _not_paid(payment)
    if status == "in_doubt":
        return _doubt(payment)
    return _waiting(payment, now)


def code_of(payment: dict[str, Any]) -> Code | None:
    """Return the code a customer may use, None when there is none or it should not be used any more."""
    action = payment["next_action"]
    link, expires_at = action.get("upi_link"), action.get("expires_at")
    if not link or not expires_at or payment["cancel_requested_at"] is not None:
        return None
    return Code(link=link, expires_at=expires_at)


def is_over(code: Code | None, now: datetime) -> bool:
    """Return whether a code's time has run out."""
    return code is not None and instant(code.expires_at) <= now


def _waiting(payment: dict[str, Any], now: datetime) -> Panel:
    steps = _steps_of(payment)
    if payment["cancel_requested_at"] is not None:
        return Panel(
            state="checking",
            word="Checking",
            heading="Stopped waiting, still checking",
            sentences=(STOPPING, MEANWHILE),
            steps=steps("done", "unknown", "open"),
            is_live=True,
            is_stopping=True,
        )
    code = code_of(payment)
    if is_over(code, now):
        return Panel(
            state="checking",
            word="Checking",
            heading="The code has run out",
            sentences=(OVER,),
            steps=steps("done", "unknown", "open"),
            is_live=True,
            can_renew=True,
        )
    action = str(payment["next_action"].get("text") or "Ask the customer to approve it in the app.")
    asked = payment["next_action"].get("upi_id")
    is_made = payment["status"] == "pending" and payment["phase"] not in _STARTING
    if not is_made:
        return Panel(
            state="waiting",
            word="Waiting",
            heading="Sending the request" if is_collect(payment) else "Making the code",
            sentences=(SOON_THERE if is_collect(payment) else SOON_HERE,),
            steps=steps("now", "open", "open"),
            is_live=True,
        )
    return Panel(
        state="waiting",
        word="Waiting",
        heading="Waiting for the customer's app",
        sentences=(f"Sent to {asked}.", action) if asked else (action,),
        steps=steps("done", "now", "open"),
        is_live=True,
        code=code,
    )


def _doubt(payment: dict[str, Any]) -> Panel:
    reason = payment["reason"] or {}
    is_stopping = payment["cancel_requested_at"] is not None
    said = (STOPPING,) if is_stopping else said_of(reason)[:1]
    return Panel(
        state="checking",
        word="Checking",
        heading="We are checking with Paytm",
        sentences=("Do not take this payment again.", *said, MEANWHILE),
        steps=_steps_of(payment)("done" if payment["sent_at"] else "unknown", "unknown", "open"),
        quote=reason.get("paytm_message"),
        is_live=True,
        is_stopping=is_stopping,
    )


def _paid(payment: dict[str, Any]) -> Panel:
    sentences: tuple[str, ...] = ()
    is_stopped = payment["cancel_requested_at"] is not None
    if payment["needs_review"] and is_surprise(payment):
        sentences = said_of(payment["reason"])
    elif payment["is_late"]:
        sentences = (
            "Paytm confirmed this payment after it had stood as not paid. The money was taken.",
            "If the customer has paid another way since, give one of the two back.",
        )
    elif is_stopped:
        sentences = ("The customer approved it before it could be stopped. The money was taken.",)
    return Panel(
        state="paid",
        word="Paid",
        heading="Paid after all" if payment["is_late"] or is_stopped else "Paid",
        sentences=sentences,
        steps=_steps_of(payment)("done", "done", "done"),
        facts=facts_of(payment["proof"] or {}),
    )


def _not_paid(payment: dict[str, Any]) -> Panel:
    reason = payment["reason"] or {}
    made, seen = ("done", "done") if payment["sent_at"] else ("failed", "open")
    return Panel(
        state="not-paid",
        word="Not paid",
        heading="Not paid",
        sentences=said_of(reason),
        steps=_steps_of(payment)(made, seen, "failed"),
        quote=reason.get("paytm_message"),
        can_renew=not is_collect(payment),
        can_start_over=is_collect(payment),  # a request needs the UPI id again, of which only a mask is kept
    )


def _steps_of(payment: dict[str, Any]) -> Callable[[str, str, str], tuple[Step, ...]]:
    word = "request sent" if is_collect(payment) else "code made"

    def steps(made: str, phone: str, paid: str) -> tuple[Step, ...]:
        return (
            Step(word=word, mark=made),
            Step(word="in the app", mark=phone),
            Step(word="not paid" if paid == "failed" else "paid", mark=paid),
        )

    return steps
