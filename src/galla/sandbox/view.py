"""What a page shows of a machine, a sale and a call: words and buttons, chosen from tables.

Values in, values out; templates lay them out, `pages.py` serves them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from galla.clock import IST
from galla.money import format_inr
from galla.sandbox.charge import Charge, ChargeState, VoidState
from galla.sandbox.instrument import CARDS, find
from galla.sandbox.job import JobKind
from galla.sandbox.qr import picture, upi_text
from galla.sandbox.terminal import Action, Screen, Terminal, possible

Tone = Literal["main", "plain", "stop"]


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person can do now."""

    action: Action
    label: str
    tone: Tone = "plain"


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine as a page shows it."""

    terminal: Terminal
    shop: str
    time: str
    title: str
    text: str
    amount: str
    bill: str
    lines: tuple[str, ...]
    qr: str
    on_screen: tuple[Button, ...]
    customer: tuple[Button, ...]
    switches: tuple[Button, ...]
    needs_card: bool
    customer_text: str
    keys: frozenset[str]
    cards: tuple[tuple[str, str], ...]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One sale in a list; `tone` is waiting, paid or ended."""

    id: str
    time: str
    bill: str
    machine: str
    amount: str
    state: str
    tone: str
    detail: str


def machine_view(terminal: Terminal, shop: str, now: datetime) -> Machine:
    """Return what a page shows of a machine at this instant."""
    can = possible(terminal)
    job = terminal.job
    title, text = _words(terminal)
    is_shown = job is not None and terminal.screen not in (Screen.IDLE, Screen.CODE, Screen.OFF)
    return Machine(
        terminal=terminal,
        shop=shop,
        time=f"{now.astimezone(IST):%H:%M}",
        title=title,
        text=terminal.notice or text,
        amount=format_inr(job.amount_paise) if job is not None and is_shown else "",
        bill=(job.reference or job.charge_id) if job is not None and is_shown else "",
        lines=job.lines if job is not None and terminal.screen is Screen.CONFIRM else (),
        qr=_qr(terminal, shop) if terminal.screen is Screen.QR else "",
        on_screen=_buttons(_ON_SCREEN, can),
        customer=_buttons(_CUSTOMER, can),
        switches=_buttons(_SWITCHES, can),
        needs_card=Action.TAP in can,
        customer_text=_CUSTOMER_TEXT.get(terminal.screen, "Nobody is at the machine."),
        keys=frozenset(key for key, action in _KEYS if action in can),
        cards=tuple((card.code, card.label) for card in CARDS.values()),
    )


def row(charge: Charge) -> Row:
    """Return a sale as a list shows it."""
    tone, state = _STATES[charge.state]
    detail = charge.reason or ""
    if charge.instrument is not None:
        paid_with = find(charge.instrument)
        detail = f"{paid_with.label} · RRN {charge.rrn}"
    if charge.void is not VoidState.NONE:
        state, detail = _VOIDS[charge.void], detail
    return Row(
        id=charge.id,
        time=f"{charge.received_at.astimezone(IST):%H:%M:%S}",
        bill=charge.reference or "",
        machine=charge.tid,
        amount=format_inr(charge.amount_paise),
        state=state,
        tone=tone,
        detail=detail,
    )


def _qr(terminal: Terminal, shop: str) -> str:
    job = terminal.job
    if job is None:
        return ""
    text = upi_text(shop=shop, ref=job.charge_id, amount_paise=job.amount_paise)
    return picture(text, "UPI QR of this payment")


def _words(terminal: Terminal) -> tuple[str, str]:
    is_void = terminal.job is not None and terminal.job.kind is JobKind.VOID
    return (
        _WORDS_OF_VOID.get(terminal.screen, _WORDS[terminal.screen]) if is_void else _WORDS[terminal.screen]
    )


def _buttons(table: tuple[Button, ...], can: tuple[Action, ...]) -> tuple[Button, ...]:
    return tuple(button for button in table if button.action in can)


_WORDS: dict[Screen, tuple[str, str]] = {
    Screen.OFF: ("", ""),
    Screen.IDLE: ("Ready", "Waiting for the counter."),
    Screen.CODE: ("Enter code", "The six digits of a payment in the queue."),
    Screen.CONFIRM: ("Take this payment?", "Sent from the counter."),
    Screen.PRESENT: ("Tap, insert or scan", "Hand the machine to the customer."),
    Screen.PIN: ("Enter PIN", "The customer types the card's PIN."),
    Screen.QR: ("Scan to pay", "Any UPI app."),
    Screen.SCANNED: ("Waiting for the phone", "The customer approves in the UPI app."),
    Screen.APPROVED: ("Approved", "The payment is taken."),
    Screen.DECLINED: ("Not paid", "Nothing was taken."),
}

_WORDS_OF_VOID: dict[Screen, tuple[str, str]] = {
    Screen.CONFIRM: ("Void this payment?", "The whole amount goes back."),
    Screen.APPROVED: ("Voided", "The payment is reversed."),
    Screen.DECLINED: ("Not voided", "The payment stands."),
}

_CUSTOMER_TEXT: dict[Screen, str] = {
    Screen.OFF: "The machine is off.",
    Screen.CODE: "The cashier types the code.",
    Screen.CONFIRM: "The cashier answers first.",
    Screen.PRESENT: "Pays with",
    Screen.PIN: "Types the PIN",
    Screen.QR: "Holds the phone to the QR",
    Screen.SCANNED: "Decides in the UPI app",
}

_ON_SCREEN = (
    Button(action=Action.ENTER_CODE, label="Enter code"),
    Button(action=Action.ACCEPT, label="Accept", tone="main"),
    Button(action=Action.REJECT, label="Reject"),
    Button(action=Action.SHOW_QR, label="Show UPI QR"),
    Button(action=Action.CLEAR, label="Done"),
)

_CUSTOMER = (
    Button(action=Action.TAP, label="Tap card", tone="main"),
    Button(action=Action.INSERT, label="Insert card"),
    Button(action=Action.PIN_RIGHT, label="PIN right", tone="main"),
    Button(action=Action.PIN_WRONG, label="PIN wrong"),
    Button(action=Action.SCAN, label="Scan UPI QR", tone="main"),
    Button(action=Action.APPROVE, label="Approve", tone="main"),
    Button(action=Action.DECLINE, label="Decline"),
    Button(action=Action.WALK_AWAY, label="Walk away"),
)

_SWITCHES = (
    Button(action=Action.NETWORK_OFF, label="Pull network"),
    Button(action=Action.NETWORK_ON, label="Give network", tone="stop"),
    Button(action=Action.BATTERY_DEAD, label="Drain battery"),
    Button(action=Action.BATTERY_BACK, label="Charge battery", tone="stop"),
    Button(action=Action.PAPER_OUT, label="Take out paper"),
    Button(action=Action.PAPER_IN, label="Put in paper", tone="stop"),
)

_KEYS = (
    ("red", Action.RED_KEY),
    ("green", Action.ACCEPT),
    ("green", Action.CLEAR),
)

_STATES: dict[ChargeState, tuple[str, str]] = {
    ChargeState.WAITING: ("waiting", "At the machine"),
    ChargeState.PAID: ("paid", "Paid"),
    ChargeState.FAILED: ("ended", "Not paid"),
}

_VOIDS: dict[VoidState, str] = {
    VoidState.WAITING: "Void at the machine",
    VoidState.DONE: "Paid, then voided",
    VoidState.REFUSED: "Paid, void refused",
}
