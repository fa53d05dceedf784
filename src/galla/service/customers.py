"""Customers, or patients: who a bill is for.

Full names and numbers are shown on a customer's own page and by its own address of the API, nowhere else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import from_millis, rfc3339, to_millis
from galla.errors import InvalidField
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import customers
from galla.store.journal import Note, record


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who a bill is said to be for: one whom galla knows by `id`, or what the caller knows of them."""

    id: str | None = None
    name: str | None = None
    phone: str | None = None
    external_id: str | None = None


def person(given: dict[str, Any]) -> Person:
    """Read whom a caller names.

    Raises:
        InvalidField: a field cannot be used.
    """
    return Person(
        id=clean(given.get("id"), "customer.id", limit=64),
        name=clean(given.get("name"), "customer.name", limit=80),
        phone=clean(given.get("phone"), "customer.phone", limit=20),
        external_id=clean(given.get("external_id"), "customer.external_id", limit=64),
    )


def met(connection: Connection, till: Till, principal: Principal, who: Person) -> Person:
    """Return a person with the id of their customer, inside a transaction.

    An id of the caller's own, or a name and a phone number together, make a customer of whoever was not met before;
    a name alone does not: two patients may share it.

    Raises:
        InvalidField: the `id` is no customer's.
    """
    merchant_id = principal.merchant_id
    if who.id is not None:
        row = customers.get_customer(connection, merchant_id, who.id)
        if row is None or row.erased_at is not None:
            raise InvalidField(f"There is no customer {who.id}.", param="customer.id", code="customer_unknown")
    elif who.external_id is not None:
        row = customers.by_external_id(connection, merchant_id, who.external_id)
    elif who.name is not None and who.phone is not None and customers.phone_key(who.phone) is not None:
        row = customers.known(connection, merchant_id, who.name, who.phone)
    else:
        return who
    if row is None:
        return msgspec.structs.replace(who, id=_write(connection, principal, who, till.clock.now()))
    return msgspec.structs.replace(who, id=row.id, name=who.name or row.name, phone=who.phone or row.phone)


async def find(till: Till, principal: Principal, q: str, *, limit: int = 8) -> list[dict[str, Any]]:
    """Return customers whose name or phone begins with what was typed, by name."""
    rows = await till.database.read(customers.find, principal.merchant_id, q, limit) if q.strip() else []
    return [customer_view(row) for row in rows]


async def page(till: Till, principal: Principal, *, limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
    """Return a page of customers, newest first."""
    limit = min(max(limit, 1), 200)
    rows = await till.database.read(customers.newest, principal.merchant_id, limit + 1, cursor)
    more = rows[limit - 1].id if len(rows) > limit else None
    return {"data": [customer_view(row) for row in rows[:limit]], "next_cursor": more}


async def picked(till: Till, principal: Principal, customer_id: str) -> list[dict[str, Any]]:
    """Return the one customer that was picked, or nobody."""
    row = await till.database.read(customers.get_customer, principal.merchant_id, customer_id) if customer_id else None
    return [customer_view(row)] if row is not None and row.erased_at is None else []


def customer_view(row: Row[Any]) -> dict[str, Any]:
    """Return a customer in full."""
    return {
        "id": row.id,
        "object": "customer",
        "name": row.name,
        "phone": row.phone,
        "external_id": row.external_id,
        "created_at": rfc3339(from_millis(row.created_at)),
        "erased_at": rfc3339(from_millis(row.erased_at)) if row.erased_at is not None else None,
    }


def _write(connection: Connection, principal: Principal, who: Person, now: datetime) -> str:
    customer_id = ids.new_id("cust", now)
    values = {
        "merchant_id": principal.merchant_id,
        "id": customer_id,
        "name": who.name,
        "phone": who.phone,
        "external_id": who.external_id,
        "created_at": to_millis(now),
        "erased_at": None,
    }
    customers.insert_customer(connection, values)
    note = Note(actor=principal.actor, origin=principal.origin, action="customer.created", object_id=customer_id)
    record(connection, principal.merchant_id, now, note)
    return customer_id
