"""Deliveries: what each endpoint is to hear, in which order, and what became of it.

Of one object only the first waiting delivery to an endpoint has a `due_at`: the next one gets it when the first has
ended, so that an earlier event is never overtaken. A claim moves `due_at` beyond its attempt: what a dead worker held
falls due by itself. Whoever changes deliveries holds the endpoint's row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)

from galla.store.presence import number_of
from galla.store.record_tables import events
from galla.store.webhook_tables import deliveries

_d = deliveries.c
_earlier = deliveries.alias("earlier")
_IS: dict[str, ColumnElement[bool]] = {
    state: literal_column(f"deliveries.state = '{state}'") for state in ("waiting", "delivered", "failed")
}
"""Written as the indexes' own conditions are, so that both engines see that these answer."""
_IS_BEHIND = exists().where(
    _earlier.c.merchant_id == _d.merchant_id,
    _earlier.c.endpoint_id == _d.endpoint_id,
    _earlier.c.object_id == _d.object_id,
    literal_column("earlier.state = 'waiting'"),
    _earlier.c.position < _d.position,
)


def add(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write new deliveries, waiting; `release` says which of them may go."""
    usual = {"state": "waiting", "attempts": 0, "fence": 0, "due_at": None}
    connection.execute(insert(deliveries), [{**usual, **row} for row in rows])


def release(
    connection: Connection, merchant_id: str, endpoint_id: str, at: int, objects: Iterable[str] | None = None
) -> None:
    """Let the first waiting delivery of each object be due, now if it has no time yet."""
    where = [*_waiting(merchant_id, endpoint_id, objects), _d.due_at.is_(None), ~_IS_BEHIND]
    connection.execute(update(deliveries).where(*where).values(due_at=at))


def line_up(
    connection: Connection, merchant_id: str, endpoint_id: str, at: int, objects: Iterable[str] | None = None
) -> None:
    """Put deliveries that wait again before the later ones of their objects, which are then due after them."""
    where = [*_waiting(merchant_id, endpoint_id, objects), _d.due_at.is_not(None), _IS_BEHIND]
    connection.execute(update(deliveries).where(*where).values(due_at=None))
    release(connection, merchant_id, endpoint_id, at, objects)


def _waiting(merchant_id: str, endpoint_id: str, objects: Iterable[str] | None) -> list[ColumnElement[bool]]:
    where = [_d.merchant_id == merchant_id, _d.endpoint_id == endpoint_id, _IS["waiting"]]
    return where if objects is None else [*where, _d.object_id.in_(list(objects))]


def hurry(
    connection: Connection,
    merchant_id: str,
    endpoint_id: str,
    at: int,
    lease_ms: int,
    *,
    delivery_id: str | None = None,
) -> int:
    """Let what waits for a later time be due now, one or all of an endpoint; return how many.

    What is due within `lease_ms` is left alone: it may be on its way.
    """
    where = [_d.merchant_id == merchant_id, _d.endpoint_id == endpoint_id, _d.due_at > at + lease_ms]
    if delivery_id is not None:
        where.append(_d.id == delivery_id)
    return connection.execute(update(deliveries).where(*where).values(due_at=at)).rowcount


def claim(
    connection: Connection, merchant_id: str, endpoint_id: str, at: int, lease_ms: int, limit: int
) -> list[Row[Any]]:
    """Take up to `limit` due deliveries of an endpoint, longest overdue first, with the event of each."""
    due = (
        select(_d.id)
        .where(_d.merchant_id == merchant_id, _d.endpoint_id == endpoint_id, _d.due_at <= at)
        .order_by(_d.due_at, _d.position)
        .limit(limit)
    )
    taken = connection.execute(
        update(deliveries)
        .where(_d.merchant_id == merchant_id, _d.id.in_(due))
        .values(due_at=at + lease_ms, claimed_by=number_of(connection), fence=_d.fence + 1)
        .returning(_d.id)
    )
    ids = [row.id for row in taken]
    if not ids:
        return []
    query = (
        select(deliveries, events.c.sequence, events.c.data, events.c.at)
        .join(events, and_(events.c.merchant_id == _d.merchant_id, events.c.position == _d.position))
        .where(_d.merchant_id == merchant_id, _d.id.in_(ids))
        .order_by(_d.position)
    )
    return list(connection.execute(query))


def settle(connection: Connection, merchant_id: str, delivery_id: str, fence: int, values: dict[str, Any]) -> bool:
    """Write what came of an attempt; False when somebody else has taken the delivery meanwhile."""
    done = connection.execute(
        update(deliveries)
        .where(_d.merchant_id == merchant_id, _d.id == delivery_id, _d.fence == fence, _d.state == "waiting")
        .values({**values, "claimed_by": None})
    )
    return done.rowcount == 1


def replay(
    connection: Connection,
    merchant_id: str,
    endpoint_id: str,
    *,
    delivery_id: str | None = None,
    since: int | None = None,
) -> list[str]:
    """Let one ended delivery wait again, or all that failed since an instant; return what they are about."""
    where: list[ColumnElement[bool]] = [_d.merchant_id == merchant_id, _d.endpoint_id == endpoint_id]
    if delivery_id is not None:
        where += [_d.id == delivery_id, _d.state != "waiting"]
    else:
        where.append(_IS["failed"])
    if since is not None:
        where.append(_d.created_at >= since)
    values = {"state": "waiting", "attempts": 0, "due_at": None, "claimed_by": None, "ended_at": None}
    again = update(deliveries).where(*where).values(**values, fence=_d.fence + 1)
    rows = connection.execute(again.returning(_d.object_id))
    return [row.object_id for row in rows]


def get(connection: Connection, merchant_id: str, delivery_id: str) -> Row[Any] | None:
    """Return one delivery of a merchant."""
    query = select(deliveries).where(_d.merchant_id == merchant_id, _d.id == delivery_id)
    return connection.execute(query).one_or_none()


def find(
    connection: Connection,
    merchant_id: str,
    endpoint_id: str,
    *,
    limit: int,
    before: int | None = None,
    state: str | None = None,
) -> list[Row[Any]]:
    """Return a page of deliveries, newest event first; `before` is the last position of the page before."""
    query = select(deliveries).where(_d.merchant_id == merchant_id, _d.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(_IS[state])
    if before is not None:
        query = query.where(_d.position < before)
    return list(connection.execute(query.order_by(_d.position.desc()).limit(limit)))


def has_failed(connection: Connection, merchant_id: str, endpoint_id: str) -> bool:
    """Whether anything to an endpoint has been given up and not sent again."""
    query = select(_d.id).where(_d.merchant_id == merchant_id, _d.endpoint_id == endpoint_id, _IS["failed"])
    return connection.execute(query.limit(1)).first() is not None


def count(connection: Connection, merchant_id: str, endpoint_id: str, state: str) -> int:
    """Count the deliveries of an endpoint in a state."""
    query = select(func.count()).where(_d.merchant_id == merchant_id, _d.endpoint_id == endpoint_id, _IS[state])
    return int(connection.execute(query).scalar_one())
