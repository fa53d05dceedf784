"""What a restored backup may not know: which payments and refunds to ask about again, and what has no row at all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from galla.clock import to_millis
from galla.payments.model import LIVE, Method, Status
from galla.payments.refund import OPEN, RefundStatus
from galla.payments.voiding import VOID
from galla.store import shifts
from galla.store.record_tables import callbacks
from galla.store.tables import payments, refunds

_p, _r, _c = payments.c, refunds.c, callbacks.c
_LIVE = [status.value for status in LIVE]
_OPEN = [status.value for status in OPEN]


def payments_to_ask(connection: Connection, merchant_id: str, since: datetime, until: datetime) -> list[str]:
    """Return the payments that were made between two instants, final or not, and every one that is live."""
    made = _p.created_at.between(to_millis(since), to_millis(until))
    query = select(_p.id).where(
        _p.merchant_id == merchant_id, _p.method != Method.CASH.value, or_(made, _p.status.in_(_LIVE))
    )
    return list(connection.execute(query.order_by(_p.id)).scalars())


def let_refunds_fall_due(
    connection: Connection, merchant_id: str, since: datetime, until: datetime, now: datetime
) -> int:
    """Let every refund that left and is not done be asked about now; return how many those are."""
    made = _r.created_at.between(to_millis(since), to_millis(until))
    done = connection.execute(
        update(refunds)
        .where(
            _r.merchant_id == merchant_id,
            _r.status != RefundStatus.DONE.value,
            _r.sends > 0,
            or_(made, _r.status.in_(_OPEN)),
        )
        .values(due_at=to_millis(now))
    )
    return int(done.rowcount)


def payments_behind(connection: Connection, merchant_id: str, paytm_ids: list[str]) -> dict[str, str]:
    """Return the payments that have these ids at Paytm, by them."""
    return {name: row.id for name, row in shifts.payments_behind(connection, merchant_id, paytm_ids).items()}


def known_returns(connection: Connection, merchant_id: str) -> frozenset[str]:
    """Return Paytm's number of every refund that the books hold."""
    query = select(_r.refund_id).where(_r.merchant_id == merchant_id, _r.refund_id.is_not(None))
    return frozenset(connection.execute(query).scalars())


def standing_card_sales(connection: Connection, merchant_id: str, since: datetime) -> list[str]:
    """Return the paid card sales since an instant of which the books hold no void, done or under way."""
    has_void = (
        select(_r.id)
        .where(_r.merchant_id == _p.merchant_id, _r.payment_id == _p.id, _r.kind == VOID)
        .where(_r.status != RefundStatus.FAILED.value)
        .exists()
    )
    query = select(_p.id).where(
        _p.merchant_id == merchant_id,
        _p.method == Method.EDC.value,
        _p.status == Status.PAID.value,
        _p.is_voided == 0,
        _p.created_at >= to_millis(since),
        ~has_void,
    )
    return list(connection.execute(query.order_by(_p.id)).scalars())


def orphaned_callbacks(connection: Connection, merchant_id: str, since: datetime) -> list[Row[Any]]:
    """Return the messages since an instant about payments that the books do not hold."""
    is_known = select(_p.id).where(_p.merchant_id == _c.merchant_id, _p.paytm_id == _c.paytm_id).exists()
    query = select(callbacks).where(_c.merchant_id == merchant_id, _c.at >= to_millis(since), ~is_known)
    return list(connection.execute(query.order_by(_c.at, _c.id)))
