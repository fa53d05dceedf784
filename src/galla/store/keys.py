"""Idempotency keys: one request, one object, one answer, for as long as the payment lives."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from galla.store.record_tables import idempotency_keys

_i = idempotency_keys.c


def get(connection: Connection, merchant_id: str, key: str) -> Row[Any] | None:
    """Return what a key was used for."""
    return connection.execute(
        select(idempotency_keys).where(_i.merchant_id == merchant_id, _i.key == key)
    ).one_or_none()


def claim(connection: Connection, values: dict[str, Any]) -> None:
    """Take a key for an object, in the transaction that makes the object."""
    connection.execute(insert(idempotency_keys), values)


def answer(connection: Connection, merchant_id: str, key: str, text: str) -> None:
    """Keep the first answer of a key; a later one changes nothing."""
    connection.execute(
        update(idempotency_keys)
        .where(_i.merchant_id == merchant_id, _i.key == key, _i.answer.is_(None))
        .values(answer=text)
    )
