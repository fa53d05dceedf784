"""The people of a shop: added, changed, invited and disabled by an admin. Names in, names out; never a password.

A person signs in by `name`, and the others see `display_name`; each is theirs alone within the shop. Whatever changes
what somebody may do ends all of their sessions and links in the same commit.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import from_millis, rfc3339, to_millis
from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.service import password
from galla.service.access import keep_token
from galla.service.roles import ROLES
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import access, users
from galla.store import merchants as stored
from galla.store.journal import Note, record

_NAME = re.compile(r"[\w.@+-]{2,40}")
_NOT_A_PERSON = re.compile(r"(key|cli|galla|paytm)\b", re.IGNORECASE)


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to add. Without a password they choose one through a one-time link."""

    name: str
    display_name: str
    role: str
    branch: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"NewUser(name={self.name!r}, role={self.role!r})"


async def add(till: Till, principal: Principal, new: NewUser) -> dict[str, Any]:
    """Add a user.

    Raises:
        InvalidField: a name is malformed or taken, the role is unknown, or the password would be guessed.
    """
    values = values_of(new, new.role)
    if new.password is not None:
        shop = await till.database.read(stored.get_merchant, principal.merchant_id)
        password.check_new(new.password, (values["name"], values["display_name"], shop.name if shop else ""))
        values["password_hash"] = await password.hashed(new.password)
    return user_view(await till.database.write(insert, till, principal, values))


async def find(till: Till, principal: Principal) -> list[dict[str, Any]]:
    """Return the users of the merchant by their names, disabled ones last."""
    return [user_view(row) for row in await till.database.read(users.users_of, principal.merchant_id)]


async def get(till: Till, principal: Principal, name: str) -> dict[str, Any]:
    """Return one user by id or sign-in name.

    Raises:
        NotFound: no such user for this merchant.
    """
    return user_view(await till.database.read(required, principal.merchant_id, name))


async def change(till: Till, principal: Principal, name: str, **changes: Any) -> dict[str, Any]:
    """Change the display name, the role, the branch, or whether somebody may sign in.

    A new role or a disabled user ends all of their sessions at once.

    Raises:
        NotFound: no such user for this merchant.
        InvalidField: a change cannot be made.
        IllegalTransition: nobody would be left who is an admin.
    """
    values: dict[str, Any] = {}
    if "display_name" in changes:
        values["display_name"] = _seen_as(changes["display_name"])
    if "role" in changes:
        values["role"] = _role(changes["role"])
    if "branch" in changes:
        values["branch"] = clean(changes["branch"], "branch", limit=40)
    is_active = changes.get("is_active")
    return user_view(await till.database.write(_change, till, principal, name, values, is_active))


async def invite(till: Till, principal: Principal, name: str) -> str:
    """Return a one-time token with which a user chooses a password; the one before it ends.

    What the user has now goes on working until the link is used.

    Raises:
        NotFound: no such user for this merchant.
        IllegalTransition: the user is disabled.
    """
    return await till.database.write(_invite, till, principal, name)


async def set_password(till: Till, principal: Principal, name: str, new: str) -> None:
    """Give a user a password, and end all of their sessions and links.

    Raises:
        NotFound: no such user for this merchant.
        InvalidField: the password would be guessed.
    """
    row = await till.database.read(required, principal.merchant_id, name)
    kept = await hashed_for(till, row, new)
    await till.database.write(keep_password, till, principal, row.id, kept)


def values_of(new: NewUser, role: str) -> dict[str, Any]:
    """Return the columns of a new user, without a password yet.

    Raises:
        InvalidField: a name is malformed, or the role is unknown.
    """
    return {
        "name": folded(new.name),
        "display_name": _seen_as(new.display_name),
        "role": _role(role),
        "branch": clean(new.branch, "branch", limit=40),
        "password_hash": None,
    }


def folded(name: str) -> str:
    """Return a sign-in name as it is kept: one spelling, whatever was typed.

    Raises:
        InvalidField: it is no sign-in name.
    """
    plain = unicodedata.normalize("NFKC", name).casefold().strip()
    if _NAME.fullmatch(plain) is None:
        raise InvalidField(
            "`name` is what somebody types to sign in: 2 to 40 letters, digits or . _ - @ +, without spaces.",
            param="name",
        )
    return str(clean(plain, "name", limit=40, is_required=True))


def user_view(row: Row[Any]) -> dict[str, Any]:
    """Return a user as the API and the pages show them."""
    return {
        "id": row.id,
        "object": "user",
        "name": row.name,
        "display_name": row.display_name,
        "role": row.role,
        "branch": row.branch,
        "is_active": row.disabled_at is None,
        "has_password": row.password_hash is not None,
        "created_at": rfc3339(from_millis(row.created_at)),
        "signed_in_at": rfc3339(from_millis(row.signed_in_at)) if row.signed_in_at else None,
    }


def principal_of(row: Row[Any], origin: str = "counter") -> Principal:
    """Return who a user is to the rest of galla."""
    return Principal(
        merchant_id=row.merchant_id,
        actor=row.display_name,
        person=row.id,
        scopes=ROLES[row.role].scopes,
        origin=origin,
    )


async def hashed_for(till: Till, row: Row[Any], new: str) -> str:
    """Return the hash of a user's new password.

    Raises:
        InvalidField: it would be guessed.
    """
    shop = await till.database.read(stored.get_merchant, row.merchant_id)
    password.check_new(new, (row.name, row.display_name, shop.name if shop else ""))
    return await password.hashed(new)


# Inside a transaction; `welcome.py` uses them too.


def required(connection: Connection, merchant_id: str, name: str) -> Row[Any]:
    """Return a user by id or sign-in name.

    Raises:
        NotFound: no such user for this merchant.
    """
    row = users.get_user(connection, merchant_id, name[:60])
    if row is None:
        row = users.get_user(connection, merchant_id, unicodedata.normalize("NFKC", name[:60]).casefold().strip())
    if row is None:
        raise NotFound(f"There is no user {name[:60]}.")
    return row


def insert(connection: Connection, till: Till, principal: Principal, values: dict[str, Any]) -> Row[Any]:
    """Write a user.

    Raises:
        InvalidField: a name is taken.
    """
    now = till.clock.now()
    user_id = ids.new_id("usr", now)
    detail = {name: values[name] for name in ("name", "display_name", "role", "branch") if values[name]}
    stored.hold(connection, principal.merchant_id)  # two may not take one name
    note(connection, till, principal, "user.created", user_id, detail)
    _must_be_free(connection, principal.merchant_id, user_id, values)
    row = {
        "merchant_id": principal.merchant_id,
        "id": user_id,
        "created_at": to_millis(now),
        "signed_in_at": None,
        "disabled_at": None,
        **values,
    }
    users.insert_user(connection, row)
    return required(connection, principal.merchant_id, user_id)


def keep_password(connection: Connection, till: Till, principal: Principal, user_id: str, kept: str) -> None:
    """Write a user's new hash, and end whatever the old password opened."""
    users.change_user(connection, principal.merchant_id, user_id, {"password_hash": kept})
    access.end_sessions_of(connection, principal.merchant_id, user_id)
    note(connection, till, principal, "user.password_changed", user_id)


def note(
    connection: Connection,
    till: Till,
    principal: Principal,
    action: str,
    user_id: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write what was done to a user, and by whom."""
    said = Note(
        actor=principal.actor, origin=principal.origin, action=action, object_id=user_id, detail=detail or {}
    )
    record(connection, principal.merchant_id, till.clock.now(), said)


def _change(
    connection: Connection,
    till: Till,
    principal: Principal,
    name: str,
    values: dict[str, Any],
    is_active: bool | None,
) -> Row[Any]:
    stored.hold(connection, principal.merchant_id)  # nor may two who are the last admins leave each other alone
    before = required(connection, principal.merchant_id, name)
    changed = {column: value for column, value in values.items() if getattr(before, column) != value}
    detail: dict[str, Any] = dict(changed)
    if is_active is not None and is_active != (before.disabled_at is None):
        changed["disabled_at"] = None if is_active else to_millis(till.clock.now())
        detail["is_active"] = is_active
    if not changed:
        return before
    note(connection, till, principal, "user.changed", before.id, detail)
    _must_be_free(connection, principal.merchant_id, before.id, changed)
    users.change_user(connection, principal.merchant_id, before.id, changed)
    if before.role == "admin" and not users.count_users(connection, principal.merchant_id, role="admin"):
        raise IllegalTransition(
            f"{before.display_name} is the last admin. Make somebody else an admin first.", code="last_admin"
        )
    if {"role", "disabled_at", "display_name"} & set(changed):  # a session keeps the name and the scopes it began with
        access.end_sessions_of(connection, principal.merchant_id, before.id)
    return required(connection, principal.merchant_id, before.id)


def _invite(connection: Connection, till: Till, principal: Principal, name: str) -> str:
    row = required(connection, principal.merchant_id, name)
    if row.disabled_at is not None:
        raise IllegalTransition(f"{row.display_name} is disabled. Let them in again first.", code="user_disabled")
    access.end_sessions_of(connection, principal.merchant_id, row.id, kind="invitation")
    note(connection, till, principal, "user.invited", row.id)
    return keep_token(connection, till, principal_of(row), "invitation")


def _must_be_free(connection: Connection, merchant_id: str, user_id: str, values: dict[str, Any]) -> None:
    taken = users.get_user(connection, merchant_id, values["name"]) if "name" in values else None
    if taken is not None and taken.id != user_id:
        raise InvalidField(f"The sign-in name {values['name']} is taken.", param="name", code="name_taken")
    called = users.user_called(connection, merchant_id, values["display_name"]) if "display_name" in values else None
    if called is not None and called.id != user_id:
        raise InvalidField(
            f"Somebody is called {values['display_name']} already. Add an initial, so that both can be told apart.",
            param="display_name",
            code="name_taken",
        )


def _seen_as(display_name: str) -> str:
    kept = str(clean(display_name, "display_name", limit=40, is_required=True))
    if _NOT_A_PERSON.match(kept):
        raise InvalidField(f"{kept} reads like a machine's name. Write the person's own name.", param="display_name")
    return kept


def _role(name: str) -> str:
    if name not in ROLES:
        raise InvalidField(f"`role` must be one of {', '.join(ROLES)}.", param="role")
    return name
