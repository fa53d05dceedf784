"""API keys, sign-in sessions and one-time tickets: only digests of what the holder knows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, delete, insert, select, update

from galla.store.one_statement import one_statement
from galla.store.record_tables import api_keys, sessions

_k, _s = api_keys.c, sessions.c
_NOW = bindparam("now", type_=BigInteger())
# What every request runs is put together here, once: that takes longer than to run it.
_KEY = select(api_keys).where(_k.digest == bindparam("known_by"), _k.revoked_at.is_(None))
_SESSION = select(sessions).where(
    _s.digest == bindparam("known_by"), _s.kind == bindparam("of"), _s.expires_at > _NOW, _s.seen_at + _s.idle_ms > _NOW
)


def insert_key(connection: Connection, values: dict[str, Any]) -> None:
    """Write an API key's digest."""
    connection.execute(insert(api_keys), values)


@one_statement
def key_with_digest(connection: Connection, digest: str) -> Row[Any] | None:
    """Return an API key that is in force."""
    return connection.execute(_KEY, {"known_by": digest}).one_or_none()


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
    """Write a session, a ticket, an invitation or a set-up token."""
    connection.execute(insert(sessions), values)


@one_statement
def session_with_digest(connection: Connection, digest: str, kind: str, at: int) -> Row[Any] | None:
    """Return a session or one-time token that has neither expired nor been idle too long."""
    return connection.execute(_SESSION, {"known_by": digest, "of": kind, "now": at}).one_or_none()


def sessions_of(connection: Connection, merchant_id: str, person: str, at: int) -> list[Row[Any]]:
    """Return the sessions of a person that stand, latest first."""
    return list(
        connection.execute(
            select(sessions)
            .where(_s.merchant_id == merchant_id, _s.person == person, _s.kind == "session")
            .where(_s.expires_at > at, _s.seen_at + _s.idle_ms > at)
            .order_by(_s.created_at.desc(), _s.id.desc())
        )
    )


def change_session(connection: Connection, digest: str, values: dict[str, Any]) -> None:
    """Change columns of a session."""
    connection.execute(update(sessions).where(_s.digest == digest).values(values))


def end_session(connection: Connection, digest: str) -> bool:
    """Delete a session or one-time token; whether it was there (so that a token works once)."""
    return connection.execute(delete(sessions).where(_s.digest == digest)).rowcount == 1


def end_sessions_of(
    connection: Connection, merchant_id: str, person: str, *, kind: str | None = None, session_id: str | None = None
) -> int:
    """Delete a person's sessions and one-time links, all of them or those of a kind or an id; how many there were."""
    where = [_s.merchant_id == merchant_id, _s.person == person]
    if kind is not None:
        where.append(_s.kind == kind)
    if session_id is not None:
        where.append(_s.id == session_id)
    return connection.execute(delete(sessions).where(*where)).rowcount


def end_setup(connection: Connection, merchant_id: str) -> None:
    """Delete the set-up tokens of a merchant."""
    connection.execute(delete(sessions).where(_s.merchant_id == merchant_id, _s.kind == "setup"))
