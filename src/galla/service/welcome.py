"""Choosing a password: the first admin at set-up, whoever was sent a one-time link, and anybody who wants a new one.

A link is used up only by a password that is accepted, so a refused one can be typed again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from galla.clock import to_millis
from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.service import password, people, signing_in
from galla.service.access import Session, is_token, keep_token, open_session
from galla.service.people import NewUser
from galla.service.setup import digest
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import access, users
from galla.store import merchants as stored

_GONE = "This link was used before, or is too old."


class SetUp(NamedTuple):
    """A shop without users, and the one-time token that makes its first admin."""

    merchant: str
    token: str


async def open_set_ups(till: Till) -> list[SetUp]:
    """Return a fresh set-up token for each shop that has no user; those given out before end."""
    return await till.database.write(_open_set_ups, till)


async def has_open_set_ups(till: Till) -> bool:
    """Return whether a shop has no user yet."""
    return bool(await till.database.read(users.merchants_without_users, till.settings.environment))


async def shop_of_set_up(till: Till, token: str) -> str | None:
    """Return the name of the shop that a set-up token is for, or None when the token is spent."""
    row = await _token(till, token, "setup")
    shop = await till.database.read(stored.get_merchant, row.merchant_id) if row is not None else None
    return str(shop.name) if shop is not None else None


async def set_up(till: Till, token: str, new: NewUser, address: str) -> Session:
    """Make a shop's first user, an admin, and sign them in.

    Raises:
        NotFound: the token is spent.
        InvalidField: a name or the password cannot be used.
    """
    row = await _token(till, token, "setup")
    if row is None:
        raise NotFound(f"{_GONE} Start galla again for a new one.")
    if new.password is None:
        raise InvalidField("`password` is needed.", param="password")
    shop = await till.database.read(stored.get_merchant, row.merchant_id)
    values = people.values_of(new, "admin")
    password.check_new(new.password, (values["name"], values["display_name"], shop.name if shop else ""))
    values["password_hash"] = await password.hashed(new.password)
    return await till.database.write(_set_up, till, row, values, address)


async def invited(till: Till, token: str) -> dict[str, Any] | None:
    """Return the user whom a link is for, or None when it is spent."""
    row = await _token(till, token, "invitation")
    user = await till.database.read(users.get_user, row.merchant_id, row.person) if row is not None else None
    return people.user_view(user) if user is not None else None


async def accept(till: Till, token: str, new: str, address: str, counter: str | None = None) -> Session:
    """Give the user of a link the password they chose, end what they had before, and sign them in.

    Raises:
        NotFound: the link is spent.
        InvalidField: the password would be guessed.
    """
    row = await _token(till, token, "invitation")
    user = await till.database.read(users.get_user, row.merchant_id, row.person) if row is not None else None
    if row is None or user is None:
        raise NotFound(f"{_GONE} Ask an admin for a new one.")
    kept = await people.hashed_for(till, user, new)
    return await till.database.write(_accept, till, row, kept, address, clean(counter, "counter", limit=40))


async def change_own(till: Till, principal: Principal, current: str, new: str, address: str) -> Session:
    """Change the caller's own password: every session of theirs ends, and a new one begins here.

    Raises:
        TooSoon: too many tries.
        InvalidField: the current password is wrong, or the new one would be guessed.
        IllegalTransition: the caller signed in with an API key, which has no password.
    """
    if not principal.is_user:
        raise IllegalTransition("An API key has no password. Sign in by name to change yours.", code="not_a_user")
    user = await till.database.read(people.required, principal.merchant_id, str(principal.person))
    if await signing_in.person(till, principal, user.name, current, address=address) is None:
        raise InvalidField("This is not your password now. Type it once more.", param="current")
    kept = await people.hashed_for(till, user, new)
    return await till.database.write(_change_own, till, principal, user, kept, address)


async def _token(till: Till, token: str, kind: str) -> Row[Any] | None:
    if not is_token(token):
        return None
    at = to_millis(till.clock.now())
    return await till.database.read(access.session_with_digest, digest(token), kind, at)


def _open_set_ups(connection: Connection, till: Till) -> list[SetUp]:
    made = []
    for row in users.merchants_without_users(connection, till.settings.environment):
        access.end_setup(connection, row.id)
        nobody = Principal(merchant_id=row.id, actor="set-up")
        made.append(SetUp(row.name, keep_token(connection, till, nobody, "setup")))
    return made


def _set_up(connection: Connection, till: Till, row: Row[Any], values: dict[str, Any], address: str) -> Session:
    first = Principal(merchant_id=row.merchant_id, actor=values["display_name"], origin="setup")
    made = people.insert(connection, till, first, values)
    if not access.end_session(connection, row.digest) or users.count_users(connection, row.merchant_id) > 1:
        raise NotFound(f"{_GONE} Ask the admin who is there already.")
    return _opened(connection, till, made, None, address)


def _accept(
    connection: Connection, till: Till, row: Row[Any], kept: str, address: str, counter: str | None
) -> Session:
    user = users.get_user(connection, row.merchant_id, row.person)
    if user is None or not access.end_session(connection, row.digest):
        raise NotFound(f"{_GONE} Ask an admin for a new one.")
    people.keep_password(connection, till, people.principal_of(user, "sign-in"), user.id, kept)
    return _opened(connection, till, user, counter, address)


def _change_own(
    connection: Connection, till: Till, principal: Principal, user: Row[Any], kept: str, address: str
) -> Session:
    now = people.required(connection, user.merchant_id, user.id)
    if now.disabled_at is not None or now.password_hash != user.password_hash:
        raise IllegalTransition("Your password was changed meanwhile. Sign in again.", code="password_changed")
    people.keep_password(connection, till, principal, user.id, kept)
    return _opened(connection, till, now, principal.counter, address)


def _opened(connection: Connection, till: Till, user: Row[Any], counter: str | None, address: str) -> Session:
    users.change_user(connection, user.merchant_id, user.id, {"signed_in_at": to_millis(till.clock.now())})
    return open_session(connection, till, people.principal_of(user), counter, address)
