"""Unguessable addresses at which a customer pays a bill or sees what became of a payment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from galla.store.tables import pay_links

_l = pay_links.c


def insert_link(connection: Connection, values: dict[str, Any]) -> None:
    """Write a link."""
    connection.execute(insert(pay_links), values)


def get(connection: Connection, token: str, at: int) -> Row[Any] | None:
    """Return a link that has not expired."""
    return connection.execute(select(pay_links).where(_l.token == token, _l.expires_at > at)).one_or_none()


def of_payment(connection: Connection, merchant_id: str, payment_id: str, at: int) -> Row[Any] | None:
    """Return a payment's own result link, if it has one in force."""
    return connection.execute(
        select(pay_links)
        .where(_l.merchant_id == merchant_id, _l.payment_id == payment_id, _l.expires_at > at)
        .limit(1)
    ).first()


def of_bill(connection: Connection, merchant_id: str, bill_id: str, at: int) -> Row[Any] | None:
    """Return a bill's link, if it has one in force."""
    return connection.execute(
        select(pay_links)
        .where(_l.merchant_id == merchant_id, _l.bill_id == bill_id, _l.expires_at > at)
        .limit(1)
    ).first()
