"""Tasks: what needs a person, in which words, and when it needs nobody any more.

A task belongs to one object, a payment or a refund, and there is one open task of a kind for it. Which tasks an
object has follows from how it stands; the commit of a step opens and closes them (`service/tasking.py`). An endpoint of
webhooks has tasks too: they are about no money (`service/webhook_tasks.py`).
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from enum import StrEnum

import msgspec

from galla.money import format_inr
from galla.payments.ladder import REFUND_RUNGS, VOID_END_S, Ladder, is_past
from galla.payments.model import Payment, Status
from galla.payments.refund import Refund, RefundStatus


class TaskKind(StrEnum):
    """Why a person is needed."""

    LATE = "late"
    STOPPED = "stopped"
    EXCESS = "excess"
    CONFLICT = "conflict"
    MISMATCH = "mismatch"
    UNCLEAR = "unclear"
    LOST = "lost"
    PAST_LADDER = "past_ladder"
    REFUND_FAILED = "refund_failed"
    REFUND_UNCLEAR = "refund_unclear"
    REFUND_PAST_LADDER = "refund_past_ladder"
    VOID_UNANSWERED = "void_unanswered"
    WEBHOOK_GONE = "webhook_gone"
    WEBHOOK_FAILED = "webhook_failed"
    NOT_IN_BOOKS = "not_in_books"


SURPRISES = frozenset({TaskKind.LATE, TaskKind.STOPPED, TaskKind.EXCESS})
"""Money that came when nobody waited for it: to be kept, put on a bill, or given back."""

STANDING = SURPRISES | {TaskKind.CONFLICT, TaskKind.MISMATCH}
"""What only a person takes off the list: a later answer does not explain these."""

ONCE = frozenset({TaskKind.REFUND_FAILED, TaskKind.REFUND_PAST_LADDER, TaskKind.NOT_IN_BOOKS})
"""What is opened once for an object, and not again after a person has closed it."""

_OF_REASON = {kind.value: kind for kind in (TaskKind.LATE, TaskKind.STOPPED, TaskKind.EXCESS)} | {
    "conflict": TaskKind.CONFLICT,
    "mismatch": TaskKind.MISMATCH,
    "past_ladder": TaskKind.PAST_LADDER,
}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs a person. `owner` None: anybody may take it. Amounts in paise, instants aware UTC.

    `object_id` is the payment or refund it is about, an endpoint of webhooks, or Paytm's number of money that the
    books do not hold; `payment_id` the payment, where there is one. `message` says what happened and what it means for
    the money, `next_step` what to do; `note` what the person who closed it found.
    """

    id: str
    merchant_id: str
    kind: TaskKind
    object_id: str
    message: str
    next_step: str
    created_at: datetime
    payment_id: str | None = None
    bill_id: str | None = None
    amount_paise: int | None = None
    owner: str | None = None
    sequence: int = 1
    closed_at: datetime | None = None
    closed_by: str | None = None
    note: str | None = None


class Words(msgspec.Struct, frozen=True):
    """What a task says: message, next step, and the money it is about in paise, where that is known."""

    message: str
    next_step: str
    amount_paise: int | None


def of_payment(
    payment: Payment, open_kinds: Set[TaskKind], ladder: Ladder, now: datetime, *, has_become_paid: bool = False
) -> set[TaskKind]:
    """Return the tasks that a payment has, as it stands after a step.

    Args:
        payment: the payment after the step.
        open_kinds: what is open before it.
        ladder: the payment's schedule.
        now: the present instant.
        has_become_paid: whether this step proved it.
    """
    kinds = set(open_kinds & STANDING)
    if is_past(payment, ladder, now):
        kinds.add(TaskKind.PAST_LADDER)
    if payment.needs_review and (kind := _of_reason(payment)) is not None:
        kinds.add(kind)
    if has_become_paid and not kinds & SURPRISES:  # a greater trouble has taken the reason; this is another matter
        is_stopped = payment.cancel_requested_at is not None and not _is_decided(payment)
        kinds |= {TaskKind.LATE} if payment.is_late else {TaskKind.STOPPED} if is_stopped else set()
    return kinds


def of_refund(refund: Refund, now: datetime, scale: float) -> set[TaskKind]:
    """Return the tasks that a refund has, as it stands after a step."""
    kinds = set()
    is_late_void = refund.trouble is not None and refund.trouble.code == TaskKind.VOID_UNANSWERED.value
    if refund.needs_review:
        kinds.add(TaskKind.VOID_UNANSWERED if is_late_void else TaskKind.REFUND_UNCLEAR)
    elif refund.status is RefundStatus.FAILED:
        kinds.add(TaskKind.REFUND_FAILED)
    age_s = (now - refund.created_at).total_seconds()
    if refund.is_open and not refund.needs_review and age_s > refund_end_s(refund.kind) * scale:
        kinds.add(TaskKind.REFUND_PAST_LADDER)
    return kinds


def refund_end_s(kind: str) -> float:
    """Return the age after which a void or a refund that is not finished needs a person, in unscaled seconds."""
    return VOID_END_S if kind == "void" else REFUND_RUNGS[-1].until_s


def payment_words(kind: TaskKind, payment: Payment, excess_paise: int) -> Words:
    """Return what a payment's task says; `excess_paise` is what its bill did not need of it."""
    what = f"{format_inr(payment.amount_paise)} for {payment.reference or payment.id}"
    booked = "is booked on its bill" if payment.bill_id else f"is booked for {payment.reference or 'no bill'}"
    reason = payment.reason
    said, hint = (reason.message, reason.hint) if reason is not None else ("", "")
    amount = payment.amount_paise
    match kind:
        case TaskKind.LATE:
            message = f"{what} was paid after all, after it had stood as not paid. The money was taken and {booked}."
            return Words(message, "Keep it, or give it back if it was paid another way since.", amount)
        case TaskKind.STOPPED:
            message = f"{what} was paid after the counter had stopped waiting. The money was taken and {booked}."
            return Words(message, "Keep it, or give it back if it was paid another way since.", amount)
        case TaskKind.EXCESS:
            how = " after all, late" if payment.is_late else ""
            message = (
                f"{what} was paid{how}, and {format_inr(excess_paise)} of it was no longer due. The money was taken, "
                "and stands as the customer's advance."
            )
            return Words(message, "Put it on another bill of this customer, or give it back.", excess_paise)
        case TaskKind.PAST_LADDER:
            message = (
                f"{what} is still not decided: Paytm was asked all this time. The money may have been taken; "
                "nothing is booked, and galla asks on every hour."
            )
            next_step = "Look at the machine's slip and the Paytm dashboard. Two people can then decide it on its page."
            return Words(message, next_step, amount)
        case TaskKind.CONFLICT:
            return Words(f"{what}: {said}", hint, amount)
        case _:
            is_paid = payment.status is Status.PAID
            money = "It is booked as paid." if is_paid else "Nothing is booked by this, and galla asks on."
            if payment.status is Status.NOT_PAID:  # its reason is why it was not paid, not what came after
                said = "Paytm gave an answer about it that does not fit a payment which is not paid."
                hint = "Compare with the Paytm dashboard."
            return Words(f"{what}: {said} {money}", hint, amount)


def refund_words(kind: TaskKind, refund: Refund, reference: str) -> Words:
    """Return what a refund's task says; `reference` is what the shop calls its payment."""
    noun = "void" if refund.kind == "void" else "refund"
    what = f"The {noun} of {format_inr(refund.amount_paise)} for {reference}"
    trouble = refund.trouble
    said, hint = (f" {trouble.message}", trouble.hint) if trouble is not None else ("", "")
    match kind:
        case TaskKind.REFUND_FAILED:
            message = f"{what} was not done: the customer has not got this money back.{said}"
            return Words(message, hint or "Give it back again, or in another way.", refund.amount_paise)
        case TaskKind.VOID_UNANSWERED:
            return Words(f"{what} is not answered. The sale may stand or be reversed.{said}", hint, refund.amount_paise)
        case TaskKind.REFUND_UNCLEAR:
            money = "The money may have gone back or not."
            if refund.status is RefundStatus.FAILED:
                money = "It stands as failed, and Paytm now says that the money went back."
            next_step = "Compare with the Paytm dashboard before giving anything back again."
            return Words(f"{what} is not clear. {money}{said}", hint or next_step, refund.amount_paise)
        case _:
            message = f"{what} is not finished: Paytm has neither done nor refused it. It may still go through.{said}"
            next_step = "Ask Paytm about it by its reference. Do not give the money back another way before that."
            return Words(message, next_step, refund.amount_paise)


def unknown_words(what: str, amount_paise: int | None, *, is_return: bool) -> Words:
    """Return what the task says about money that Paytm knows of and the books do not.

    Args:
        what: Paytm's words for it, as a sentence: when, under which number, of how much.
        amount_paise: how much, where Paytm has said so.
        is_return: whether it went back to the customer.
    """
    if is_return:
        message = f"{what} The books do not hold this return: nothing is booked."
        next_step = "Do not give the money back once more. Write down on this task which refund it was, and book it."
    else:
        message = f"{what} The books do not hold this payment: nothing is booked."
        next_step = (
            "Find whose it is by the time, the machine's slip and the RRN. Give it back on the Paytm dashboard, or "
            "write down on this task which bill it paid. Do not take the payment again."
        )
    return Words(message, next_step, amount_paise)


def _is_decided(payment: Payment) -> bool:
    return payment.proof is not None and payment.proof.source == "person"


def _of_reason(payment: Payment) -> TaskKind | None:
    """Return the task that a flagged payment's reason stands for; None when the flag is for something else."""
    code = payment.reason.code if payment.reason is not None else ""
    if code in _OF_REASON:
        return _OF_REASON[code]
    if payment.is_live and code == "not_found":
        return TaskKind.LOST
    return TaskKind.UNCLEAR
