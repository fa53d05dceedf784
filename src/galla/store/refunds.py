"""Refunds: writing one down under the cap, committing a step, claiming what is due."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Update,
    and_,
    bindparam,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from galla.clock import from_millis, to_millis
from galla.errors import StaleClaim
from galla.payments.model import Reason
from galla.payments.refund import Refund, RefundStatus, sending
from galla.payments.voiding import VOID
from galla.store.presence import number_of
from galla.store.rows import millis, text
from galla.store.tables import payments, refunds

_r = refunds.c
_INSTANTS = ("created_at", "sent_at", "settled_at", "expires_at", "asked_at", "due_at", "lease_until")
_TRUTHS = ("needs_review", "may_resend")
_PLAIN = [
    name for name in Refund.__struct_fields__ if name not in {*_INSTANTS, *_TRUTHS, "trouble", "status"}
]
_reasons = msgspec.json.Decoder(Reason)
IS_OPEN_VOID: ColumnElement[bool] = literal_column(
    "(refunds.kind = 'void' AND refunds.status IN ('created', 'pending', 'in_doubt'))"
)
"""Written as the index's own condition is, so that both engines see that the index answers."""
_OPEN_VOID_ON = (
    select(refunds)
    .join_from(
        refunds, payments, and_(payments.c.merchant_id == _r.merchant_id, payments.c.id == _r.payment_id)
    )
    .where(
        _r.merchant_id == bindparam("merchant"), IS_OPEN_VOID, payments.c.terminal_id == bindparam("terminal")
    )
    .order_by(_r.id.desc())
    .limit(1)
)


def insert_refund(connection: Connection, refund: Refund) -> None:
    """Write a new refund, claimed by this process, with its reference, and set its amount aside.

    The database refuses more than was paid.
    """
    connection.execute(insert(refunds), {**_values(refund), "claimed_by": number_of(connection)})
    _move(connection, refund, refunding=refund.amount_paise)


def save(connection: Connection, before: Refund, after: Refund) -> Refund:
    """Write the changed columns of a refund, releasing its lease, and move its amount when it ended.

    Raises:
        StaleClaim: the fencing token has moved on; nothing was written.
    """
    old, new = _values(before), _values(after)
    changes: dict[str, Any] = {name: value for name, value in new.items() if old[name] != value}
    changes["lease_until"] = None
    changes["sequence"] = _r.sequence + (after.sequence - before.sequence)
    row = connection.execute(
        update(refunds)
        .where(_r.merchant_id == before.merchant_id, _r.id == before.id, _r.fence == before.fence)
        .values(changes)
        .returning(refunds)
    ).one_or_none()
    if row is None:
        raise StaleClaim(f"Refund {before.id} was advanced by somebody else; this answer was thrown away.")
    if before.is_open and after.status is RefundStatus.DONE:
        _move(connection, after, refunding=-after.amount_paise, refunded=after.amount_paise)
        if after.kind == VOID:
            _mark_voided(connection, after)
    elif before.is_open and after.status is RefundStatus.FAILED:
        _move(connection, after, refunding=-after.amount_paise)
    return refund_from(row)


def claim_due(connection: Connection, now: datetime, lease_ms: int, limit: int) -> list[Refund]:
    """Take up to `limit` refunds whose time has come, longest overdue first."""
    at = to_millis(now)
    taking = _taking_due(has_other_workers=connection.dialect.name == "postgresql")
    rows = connection.execute(taking, {"now": at, "until": at + lease_ms, "most": limit, "by": number_of(connection)})
    return [refund_from(row) for row in rows]


@lru_cache(maxsize=2)  # a worker runs it all the time, and to put it together takes longer than to run it
def _taking_due(*, has_other_workers: bool) -> Update:
    now, until = bindparam("now", type_=BigInteger()), bindparam("until", type_=BigInteger())
    due = (
        select(_r.merchant_id, _r.id)
        .where(_r.due_at <= now, or_(_r.lease_until.is_(None), _r.lease_until <= now))
        .order_by(_r.due_at)
        .limit(bindparam("most", type_=BigInteger()))
    )
    if has_other_workers:
        due = due.with_for_update(skip_locked=True)
    return (
        update(refunds)
        .where(tuple_(_r.merchant_id, _r.id).in_(due))
        .values(
            due_at=until,
            lease_until=until,
            claimed_by=bindparam("by", type_=BigInteger()),
            fence=_r.fence + 1,
            checks=_r.checks + 1,
            asked_at=now,
        )
        .returning(refunds)
    )


def put_off(connection: Connection, refund: Refund, until: datetime) -> None:
    """Give a claim back unused: the refund falls due at this instant, and the claim does not count."""
    connection.execute(
        update(refunds)
        .where(_r.merchant_id == refund.merchant_id, _r.id == refund.id, _r.fence == refund.fence)
        .values(due_at=to_millis(until), lease_until=None, checks=_r.checks - 1)
    )


def mark_sending(connection: Connection, refund: Refund, now: datetime, lease_ms: int) -> Refund:
    """Write down that a refund's request may leave, before its first byte does.

    Raises:
        LookupError: somebody else has claimed the refund meanwhile.
    """
    after = sending(refund, now)
    until = to_millis(now) + lease_ms
    done = connection.execute(
        update(refunds)
        .where(_r.merchant_id == refund.merchant_id, _r.id == refund.id, _r.fence == refund.fence)
        .values(
            sends=after.sends, may_resend=0, sent_at=millis(now), not_found_count=0, lease_until=until, due_at=until
        )
    )
    if done.rowcount != 1:
        raise LookupError(refund.id)
    return msgspec.structs.replace(after, lease_until=from_millis(until), due_at=from_millis(until))


def get(connection: Connection, merchant_id: str, refund_id: str) -> Refund | None:
    """Return one refund of a merchant."""
    row = connection.execute(
        select(refunds).where(_r.merchant_id == merchant_id, _r.id == refund_id)
    ).one_or_none()
    return refund_from(row) if row is not None else None


def looked_at(connection: Connection, merchant_id: str, refund_id: str) -> None:
    """Write down that a person has looked at a refund whose answers did not fit."""
    connection.execute(
        update(refunds).where(_r.merchant_id == merchant_id, _r.id == refund_id).values(needs_review=0)
    )


def of_payment(connection: Connection, merchant_id: str, payment_id: str) -> list[Refund]:
    """Return every refund of a payment, oldest first."""
    return of_payments(connection, merchant_id, [payment_id])


def of_payments(connection: Connection, merchant_id: str, payment_ids: list[str]) -> list[Refund]:
    """Return every refund of several payments, oldest first."""
    rows = connection.execute(
        select(refunds).where(_r.merchant_id == merchant_id, _r.payment_id.in_(payment_ids)).order_by(_r.id)
    )
    return [refund_from(row) for row in rows]


def find(
    connection: Connection,
    merchant_id: str,
    *,
    limit: int,
    before: str | None = None,
    payment_id: str | None = None,
    status: str | None = None,
) -> list[Refund]:
    """Return a page of refunds, newest first."""
    query = select(refunds).where(_r.merchant_id == merchant_id)
    if payment_id is not None:
        query = query.where(_r.payment_id == payment_id)
    if status is not None:
        query = query.where(_r.status == status)
    if before is not None:
        query = query.where(_r.id < before)
    return [refund_from(row) for row in connection.execute(query.order_by(_r.id.desc()).limit(limit))]


def open_void_on(connection: Connection, merchant_id: str, terminal_id: str) -> Refund | None:
    """Return the void that a machine has been asked for and that is not over, or None."""
    row = connection.execute(_OPEN_VOID_ON, {"merchant": merchant_id, "terminal": terminal_id}).first()
    return refund_from(row) if row is not None else None


def leave_failed_voids(connection: Connection, merchant_id: str, payment_id: str) -> None:
    """Stop asking about the failed voids of a payment: a void has no id of its own, and the next one asks the same."""
    connection.execute(
        update(refunds)
        .where(
            _r.merchant_id == merchant_id,
            _r.payment_id == payment_id,
            _r.kind == VOID,
            _r.status == RefundStatus.FAILED.value,
        )
        .values(due_at=None, fence=_r.fence + 1)
    )


def nudge(connection: Connection, mid: str, ref_id: str, now: datetime) -> str | None:
    """Let a refund that is not done fall due now, because somebody hinted at news; return its id."""
    row = connection.execute(select(_r.merchant_id, _r.id).where(_r.mid == mid, _r.ref_id == ref_id)).one_or_none()
    if row is None:
        return None
    connection.execute(
        update(refunds)
        .where(_r.merchant_id == row.merchant_id, _r.id == row.id, _r.status != RefundStatus.DONE.value)
        .values(due_at=to_millis(now))
    )
    return str(row.id)


def refund_from(row: Row[Any]) -> Refund:
    """Return the refund of a row."""
    found = row._mapping
    values: dict[str, Any] = {name: found[name] for name in _PLAIN}
    for name in _INSTANTS:
        number = found[name]
        values[name] = from_millis(number) if number is not None else None
    for name in _TRUTHS:
        values[name] = found[name] == 1
    values["status"] = RefundStatus(found["status"])
    values["trouble"] = _reasons.decode(found["trouble"]) if found["trouble"] else None
    return Refund(**values)


def _values(refund: Refund) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(refund, name) for name in _PLAIN}
    for name in _INSTANTS:
        values[name] = millis(getattr(refund, name))
    for name in _TRUTHS:
        values[name] = int(getattr(refund, name))
    values["status"] = refund.status.value
    values["trouble"] = text(refund.trouble) if refund.trouble else None
    return values


def _move(connection: Connection, refund: Refund, *, refunding: int = 0, refunded: int = 0) -> None:
    p = payments.c
    connection.execute(
        update(payments)
        .where(p.merchant_id == refund.merchant_id, p.id == refund.payment_id)
        .values(refunding_paise=p.refunding_paise + refunding, refunded_paise=p.refunded_paise + refunded)
    )


def _mark_voided(connection: Connection, void: Refund) -> None:
    connection.execute(
        update(payments)
        .where(payments.c.merchant_id == void.merchant_id, payments.c.id == void.payment_id)
        .values(is_voided=1)
    )
