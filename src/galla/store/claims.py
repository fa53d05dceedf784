"""Claiming what is due: the payments table is the schedule.

One statement takes a batch, moves each row's next time forward by its ladder (claim = reschedule), raises its
fencing token and sets its lease; a poll without news then writes nothing more. The CASE below is made from
the same rungs that `payments.ladder` reads.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
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
from galla.payments.model import Payment, Status
from galla.store.afterwards import afterwards
from galla.store.one_statement import one_statement
from galla.store.payments import get
from galla.store.presence import number_of
from galla.store.rows import PAYMENT_COLUMNS, millis, payment_from
from galla.store.tables import payments

_p = payments.c
_NOW = bindparam("now", type_=BigInteger())
OVERDUE_MAX = 20_000  # so many of the longest overdue take turns: what a claim costs has an end
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
_HINTED = _p.due_at < bindparam("claimed", type_=BigInteger())
_PUT_OFF = (
    update(payments)
    .where(_IS_HELD)
    .values(lease_until=None, checks=_p.checks - 1, due_at=case((_HINTED, _p.due_at), else_=_UNTIL))
)
_KEEP_SESSION = update(payments).where(_IS_HELD).values(session=bindparam("sealed"))
_DUE_AND_HELD = (
    select(_p.merchant_id, _p.id, _p.fence)
    .where(_p.due_at <= _NOW, _p.lease_until > _NOW)
    .order_by(_p.due_at)
    .limit(200)
)
_HINT = (
    update(payments)
    .where(
        _p.merchant_id == bindparam("merchant"),
        _p.id == bindparam("payment"),
        _p.status != "paid",
        or_(_p.due_at.is_(None), _p.due_at > _NOW),
    )
    .values(due_at=_NOW)
)
_FREE = update(payments).where(_IS_HELD).values(lease_until=None)
_IN_ORDER, _ANY_WAY = "SET LOCAL enable_bitmapscan = off", "SET LOCAL enable_bitmapscan TO DEFAULT"
"""A claim leaves an old entry of the index behind for each payment it takes. PostgreSQL forgets those that it meets
when it walks along the index, but not when it makes a bitmap of it, and then meets all of them again at each claim."""
_NEXT_DUE = select(_p.due_at).where(_p.due_at.is_not(None)).order_by(_p.due_at).limit(1)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The ladders in force and how long a claim holds a payment."""

    card: Ladder
    upi: Ladder
    lease_ms: int


def claim_due(
    connection: Connection, schedule: Schedule, now: datetime, limit: int, *, in_turn: bool = False
) -> list[Payment]:
    """Take up to `limit` payments whose time has come, longest overdue first.

    With `in_turn`, one of each merchant's, then a second of each …, so that none waits behind the many of another.
    """
    is_shared = connection.dialect.name == "postgresql"
    if is_shared:
        connection.exec_driver_sql(_IN_ORDER)
    taking = _taking_due(schedule, is_shared, in_turn)
    rows = connection.execute(taking, {"now": to_millis(now), "most": limit, "by": number_of(connection)})
    taken = [payment_from(row) for row in rows]
    if is_shared:
        connection.exec_driver_sql(_ANY_WAY)
    return _in_turn(taken) if in_turn else taken


def claim_one(
    connection: Connection, schedule: Schedule, now: datetime, merchant_id: str, payment_id: str
) -> Payment | None:
    """Take one payment now, due or not; None when somebody else holds it."""
    wanted = {"now": to_millis(now), "merchant": merchant_id, "payment": payment_id, "by": number_of(connection)}
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


def put_off(connection: Connection, payment: Payment, until: datetime) -> None:
    """Give a claim back unused: it does not count, and the payment falls due at this instant, or when a hint says."""
    if payment.status is not Status.PAID:  # which was only to be compared with its proof
        connection.execute(_PUT_OFF, {**_held(payment), "claimed": millis(payment.due_at), "until": to_millis(until)})


def keep_session(connection: Connection, payment: Payment, sealed: str) -> None:
    """Write down how far a flow of several requests has come, before its next request leaves.

    Raises:
        StaleClaim: somebody else has claimed the payment meanwhile; the flow must not go on.
    """
    done = connection.execute(_KEEP_SESSION, {**_held(payment), "sealed": sealed})
    if done.rowcount != 1:
        raise StaleClaim(f"Payment {payment.id} was claimed by somebody else.")


def hint(connection: Connection, merchant_id: str, payment_id: str, now: datetime) -> None:
    """Let a payment that is not paid fall due now, or right after the commit, if it is not due already."""
    afterwards(connection, _HINT, {"merchant": merchant_id, "payment": payment_id, "now": to_millis(now)})


@one_statement
def due_and_held(connection: Connection, now: datetime) -> list[tuple[str, str, int]]:
    """Return what has fallen due under a claim: merchant, payment and fencing token, the longest overdue first."""
    return [(row.merchant_id, row.id, row.fence) for row in connection.execute(_DUE_AND_HELD, {"now": to_millis(now)})]


def free(connection: Connection, claims: list[tuple[str, str, int]]) -> None:
    """Give claims back, those which nobody has taken over meanwhile."""
    given = [{"merchant": merchant, "payment": payment, "token": token} for merchant, payment, token in claims]
    connection.execute(_FREE, given)


@one_statement
def next_due_at(connection: Connection) -> datetime | None:
    """Return when the next payment falls due, or None."""
    found = connection.execute(_NEXT_DUE).scalar_one_or_none()
    return from_millis(found) if found is not None else None


def _held(payment: Payment) -> dict[str, Any]:
    return {"merchant": payment.merchant_id, "payment": payment.id, "token": payment.fence}


def _in_turn(taken: list[Payment]) -> list[Payment]:
    """Return payments oldest first, one of each merchant's after the other."""
    place: Counter[str] = Counter()
    places: dict[str, int] = {}
    for payment in sorted(taken, key=lambda each: each.created_at):
        place[payment.merchant_id] += 1
        places[payment.id] = place[payment.merchant_id]
    return sorted(taken, key=lambda each: (places[each.id], each.created_at))


@lru_cache(maxsize=8)  # to put the statement together takes longer than to run it
def _taking_due(schedule: Schedule, has_other_workers: bool, in_turn: bool) -> Update:
    most = bindparam("most", type_=BigInteger())
    due: Select[Any] = select(_p.merchant_id, _p.id).where(_p.due_at <= _NOW, _IS_FREE)
    due = due.where(tuple_(_p.merchant_id, _p.id).in_(_turns(most))) if in_turn else due.order_by(_p.due_at).limit(most)
    if has_other_workers:
        due = due.with_for_update(skip_locked=True)
    return _taking(schedule).where(tuple_(_p.merchant_id, _p.id).in_(due))


def _turns(most: ColumnElement[int]) -> Select[Any]:
    """Choose among the longest overdue by turns: the first of each merchant's, then the second of each …"""
    overdue = (
        select(_p.merchant_id, _p.id, _p.due_at)
        .where(_p.due_at <= _NOW, _IS_FREE)
        .order_by(_p.due_at)
        .limit(OVERDUE_MAX)
        .subquery()
    )
    turn = func.row_number().over(partition_by=overdue.c.merchant_id, order_by=overdue.c.due_at).label("turn")
    placed = select(overdue, turn).subquery()
    return select(placed.c.merchant_id, placed.c.id).order_by(placed.c.turn, placed.c.due_at).limit(most)


@lru_cache(maxsize=8)
def _taking_one(schedule: Schedule) -> Update:
    is_wanted = and_(_p.merchant_id == bindparam("merchant"), _p.id == bindparam("payment"))
    return _taking(schedule).where(is_wanted, _IS_FREE)


def _taking(schedule: Schedule) -> Update:
    return (
        update(payments)
        .values(
            due_at=_rescheduled(schedule),
            lease_until=_NOW + _whole(schedule.lease_ms),
            claimed_by=bindparam("by", type_=BigInteger()),
            fence=_p.fence + 1,
            checks=_p.checks + 1,
            asked_at=_NOW,
        )
        .returning(*PAYMENT_COLUMNS)
    )


def _rescheduled(schedule: Schedule) -> ColumnElement[Any]:
    """Return the next time of a row as SQL, from its age, method, misses and jitter."""
    age = _NOW - _p.created_at
    is_card = or_(_p.method == _word("edc"), _p.method == _word("queue"))  # an IN would be put together at each claim
    every = cast(case((is_card, _rungs(schedule.card, age)), else_=_rungs(schedule.upi, age)), BigInteger())
    doubled = every * case(
        *[(_p.misses == _whole(count), _whole(2**count)) for count in range(4)], else_=_whole(16)
    )
    patience = _whole(round(PATIENCE_S * schedule.card.scale * 1000))
    patient = case(
        (or_(_p.misses == _whole(0), every >= patience), every), (doubled > patience, patience), else_=doubled
    )
    spread = patient + patient * _p.jitter // _whole(10_000)
    lease = _whole(schedule.lease_ms)
    live = _NOW + case((spread < lease, lease), else_=spread)
    live_at = cast(live, _p.due_at.type)
    nothing = cast(null(), _p.due_at.type)
    watched = _watched(schedule, age)
    return case((_p.status == _word("paid"), nothing), (_p.status == _word("not_paid"), watched), else_=live_at)


def _watched(schedule: Schedule, age: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return when a row that is not paid is looked at next: at the late watch's ages, and late on its own day."""
    midnight = _p.created_at - (_p.created_at + _whole(IST_MS)) % _whole(DAY_MS)
    look_at = midnight + _whole(LAST_LOOK_MS) + _p.jitter * _whole(LOOK_SPREAD_MS)
    is_ahead = look_at > _NOW
    watches = [round(watch_s * schedule.card.scale * 1000) for watch_s in LATE_WATCH_S]
    rungs: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = []
    for watch_ms in watches:
        at = _p.created_at + _whole(watch_ms)
        rungs.append((age < _whole(watch_ms), case((and_(is_ahead, look_at < at), look_at), else_=at)))
    return case(*rungs, (is_ahead, look_at), else_=cast(null(), _p.due_at.type))


def _whole(number: int) -> ColumnElement[int]:
    """Return a number as SQL text: hundreds of parameters would cost more than the claim itself."""
    return literal_column(str(number), BigInteger())


def _word(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'", String())


def _rungs(ladder: Ladder, age: ColumnElement[Any]) -> ColumnElement[Any]:
    return case(
        *[
            (age < _whole(round(rung.until_s * ladder.scale * 1000)), _whole(round(rung.every_s * ladder.scale * 1000)))
            for rung in ladder.rungs
        ],
        else_=_whole(round(3_600_000 * ladder.scale)),
    )
