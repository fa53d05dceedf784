"""Who may ask: API keys, counter sessions, and one-time sign-in tickets.

Only digests are kept. A key is shown once; a ticket works once.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import from_millis, rfc3339, to_millis
from galla.errors import InvalidField, NotFound
from galla.service.setup import SCOPES, add_key, digest
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import access
from galla.store import merchants as stored
from galla.store.journal import Note, record

SESSION_MS = 12 * 3600 * 1000
TICKET_MS = 24 * 3600 * 1000
COUNTER_SCOPES = ("read", "collect")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser: the token is its cookie, `csrf` goes into every form."""

    token: str
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
        merchant_id=row.merchant_id, actor=f"key {row.label}", scopes=frozenset(row.scopes.split()), origin="api"
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
    """End an API key at once.

    Raises:
        NotFound: no such key in force for this merchant.
    """
    await till.database.write(_revoke, till, principal, key_id)


async def make_ticket(till: Till, merchant_id: str, scopes: list[str] | None = None) -> str:
    """Return a one-time sign-in token for a link, good for a day."""
    ticket = ids.token(200)
    values = _values(till, merchant_id, scopes or list(COUNTER_SCOPES), "ticket", "counter", None, TICKET_MS)
    await till.database.write(access.insert_session, {**values, "digest": digest(ticket)})
    return ticket


async def redeem_ticket(till: Till, ticket: str, counter: str | None = None) -> Session | None:
    """Turn a ticket into a session; None when it is unknown, used or too old."""
    if len(ticket) > 200 or not ticket.isascii():
        return None
    row = await till.database.write(_take_ticket, digest(ticket), to_millis(till.clock.now()))
    if row is None:
        return None
    return await _sign_in(till, row.merchant_id, row.scopes.split(), "counter", counter)


async def sign_in(till: Till, api_key: str, counter: str | None = None) -> Session | None:
    """Make a counter session from an API key that may collect; None when it may not."""
    principal = await principal_for_key(till, api_key.strip())
    if principal is None or "collect" not in principal.scopes:
        return None
    return await _sign_in(till, principal.merchant_id, sorted(principal.scopes), principal.actor, counter)


async def session(till: Till, token: str) -> Session | None:
    """Return the session of a cookie, or None when it ended."""
    if len(token) > 200 or not token.isascii():
        return None
    at = to_millis(till.clock.now())
    row = await till.database.read(access.session_with_digest, digest(token), "session", at)
    return _session(token, row) if row is not None else None


async def sign_out(till: Till, token: str) -> None:
    """End a session on the server."""
    await till.database.write(access.end_session, digest(token))


async def set_counter(till: Till, token: str, counter: str) -> None:
    """Say which counter this browser stands at."""
    name = clean(counter, "counter", limit=40, is_required=True)
    await till.database.write(access.change_session, digest(token), {"counter": name})


async def _sign_in(till: Till, merchant_id: str, scopes: list[str], actor: str, counter: str | None) -> Session:
    token = ids.token(200)
    name = clean(counter, "counter", limit=40)
    values = _values(till, merchant_id, scopes, "session", actor, name, SESSION_MS)
    await till.database.write(access.insert_session, {**values, "digest": digest(token)})
    principal = Principal(
        merchant_id=merchant_id, actor=actor, scopes=frozenset(scopes), counter=name, origin="counter"
    )
    return Session(token=token, csrf=values["csrf"], principal=principal)


def _values(
    till: Till, merchant_id: str, scopes: list[str], kind: str, actor: str, counter: str | None, life_ms: int
) -> dict[str, Any]:
    at = to_millis(till.clock.now())
    return {
        "merchant_id": merchant_id,
        "kind": kind,
        "actor": actor,
        "counter": counter,
        "scopes": " ".join(scopes),
        "csrf": ids.token(160),
        "created_at": at,
        "seen_at": at,
        "expires_at": at + life_ms,
    }


def _revoke(connection: Connection, till: Till, principal: Principal, key_id: str) -> None:
    now = till.clock.now()
    if not access.revoke_key(connection, principal.merchant_id, key_id, to_millis(now)):
        raise NotFound(f"There is no API key {key_id[:60]} in force.")
    note = Note(actor=principal.actor, origin=principal.origin, action="key.revoked", object_id=key_id)
    record(connection, principal.merchant_id, now, note)


def _take_ticket(connection: Connection, digest_: str, at: int) -> Row[Any] | None:
    row = access.session_with_digest(connection, digest_, "ticket", at)
    if row is None or not access.end_session(connection, digest_):
        return None
    return row


def _session(token: str, row: Row[Any]) -> Session:
    principal = Principal(
        merchant_id=row.merchant_id,
        actor=row.actor,
        scopes=frozenset(row.scopes.split()),
        counter=row.counter,
        origin="counter",
    )
    return Session(token=token, csrf=row.csrf, principal=principal)
