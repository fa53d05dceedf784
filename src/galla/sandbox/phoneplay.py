"""Payers who are not there: phones that open links, scan QRs and answer requests by themselves after a while.

It only chooses what would be done; the doing is `phone.py`'s, the waiting `phones.py`'s.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from galla.errors import InvalidField
from galla.sandbox.phone import Prompt, Step, Tap, possible

LATE_BY_S = 60.0
MOST_TAPS = 6


class PhoneOutcome(StrEnum):
    """How the absent payers behave.

    `IGNORE`: they never look. `LATE`: the request runs out, and `LATE_BY_S` seconds later the money moves all
    the same. `BY_AMOUNT`: the last two digits of the amount decide (`BY_PAISE`).
    """

    APPROVE = "approve"
    DECLINE = "decline"
    WRONG_PIN = "wrong_pin"
    NO_FUNDS = "no_funds"
    BANK_SILENT = "bank_silent"
    TIME_OUT = "time_out"
    LATE = "late"
    IGNORE = "ignore"
    BY_AMOUNT = "by_amount"


BY_PAISE: dict[int, PhoneOutcome] = {
    51: PhoneOutcome.NO_FUNDS,
    75: PhoneOutcome.WRONG_PIN,
    30: PhoneOutcome.DECLINE,
    68: PhoneOutcome.IGNORE,
    90: PhoneOutcome.LATE,
}


class PhonePlay(msgspec.Struct, frozen=True, kw_only=True):
    """Payers act `after_s` seconds after a request, link or QR reaches them."""

    after_s: float = 2.0
    outcome: PhoneOutcome = PhoneOutcome.APPROVE

    def outcome_for(self, amount_paise: int) -> PhoneOutcome:
        """Return what becomes of a payment of this amount."""
        if self.outcome is PhoneOutcome.BY_AMOUNT:
            return BY_PAISE.get(amount_paise % 100, PhoneOutcome.APPROVE)
        return self.outcome


def check(play: PhonePlay) -> PhonePlay:
    """Return the plan if it can be kept.

    Raises:
        InvalidField: it would act before the request comes.
    """
    if play.after_s < 0:
        raise InvalidField("`after_s` must not be negative.", param="after_s")
    return play


def next_tap(prompt: Prompt, outcome: PhoneOutcome) -> Tap | None:
    """Return what the absent payer taps next, or None when they are done for now."""
    if outcome is PhoneOutcome.IGNORE:
        return None
    if outcome in (PhoneOutcome.TIME_OUT, PhoneOutcome.LATE):
        tap = Tap.TIME_OUT
    elif prompt.step is Step.PIN:
        tap = _AT_PIN.get(outcome, Tap.PIN_RIGHT)
    else:
        tap = Tap.DECLINE if outcome is PhoneOutcome.DECLINE else Tap.APPROVE
    return tap if tap in possible(prompt) else None


_AT_PIN: dict[PhoneOutcome, Tap] = {
    PhoneOutcome.WRONG_PIN: Tap.PIN_WRONG,
    PhoneOutcome.NO_FUNDS: Tap.NO_FUNDS,
    PhoneOutcome.BANK_SILENT: Tap.BANK_SILENT,
}
