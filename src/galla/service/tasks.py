"""The verbs of a task: list, take, close. Opening is never asked for: it follows from what happened (`tasking.py`)."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from galla.errors import Forbidden, IllegalTransition, InvalidField, NotFound
from galla.payments.model import Payment
from galla.payments.task import ONCE, SURPRISES, Task, TaskKind
from galla.service.tasking import Closing, change, close, explain, task_view
from galla.service.till import Principal, Till
from galla.service.views import View
from galla.service.words import NOTE_MAX, clean
from galla.store import payments, refunds, tasks


async def find(
    till: Till, principal: Principal, filters: dict[str, str], *, limit: int = 50, cursor: str | None = None
) -> View:
    """Return a page of tasks, newest first, with the number of what is unexplained.

    `status` (open or closed), `kind` and `payment` narrow it; a payment's tasks include those of its refunds.

    Raises:
        InvalidField: a filter cannot be used.
    """
    limit = min(max(limit, 1), 200)
    status = filters.get("status")
    if status not in (None, "open", "closed"):
        raise InvalidField("`status` must be open or closed.", param="status")
    kind = filters.get("kind")
    if kind is not None and kind not in set(TaskKind):
        raise InvalidField(f"`kind` must be one of {', '.join(TaskKind)}.", param="kind")
    found = await till.database.read(
        tasks.find,
        principal.merchant_id,
        limit=limit + 1,
        before=cursor,
        is_open=None if status is None else status == "open",
        kinds=() if kind is None else (TaskKind(kind),),
        payment_id=filters.get("payment"),
    )
    page = found[:limit]
    return {
        "data": [task_view(task) for task in page],
        "next_cursor": page[-1].id if len(found) > limit else None,
        "unexplained": await unexplained(till, principal),
    }


async def surprises(till: Till, principal: Principal) -> list[View]:
    """Return the open tasks about money that came when nobody waited for it, newest first."""
    found = await till.database.read(
        tasks.find, principal.merchant_id, limit=20, is_open=True, kinds=sorted(SURPRISES)
    )
    return [task_view(task) for task in found]


async def unexplained(till: Till, principal: Principal | None = None) -> int:
    """Count what nobody can explain: open tasks, and what is past its ladder and has no task yet.

    The one number that the counter, the tasks page, `galla status` and the metrics show; of all merchants without a
    principal.
    """
    merchant_id = principal.merchant_id if principal is not None else None
    return await till.database.read(tasks.count_unexplained, till.clock.now(), till.card, till.upi, merchant_id)


async def take(till: Till, principal: Principal, task_id: str) -> View:
    """Put a task into the caller's hands; from another's hands too, and that is written down.

    Raises:
        NotFound: no such task for this merchant.
        IllegalTransition: it is closed.
    """
    task = await till.database.write(_take, till, principal, task_id)
    till.bell.ring()
    return task_view(task)


async def close_task(till: Till, principal: Principal, task_id: str, note: str) -> View:
    """Close a task: a person says what they found. Nothing about the money changes.

    Raises:
        NotFound: no such task for this merchant.
        InvalidField: nothing was noted.
        Forbidden: it takes the scope `refund`, and the caller has not got it.
        IllegalTransition: it is closed, or galla is still asking Paytm about it.
    """
    words = clean(note, "note", limit=NOTE_MAX, is_required=True) or ""
    task = await till.database.write(_close, till, principal, task_id, words)
    till.bell.ring()
    return task_view(task)


def _take(connection: Connection, till: Till, principal: Principal, task_id: str) -> Task:
    task = _open_task(connection, principal, task_id)
    if task.owner == principal.actor:
        return task
    after = msgspec.structs.replace(task, owner=principal.actor, sequence=task.sequence + 1)
    said = Closing(actor=principal.actor, origin=principal.origin, note="")
    change(connection, till, after, "task.taken", said, before=task.owner)
    return after


def _close(connection: Connection, till: Till, principal: Principal, task_id: str, note: str) -> Task:
    known = tasks.get(connection, principal.merchant_id, task_id)
    payment = _payment(connection, known)  # locked before its task, as every step does
    task = _open_task(connection, principal, task_id)
    if task.kind not in SURPRISES - {TaskKind.EXCESS} and "refund" not in principal.scopes:
        raise Forbidden("Closing this task needs the scope `refund`: ask a supervisor.")
    if payment is not None and _is_still_asked(connection, task, payment):
        raise IllegalTransition(
            "galla is still asking Paytm about this, so nobody can explain it yet. Check the payment again, "
            "or let two people decide it when its time is over.",
            code="payment_not_final",
            blocker=payment.id,
        )
    said = Closing(actor=principal.actor, origin=principal.origin, note=note)
    after = close(connection, till, task, said)
    if payment is not None:
        explain(connection, till, payment, said)
    if task.kind in (TaskKind.REFUND_UNCLEAR, TaskKind.VOID_UNANSWERED):
        refunds.looked_at(connection, task.merchant_id, task.object_id)
    return after


def _payment(connection: Connection, task: Task | None) -> Payment | None:
    if task is None or task.payment_id is None:
        return None
    return payments.get(connection, task.merchant_id, task.payment_id, lock=True)


def _open_task(connection: Connection, principal: Principal, task_id: str) -> Task:
    task = tasks.get(connection, principal.merchant_id, task_id, lock=True)
    if task is None:
        raise NotFound(f"There is no task {task_id[:60]}.")
    if task.closed_at is not None:
        raise IllegalTransition(f"{task.closed_by} has closed this task: {task.note}", code="task_closed")
    return task


def _is_still_asked(connection: Connection, task: Task, payment: Payment) -> bool:
    if task.object_id == payment.id:
        return payment.is_live
    if task.kind in ONCE:
        return False
    refund = refunds.get(connection, task.merchant_id, task.object_id)
    return refund is not None and refund.is_open
