"""Shifts: one open at a counter, and what its counter took and gave back that no other shift has counted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from galla.payments.model import LIVE
from galla.store.bill_tables import bills
from galla.store.record_tables import shifts, tasks
from galla.store.shift_tables import shift_lines
from galla.store.tables import payments, proofs, refunds

_s, _p, _r, _t = shifts.c, payments.c, refunds.c, tasks.c
_AT_ONCE = 500
_OF_PAYMENT = and_(_p.merchant_id == _r.merchant_id, _p.id == _r.payment_id)
_given_at = func.coalesce(_r.counter, _p.counter)
_IS_PAID: ColumnElement[bool] = literal_column("(payments.status = 'paid' AND payments.counter IS NOT NULL)")
_IS_DONE: ColumnElement[bool] = literal_column("(refunds.status = 'done')")
_IS_GOING: ColumnElement[bool] = literal_column("(refunds.status IN ('created', 'pending', 'in_doubt'))")
_IS_OPEN: ColumnElement[bool] = literal_column(
    "(payments.status IN ('created', 'pending', 'in_doubt') OR payments.needs_review = 1)"
)
"""All written as the indexes' own conditions are, so that both engines see that the indexes answer."""


def insert_shift(connection: Connection, values: dict[str, Any]) -> None:
    """Write a new shift; the database refuses a second open one at its counter."""
    connection.execute(insert(shifts).values(values))


def get(connection: Connection, merchant_id: str, shift_id: str, *, lock: bool = False) -> Row[Any] | None:
    """Return one shift of a merchant; `lock` holds its row until the commit."""
    query = select(shifts).where(_s.merchant_id == merchant_id, _s.id == shift_id)
    if lock:
        query = query.with_for_update()
    return connection.execute(query).one_or_none()


def open_at(connection: Connection, merchant_id: str, counter: str) -> Row[Any] | None:
    """Return the shift that is open at a counter, or None."""
    query = select(shifts).where(_s.merchant_id == merchant_id, _s.counter == counter, _s.closed_at.is_(None))
    return connection.execute(query).one_or_none()


def find(
    connection: Connection, merchant_id: str, *, limit: int, before: str | None = None, counter: str | None = None
) -> list[Row[Any]]:
    """Return a page of shifts, newest first."""
    query = select(shifts).where(_s.merchant_id == merchant_id)
    if counter is not None:
        query = query.where(_s.counter == counter)
    if before is not None:
        query = query.where(_s.id < before)
    return list(connection.execute(query.order_by(_s.id.desc()).limit(limit)))


def step(connection: Connection, merchant_id: str, shift_id: str) -> int:
    """Count one more event of a shift, and return its number."""
    query = update(shifts).where(_s.merchant_id == merchant_id, _s.id == shift_id).values(sequence=_s.sequence + 1)
    return int(connection.execute(query.returning(_s.sequence)).scalar_one())


def next_number(connection: Connection, merchant_id: str, counter: str) -> int:
    """Return the number of a counter's next Z report: one after the last, without a gap; its open shift is locked."""
    query = select(func.coalesce(func.max(_s.number), 0)).where(_s.merchant_id == merchant_id, _s.counter == counter)
    return int(connection.execute(query).scalar_one()) + 1


def close(connection: Connection, merchant_id: str, shift_id: str, values: dict[str, Any]) -> None:
    """Write down how a shift ended."""
    connection.execute(update(shifts).where(_s.merchant_id == merchant_id, _s.id == shift_id).values(values))


def previous(connection: Connection, row: Row[Any]) -> Row[Any] | None:
    """Return the shift that was closed before this open one at the same counter, or None."""
    here = and_(_s.merchant_id == row.merchant_id, _s.counter == row.counter, _s.closed_at.is_not(None))
    query = select(shifts).where(here, _s.id != row.id).order_by(_s.closed_at.desc(), _s.opened_at.desc())
    return connection.execute(query.limit(1)).one_or_none()


def since(connection: Connection, row: Row[Any]) -> int:
    """Return from when money may be a shift's, in milliseconds: what no earlier shift has counted is this one's.

    It begins with the shift before, so that what was proven between the two, or while the first one closed, is lost
    to neither; `shift_lines` keeps what was counted from being counted again.
    """
    before = previous(connection, row)
    return int(row.opened_at if before is None else before.opened_at)


def taken(connection: Connection, row: Row[Any]) -> list[Row[Any]]:
    """Return what became paid and is this shift's: amount, method, proof, machine, actor, the bill's birth."""
    query = (
        select(
            _p.id, _p.amount_paise, _p.method, _p.tid, _p.machine, _p.actor, _p.settled_at, _p.paytm_id, _p.created_at,
            _p.reference, _p.is_voided,
            bills.c.created_at.label("billed_at"), proofs.c.data.label("proof"),
        )
        .join_from(payments, proofs, and_(proofs.c.merchant_id == _p.merchant_id, proofs.c.payment_id == _p.id))
        .outerjoin(bills, and_(bills.c.merchant_id == _p.merchant_id, bills.c.id == _p.bill_id))
        .where(*_is_taken(connection, row))
        .order_by(_p.id)
    )
    return list(connection.execute(query))


def payments_behind(connection: Connection, merchant_id: str, paytm_ids: list[str]) -> dict[str, Row[Any]]:
    """Return the payments that have these ids at Paytm, by them: id, status, counter."""
    found: dict[str, Row[Any]] = {}
    for first in range(0, len(paytm_ids), _AT_ONCE):
        query = select(_p.paytm_id, _p.id, _p.status, _p.counter).where(
            _p.merchant_id == merchant_id, _p.paytm_id.in_(paytm_ids[first : first + _AT_ONCE])
        )
        found |= {row.paytm_id: row for row in connection.execute(query)}
    return found


def taken_paise(connection: Connection, row: Row[Any]) -> int:
    """Return what a shift has taken so far, in paise."""
    query = select(func.coalesce(func.sum(_p.amount_paise), 0)).where(*_is_taken(connection, row))
    return int(connection.execute(query).scalar_one())


def given(connection: Connection, row: Row[Any]) -> list[Row[Any]]:
    """Return what was given back and is this shift's; where no counter was noted, at that of the payment."""
    query = (
        select(
            _r.id, _r.amount_paise, _r.kind, _r.actor, _r.settled_at, _p.method, _p.tid, _p.machine,
            proofs.c.data.label("proof"),
        )
        .join_from(refunds, payments, _OF_PAYMENT)
        .join(proofs, and_(proofs.c.merchant_id == _p.merchant_id, proofs.c.payment_id == _p.id))
        .where(
            _r.merchant_id == row.merchant_id,
            _given_at == row.counter,
            _IS_DONE,
            _r.settled_at >= since(connection, row),
            _is_uncounted(_r),
        )
        .order_by(_r.id)
    )
    return list(connection.execute(query))


def count(connection: Connection, merchant_id: str, shift_id: str, object_ids: list[str]) -> None:
    """Write down which payments and refunds a shift has counted; the database refuses one that another counted."""
    rows = [{"merchant_id": merchant_id, "object_id": each, "shift_id": shift_id} for each in object_ids]
    if rows:
        connection.execute(insert(shift_lines), rows)


def unfinished(connection: Connection, merchant_id: str, counter: str) -> list[Row[Any]]:
    """Return what is not explained at a counter, oldest first: `id`, `kind`, `payment_id`, amount, reference, status.

    `kind` is `payment` for a live one, `task` for a payment with an open task (of its own or of a refund), `refund`
    for a void that has not ended and for a refund that Paytm has not taken in.
    """
    here = and_(_p.merchant_id == merchant_id, _p.counter == counter)
    about = (_p.id.label("payment_id"), _p.reference)
    live = select(_p.id, literal("payment").label("kind"), *about, _p.amount_paise, _p.status).where(
        here, _IS_OPEN, _p.status.in_(LIVE)
    ).order_by(_p.created_at)
    asked = (
        select(_t.object_id.label("id"), literal("task").label("kind"), *about, _p.amount_paise, _p.status)
        .join_from(
            payments, tasks, and_(_t.merchant_id == _p.merchant_id, func.coalesce(_t.payment_id, _t.object_id) == _p.id)
        )
        .where(here, _t.closed_at.is_(None))
    )
    going = (
        select(_r.id, literal("refund").label("kind"), *about, _r.amount_paise, _r.status)
        .join_from(refunds, payments, _OF_PAYMENT)
        .where(
            _r.merchant_id == merchant_id,
            _given_at == counter,
            _IS_GOING,
            or_(_r.status.in_(("created", "in_doubt")), and_(_r.status == "pending", _r.kind == "void")),
        )
    )
    found = {str(row.id): row for query in (asked, live, going) for row in connection.execute(query)}
    return [found[name] for name in sorted(found)]


def on_their_way(connection: Connection, merchant_id: str, counter: str) -> list[int]:
    """Return the amounts that Paytm has taken in to give back and has not given back yet, in paise."""
    query = (
        select(_r.amount_paise)
        .join_from(refunds, payments, _OF_PAYMENT)
        .where(_r.merchant_id == merchant_id, _IS_GOING, _given_at == counter)
        .where(_r.status == "pending", _r.kind != "void")
    )
    return [int(amount) for amount in connection.execute(query).scalars()]


def _is_taken(connection: Connection, row: Row[Any]) -> tuple[ColumnElement[bool], ...]:
    return (
        _p.merchant_id == row.merchant_id,
        _p.counter == row.counter,
        _IS_PAID,
        _p.settled_at >= since(connection, row),
        _is_uncounted(_p),
    )


def _is_uncounted(columns: Any) -> ColumnElement[bool]:
    line = shift_lines.c
    return ~exists().where(line.merchant_id == columns.merchant_id, line.object_id == columns.id)
