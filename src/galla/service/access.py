"""Who may ask: API keys, sessions, and the one-time tokens that open one.

Only digests are kept. A key is shown once; a token works once. People and their passwords are in `people.py`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import from_millis, rfc3339, to_millis
from galla.errors import InvalidField, NotFound, Unavailable
from galla.service.setup import SCOPES, add_key, digest
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import access
from galla.store import merchants as stored
from galla.store.journal import Note, record

HOUR_MS = 3600 * 1000
SESSION_MS = 12 * HOUR_MS
"""No session outlives a shop's day, whoever uses it."""
COUNTER_IDLE_MS = 4 * HOUR_MS
"""A counter may rest from the morning's sitting to the evening's; signing in again costs a queue more than it saves."""
OFFICE_IDLE_MS = HOUR_MS // 2
"""Who manages people or reads the books sits at a desk that others pass: half an hour."""
TOKEN_MS = 24 * HOUR_MS
TOUCH_MS = 60 * 1000
COUNTER_SCOPES = ("read", "collect")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser: the token is its cookie, `csrf` goes into every form."""

    token: str
    id: str
    csrf: str
    principal: Principal

    def __repr__(self) -> str:
        return f"Session(principal={self.principal!r})"


async def principal_for_key(till: Till, bearer: str) -> Principal | None:
    """Return who an API key is, or None for a key that is unknown or revoked."""
    if not 8 <= len(bearer) <= 200 or not bearer.isascii():
        return None
    row = await till.database.read(access.key_with_digest, digest(bearer))
    if row is None:
        return None
    return Principal(
        merchant_id=row.merchant_id,
        actor=f"key {row.label}",
        person=row.id,
        scopes=frozenset(row.scopes.split()),
        origin="api",
    )


async def create_key(till: Till, merchant_id: str, scopes: list[str], label: str, actor: str = "galla") -> str:
    """Make an API key and return it, the only time it is shown.

    Raises:
        InvalidField: an unknown scope, or no label.
        NotFound: no such merchant.
    """
    name = clean(label, "label", limit=60, is_required=True) or ""
    chosen = list(dict.fromkeys(scopes))
    if not chosen or any(scope not in SCOPES for scope in chosen):
        raise InvalidField(f"`scopes` must be some of {', '.join(SCOPES)}.", param="scopes")
    if await till.database.read(stored.get_merchant, merchant_id) is None:
        raise NotFound(f"There is no merchant {merchant_id[:60]}.")
    secret = f"gk_{till.settings.environment[:2]}_{ids.token(200)}"
    await till.database.write(add_key, till, merchant_id, secret, name, chosen, actor)
    return secret


async def list_keys(till: Till, principal: Principal) -> list[dict[str, Any]]:
    """Return the API keys of a merchant: prefixes and labels, never the keys."""
    rows = await till.database.read(access.keys_of, principal.merchant_id)
    return [
        {
            "id": row.id,
            "object": "api_key",
            "merchant": row.merchant_id,
            "prefix": row.prefix,
            "label": row.label,
            "scopes": row.scopes.split(),
            "created_at": rfc3339(from_millis(row.created_at)),
            "revoked_at": rfc3339(from_millis(row.revoked_at)) if row.revoked_at else None,
        }
        for row in rows
    ]


async def revoke_key(till: Till, principal: Principal, key_id: str) -> None:
    """End an API key at once, and every session that was opened with it.

    Raises:
        NotFound: no such key in force for this merchant.
    """
    await till.database.write(_revoke, till, principal, key_id)


async def make_ticket(
    till: Till,
    merchant_id: str,
    scopes: list[str] | None = None,
    *,
    actor: str = "counter",
    person: str | None = None,
) -> str:
    """Return a one-time sign-in token for a link, good for a day; it opens a session as the actor named."""
    principal = Principal(
        merchant_id=merchant_id, actor=actor, person=person, scopes=frozenset(scopes or COUNTER_SCOPES)
    )
    return await till.database.write(keep_token, till, principal, "ticket")


async def redeem_ticket(
    till: Till, ticket: str, counter: str | None = None, address: str | None = None
) -> Session | None:
    """Turn a ticket into a session; None when it is unknown, used or too old."""
    if not is_token(ticket):
        return None
    name = clean(counter, "counter", limit=40)
    return await till.database.write(_redeem, till, ticket, name, address)


async def sign_in(
    till: Till, api_key: str, counter: str | None = None, address: str | None = None
) -> Session | None:
    """Make a counter session from an API key that may collect; None when it may not."""
    principal = await principal_for_key(till, api_key.strip())
    if principal is None or "collect" not in principal.scopes:
        return None
    name = clean(counter, "counter", limit=40)
    return await till.database.write(open_session, till, principal, name, address)


async def session(till: Till, token: str, *, is_used: bool = True) -> Session | None:
    """Return the session of a cookie, or None when it ended; `is_used` when a person did something just now."""
    if not is_token(token):
        return None
    at = to_millis(till.clock.now())
    row = await till.database.read(access.session_with_digest, digest(token), "session", at)
    if row is None:
        return None
    if is_used and at - row.seen_at > TOUCH_MS:
        with suppress(Unavailable):  # looking must go on when nothing can be written
            await till.database.write(access.change_session, row.digest, {"seen_at": at})
    return _session(token, row)


async def sign_out(till: Till, token: str) -> None:
    """End a session on the server."""
    await till.database.write(access.end_session, digest(token))


async def sessions_of(till: Till, principal: Principal) -> list[dict[str, Any]]:
    """Return the caller's own sessions that stand, latest first."""
    at = to_millis(till.clock.now())
    rows = await till.database.read(access.sessions_of, principal.merchant_id, principal.person or "", at)
    return [
        {
            "id": row.id,
            "counter": row.counter,
            "created_at": rfc3339(from_millis(row.created_at)),
            "seen_at": rfc3339(from_millis(row.seen_at)),
        }
        for row in rows
    ]


async def end_sessions(till: Till, principal: Principal, session_id: str | None = None) -> None:
    """End one of the caller's own sessions, or all of them.

    Raises:
        NotFound: the caller has no such session.
    """
    await till.database.write(_end_sessions, till, principal, session_id)


# For `people.py` and `welcome.py`, inside their own transactions.


def open_session(
    connection: Connection, till: Till, principal: Principal, counter: str | None, address: str | None = None
) -> Session:
    """Write a session under a new token, and that somebody signed in."""
    token = ids.token(200)
    values = _values(till, principal, "session", counter, SESSION_MS)
    access.insert_session(connection, {**values, "digest": digest(token)})
    detail = {"session": values["id"], "counter": counter, "address": address}
    note = Note(
        actor=principal.actor,
        origin="sign-in",
        action="session.opened",
        object_id=principal.person or principal.merchant_id,
        detail={name: value for name, value in detail.items() if value is not None},
    )
    record(connection, principal.merchant_id, till.clock.now(), note)
    signed_in = msgspec.structs.replace(principal, counter=counter, origin="counter")
    return Session(token=token, id=values["id"], csrf=values["csrf"], principal=signed_in)


def keep_token(connection: Connection, till: Till, principal: Principal, kind: str) -> str:
    """Write a one-time token of a kind for a principal; return it, the only time it is known."""
    token = ids.token(200)
    access.insert_session(
        connection, {**_values(till, principal, kind, None, TOKEN_MS), "digest": digest(token)}
    )
    return token


def is_token(text: str) -> bool:
    """Return whether a text can be a token at all."""
    return 0 < len(text) <= 200 and text.isascii() and text.isprintable()


def _values(till: Till, principal: Principal, kind: str, counter: str | None, life_ms: int) -> dict[str, Any]:
    now = till.clock.now()
    at = to_millis(now)
    return {
        "merchant_id": principal.merchant_id,
        "id": ids.new_id("ses", now),
        "kind": kind,
        "person": principal.person,
        "actor": principal.actor,
        "counter": counter,
        "scopes": " ".join(sorted(principal.scopes)),
        "csrf": ids.token(160),
        "created_at": at,
        "seen_at": at,
        "idle_ms": _idle_ms(principal.scopes) if kind == "session" else life_ms,
        "expires_at": at + life_ms,
    }


def _idle_ms(scopes: frozenset[str]) -> int:
    """A counter rests for hours, a desk for half of one; a customer's screen is never touched at all."""
    if "collect" in scopes:
        return COUNTER_IDLE_MS
    return OFFICE_IDLE_MS if scopes & set(SCOPES) else SESSION_MS


def _revoke(connection: Connection, till: Till, principal: Principal, key_id: str) -> None:
    now = till.clock.now()
    if not access.revoke_key(connection, principal.merchant_id, key_id, to_millis(now)):
        raise NotFound(f"There is no API key {key_id[:60]} in force.")
    access.end_sessions_of(connection, principal.merchant_id, key_id)
    note = Note(actor=principal.actor, origin=principal.origin, action="key.revoked", object_id=key_id)
    record(connection, principal.merchant_id, now, note)


def _redeem(
    connection: Connection, till: Till, ticket: str, counter: str | None, address: str | None
) -> Session | None:
    row = access.session_with_digest(connection, digest(ticket), "ticket", to_millis(till.clock.now()))
    if row is None or not access.end_session(connection, row.digest):
        return None
    return open_session(connection, till, _principal(row), counter, address)


def _end_sessions(connection: Connection, till: Till, principal: Principal, session_id: str | None) -> None:
    person = principal.person or ""
    ended = access.end_sessions_of(connection, principal.merchant_id, person, kind="session", session_id=session_id)
    if session_id is not None and not ended:
        raise NotFound(f"You have no session {session_id[:60]}.")
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="session.ended",
        object_id=person,
        detail={"session": session_id} if session_id else {"sessions": ended},
    )
    record(connection, principal.merchant_id, till.clock.now(), note)


def _session(token: str, row: Row[Any]) -> Session:
    return Session(token=token, id=row.id, csrf=row.csrf, principal=_principal(row))


def _principal(row: Row[Any]) -> Principal:
    return Principal(
        merchant_id=row.merchant_id,
        actor=row.actor,
        person=row.person,
        scopes=frozenset(row.scopes.split()),
        counter=row.counter,
        origin="counter",
    )
