"""What dead processes had claimed: found by their numbers, and let fall due again.

The claims are read first and the living after them: whoever had made a claim that is seen here held its lock before,
so that a claim of somebody who lives is never taken. Each raises its fencing token, so that whatever the dead one has
still on its way changes no row; that also holds if it was not dead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, and_, bindparam, case, null, select, update

from galla.clock import to_millis
from galla.payments.ladder import Ladder
from galla.payments.left_behind import payment_due, refund_due
from galla.payments.model import Method
from galla.store import webhooks
from galla.store.claims import Schedule
from galla.store.presence import living, number_of
from galla.store.record_tables import idempotency_keys
from galla.store.refunds import refund_from
from galla.store.rows import millis, payment_from
from galla.store.tables import payments, refunds
from galla.store.webhook_tables import deliveries

_p, _r, _d, _i = payments.c, refunds.c, deliveries.c, idempotency_keys.c
_NOW = bindparam("now", type_=BigInteger())
_AT = bindparam("at", type_=BigInteger())
_PAYMENTS = select(payments).where(_p.due_at >= 0, _p.lease_until > _NOW)  # a range, so that its index answers
_REFUNDS = select(refunds).where(_r.due_at >= 0, _r.lease_until > _NOW)
_IS_CLAIMED = and_(_d.claimed_by > 0, _d.due_at.is_not(None))
_DELIVERIES = select(_d.merchant_id, _d.id, _d.endpoint_id, _d.fence, _d.claimed_by).where(_IS_CLAIMED)
_KEYS = select(_i.merchant_id, _i.key, _i.claimed_by).where(_i.answer.is_(None), _i.lease_until > _NOW)


def _released(table: Any) -> Any:
    """Let a claimed row fall due at an instant, or sooner if somebody has asked for that meanwhile."""
    c = table.c
    values = {"fence": c.fence + 1, "due_at": case((c.due_at < _AT, c.due_at), else_=_AT)}
    values["claimed_by" if table is deliveries else "lease_until"] = null()
    is_held = and_(c.merchant_id == bindparam("merchant"), c.id == bindparam("this"), c.fence == bindparam("token"))
    return update(table).where(is_held, c.due_at.is_not(None)).values(values)


_RELEASE_PAYMENT, _RELEASE_REFUND, _RELEASE_DELIVERY = map(_released, (payments, refunds, deliveries))
_RELEASE_KEY = (
    update(idempotency_keys)
    .where(
        _i.merchant_id == bindparam("merchant"),
        _i.key == bindparam("named"),
        _i.claimed_by == bindparam("holder"),
        _i.answer.is_(None),
    )
    .values(lease_until=_AT)
)


def take_up(connection: Connection, schedule: Schedule, now: datetime, spared: frozenset[int] = frozenset()) -> int:
    """Let everything fall due that processes hold which neither live nor are `spared`; return how many that was.

    On SQLite nobody else lives, so it is to be called at the opening alone, before this process has claimed anything.
    """
    at, scale = {"now": to_millis(now)}, schedule.card.scale
    found = [connection.execute(query, at).all() for query in (_REFUNDS, _PAYMENTS, _DELIVERIES, _KEYS)]
    alive = living(connection)
    if connection.dialect.name == "postgresql" and number_of(connection) not in alive:
        return 0  # whoever stands between keeps our locks from the server, and then nothing follows from others' either
    kept = spared | alive
    of_refunds, of_payments, posts, keys = ([row for row in rows if _is_left(row, kept)] for rows in found)
    for merchant_id, endpoint_id in sorted({(row.merchant_id, row.endpoint_id) for row in posts}):
        webhooks.get(connection, merchant_id, endpoint_id, lock=True)
    claims = [
        (_RELEASE_REFUND, [_claim(row, refund_due(refund_from(row), scale, now)) for row in of_refunds]),
        (_RELEASE_PAYMENT, [_claim(row, payment_due(payment_from(row), _ladder(schedule, row), now))
                            for row in of_payments]),
        (_RELEASE_DELIVERY, [_claim(row, now) for row in posts]),
        (_RELEASE_KEY, [{"merchant": row.merchant_id, "named": row.key, "holder": row.claimed_by, "at": millis(now)}
                        for row in keys]),
    ]  # fmt: skip
    for statement, rows in claims:
        if rows:
            connection.execute(statement, rows)
    return sum(len(rows) for _, rows in claims)


def _is_left(row: Row[Any], kept: frozenset[int]) -> bool:
    return row.claimed_by is not None and row.claimed_by not in kept


def _ladder(schedule: Schedule, row: Row[Any]) -> Ladder:
    return schedule.card if row.method in (Method.EDC, Method.QUEUE) else schedule.upi


def _claim(row: Row[Any], due_at: datetime) -> dict[str, Any]:
    return {"merchant": row.merchant_id, "this": row.id, "token": row.fence, "at": millis(due_at)}
