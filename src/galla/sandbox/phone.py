"""A pretend person's UPI app as a pure state machine: what the person taps goes in, what the bank does comes out.

Steps and taps meet in one table. Nothing here knows requests, orders or other phones.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from galla.errors import IllegalTransition
from galla.sandbox.order import Way

PIN_TRIES = 3


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """One person's phone. `id` is its address among the pages, `vpa` where requests reach it."""

    id: str
    vpa: str
    name: str
    bank: str


class Step(StrEnum):
    """Where one request to pay stands in the app. `STUCK`: the PIN was right and the bank does not answer."""

    ASKED = "asked"
    PIN = "pin"
    STUCK = "stuck"
    PAID = "paid"
    DECLINED = "declined"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN = frozenset({Step.ASKED, Step.PIN, Step.STUCK})


class Tap(StrEnum):
    """What a person, or the bank behind the app, can do to a request."""

    APPROVE = "approve"
    PIN_RIGHT = "pin_right"
    PIN_WRONG = "pin_wrong"
    NO_FUNDS = "no_funds"
    BANK_SILENT = "bank_silent"
    DECLINE = "decline"
    TIME_OUT = "time_out"
    PAY_LATE = "pay_late"


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One request to pay on one phone. `id` is Paytm's transaction id; the amount in paise."""

    id: str
    phone: str
    order: tuple[str, str]
    way: Way
    payee: str
    note: str
    amount_paise: int
    arrived_at: datetime
    expires_at: datetime
    changed_at: datetime
    step: Step = Step.ASKED
    wrong_pins: int = 0
    notice: str = ""


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """The payer's bank has moved the money."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The request ended without money; `code` and `message` are Paytm's."""

    code: str
    message: str


class Tapped(msgspec.Struct, frozen=True, kw_only=True):
    """The request after a tap, and what Paytm learns from it, if anything."""

    prompt: Prompt
    effect: Paid | Failed | None = None


def possible(prompt: Prompt) -> tuple[Tap, ...]:
    """Return what can be done to a request now, in the order of `Tap`."""
    return tuple(tap for tap in Tap if (prompt.step, tap) in _TABLE)


def act(prompt: Prompt, tap: Tap, at: datetime) -> Tapped:
    """Let the person do something to a request.

    Raises:
        IllegalTransition: the app offers no such thing at this step.
    """
    if (prompt.step, tap) not in _TABLE:
        can = ", ".join(possible(prompt)) or "nothing"
        raise IllegalTransition(
            f"This request is `{prompt.step}` in the app, where `{tap}` cannot be done. Possible now: {can}."
        )
    done = _TABLE[prompt.step, tap](prompt)
    return Tapped(prompt=replace(done.prompt, changed_at=at), effect=done.effect)


def _approve(prompt: Prompt) -> Tapped:
    return Tapped(prompt=replace(prompt, step=Step.PIN, notice=""))


def _pay(prompt: Prompt) -> Tapped:
    return Tapped(prompt=replace(prompt, step=Step.PAID, notice="Money has left the account."), effect=Paid())


def _pin_wrong(prompt: Prompt) -> Tapped:
    count = prompt.wrong_pins + 1
    if count < PIN_TRIES:
        left = PIN_TRIES - count
        notice = f"Wrong UPI PIN. {left} {'try' if left == 1 else 'tries'} left."
        return Tapped(prompt=replace(prompt, wrong_pins=count, notice=notice))
    return _failed(prompt, Step.FAILED, "401", "UPI PIN entered wrongly too often", "Too many wrong PINs.")


def _no_funds(prompt: Prompt) -> Tapped:
    return _failed(
        prompt,
        Step.FAILED,
        "227",
        "Your payment has been declined by your bank due to insufficient balance",
        "Too little money in the account.",
    )


def _bank_silent(prompt: Prompt) -> Tapped:
    return Tapped(prompt=replace(prompt, step=Step.STUCK, notice="The bank has not answered yet."))


def _decline(prompt: Prompt) -> Tapped:
    return _failed(
        prompt, Step.DECLINED, "227", "Payment was declined by the customer", "Declined. Nothing was paid."
    )


def _time_out(prompt: Prompt) -> Tapped:
    return _failed(prompt, Step.EXPIRED, "810", "Transaction expired", "The time to pay is over.")


def _failed(prompt: Prompt, step: Step, code: str, message: str, notice: str) -> Tapped:
    return Tapped(prompt=replace(prompt, step=step, notice=notice), effect=Failed(code=code, message=message))


_TABLE: dict[tuple[Step, Tap], Callable[[Prompt], Tapped]] = {
    (Step.ASKED, Tap.APPROVE): _approve,
    (Step.ASKED, Tap.DECLINE): _decline,
    (Step.ASKED, Tap.TIME_OUT): _time_out,
    (Step.PIN, Tap.PIN_RIGHT): _pay,
    (Step.PIN, Tap.PIN_WRONG): _pin_wrong,
    (Step.PIN, Tap.NO_FUNDS): _no_funds,
    (Step.PIN, Tap.BANK_SILENT): _bank_silent,
    (Step.PIN, Tap.DECLINE): _decline,
    (Step.PIN, Tap.TIME_OUT): _time_out,
    (Step.STUCK, Tap.TIME_OUT): _time_out,
    (Step.STUCK, Tap.PAY_LATE): _pay,
    (Step.EXPIRED, Tap.PAY_LATE): _pay,
    (Step.FAILED, Tap.PAY_LATE): _pay,
}
