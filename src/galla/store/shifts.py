"""Shifts: one open at a counter, and what its counter took and gave back meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from galla.clock import to_millis
from galla.store.record_tables import shifts, tasks
from galla.store.tables import bills, payments, proofs, refunds

_s, _p, _r = shifts.c, payments.c, refunds.c
_LIVE = ("created", "pending", "in_doubt")


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


def close(connection: Connection, merchant_id: str, shift_id: str, values: dict[str, Any]) -> None:
    """Write down how a shift ended."""
    connection.execute(update(shifts).where(_s.merchant_id == merchant_id, _s.id == shift_id).values(values))


def taken(connection: Connection, merchant_id: str, counter: str, since: int, until: datetime) -> list[Row[Any]]:
    """Return what became paid at a counter in a time: amount, method, proof, machine, actor, the bill's birth."""
    query = (
        select(
            _p.id, _p.amount_paise, _p.method, _p.tid, _p.actor, bills.c.created_at.label("billed_at"),
            proofs.c.data.label("proof"),
        )
        .join_from(payments, proofs, and_(proofs.c.merchant_id == _p.merchant_id, proofs.c.payment_id == _p.id))
        .outerjoin(bills, and_(bills.c.merchant_id == _p.merchant_id, bills.c.id == _p.bill_id))
        .where(
            _p.merchant_id == merchant_id,
            _p.counter == counter,
            _p.status == "paid",
            _p.settled_at >= since,
            _p.settled_at <= to_millis(until),
        )
        .order_by(_p.id)
    )
    return list(connection.execute(query))


def given(connection: Connection, merchant_id: str, counter: str, since: int, until: datetime) -> list[Row[Any]]:
    """Return what was given back at a counter in a time; where no counter was noted, at that of the payment."""
    query = (
        select(_r.id, _r.amount_paise, _r.kind, _r.actor, _p.method, _p.tid, proofs.c.data.label("proof"))
        .join_from(refunds, payments, and_(_p.merchant_id == _r.merchant_id, _p.id == _r.payment_id))
        .join(proofs, and_(proofs.c.merchant_id == _p.merchant_id, proofs.c.payment_id == _p.id))
        .where(
            _r.merchant_id == merchant_id,
            func.coalesce(_r.counter, _p.counter) == counter,
            _r.status == "done",
            _r.settled_at >= since,
            _r.settled_at <= to_millis(until),
        )
        .order_by(_r.id)
    )
    return list(connection.execute(query))


def unfinished(connection: Connection, merchant_id: str, counter: str) -> list[str]:
    """Return the ids of what is not explained at a counter: live payments, open refunds, payments with an open task."""
    here = and_(_p.merchant_id == merchant_id, _p.counter == counter)
    live = select(_p.id).where(here, _p.status.in_(_LIVE))
    asked = (
        select(_p.id)
        .join_from(payments, tasks, and_(tasks.c.merchant_id == _p.merchant_id, tasks.c.object_id == _p.id))
        .where(here, tasks.c.closed_at.is_(None))
    )
    going = (
        select(_r.id)
        .join_from(refunds, payments, and_(_p.merchant_id == _r.merchant_id, _p.id == _r.payment_id))
        .where(
            _r.merchant_id == merchant_id,
            func.coalesce(_r.counter, _p.counter) == counter,
            _r.status.in_(_LIVE),
            _r.kind == "void",
        )
    )
    found = {str(each) for query in (live, asked, going) for each in connection.execute(query).scalars()}
    return sorted(found)
