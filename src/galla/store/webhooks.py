"""Endpoints of outgoing webhooks: rows in, rows out. Their deliveries are in `deliveries.py`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from galla.store.one_statement import one_statement
from galla.store.record_tables import heads
from galla.store.webhook_tables import deliveries, webhook_endpoints

_e, _d = webhook_endpoints.c, deliveries.c
_NEXT_DUE_AT = (
    select(func.min(_d.due_at))
    .where(_d.merchant_id == _e.merchant_id, _d.endpoint_id == _e.id, _d.due_at.is_not(None))
    .scalar_subquery()
)
_LISTENING = (  # put together once: a worker asks it all day, and mostly there is nobody
    select(_e.merchant_id, _e.id, _e.position, heads.c.event_position, _NEXT_DUE_AT.label("next_due_at"))
    .join(heads, heads.c.merchant_id == _e.merchant_id)
    .where(_e.is_enabled == 1)
)


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Write a new endpoint."""
    connection.execute(insert(webhook_endpoints), values)


def get(connection: Connection, merchant_id: str, endpoint_id: str, *, lock: bool = False) -> Row[Any] | None:
    """Return one endpoint of a merchant; `lock` holds its row, and so its deliveries, until the commit."""
    query = select(webhook_endpoints).where(_e.merchant_id == merchant_id, _e.id == endpoint_id)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def find(connection: Connection, merchant_id: str) -> list[Row[Any]]:
    """Return a merchant's endpoints, oldest first."""
    query = select(webhook_endpoints).where(_e.merchant_id == merchant_id).order_by(_e.created_at, _e.id)
    return list(connection.execute(query))


def change(connection: Connection, merchant_id: str, endpoint_id: str, values: dict[str, Any]) -> None:
    """Change an endpoint."""
    where = (_e.merchant_id == merchant_id, _e.id == endpoint_id)
    connection.execute(update(webhook_endpoints).where(*where).values(values))


def remove(connection: Connection, merchant_id: str, endpoint_id: str) -> None:
    """Forget an endpoint and every delivery to it; the events stay."""
    connection.execute(delete(deliveries).where(_d.merchant_id == merchant_id, _d.endpoint_id == endpoint_id))
    connection.execute(delete(webhook_endpoints).where(_e.merchant_id == merchant_id, _e.id == endpoint_id))


@one_statement
def listening(connection: Connection) -> list[Row[Any]]:
    """Return every endpoint in use, of all merchants: how far it is, how far its events are, its next due time."""
    return list(connection.execute(_LISTENING))
