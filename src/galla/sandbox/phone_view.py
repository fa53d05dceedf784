"""What a page shows of a phone, of the links around it and of an order: words and buttons, chosen from tables.

Values in, values out; templates lay them out, `phone_pages.py` serves them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from galla.clock import IST, business_date
from galla.money import format_inr
from galla.sandbox.order import Order, Try, TryState, Way
from galla.sandbox.outbox import Post, Subject
from galla.sandbox.phone import OPEN, Phone, Prompt, Step, Tap, possible
from galla.sandbox.qr import PAYEE, Link, picture
from galla.sandbox.view import Row
from galla.sandbox.world import RESULT_SHOWN_S

Tone = Literal["main", "plain", "stop"]


class TapButton(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person can do to a request now."""

    tap: Tap
    label: str
    tone: Tone = "plain"


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """The request that the phone's screen shows."""

    prompt: Prompt
    amount: str
    title: str
    text: str
    until: str
    on_screen: tuple[TapButton, ...]
    person: tuple[TapButton, ...]
    fate: tuple[TapButton, ...]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request in the list of a phone; `tone` is waiting, paid or ended."""

    id: str
    time: str
    amount: str
    payee: str
    note: str
    how: str
    tone: str
    state: str
    detail: str
    buttons: tuple[TapButton, ...]


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """One link or QR that a person could open now."""

    ref: str
    text: str
    amount: str
    shop: str
    order: str
    is_qr: bool
    svg: str
    until: str


class PhoneView(msgspec.Struct, frozen=True, kw_only=True):
    """One phone as a page shows it."""

    phone: Phone
    initial: str
    time: str
    payee: str
    front: Front | None
    waiting: int
    asked: tuple[Asked, ...]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One callback in a list."""

    time: str
    what: str
    about: str
    state: str


def phone_view(phone: Phone, prompts: Iterable[Prompt], now: datetime, *, listed: int) -> PhoneView:
    """Return what a page shows of a phone at this instant; `prompts` are its requests."""
    ours = sorted(prompts, key=lambda prompt: prompt.changed_at, reverse=True)
    front = next((prompt for prompt in ours if prompt.step in OPEN), None)
    if front is None and ours and now < ours[0].changed_at + timedelta(seconds=RESULT_SHOWN_S):
        front = ours[0]
    newest = sorted(ours, key=lambda prompt: prompt.arrived_at, reverse=True)[:listed]
    return PhoneView(
        phone=phone,
        initial=phone.name[:1],
        time=f"{now.astimezone(IST):%H:%M}",
        payee=PAYEE,
        front=_front(front, now) if front is not None else None,
        waiting=sum(prompt.step in OPEN for prompt in ours if prompt is not front),
        asked=tuple(_asked(prompt, prompt is front) for prompt in newest),
    )


def offered(link: Link, order: Order, shop: str, now: datetime) -> Offered:
    """Return a link as something a person could open or scan."""
    is_qr = link.way is Way.QR
    return Offered(
        ref=link.ref,
        text=link.text,
        amount=format_inr(order.amount_paise),
        shop=shop,
        order=order.id,
        is_qr=is_qr,
        svg=picture(link.text, f"UPI QR of {order.id}") if is_qr else "",
        until=_until(link.expires_at, now),
    )


def order_row(order: Order) -> Row:
    """Return an online order as a list of sales shows it, as it truly is."""
    last = order.paid or (order.tries[-1] if order.tries else None)
    tone, state = ("waiting", "Nobody has tried") if last is None else _STATES[last.state]
    return Row(
        id=order.id,
        time=_clock(order.made_at, "%H:%M:%S"),
        bill=order.id,
        machine=_HOW[last.way] if last is not None else ("UPI QR" if order.qr_id else "UPI"),
        amount=format_inr(order.amount_paise),
        state=state,
        tone=tone,
        detail=_detail(order, last),
    )


def told(post: Post) -> Told:
    """Return a callback as a list shows it."""
    state = post.ended or (f"again at {_clock(post.due_at, '%H:%M:%S')}" if post.tries else "on its way")
    return Told(
        time=_clock(post.due_at, "%H:%M:%S"), what=_SUBJECTS[post.subject], about=post.about, state=state
    )


def _front(prompt: Prompt, now: datetime) -> Front:
    can = possible(prompt)
    title, text = _WORDS[prompt.step]
    return Front(
        prompt=prompt,
        amount=format_inr(prompt.amount_paise),
        title=title,
        text=prompt.notice or text,
        until=_until(prompt.expires_at, now),
        on_screen=_buttons(_ON_SCREEN, can) if prompt.step is Step.ASKED else (),
        person=_buttons((*_PERSON, _BACK_OUT), can) if prompt.step is Step.PIN else (),
        fate=_buttons(_FATE, can),
    )


def _asked(prompt: Prompt, is_front: bool) -> Asked:
    tone, state = _STEPS[prompt.step]
    return Asked(
        id=prompt.id,
        time=_clock(prompt.arrived_at, "%H:%M:%S"),
        amount=format_inr(prompt.amount_paise),
        payee=prompt.payee,
        note=prompt.note,
        how=_HOW[prompt.way],
        tone=tone,
        state=state,
        detail=prompt.notice,
        buttons=() if is_front else _buttons((*_ON_SCREEN, *_PERSON, *_FATE), possible(prompt)),
    )


def _detail(order: Order, last: Try | None) -> str:
    parts = []
    if last is not None and last.state is TryState.PAID:
        parts.append(f"{last.vpa} · RRN {last.rrn}")
    elif last is not None and last.message is not None:
        parts.append(last.message)
    if order.refunded_paise:
        parts.append(f"refunds {format_inr(order.refunded_paise)}")
    return " · ".join(parts)


def _buttons(table: tuple[TapButton, ...], can: tuple[Tap, ...]) -> tuple[TapButton, ...]:
    return tuple(button for button in table if button.tap in can)


def _until(at: datetime, now: datetime) -> str:
    """Return a time of today, or a time and its day."""
    return _clock(at, "%H:%M" if business_date(at) == business_date(now) else "%H:%M, %d %b")


def _clock(at: datetime, form: str = "%H:%M") -> str:
    return at.astimezone(IST).strftime(form)


_WORDS: dict[Step, tuple[str, str]] = {
    Step.ASKED: ("asks you to pay", "Check the name and the amount."),
    Step.PIN: ("Enter UPI PIN", "Only you know it."),
    Step.STUCK: ("Processing", "The bank has not answered yet."),
    Step.PAID: ("Paid", "Money has left the account."),
    Step.DECLINED: ("Declined", "Nothing was paid."),
    Step.FAILED: ("Not paid", "The bank said no."),
    Step.EXPIRED: ("Too late", "The time to pay is over."),
}

_STEPS: dict[Step, tuple[str, str]] = {
    Step.ASKED: ("waiting", "Asked"),
    Step.PIN: ("waiting", "At the PIN"),
    Step.STUCK: ("waiting", "With the bank"),
    Step.PAID: ("paid", "Paid"),
    Step.DECLINED: ("ended", "Declined"),
    Step.FAILED: ("ended", "Not paid"),
    Step.EXPIRED: ("ended", "Ran out"),
}

_STATES: dict[TryState, tuple[str, str]] = {
    TryState.OFFERED: ("waiting", "Link not opened"),
    TryState.WITH_PAYER: ("waiting", "On the phone"),
    TryState.PAID: ("paid", "Paid"),
    TryState.FAILED: ("ended", "Not paid"),
}

_HOW: dict[Way, str] = {Way.INTENT: "UPI link", Way.QR: "UPI QR", Way.COLLECT: "UPI request"}

_SUBJECTS: dict[Subject, str] = {
    Subject.PAYMENT: "payment",
    Subject.REFUND_ACCEPTED: "refund taken in",
    Subject.REFUND_DONE: "refund ended",
    Subject.SALE: "card machine sale",
}

_ON_SCREEN = (
    TapButton(tap=Tap.APPROVE, label="Pay", tone="main"),
    TapButton(tap=Tap.DECLINE, label="Decline"),
)

_PERSON = (
    TapButton(tap=Tap.PIN_RIGHT, label="PIN right", tone="main"),
    TapButton(tap=Tap.PIN_WRONG, label="PIN wrong"),
)

_BACK_OUT = TapButton(tap=Tap.DECLINE, label="Back out")

_FATE = (
    TapButton(tap=Tap.NO_FUNDS, label="Too little money"),
    TapButton(tap=Tap.BANK_SILENT, label="Bank stays silent"),
    TapButton(tap=Tap.TIME_OUT, label="Let it run out"),
    TapButton(tap=Tap.PAY_LATE, label="Money moves after all", tone="stop"),
)
