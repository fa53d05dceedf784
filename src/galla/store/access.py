"""API keys, sign-in sessions and one-time tickets: only digests of what the holder knows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from galla.store.record_tables import api_keys, sessions

_k, _s = api_keys.c, sessions.c


def insert_key(connection: Connection, values: dict[str, Any]) -> None:
    """Write an API key's digest."""
    connection.execute(insert(api_keys), values)


def key_with_digest(connection: Connection, digest: str) -> Row[Any] | None:
    """Return an API key that is in force."""
    return connection.execute(
        select(api_keys).where(_k.digest == digest, _k.revoked_at.is_(None))
    ).one_or_none()


def keys_of(connection: Connection, merchant_id: str) -> list[Row[Any]]:
    """Return the API keys of a merchant, oldest first."""
    return list(connection.execute(select(api_keys).where(_k.merchant_id == merchant_id).order_by(_k.id)))


def revoke_key(connection: Connection, merchant_id: str, key_id: str, at: int) -> bool:
    """End an API key; whether it was in force."""
    done = connection.execute(
        update(api_keys)
        .where(_k.merchant_id == merchant_id, _k.id == key_id, _k.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return done.rowcount == 1


def insert_session(connection: Connection, values: dict[str, Any]) -> None:
    """Write a session or a ticket."""
    connection.execute(insert(sessions), values)


def session_with_digest(connection: Connection, digest: str, kind: str, at: int) -> Row[Any] | None:
    """Return a session or ticket that has not expired."""
    return connection.execute(
        select(sessions).where(_s.digest == digest, _s.kind == kind, _s.expires_at > at)
    ).one_or_none()


def change_session(connection: Connection, digest: str, values: dict[str, Any]) -> None:
    """Change columns of a session."""
    connection.execute(update(sessions).where(_s.digest == digest).values(values))


def end_session(connection: Connection, digest: str) -> bool:
    """Delete a session or ticket; whether it was there (so that a ticket works once)."""
    return connection.execute(delete(sessions).where(_s.digest == digest)).rowcount == 1
