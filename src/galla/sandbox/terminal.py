"""One virtual card machine as a pure state machine: what a person does goes in, what Paytm learns comes out.

Screens and actions meet in one table. Nothing here knows requests, replies or other machines.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from galla.errors import IllegalTransition
from galla.sandbox.instrument import CARDS, TAP_WITHOUT_PIN_PAISE, UPI, Instrument, find
from galla.sandbox.job import Effect, Failed, Job, JobKind, Paid, Slip, Voided, VoidRefused

PIN_TRIES = 3
NO_CONNECTION = "No connection. The bank cannot be asked."


class Screen(StrEnum):
    """What the machine shows."""

    OFF = "off"
    IDLE = "idle"
    CODE = "code"
    CONFIRM = "confirm"
    PRESENT = "present"
    PIN = "pin"
    QR = "qr"
    SCANNED = "scanned"
    APPROVED = "approved"
    DECLINED = "declined"


RESTING = frozenset({Screen.IDLE, Screen.APPROVED, Screen.DECLINED})


class Action(StrEnum):
    """What a person can do to the machine."""

    ENTER_CODE = "enter_code"
    ACCEPT = "accept"
    REJECT = "reject"
    TAP = "tap"
    INSERT = "insert"
    PIN_RIGHT = "pin_right"
    PIN_WRONG = "pin_wrong"
    SHOW_QR = "show_qr"
    SCAN = "scan"
    APPROVE = "approve"
    DECLINE = "decline"
    WALK_AWAY = "walk_away"
    RED_KEY = "red_key"
    CLEAR = "clear"
    TAKE_SLIP = "take_slip"
    NETWORK_OFF = "network_off"
    NETWORK_ON = "network_on"
    BATTERY_DEAD = "battery_dead"
    BATTERY_BACK = "battery_back"
    PAPER_OUT = "paper_out"
    PAPER_IN = "paper_in"


class Terminal(msgspec.Struct, frozen=True, kw_only=True):
    """One machine at one instant.

    `inbox` is a request Paytm accepted and the machine has not fetched; `held` a result it could not
    report yet; `is_unseen` a payment approved on the phone while the machine was offline.
    """

    tid: str
    mid: str
    label: str
    is_active: bool = True
    is_online: bool = True
    has_power: bool = True
    has_paper: bool = True
    screen: Screen = Screen.IDLE
    job: Job | None = None
    inbox: Job | None = None
    held: Effect | None = None
    is_unseen: bool = False
    card: str | None = None
    wrong_pins: int = 0
    notice: str = ""
    slip: Slip | None = None
    changed_at: datetime


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The machine after an action, and what Paytm learns from it, if anything."""

    terminal: Terminal
    effect: Effect | None = None


def push(terminal: Terminal, job: Job, at: datetime) -> Terminal:
    """Give the machine a request; a machine that is off, offline or busy keeps it for later."""
    return _fetch(replace(terminal, inbox=job), at)


def act(terminal: Terminal, action: Action, at: datetime, *, card: str = "visa_credit") -> Step:
    """Let a person do something to the machine; `card` is what they hold when they tap or insert.

    Raises:
        IllegalTransition: the machine offers no such thing on this screen.
        InvalidField: there is no such card.
    """
    if action not in possible(terminal):
        raise IllegalTransition(
            f"Machine {terminal.tid} shows `{terminal.screen}`, where `{action}` cannot be done. "
            f"Possible now: {', '.join(possible(terminal))}."
        )
    if action in (Action.TAP, Action.INSERT) and not find(card).is_card:
        raise IllegalTransition("A UPI app is not tapped or inserted; show the QR and scan it.")
    step = (_ANYWHERE.get(action) or _TABLE[terminal.screen, action])(terminal, at, card)
    return Step(terminal=replace(step.terminal, changed_at=at), effect=step.effect)


def possible(terminal: Terminal) -> tuple[Action, ...]:
    """Return what a person can do to the machine now, in the order of `Action`."""
    return tuple(action for action in Action if _is_possible(terminal, action))


def lapse(terminal: Terminal, at: datetime, reason: str) -> Step:
    """Let the machine give up its request, as an operator's expiry does."""
    job = terminal.inbox or terminal.job
    if job is None:
        return Step(terminal=terminal)
    if terminal.inbox is not None or not terminal.has_power:
        return Step(terminal=replace(terminal, inbox=None, changed_at=at), effect=_refusal(job, reason))
    shown = replace(_rest(terminal), screen=Screen.DECLINED, job=job, notice=reason, changed_at=at)
    return Step(terminal=shown, effect=_refusal(job, reason))


def print_slip(terminal: Terminal, slip: Slip) -> Terminal:
    """Feed a slip out, or say that the paper is out; the payment stands either way."""
    if not terminal.has_power:
        return terminal
    if not terminal.has_paper:
        return replace(terminal, notice="Paper is out. The payment stands; the slip can be printed later.")
    return replace(terminal, slip=slip)


# What each action does. Each takes the machine, the instant and the card in the customer's hand.

_Do = Callable[[Terminal, datetime, str], Step]


def _fetch(terminal: Terminal, at: datetime) -> Terminal:
    job = terminal.inbox
    if job is None or not (terminal.has_power and terminal.is_online) or terminal.screen not in RESTING:
        return terminal
    first = Screen.CONFIRM
    if job.kind is JobKind.SALE and job.is_auto_accepted:
        first = _payment_screen(job)
    return replace(
        terminal, screen=first, job=job, inbox=None, card=None, wrong_pins=0, notice="", changed_at=at
    )


def _payment_screen(job: Job) -> Screen:
    return Screen.QR if job.mode == "QR" else Screen.PRESENT


def _job(terminal: Terminal) -> Job:
    if terminal.job is None:
        raise IllegalTransition(f"Machine {terminal.tid} has nothing to do.")
    return terminal.job


def _end(terminal: Terminal, effect: Effect, notice: str) -> Step:
    """Show the result; an offline machine reports it when the network is back."""
    screen = Screen.APPROVED if isinstance(effect, Paid | Voided) else Screen.DECLINED
    shown = replace(terminal, screen=screen, notice=notice, card=None, wrong_pins=0)
    if terminal.is_online:
        return Step(terminal=shown, effect=effect)
    return Step(terminal=replace(shown, held=effect))


def _refusal(job: Job, reason: str, bank_code: str | None = None) -> Effect:
    if job.kind is JobKind.VOID:
        return VoidRefused(charge_id=job.charge_id)
    return Failed(charge_id=job.charge_id, reason=reason, bank_code=bank_code)


def _authorise(terminal: Terminal, instrument: Instrument) -> Step:
    """Ask the bank."""
    job = _job(terminal)
    if instrument.refusal is not None:
        return _end(terminal, _refusal(job, instrument.refusal, instrument.bank_code), instrument.refusal)
    return _end(terminal, Paid(charge_id=job.charge_id, instrument=instrument.code), "")


def _enter_code(terminal: Terminal, at: datetime, card: str) -> Step:
    """Open the keypad for a code of the payment queue; what the code leads to, Paytm knows."""
    return Step(terminal=replace(terminal, screen=Screen.CODE, notice=""))


def _accept(terminal: Terminal, at: datetime, card: str) -> Step:
    job = _job(terminal)
    if job.kind is JobKind.SALE:
        return Step(terminal=replace(terminal, screen=_payment_screen(job), notice=""))
    if not terminal.is_online:
        return Step(terminal=replace(terminal, notice=NO_CONNECTION))
    return _end(terminal, Voided(charge_id=job.charge_id), "")


def _reject(terminal: Terminal, at: datetime, card: str) -> Step:
    reason = "Rejected at the machine"
    return _end(terminal, _refusal(_job(terminal), reason), reason)


def _red_key(terminal: Terminal, at: datetime, card: str) -> Step:
    if terminal.screen in RESTING:
        return _clear(terminal, at, card)
    if terminal.screen is Screen.CODE:
        return Step(terminal=_fetch(_rest(terminal), at))
    reason = "Cancelled at the machine"
    return _end(terminal, _refusal(_job(terminal), reason), reason)


def _tap(terminal: Terminal, at: datetime, card: str) -> Step:
    if _job(terminal).amount_paise > TAP_WITHOUT_PIN_PAISE:
        return _insert(terminal, at, card)
    if not terminal.is_online:
        return Step(terminal=replace(terminal, notice=NO_CONNECTION))
    return _authorise(terminal, CARDS[card])


def _insert(terminal: Terminal, at: datetime, card: str) -> Step:
    return Step(terminal=replace(terminal, screen=Screen.PIN, card=card, wrong_pins=0, notice=""))


def _pin_right(terminal: Terminal, at: datetime, card: str) -> Step:
    if not terminal.is_online:
        return Step(terminal=replace(terminal, notice=NO_CONNECTION))
    return _authorise(terminal, find(terminal.card or card))


def _pin_wrong(terminal: Terminal, at: datetime, card: str) -> Step:
    tries = terminal.wrong_pins + 1
    if tries >= PIN_TRIES:
        reason = "Wrong PIN three times"
        return _end(terminal, _refusal(_job(terminal), reason, "75"), reason)
    left = PIN_TRIES - tries
    notice = f"Wrong PIN. {left} {'try' if left == 1 else 'tries'} left."
    return Step(terminal=replace(terminal, wrong_pins=tries, notice=notice))


def _show_qr(terminal: Terminal, at: datetime, card: str) -> Step:
    if not terminal.is_online:
        return Step(terminal=replace(terminal, notice="No connection. The QR cannot be made."))
    return Step(terminal=replace(terminal, screen=Screen.QR, notice=""))


def _scan(terminal: Terminal, at: datetime, card: str) -> Step:
    return Step(terminal=replace(terminal, screen=Screen.SCANNED, notice=""))


def _approve(terminal: Terminal, at: datetime, card: str) -> Step:
    """The phone talks to Paytm by itself: an offline machine only learns of it later."""
    paid = Paid(charge_id=_job(terminal).charge_id, instrument=UPI.code)
    if not terminal.is_online:
        waiting = replace(terminal, is_unseen=True, notice="No connection. Waiting for the result.")
        return Step(terminal=waiting, effect=paid)
    return _end(terminal, paid, "")


def _decline(terminal: Terminal, at: datetime, card: str) -> Step:
    reason = "Declined in the UPI app"
    failed = _refusal(_job(terminal), reason, "ZA")
    if not terminal.is_online:
        return Step(terminal=replace(terminal, screen=Screen.DECLINED, notice=reason), effect=failed)
    return _end(terminal, failed, reason)


def _walk_away(terminal: Terminal, at: datetime, card: str) -> Step:
    """The customer leaves: the machine goes back to waiting, and Paytm keeps saying pending."""
    left = replace(terminal, card=None, wrong_pins=0, notice="The customer has left. Still waiting.")
    if terminal.screen is not Screen.CONFIRM:
        left = replace(left, screen=_payment_screen(_job(terminal)))
    return Step(terminal=left)


def _clear(terminal: Terminal, at: datetime, card: str) -> Step:
    return Step(terminal=_rest(terminal))


def _rest(terminal: Terminal) -> Terminal:
    return replace(terminal, screen=Screen.IDLE, job=None, card=None, wrong_pins=0, notice="")


def _network_off(terminal: Terminal, at: datetime, card: str) -> Step:
    return Step(terminal=replace(terminal, is_online=False))


def _network_on(terminal: Terminal, at: datetime, card: str) -> Step:
    notice = "" if terminal.notice.startswith("No connection") else terminal.notice
    back = replace(terminal, is_online=True, is_unseen=False, notice=notice)
    if terminal.is_unseen:
        back = replace(back, screen=Screen.APPROVED)
    return _catch_up(back, at)


def _battery_dead(terminal: Terminal, at: datetime, card: str) -> Step:
    """The machine forgets what it was doing; an unfinished request is fetched again afterwards."""
    is_unfinished = terminal.screen not in RESTING and not terminal.is_unseen
    kept = (terminal.job if is_unfinished else None) or terminal.inbox
    off = replace(_rest(terminal), has_power=False, screen=Screen.OFF, is_unseen=False)
    return Step(terminal=replace(off, inbox=kept))


def _battery_back(terminal: Terminal, at: datetime, card: str) -> Step:
    return _catch_up(replace(terminal, has_power=True, screen=Screen.IDLE), at)


def _catch_up(terminal: Terminal, at: datetime) -> Step:
    """Report what was held and fetch what was waiting, if there is both power and network."""
    if not (terminal.has_power and terminal.is_online):
        return Step(terminal=terminal)
    return Step(terminal=_fetch(replace(terminal, held=None), at), effect=terminal.held)


def _paper_out(terminal: Terminal, at: datetime, card: str) -> Step:
    return Step(terminal=replace(terminal, has_paper=False))


def _paper_in(terminal: Terminal, at: datetime, card: str) -> Step:
    notice = "" if terminal.notice.startswith("Paper is out") else terminal.notice
    return Step(terminal=replace(terminal, has_paper=True, notice=notice))


def _take_slip(terminal: Terminal, at: datetime, card: str) -> Step:
    return Step(terminal=replace(terminal, slip=None))


_ANYWHERE: dict[Action, _Do] = {
    Action.NETWORK_OFF: _network_off,
    Action.NETWORK_ON: _network_on,
    Action.BATTERY_DEAD: _battery_dead,
    Action.BATTERY_BACK: _battery_back,
    Action.PAPER_OUT: _paper_out,
    Action.PAPER_IN: _paper_in,
    Action.TAKE_SLIP: _take_slip,
}

_TABLE: dict[tuple[Screen, Action], _Do] = {
    (Screen.IDLE, Action.ENTER_CODE): _enter_code,
    (Screen.CODE, Action.RED_KEY): _red_key,
    (Screen.CONFIRM, Action.ACCEPT): _accept,
    (Screen.CONFIRM, Action.REJECT): _reject,
    (Screen.CONFIRM, Action.RED_KEY): _reject,
    (Screen.CONFIRM, Action.WALK_AWAY): _walk_away,
    (Screen.PRESENT, Action.TAP): _tap,
    (Screen.PRESENT, Action.INSERT): _insert,
    (Screen.PRESENT, Action.SHOW_QR): _show_qr,
    (Screen.PRESENT, Action.RED_KEY): _red_key,
    (Screen.PRESENT, Action.WALK_AWAY): _walk_away,
    (Screen.PIN, Action.PIN_RIGHT): _pin_right,
    (Screen.PIN, Action.PIN_WRONG): _pin_wrong,
    (Screen.PIN, Action.RED_KEY): _red_key,
    (Screen.PIN, Action.WALK_AWAY): _walk_away,
    (Screen.QR, Action.SCAN): _scan,
    (Screen.QR, Action.RED_KEY): _red_key,
    (Screen.QR, Action.WALK_AWAY): _walk_away,
    (Screen.SCANNED, Action.APPROVE): _approve,
    (Screen.SCANNED, Action.DECLINE): _decline,
    (Screen.SCANNED, Action.RED_KEY): _red_key,
    (Screen.SCANNED, Action.WALK_AWAY): _walk_away,
    (Screen.APPROVED, Action.CLEAR): _clear,
    (Screen.APPROVED, Action.RED_KEY): _red_key,
    (Screen.DECLINED, Action.CLEAR): _clear,
    (Screen.DECLINED, Action.RED_KEY): _red_key,
}


def _is_possible(terminal: Terminal, action: Action) -> bool:
    match action:
        case Action.NETWORK_OFF | Action.NETWORK_ON:
            return terminal.is_online is (action is Action.NETWORK_OFF)
        case Action.BATTERY_DEAD | Action.BATTERY_BACK:
            return terminal.has_power is (action is Action.BATTERY_DEAD)
        case Action.PAPER_OUT | Action.PAPER_IN:
            return terminal.has_paper is (action is Action.PAPER_OUT)
        case Action.TAKE_SLIP:
            return terminal.slip is not None
        case Action.SHOW_QR:
            allows_qr = terminal.job is not None and terminal.job.mode != "CARD"
            return allows_qr and (terminal.screen, action) in _TABLE
        case _:
            return (terminal.screen, action) in _TABLE and not terminal.is_unseen
