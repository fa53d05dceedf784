"""People who are not there: machines that accept and pay by themselves after a while.

It only chooses what would be done and when; the doing is `terminal.py`'s, the waiting the sandbox's.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from galla.errors import InvalidField
from galla.sandbox.job import JobKind
from galla.sandbox.terminal import Action, Screen, Terminal

MOST_STEPS = 8


class Outcome(StrEnum):
    """How the absent people behave. `BY_AMOUNT`: the last two digits of the amount decide (`BY_PAISE`)."""

    CARD = "card"
    UPI = "upi"
    DECLINE = "decline"
    WRONG_PIN = "wrong_pin"
    REJECT = "reject"
    WALK_AWAY = "walk_away"
    BY_AMOUNT = "by_amount"


BY_PAISE: dict[int, Outcome] = {
    51: Outcome.DECLINE,
    75: Outcome.WRONG_PIN,
    30: Outcome.REJECT,
    68: Outcome.WALK_AWAY,
    10: Outcome.UPI,
}


class Autoplay(msgspec.Struct, frozen=True, kw_only=True):
    """Machines act `after_s` seconds after they get a request; `tids` None means all of them."""

    after_s: float = 2.0
    outcome: Outcome = Outcome.CARD
    tids: frozenset[str] | None = None

    def covers(self, tid: str) -> bool:
        """Whether this machine plays by itself."""
        return self.tids is None or tid in self.tids


def check(autoplay: Autoplay) -> Autoplay:
    """Return the plan if it can be kept.

    Raises:
        InvalidField: it would act before the request comes.
    """
    if autoplay.after_s < 0:
        raise InvalidField("`after_s` must not be negative.", param="after_s")
    return autoplay


def next_action(terminal: Terminal, outcome: Outcome) -> tuple[Action, str] | None:
    """Return what the absent people do next and the card they hold, or None when they are done."""
    job = terminal.job
    if job is None or not terminal.has_power:
        return None
    if outcome is Outcome.BY_AMOUNT:
        outcome = BY_PAISE.get(job.amount_paise % 100, Outcome.CARD)
    card = "no_funds" if outcome is Outcome.DECLINE else "visa_credit"
    action = _ON_SCREEN.get((terminal.screen, outcome)) or _USUALLY.get(terminal.screen)
    if action is None or outcome is Outcome.WALK_AWAY:
        return None
    if job.kind is JobKind.VOID and outcome is not Outcome.REJECT:
        action = Action.ACCEPT if terminal.screen is Screen.CONFIRM else None
        return None if action is None else (action, card)
    if action is Action.SHOW_QR and job.mode == "CARD":
        action = Action.INSERT
    return action, card


_USUALLY: dict[Screen, Action] = {
    Screen.CONFIRM: Action.ACCEPT,
    Screen.PRESENT: Action.INSERT,
    Screen.PIN: Action.PIN_RIGHT,
    Screen.QR: Action.SCAN,
    Screen.SCANNED: Action.APPROVE,
}

_ON_SCREEN: dict[tuple[Screen, Outcome], Action] = {
    (Screen.CONFIRM, Outcome.REJECT): Action.REJECT,
    (Screen.PRESENT, Outcome.REJECT): Action.RED_KEY,
    (Screen.QR, Outcome.REJECT): Action.RED_KEY,
    (Screen.PRESENT, Outcome.UPI): Action.SHOW_QR,
    (Screen.PIN, Outcome.WRONG_PIN): Action.PIN_WRONG,
    (Screen.SCANNED, Outcome.WRONG_PIN): Action.DECLINE,
    (Screen.SCANNED, Outcome.DECLINE): Action.DECLINE,
}
