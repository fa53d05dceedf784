"""Customers: who they are, found by the beginning of what a person types."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select

from galla.store.bill_tables import customers
from galla.store.schema import begins

_c = customers.c
_COUNTRY, _MOBILE = "91", 10


def search_key(text: str | None) -> str | None:
    """Return a text as it is searched: one form for each character, no capitals, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()) or None if text else None


def phone_key(text: str | None) -> str | None:
    """Return a phone number as it is searched: its digits, without India's own code or a leading zero."""
    figures = re.sub(r"[^0-9]", "", text or "")
    if len(figures) == _MOBILE + 2 and figures.startswith(_COUNTRY):
        figures = figures[2:]
    return (figures.lstrip("0") if len(figures) > _MOBILE else figures) or None


def insert_customer(connection: Connection, values: dict[str, Any]) -> None:
    """Write a customer, with the keys that find them."""
    keys = {"name_key": search_key(values["name"]), "phone_key": phone_key(values["phone"])}
    connection.execute(insert(customers), {**values, **keys})


def get_customer(connection: Connection, merchant_id: str, customer_id: str) -> Row[Any] | None:
    """Return a customer by id, an erased one too."""
    return connection.execute(
        select(customers).where(_c.merchant_id == merchant_id, _c.id == customer_id)
    ).first()


def by_external_id(connection: Connection, merchant_id: str, external_id: str) -> Row[Any] | None:
    """Return the customer whom the caller's own system knows by this id."""
    return connection.execute(
        select(customers).where(_c.merchant_id == merchant_id, _c.external_id == external_id)
    ).first()


def known(connection: Connection, merchant_id: str, name: str, phone: str) -> Row[Any] | None:
    """Return the customer of this name and phone, however the two are written."""
    return connection.execute(
        select(customers)
        .where(
            _c.merchant_id == merchant_id,
            _c.phone_key == phone_key(phone),
            _c.name_key == search_key(name),
        )
        .order_by(_c.id)
        .limit(1)
    ).first()


def find(connection: Connection, merchant_id: str, q: str, limit: int) -> list[Row[Any]]:
    """Return customers whose name or phone begins with a text, in the order of their names."""
    ways = [begins(_c.name_key, search_key(q) or "")]
    if (figures := phone_key(q)) is not None and not re.search(r"[^0-9+ ()-]", q):
        ways.append(begins(_c.phone_key, figures))
    return list(
        connection.execute(
            select(customers).where(_c.merchant_id == merchant_id, or_(*ways)).order_by(_c.name_key, _c.id).limit(limit)
        )
    )
