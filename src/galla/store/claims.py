"""Claiming what is due: the payments table is the schedule.

One statement takes a batch, moves each row's next time forward by its ladder (claim = reschedule), raises its
fencing token and sets its lease; a poll without news then writes nothing more. The CASE below is made from
the same rungs that `payments.ladder` reads.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    case,
    cast,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)

from galla.clock import from_millis, to_millis
from galla.errors import StaleClaim
from galla.payments.ladder import (
    DAY_MS,
    IST_MS,
    LAST_LOOK_MS,
    LATE_WATCH_S,
    LOOK_SPREAD_MS,
    PATIENCE_S,
    Ladder,
)
from galla.payments.machine import sending
from galla.payments.model import Payment
from galla.store.payments import get
from galla.store.rows import PAYMENT_COLUMNS, millis, payment_from
from galla.store.tables import payments

_p = payments.c
_NOW = bindparam("now", type_=BigInteger())
_IS_FREE = or_(_p.lease_until.is_(None), _p.lease_until <= _NOW)
_IS_HELD = and_(
    _p.merchant_id == bindparam("merchant"), _p.id == bindparam("payment"), _p.fence == bindparam("token")
)
_UNTIL = bindparam("until", type_=BigInteger())
_MARK_SENDING = (
    update(payments)
    .where(_IS_HELD, _p.cancel_requested_at.is_not_distinct_from(bindparam("cancelled", type_=BigInteger())))
    .values(
        sends=bindparam("times"),
        may_resend=0,
        sent_at=bindparam("at"),
        phase=bindparam("seen"),
        not_found_count=0,
        lease_until=_UNTIL,
        due_at=_UNTIL,
    )
)
_KEEP_SESSION = update(payments).where(_IS_HELD).values(session=bindparam("sealed"))
_NEXT_DUE = select(_p.due_at).where(_p.due_at.is_not(None)).order_by(_p.due_at).limit(1)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The ladders in force and how long a claim holds a payment."""

    card: Ladder
    upi: Ladder
    lease_ms: int


def claim_due(connection: Connection, schedule: Schedule, now: datetime, limit: int) -> list[Payment]:
    """Take up to `limit` payments whose time has come, longest overdue first."""
    taking = _taking_due(schedule, connection.dialect.name == "postgresql")
    rows = connection.execute(taking, {"now": to_millis(now), "most": limit})
    return [payment_from(row) for row in rows]


def claim_one(
    connection: Connection, schedule: Schedule, now: datetime, merchant_id: str, payment_id: str
) -> Payment | None:
    """Take one payment now, due or not; None when somebody else holds it."""
    wanted = {"now": to_millis(now), "merchant": merchant_id, "payment": payment_id}
    row = connection.execute(_taking_one(schedule), wanted).one_or_none()
    if row is None or row.proof_id is None:
        return payment_from(row) if row is not None else None
    return get(connection, merchant_id, payment_id)  # a paid one is compared with its proof


def mark_sending(connection: Connection, payment: Payment, now: datetime, lease_ms: int) -> Payment:
    """Write down that a request may leave, before its first byte does.

    Raises:
        LookupError: somebody else has claimed the payment meanwhile, or staff have cancelled it.
    """
    after = sending(payment, now)
    lease_until = to_millis(now) + lease_ms
    given = {
        **_held(payment),
        "cancelled": millis(payment.cancel_requested_at),
        "times": after.sends,
        "at": millis(after.sent_at),
        "seen": after.phase.value,
        "until": lease_until,
    }
    done = connection.execute(_MARK_SENDING, given)
    if done.rowcount != 1:
        raise LookupError(payment.id)
    instant = from_millis(lease_until)
    return msgspec.structs.replace(after, lease_until=instant, due_at=instant)


def keep_session(connection: Connection, payment: Payment, sealed: str) -> None:
    """Write down how far a flow of several requests has come, before its next request leaves.

    Raises:
        StaleClaim: somebody else has claimed the payment meanwhile; the flow must not go on.
    """
    done = connection.execute(_KEEP_SESSION, {**_held(payment), "sealed": sealed})
    if done.rowcount != 1:
        raise StaleClaim(f"Payment {payment.id} was claimed by somebody else.")


def next_due_at(connection: Connection) -> datetime | None:
    """Return when the next payment falls due, or None."""
    found = connection.execute(_NEXT_DUE).scalar_one_or_none()
    return from_millis(found) if found is not None else None


def _held(payment: Payment) -> dict[str, Any]:
    return {"merchant": payment.merchant_id, "payment": payment.id, "token": payment.fence}


@lru_cache(maxsize=8)  # to put the statement together takes longer than to run it
def _taking_due(schedule: Schedule, has_other_workers: bool) -> Update:
    due: Select[Any] = (
        select(_p.merchant_id, _p.id)
        .where(_p.due_at <= _NOW, _IS_FREE)
        .order_by(_p.due_at)
        .limit(bindparam("most", type_=BigInteger()))
    )
    if has_other_workers:
        due = due.with_for_update(skip_locked=True)
    return _taking(schedule).where(tuple_(_p.merchant_id, _p.id).in_(due))


@lru_cache(maxsize=8)
def _taking_one(schedule: Schedule) -> Update:
    is_wanted = and_(_p.merchant_id == bindparam("merchant"), _p.id == bindparam("payment"))
    return _taking(schedule).where(is_wanted, _IS_FREE)


def _taking(schedule: Schedule) -> Update:
    return (
        update(payments)
        .values(
            due_at=_rescheduled(schedule),
            lease_until=_NOW + schedule.lease_ms,
            fence=_p.fence + 1,
            checks=_p.checks + 1,
            asked_at=_NOW,
        )
        .returning(*PAYMENT_COLUMNS)
    )


def _rescheduled(schedule: Schedule) -> ColumnElement[Any]:
    """Return the next time of a row as SQL, from its age, method, misses and jitter."""
    age = _NOW - _p.created_at
    is_card = or_(_p.method == "edc", _p.method == "queue")  # an IN would be put together anew at each claim
    every = case((is_card, _rungs(schedule.card, age)), else_=_rungs(schedule.upi, age))
    doubled = every * case(
        *[(_p.misses == count, _whole(2**count)) for count in range(4)], else_=_whole(16)
    )
    patience = _whole(round(PATIENCE_S * schedule.card.scale * 1000))
    patient = case(
        (or_(_p.misses == 0, every >= patience), every), (doubled > patience, patience), else_=doubled
    )
    spread = patient + patient * _p.jitter // _whole(10_000)
    live = _NOW + case((spread < schedule.lease_ms, _whole(schedule.lease_ms)), else_=spread)
    live_at = cast(live, _p.due_at.type)
    nothing = cast(null(), _p.due_at.type)
    return case((_p.status == "paid", nothing), (_p.status == "not_paid", _watched(schedule, age)), else_=live_at)


def _watched(schedule: Schedule, age: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return when a row that is not paid is looked at next: at the late watch's ages, and late on its own day."""
    midnight = _p.created_at - (_p.created_at + _whole(IST_MS)) % _whole(DAY_MS)
    look_at = midnight + _whole(LAST_LOOK_MS) + _p.jitter * _whole(LOOK_SPREAD_MS)
    is_ahead = look_at > _NOW
    watches = [round(watch_s * schedule.card.scale * 1000) for watch_s in LATE_WATCH_S]
    rungs: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = []
    for watch_ms in watches:
        at = _p.created_at + _whole(watch_ms)
        rungs.append((age < watch_ms, case((and_(is_ahead, look_at < at), look_at), else_=at)))
    return case(*rungs, (is_ahead, look_at), else_=cast(null(), _p.due_at.type))


def _whole(number: int) -> ColumnElement[int]:
    return literal(number, BigInteger())


def _rungs(ladder: Ladder, age: ColumnElement[Any]) -> ColumnElement[Any]:
    return case(
        *[
            (age < round(rung.until_s * ladder.scale * 1000), _whole(round(rung.every_s * ladder.scale * 1000)))
            for rung in ladder.rungs
        ],
        else_=_whole(round(3_600_000 * ladder.scale)),
    )
