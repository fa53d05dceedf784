"""Cash put into a drawer and taken out of it: written once, never changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from galla.store.shift_tables import drawer_movements

_m = drawer_movements.c


def insert_movement(connection: Connection, values: dict[str, Any]) -> None:
    """Write a movement down; the database refuses a second one of the same attempt."""
    connection.execute(insert(drawer_movements).values(values))


def with_attempt(connection: Connection, merchant_id: str, attempt: str) -> Row[Any] | None:
    """Return what an attempt has moved, or None."""
    query = select(drawer_movements).where(_m.merchant_id == merchant_id, _m.attempt == attempt)
    return connection.execute(query).one_or_none()


def of_shift(connection: Connection, merchant_id: str, shift_id: str) -> list[Row[Any]]:
    """Return the movements of a shift, oldest first."""
    query = select(drawer_movements).where(_m.merchant_id == merchant_id, _m.shift_id == shift_id)
    return list(connection.execute(query.order_by(_m.id)))
