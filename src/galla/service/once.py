"""Idempotency keys: a request that may move money is executed once, however often it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from galla.clock import to_millis
from galla.errors import IdempotencyInProgress, IdempotencyMismatch
from galla.store import keys

ANSWER_LEASE_S = 60


def known(
    connection: Connection, merchant_id: str, key: str | None, fingerprint: str, now: datetime
) -> Row[Any] | None:
    """Return what a key was used for: `object_id`, and `answer` if the first answer was kept.

    A first request whose process died answers nothing; after a minute its object is the answer.

    Raises:
        IdempotencyMismatch: it was used for a different request.
        IdempotencyInProgress: the first request is still running.
    """
    row = keys.get(connection, merchant_id, key) if key is not None else None
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used for a different request. Use a new key for a new request.",
            param="Idempotency-Key",
            blocker=row.object_id,
        )
    if row.answer is None and row.lease_until > to_millis(now):
        raise IdempotencyInProgress(
            f"The first request with this Idempotency-Key is still running as {row.object_id}. Ask again in a moment.",
            blocker=row.object_id,
        )
    return row


def claim(
    connection: Connection,
    merchant_id: str,
    key: str | None,
    fingerprint: str,
    object_id: str,
    now: datetime,
    answer: str | None = None,
) -> None:
    """Take a key, if there is one, in the transaction that makes its object; `answer` if it is known by then."""
    if key is None:
        return
    keys.claim(
        connection,
        {
            "merchant_id": merchant_id,
            "key": key,
            "fingerprint": fingerprint,
            "object_id": object_id,
            "answer": answer,
            "lease_until": to_millis(now) + ANSWER_LEASE_S * 1000,
            "created_at": to_millis(now),
        },
    )
