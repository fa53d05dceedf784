"""What the panel says about a payment: a pure reading of its view, one state at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from galla.web.language import said
from galla.web.pages.wording import inr

STOPPING = "We will stop waiting. The machine may still take the card: press the red key on it. We keep checking."
MEANWHILE = "We ask by ourselves. Serve the next patient meanwhile: this payment stays under Unfinished."
ACCEPT = "If the machine asks whether to take this payment, press Accept on it first."

_LIVE = frozenset({"created", "pending", "in_doubt"})
_NETWORKS = {"VISA": "Visa", "MASTER": "Mastercard", "MASTERCARD": "Mastercard", "RUPAY": "RuPay", "AMEX": "Amex"}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One dot: `mark` is `done`, `now`, `unknown`, `open` or `failed`."""

    word: str
    mark: str


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A UPI link to show, byte for byte as Paytm gave it, and until when it can be paid."""

    link: str
    expires_at: str


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One payment as the panel shows it.

    `state` is `waiting`, `paid`, `not-paid`, `checking` or `person`; it chooses colour, icon and word together.
    Of what may be offered after a failure, `can_retry` is the same machine, `can_renew` a new code, and
    `can_start_over` the empty form, where repeating needs something that galla has not kept. `change_paise` is what
    a customer gets back who paid in cash.
    """

    state: str
    word: str
    heading: str
    sentences: tuple[str, ...]
    steps: tuple[Step, ...]
    facts: tuple[tuple[str, str], ...] = ()
    quote: str | None = None
    is_live: bool = False
    is_stopping: bool = False
    can_retry: bool = False
    code: Code | None = None
    digits: str | None = None
    can_renew: bool = False
    can_start_over: bool = False
    change_paise: int | None = None

    @property
    def is_counting(self) -> bool:
        """Whether the time that has passed is worth showing."""
        return self.is_live


def panel_of(payment: dict[str, Any], machine: str) -> Panel:
    """Return what to show of a payment; `machine` is the label of its card machine."""
    status = payment["status"]
    if payment["needs_review"] and not is_surprise(payment):
        return person_panel(payment, _steps)
    if payment["is_voided"]:
        return _voided(payment, machine)
    if status == "paid":
        return _paid(payment)
    if status == "not_paid":
        return _not_paid(payment)
    if status == "in_doubt":
        return _doubt(payment)
    return _waiting(payment, machine)


def is_surprise(payment: dict[str, Any]) -> bool:
    """Whether a payment is paid and only wants a choice: it came late, after a stop, or was more than was due."""
    reason = payment["reason"] or {}
    return payment["status"] == "paid" and reason.get("code") in ("late", "stopped", "excess")


def method_of(proof: dict[str, Any]) -> str:
    """Name how it was paid: `Visa •••• 1234`, `UPI r••••@ybl`."""
    if proof.get("card_last4"):
        network = str(proof.get("card_network") or "Card")
        return f"{_NETWORKS.get(network.upper(), network)} •••• {proof['card_last4']}"
    if proof.get("upi_id"):
        return f"UPI {proof['upi_id']}"
    return str(proof.get("mode") or "").replace("_", " ").capitalize() or "Paytm"


def _waiting(payment: dict[str, Any], machine: str) -> Panel:
    is_stopping = payment["cancel_requested_at"] is not None
    is_sent = payment["status"] == "pending" and payment["phase"] != "sending"
    action = str(payment["next_action"].get("text") or "Ask the patient to tap, insert or scan on the machine.")
    sentences: tuple[str, ...]
    if is_stopping:
        heading, sentences = "Stopped waiting, still checking", (STOPPING, MEANWHILE)
    elif is_sent:
        heading = f"Waiting for the card on {machine}"
        sentences = (action, ACCEPT)
    else:
        heading, sentences = f"Sending to {machine}", ("The amount appears on the machine in a moment.",)
    return Panel(
        state="checking" if is_stopping else "waiting",
        word="Checking" if is_stopping else "Waiting",
        heading=heading,
        sentences=sentences,
        steps=_steps("done" if is_sent else "now", "now" if is_sent else "open", "open"),
        is_live=True,
        is_stopping=is_stopping,
    )


def _doubt(payment: dict[str, Any]) -> Panel:
    reason = payment["reason"] or {}
    said = (STOPPING,) if payment["cancel_requested_at"] is not None else said_of(reason)[:1]
    return Panel(
        state="checking",
        word="Checking",
        heading="We are checking with Paytm",
        sentences=("Do not take this payment again.", *said, MEANWHILE),
        steps=_steps("done" if payment["sent_at"] else "unknown", "unknown", "open"),
        quote=reason.get("paytm_message"),
        is_live=True,
        is_stopping=payment["cancel_requested_at"] is not None,
    )


def _paid(payment: dict[str, Any]) -> Panel:
    proof = payment["proof"] or {}
    sentences: tuple[str, ...] = ()
    is_unawaited = payment["is_late"] or payment["cancel_requested_at"] is not None
    if payment["needs_review"] and is_surprise(payment):
        sentences = said_of(payment["reason"])
    elif payment["is_late"]:
        sentences = (
            "Paytm confirmed this payment after it had stood as not paid. The money was taken.",
            "If the patient has paid another way since, one of the two must go back: tell your supervisor.",
        )
    elif is_unawaited:
        sentences = ("The card was taken on the machine before it was stopped. The money was taken.",)
    return Panel(
        state="paid",
        word="Paid",
        heading="Paid after all" if is_unawaited else "Paid",
        sentences=(*sentences, *_given_back(payment)),
        steps=_steps("done", "done", "done"),
        facts=facts_of(proof),
    )


def _voided(payment: dict[str, Any], machine: str) -> Panel:
    return Panel(
        state="not-paid",
        word="Voided",
        heading="Voided",
        sentences=(f"The whole sale was taken back on {machine}. The patient's card is not charged.",),
        steps=(*_steps("done", "done", "done"), Step(word="voided", mark="failed")),
        facts=facts_of(payment["proof"] or {}),
    )


def _given_back(payment: dict[str, Any]) -> tuple[str, ...]:
    """Say what of a paid payment is given back, and what is on its way."""
    back = payment["amount_refunded"]
    on_its_way = payment["amount"] - back - payment["amount_refundable"]
    said = []
    if back:
        said.append(f"{inr(back)} of it was given back.")
    if on_its_way > 0:
        said.append(f"{inr(on_its_way)} is on its way back, and is not given back yet.")
    return tuple(said)


def _not_paid(payment: dict[str, Any]) -> Panel:
    reason = payment["reason"] or {}
    return Panel(
        state="not-paid",
        word="Not paid",
        heading="Not paid",
        sentences=said_of(reason),
        steps=_steps("done" if payment["sent_at"] else "failed", "done" if payment["sent_at"] else "open", "failed"),
        quote=reason.get("paytm_message"),
        can_retry=True,
    )


def person_panel(payment: dict[str, Any], steps: Callable[[str, str, str], tuple[Step, ...]]) -> Panel:
    """Return what to show of a payment that a person must look at, whatever its method."""
    reason = payment["reason"] or {}
    is_live = payment["status"] in _LIVE
    return Panel(
        state="person",
        word="Needs a person",
        heading="A person must look at this payment",
        sentences=(*said_of(reason), "Do not take this payment again before that."),
        steps=steps("done", "unknown", "open") if is_live else steps("done", "done", "done"),
        facts=facts_of(payment["proof"]) if payment["proof"] else (),
        quote=reason.get("paytm_message"),
        is_live=is_live,
        is_stopping=payment["cancel_requested_at"] is not None,
    )


def said_of(reason: dict[str, Any]) -> tuple[str, ...]:
    """Return what a reason says: what happened, and what to do now."""
    return tuple(text for text in (reason.get("message"), reason.get("hint")) if text)


def _steps(sent: str, machine: str, paid: str) -> tuple[Step, ...]:
    last = "not paid" if paid == "failed" else "paid"
    return (
        Step(word="sent", mark=sent),
        Step(word="on the machine", mark=machine),
        Step(word=last, mark=paid),
    )


def facts_of(proof: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what proves a payment, by the names staff and banks use."""
    named = (
        ("Paid by", method_of(proof)),
        ("RRN", proof.get("rrn")),
        ("Auth code", proof.get("auth_code")),
    )
    return tuple((name, str(value)) for name, value in named if value)


def title_of(panel: Panel, amount_paise: int) -> str:
    """Return what the browser's tab says, so that another tab can be read from the side."""
    return f"{said(panel.word)} · {inr(amount_paise)}"
