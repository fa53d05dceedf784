"""The lists of payments that a person has given a name. They are that person's alone, at whatever computer."""

from __future__ import annotations

from sqlalchemy import Connection

from galla.clock import to_millis
from galla.errors import InvalidField
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import saved_views as stored

MOST = 20
_LONGEST_QUERY = 2000


async def save(till: Till, principal: Principal, name: str, query: str) -> None:
    """Keep a list under a name, in place of what the person had under it.

    Args:
        till: the open till.
        principal: whose list it is.
        name: up to 40 characters.
        query: what narrows the list, as a piece of an address.

    Raises:
        InvalidField: no name or too long a one, too many lists, or a caller who is nobody in particular.
    """
    if principal.person is None:
        raise InvalidField("A one-time link keeps no lists. Sign in by your own name.", param="name")
    named = clean(name, "name", limit=40, is_required=True) or ""
    if len(query) > _LONGEST_QUERY:
        raise InvalidField("This list is narrowed by too much to be kept.", param="query")
    await till.database.write(_save, till, principal, principal.person, named, query)


async def find(till: Till, principal: Principal) -> list[tuple[str, str]]:
    """Return the names and queries of a person's lists, by name."""
    if principal.person is None:
        return []
    rows = await till.database.read(stored.of_person, principal.merchant_id, principal.person)
    return [(row.name, row.query) for row in rows]


async def remove(till: Till, principal: Principal, name: str) -> None:
    """Forget a list, if it is there."""
    if principal.person is not None:
        await till.database.write(stored.remove, principal.merchant_id, principal.person, name)


def _save(connection: Connection, till: Till, principal: Principal, person: str, name: str, query: str) -> None:
    if stored.count(connection, principal.merchant_id, person, but=name) >= MOST:
        raise InvalidField(f"You have {MOST} lists already. Remove one first.", param="name")
    stored.put(connection, principal.merchant_id, person, name, query, to_millis(till.clock.now()))
