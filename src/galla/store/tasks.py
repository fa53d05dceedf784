"""Tasks: writing one down, closing it, finding what is open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from galla.clock import to_millis
from galla.payments.ladder import Ladder
from galla.payments.task import Task, TaskKind, refund_end_s
from galla.store.payments import IS_LIVE
from galla.store.record_tables import tasks
from galla.store.rows import instant, millis
from galla.store.tables import payments, refunds

_t = tasks.c
_INSTANTS = ("created_at", "closed_at")
_PLAIN = [name for name in Task.__struct_fields__ if name not in {*_INSTANTS, "kind"}]
_LIVE = ("created", "pending", "in_doubt")


def insert_task(connection: Connection, task: Task) -> None:
    """Write a new task down. The database refuses a second open one of its kind for the same object."""
    values: dict[str, Any] = {name: getattr(task, name) for name in _PLAIN}
    for name in _INSTANTS:
        values[name] = millis(getattr(task, name))
    connection.execute(insert(tasks), {**values, "kind": task.kind.value})


def open_of(connection: Connection, merchant_id: str, object_id: str) -> list[Task]:
    """Return the open tasks of a payment or a refund."""
    return _found(connection, _t.merchant_id == merchant_id, _t.object_id == object_id, _t.closed_at.is_(None))


def open_of_payment(connection: Connection, merchant_id: str, payment_id: str) -> list[Task]:
    """Return the open tasks of a payment and of its refunds."""
    return _found(connection, _t.merchant_id == merchant_id, _t.payment_id == payment_id, _t.closed_at.is_(None))


def kinds_ever(connection: Connection, merchant_id: str, object_id: str) -> set[TaskKind]:
    """Return every kind of task that an object has or had."""
    rows = connection.execute(
        select(_t.kind).where(_t.merchant_id == merchant_id, _t.object_id == object_id).distinct()
    )
    return {TaskKind(kind) for (kind,) in rows}


def get(connection: Connection, merchant_id: str, task_id: str, *, lock: bool = False) -> Task | None:
    """Return one task of a merchant; `lock` holds its row until the commit."""
    query = select(tasks).where(_t.merchant_id == merchant_id, _t.id == task_id)
    if lock:
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    return task_from(row) if row is not None else None


def save(connection: Connection, task: Task) -> None:
    """Write what may change about a task: who has it, what it is about, and how it ended."""
    connection.execute(
        update(tasks)
        .where(_t.merchant_id == task.merchant_id, _t.id == task.id)
        .values(
            owner=task.owner,
            amount_paise=task.amount_paise,
            sequence=task.sequence,
            closed_at=millis(task.closed_at),
            closed_by=task.closed_by,
            note=task.note,
        )
    )


def find(
    connection: Connection,
    merchant_id: str,
    *,
    limit: int,
    before: str | None = None,
    is_open: bool | None = None,
    kinds: Iterable[TaskKind] = (),
    payment_id: str | None = None,
) -> list[Task]:
    """Return a page of tasks, newest first; `before` is the last id of the page before."""
    where = [_t.merchant_id == merchant_id]
    if is_open is not None:
        where.append(_t.closed_at.is_(None) if is_open else _t.closed_at.is_not(None))
    if named := [kind.value for kind in kinds]:
        where.append(_t.kind.in_(named))
    if payment_id is not None:
        where.append(_t.payment_id == payment_id)
    if before is not None:
        where.append(_t.id < before)
    return _found(connection, *where, limit=limit)


def count_unexplained(
    connection: Connection, now: datetime, card: Ladder, upi: Ladder, merchant_id: str | None = None
) -> int:
    """Count what nobody can explain: open tasks, and what is past its ladder and has no task yet."""
    counted: tuple[tuple[Table, list[ColumnElement[bool]]], ...] = (
        (tasks, [_t.closed_at.is_(None)]),
        (payments, [_is_past(to_millis(now), card, upi)]),
        (refunds, [_is_unfinished(to_millis(now), card.scale)]),
    )
    total = 0
    for table, where in counted:
        if merchant_id is not None:
            where.append(table.c.merchant_id == merchant_id)
        total += int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())
    return total


def task_from(row: Row[Any]) -> Task:
    """Return the task of a row."""
    found = row._mapping
    values = {name: found[name] for name in _PLAIN} | {name: instant(found[name]) for name in _INSTANTS}
    return msgspec.convert({**values, "kind": found["kind"]}, Task)


def _is_past(at: int, card: Ladder, upi: Ladder) -> ColumnElement[bool]:
    p = payments.c
    card_end, upi_end = at - round(card.end_s * 1000), at - round(upi.end_s * 1000)
    ends_at = case((p.method.in_(("edc", "queue")), literal(card_end)), else_=literal(upi_end))
    return and_(IS_LIVE, p.needs_review == 0, p.created_at < ends_at)


def _is_unfinished(at: int, scale: float) -> ColumnElement[bool]:
    r = refunds.c
    is_void = r.kind == "void"
    end_of_void, end_of_refund = (at - round(refund_end_s(kind) * scale * 1000) for kind in ("void", "refund"))
    has_task = exists().where(_t.merchant_id == r.merchant_id, _t.object_id == r.id)
    return and_(
        r.status.in_(_LIVE),
        or_(and_(is_void, r.created_at < end_of_void), and_(~is_void, r.created_at < end_of_refund)),
        ~has_task,
    )


def _found(connection: Connection, *where: ColumnElement[bool], limit: int | None = None) -> list[Task]:
    query = select(tasks).where(*where).order_by(_t.id.desc())
    return [task_from(row) for row in connection.execute(query if limit is None else query.limit(limit))]
