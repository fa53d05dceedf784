"""Customers: who they are, found by the beginning of what a person types."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from sqlalchemy import Connection, Row, cast, func, insert, select, update

from galla.store.bill_tables import bills, customers
from galla.store.schema import begins
from galla.store.tables import payments

_c, _b, _p = customers.c, bills.c, payments.c
_COUNTRY, _MOBILE = "91", 10
_PHONE = re.compile(r"[0-9+ ()-]+", re.ASCII)


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


def newest(connection: Connection, merchant_id: str, limit: int, before: str | None) -> list[Row[Any]]:
    """Return a page of customers, newest first; `before` is the last id of the page before."""
    query = select(customers).where(_c.merchant_id == merchant_id)
    if before is not None:
        query = query.where(_c.id < before)
    return list(connection.execute(query.order_by(_c.id.desc()).limit(limit)))


def payments_of(connection: Connection, merchant_id: str, customer_id: str) -> list[Row[Any]]:
    """Return `id`, `bill_id` and `status` of the payments of a customer's bills, newest first."""
    return list(
        connection.execute(
            select(_p.id, _p.bill_id, _p.status, _p.needs_review)
            .where(_p.merchant_id == merchant_id, _p.bill_id.in_(_bills_of(merchant_id, customer_id)))
            .order_by(_p.id.desc())
        )
    )


def bills_sums(connection: Connection, merchant_id: str, customer_id: str) -> tuple[int, int, int]:
    """Return what a customer's bills come to, what of it is paid and what is due, in paise; cancelled ones left out."""
    paise = _b.total_paise.type
    row = connection.execute(
        select(cast(func.sum(_b.total_paise), paise), cast(func.sum(_b.paid_paise), paise)).where(
            _b.merchant_id == merchant_id, _b.customer_id == customer_id, _b.is_cancelled == 0
        )
    ).one()
    billed, paid = int(row[0] or 0), int(row[1] or 0)
    return billed, paid, billed - paid


def erase(connection: Connection, merchant_id: str, customer_id: str, at: int) -> None:
    """Take a customer's name, number and id off themselves, their bills and their payments; sums and ids stay."""
    connection.execute(
        update(payments)
        .where(_p.merchant_id == merchant_id, _p.bill_id.in_(_bills_of(merchant_id, customer_id)))
        .values(customer_name=None, customer_phone=None)
    )
    connection.execute(
        update(bills)
        .where(_b.merchant_id == merchant_id, _b.customer_id == customer_id)
        .values(customer_name=None, customer_phone=None, name_key=None, phone_key=None)
    )
    connection.execute(
        update(customers)
        .where(_c.merchant_id == merchant_id, _c.id == customer_id)
        .values(name=None, phone=None, external_id=None, name_key=None, phone_key=None, erased_at=at)
    )


def _bills_of(merchant_id: str, customer_id: str) -> Any:
    return select(_b.id).where(_b.merchant_id == merchant_id, _b.customer_id == customer_id)


def find(connection: Connection, merchant_id: str, q: str, limit: int) -> list[Row[Any]]:
    """Return customers whose name begins with a text, or whose phone number when it is one, in that order."""
    column, start = (_c.phone_key, phone_key(q)) if _PHONE.fullmatch(q) else (_c.name_key, search_key(q))
    if start is None:
        return []
    query = select(customers).where(_c.merchant_id == merchant_id, begins(column, start))
    return list(connection.execute(query.order_by(column, _c.id).limit(limit)))
