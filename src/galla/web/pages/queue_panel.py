"""What the panel says about a payment by code: a pure reading of its view, one state at a time.

The states and their order are the card machine's (`panel.py`); the words are about a code and any machine.
"""

from __future__ import annotations

from typing import Any

from galla.web.pages.panel import Panel, Step, facts_of, person_panel, said_of

STOPPING = "Paytm is asked to take the code out of the queue. Do not type it into a machine any more."
MEANWHILE = "We ask by ourselves. Serve the next patient meanwhile: this payment stays under Unfinished."


def queue_panel_of(payment: dict[str, Any]) -> Panel:
    """Return what to show of a payment by code."""
    status = payment["status"]
    if payment["needs_review"]:
        return person_panel(payment, _steps)
    if status == "paid":
        return _paid(payment)
    if status == "not_paid":
        return _not_paid(payment)
    return _waiting(payment)


def digits_of(payment: dict[str, Any]) -> str | None:
    """Return the code to type, or None when there is none or it must not be used any more."""
    action = payment["next_action"]
    return str(action["code"]) if action["type"] == "enter_queue_code" else None


def _waiting(payment: dict[str, Any]) -> Panel:
    digits = digits_of(payment)
    is_stopping = payment["cancel_requested_at"] is not None
    reason, action = payment["reason"] or {}, str(payment["next_action"].get("text") or "")
    steps = _steps("done", "open", "open")
    quote = None
    said: tuple[str, ...]
    if is_stopping:
        state, heading, said = "checking", "Stopped waiting, still checking", (STOPPING, MEANWHILE)
        steps = _steps("done", "unknown", "open")
    elif payment["status"] == "in_doubt":
        state, heading, said = "checking", "We are checking with Paytm", (*said_of(reason)[:1], MEANWHILE)
        steps, quote = _steps("done" if digits else "unknown", "unknown", "open"), reason.get("paytm_message")
    elif payment["phase"] == "on_device":
        state, heading, said = "waiting", "The code is on a machine", (action,)
        steps = _steps("done", "now", "open")
    elif payment["phase"] == "try_failed":
        state, heading, said = "waiting", "The try at the machine failed", (action,)
    elif digits is None:
        state, heading, said = "waiting", "Asking Paytm for the code", (action,)
        steps = _steps("now", "open", "open")
    else:
        state, heading, said = "waiting", "Waiting for the code on any machine", (action,)
    return Panel(
        state=state,
        word="Checking" if state == "checking" else "Waiting",
        heading=heading,
        sentences=said,
        steps=steps,
        quote=quote,
        is_live=True,
        is_stopping=is_stopping,
        digits=digits,
    )


def _paid(payment: dict[str, Any]) -> Panel:
    sentences: tuple[str, ...] = ()
    is_surprise = payment["is_late"] or payment["cancel_requested_at"] is not None
    if payment["is_late"]:
        sentences = (
            "Paytm confirmed this payment after it had stood as not paid. The money was taken.",
            "If the patient has paid another way since, one of the two must go back: tell your supervisor.",
        )
    elif is_surprise:
        sentences = ("The code was used on a machine before it could be taken back. The money was taken.",)
    where = (("Machine", str(payment["machine"])),) if payment["machine"] else ()
    return Panel(
        state="paid",
        word="Paid",
        heading="Paid after all" if is_surprise else "Paid",
        sentences=sentences,
        steps=_steps("done", "done", "done"),
        facts=(*facts_of(payment["proof"] or {}), *where),
    )


def _not_paid(payment: dict[str, Any]) -> Panel:
    reason = payment["reason"] or {}
    return Panel(
        state="not-paid",
        word="Not paid",
        heading="Not paid",
        sentences=said_of(reason),
        steps=_steps("done" if payment["sent_at"] else "failed", "open", "failed"),
        quote=reason.get("paytm_message"),
        can_renew=True,
    )


def _steps(made: str, machine: str, paid: str) -> tuple[Step, ...]:
    return (
        Step(word="code made", mark=made),
        Step(word="on a machine", mark=machine),
        Step(word="not paid" if paid == "failed" else "paid", mark=paid),
    )
