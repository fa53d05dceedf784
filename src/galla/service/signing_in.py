"""Signing in by name and password, at the door and as a second person. The answer to a name that nobody has is the same
as to a wrong password, and takes as long.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from galla.clock import to_millis
from galla.errors import InvalidField
from galla.service import password
from galla.service.access import Session, open_session
from galla.service.people import folded, principal_of
from galla.service.till import Principal, Till, log
from galla.service.words import clean
from galla.store import merchants as stored
from galla.store import users
from galla.store.journal import Note, record


async def sign_in(
    till: Till, shop: str, name: str, given: str, *, address: str, counter: str | None = None
) -> Session | None:
    """Open a session for a name and a password; None when they do not belong together.

    Args:
        till: the open till.
        shop: the shop's name or MID; empty where there is only one.
        name: the sign-in name, as typed.
        given: the password, as typed.
        address: the computer's address, for the throttle and the audit trail.
        counter: the counter this browser stands at.

    Raises:
        TooSoon: too many tries for this name or from this address.
    """
    merchant_id = await _shop(till, shop)
    row = await _user(till, merchant_id, name, given, address)
    if row is None:
        return None
    renewed = await password.hashed(given) if password.is_outdated(row.password_hash) else None
    at_counter = clean(counter, "counter", limit=40)
    return await till.database.write(_open, till, row, renewed, at_counter, address)


async def person(till: Till, principal: Principal, name: str, given: str, *, address: str) -> Principal | None:
    """Return who a colleague of the principal's is by name and password, without signing them in; None when nobody.

    Raises:
        TooSoon: too many tries for this name or from this address.
    """
    row = await _user(till, principal.merchant_id, name, given, address)
    return principal_of(row, principal.origin) if row is not None else None


class Door(NamedTuple):
    """What the sign-in page must ask: also the shop where there are several, and a key where nobody has a name yet."""

    needs_shop: bool
    has_users: bool


async def door(till: Till) -> Door:
    """Return how people get in here."""
    shops = await _shops(till)
    waiting = await till.database.read(users.merchants_without_users, till.settings.environment)
    return Door(needs_shop=len(shops) > 1, has_users=len(waiting) < len(shops))


async def _user(till: Till, merchant_id: str, name: str, given: str, address: str) -> Row[Any] | None:
    """Return the user whose password this is. A try counts before it is looked at, and no longer once it was right."""
    account = (merchant_id, _plain(name))
    till.attempts.begin(address, account)
    row = await till.database.read(users.get_user, merchant_id, account[1]) if account[1] and merchant_id else None
    is_known = row is not None and row.name == account[1] and row.disabled_at is None
    kept = row.password_hash if row is not None and is_known else None
    if await password.fits(given, kept):
        till.attempts.passed(address, account)
        return row
    left_out = till.attempts.written(merchant_id) if merchant_id else None
    log.warning("sign_in.failed", address=address, user=row.id if row is not None and is_known else None)
    if left_out is not None:
        user_id = row.id if row is not None and is_known else "unknown"
        await till.database.write(_failed, till, merchant_id, user_id, address, left_out)
    return None


async def _shop(till: Till, shop: str) -> str:
    """Return the id of the shop that is meant, or an empty text."""
    known = await _shops(till)
    if len(known) > 1:
        wanted = shop.strip().casefold()
        known = [row for row in known if wanted in (row.mid.casefold(), row.name.casefold())]
    return str(known[0].id) if len(known) == 1 else ""


async def _shops(till: Till) -> list[Row[Any]]:
    rows = await till.database.read(stored.all_merchants)
    return [row for row in rows if row.environment == till.settings.environment]


def _plain(name: str) -> str:
    try:
        return folded(name[:80])
    except InvalidField:
        return ""


def _open(
    connection: Connection, till: Till, row: Row[Any], renewed: str | None, counter: str | None, address: str
) -> Session | None:
    now = users.get_user(connection, row.merchant_id, row.id)
    if now is None or now.disabled_at is not None or now.password_hash != row.password_hash:
        return None  # changed while the password was being compared
    values: dict[str, Any] = {"signed_in_at": to_millis(till.clock.now())}
    if renewed is not None:
        values["password_hash"] = renewed
    users.change_user(connection, row.merchant_id, row.id, values)
    principal = principal_of(now)
    at = counter if "collect" in principal.scopes else None  # a desk is no counter
    return open_session(connection, till, principal, at, address)


def _failed(
    connection: Connection, till: Till, merchant_id: str, user_id: str, address: str, left_out: int
) -> None:
    """What was typed is not written: people type passwords into the wrong field."""
    detail: dict[str, Any] = {"address": address, **({"others_left_out": left_out} if left_out else {})}
    note = Note(actor="unknown", origin="sign-in", action="session.refused", object_id=user_id, detail=detail)
    record(connection, merchant_id, till.clock.now(), note)
