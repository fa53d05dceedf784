"""Tasks inside the commit of the step that causes them: opened with it, closed with it.

By this a flagged payment always has an open task, and one that is not flagged has none. What people do with tasks is
in `tasks.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from galla import ids
from galla.clock import rfc3339
from galla.money import format_inr
from galla.payments.giving_back import given_paise
from galla.payments.model import Payment, Status
from galla.payments.refund import Refund
from galla.payments.task import (
    ONCE,
    SURPRISES,
    Task,
    TaskKind,
    Words,
    of_payment,
    of_refund,
    payment_words,
    refund_words,
)
from galla.service.till import Till
from galla.service.views import payment_view
from galla.store import payments, tasks
from galla.store.journal import Event, Note, record

_OF_WEBHOOKS = frozenset({TaskKind.WEBHOOK_GONE, TaskKind.WEBHOOK_FAILED})
_ENDED = {Status.PAID: "Paytm has proven that it was paid.", Status.NOT_PAID: "Paytm has said that it was not paid."}


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """Who closes a task, from where, and what they found."""

    actor: str
    origin: str
    note: str


def follow_payment(
    connection: Connection,
    till: Till,
    before: Payment,
    after: Payment,
    *,
    excess_paise: int = 0,
    decision: Closing | None = None,
) -> None:
    """Open and close a payment's tasks as its step demands.

    Args:
        connection: the step's own transaction.
        till: the open till.
        before: the payment before the step.
        after: the payment as it was written.
        excess_paise: how much of a payment that became paid its bill did not need.
        decision: two people have decided; it closes whatever was open.
    """
    if not (before.needs_review or after.needs_review):
        return
    held = tasks.open_of(connection, after.merchant_id, after.id)
    has_become_paid = after.status is Status.PAID and before.status is not Status.PAID
    known = frozenset[TaskKind]() if decision is not None else frozenset(task.kind for task in held)
    wanted = of_payment(after, known, till.ladder(after.method), till.clock.now(), has_become_paid=has_become_paid)
    said = decision or Closing(
        actor="galla", origin="advance", note=_ENDED.get(after.status, "Paytm's answers fit together again.")
    )
    for task in held:
        if task.kind not in wanted:
            close(connection, till, task, said)
    for kind in sorted(wanted - {task.kind for task in held}):
        words = payment_words(kind, after, excess_paise)
        _open(connection, till, kind, words, after.id, after)


def follow_refund(connection: Connection, till: Till, payment: Payment, after: Refund) -> None:
    """Open and close a refund's tasks as its step demands."""
    held = tasks.open_of(connection, after.merchant_id, after.id)
    known = {task.kind for task in held}
    wanted = of_refund(after, till.clock.now(), till.settings.ladder_scale)
    said = Closing(actor="galla", origin="advance", note=f"Paytm's answers have made it {after.status.value} since.")
    for task in held:
        if task.kind not in wanted:
            close(connection, till, task, said)
    fresh = wanted - known
    if fresh & ONCE:
        fresh -= tasks.kinds_ever(connection, after.merchant_id, after.id) & ONCE
    for kind in sorted(fresh):
        words = refund_words(kind, after, payment.reference or payment.id)
        _open(connection, till, kind, words, after.id, payment)


def refund_started(
    connection: Connection, till: Till, payment: Payment, refund: Refund, *, actor: str, origin: str
) -> None:
    """Close what a new refund answers: money that was not wanted goes back, or an earlier try is repeated.

    Args:
        connection: the transaction that writes the refund.
        till: the open till.
        payment: the payment as it stood before this refund.
        refund: the new refund.
        actor: who gives it back.
        origin: from where.
    """
    given = given_paise(payment) + refund.amount_paise
    note = f"{format_inr(refund.amount_paise)} goes back as {refund.id}."
    for task in tasks.open_of_payment(connection, payment.merchant_id, payment.id):
        is_answered = task.kind in SURPRISES and given >= (task.amount_paise or 0)
        if is_answered or task.kind in (TaskKind.REFUND_FAILED, TaskKind.VOID_UNANSWERED):
            close(connection, till, task, Closing(actor=actor, origin=origin, note=note))
    explain(connection, till, payment, Closing(actor=actor, origin=origin, note=note))


def open_unknown(
    connection: Connection, till: Till, merchant_id: str, object_id: str, words: Words, payment: Payment | None = None
) -> Task | None:
    """Open the task about money that the books do not hold, unless there is or was one; return it if it is new.

    Args:
        connection: the transaction.
        till: the open till.
        merchant_id: whose money it is.
        object_id: Paytm's number of the payment or the return.
        words: what to say.
        payment: the payment of a return, which the books do hold.
    """
    if TaskKind.NOT_IN_BOOKS in tasks.kinds_ever(connection, merchant_id, object_id):
        return None
    return _write(connection, till, TaskKind.NOT_IN_BOOKS, words, merchant_id, object_id, payment)


def close(connection: Connection, till: Till, task: Task, said: Closing) -> Task:
    """Close an open task: who, when, and what they found."""
    now = till.clock.now()
    after = msgspec.structs.replace(
        task, closed_at=now, closed_by=said.actor, note=said.note, sequence=task.sequence + 1
    )
    tasks.save(connection, after)
    _journal(connection, till, "task.closed", after, said.actor, said.origin, {"note": said.note})
    return after


def explain(connection: Connection, till: Till, payment: Payment, said: Closing) -> Payment:
    """Take the flag from a payment none of whose tasks is open any more; nothing about its money changes."""
    if not payment.needs_review or tasks.open_of(connection, payment.merchant_id, payment.id):
        return payment
    after = payments.looked_at(connection, payment)
    now = till.clock.now()
    detail = {"note": said.note, "reason": payment.reason.code if payment.reason else None}
    note = Note(
        actor=said.actor, origin=said.origin, action="payment.reviewed", object_id=after.id, detail=detail
    )
    happened = Event(
        type="payment.reviewed",
        object_id=after.id,
        bill_id=after.bill_id,
        sequence=after.sequence,
        data=msgspec.json.encode(payment_view(after, now)).decode(),
    )
    record(connection, after.merchant_id, now, note, happened)
    return after


def change(connection: Connection, till: Till, task: Task, action: str, said: Closing, **detail: Any) -> None:
    """Write an open task as it now stands, with what was done to it."""
    tasks.save(connection, task)
    _journal(connection, till, action, task, said.actor, said.origin, detail)


def task_view(task: Task) -> dict[str, Any]:
    """Return a task as the API, the events and the pages show it."""
    is_refund = task.object_id.startswith("rfd_")
    return {
        "id": task.id,
        "object": "task",
        "kind": task.kind.value,
        "status": "open" if task.closed_at is None else "closed",
        "payment": task.payment_id,
        "refund": task.object_id if is_refund else None,
        "webhook_endpoint": task.object_id if task.kind in _OF_WEBHOOKS else None,
        "bill": task.bill_id,
        "amount": task.amount_paise,
        "message": task.message,
        "next_step": task.next_step,
        "owner": task.owner,
        "opened_at": rfc3339(task.created_at),
        "closed_at": rfc3339(task.closed_at) if task.closed_at is not None else None,
        "closed_by": task.closed_by,
        "note": task.note,
    }


def open_about(
    connection: Connection, till: Till, kind: TaskKind, words: Words, merchant_id: str, object_id: str
) -> None:
    """Open a task about something that is no payment, unless one of its kind is open already."""
    if all(task.kind is not kind for task in tasks.open_of(connection, merchant_id, object_id)):
        _write(connection, till, kind, words, merchant_id, object_id)


def _open(connection: Connection, till: Till, kind: TaskKind, words: Words, object_id: str, payment: Payment) -> None:
    _write(connection, till, kind, words, payment.merchant_id, object_id, payment)


def _write(
    connection: Connection,
    till: Till,
    kind: TaskKind,
    words: Words,
    merchant_id: str,
    object_id: str,
    payment: Payment | None = None,
) -> Task:
    now = till.clock.now()
    task = Task(
        id=ids.new_id("task", now),
        merchant_id=merchant_id,
        kind=kind,
        object_id=object_id,
        payment_id=payment.id if payment is not None else None,
        bill_id=payment.bill_id if payment is not None else None,
        message=words.message,
        next_step=words.next_step,
        amount_paise=words.amount_paise,
        created_at=now,
    )
    tasks.insert_task(connection, task)
    _journal(connection, till, "task.opened", task, "galla", "advance", {})
    return task


def _journal(
    connection: Connection, till: Till, action: str, task: Task, actor: str, origin: str, detail: dict[str, Any]
) -> None:
    about = {"kind": task.kind.value, "object": task.object_id, **detail}
    note = Note(actor=actor, origin=origin, action=action, object_id=task.id, detail=about)
    happened = Event(
        type=action,
        object_id=task.id,
        bill_id=task.bill_id,
        sequence=task.sequence,
        data=msgspec.json.encode(task_view(task)).decode(),
    )
    record(connection, task.merchant_id, till.clock.now(), note, happened)
