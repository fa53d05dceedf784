"""Idempotency keys: one request, one object, one answer, for as long as the payment lives."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from galla.store.presence import number_of
from galla.store.record_tables import idempotency_keys

_i = idempotency_keys.c
_THIS = (_i.merchant_id == bindparam("merchant"), _i.key == bindparam("named"))
_GET = select(idempotency_keys).where(*_THIS)
_CLAIM = insert(idempotency_keys)
_ANSWER = update(idempotency_keys).where(*_THIS, _i.answer.is_(None)).values(answer=bindparam("text"))


def get(connection: Connection, merchant_id: str, key: str) -> Row[Any] | None:
    """Return what a key was used for."""
    return connection.execute(_GET, {"merchant": merchant_id, "named": key}).one_or_none()


def claim(connection: Connection, values: dict[str, Any]) -> None:
    """Take a key for an object, in the transaction that makes the object."""
    connection.execute(_CLAIM, {**values, "claimed_by": number_of(connection)})


def answer(connection: Connection, merchant_id: str, key: str, text: str) -> None:
    """Keep the first answer of a key; a later one changes nothing."""
    connection.execute(_ANSWER, {"merchant": merchant_id, "named": key, "text": text})
