"""Attachments: advances that were put on a bill. Written once, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from galla.clock import to_millis
from galla.store.tables import attachments

_a = attachments.c


def insert_attachment(
    connection: Connection,
    merchant_id: str,
    attachment_id: str,
    *,
    payment_id: str,
    bill_id: str,
    amount_paise: int,
    actor: str,
    now: datetime,
) -> None:
    """Write down that part of a payment's advance now pays a bill."""
    connection.execute(
        insert(attachments).values(
            merchant_id=merchant_id,
            id=attachment_id,
            payment_id=payment_id,
            bill_id=bill_id,
            amount_paise=amount_paise,
            actor=actor,
            created_at=to_millis(now),
        )
    )


def of_payment(connection: Connection, merchant_id: str, payment_id: str) -> list[str]:
    """Return the ids of everything a payment's advance was put on."""
    return of_payments(connection, merchant_id, [payment_id])


def of_payments(connection: Connection, merchant_id: str, payment_ids: list[str]) -> list[str]:
    """Return the ids of everything the advances of several payments were put on."""
    query = select(_a.id).where(_a.merchant_id == merchant_id, _a.payment_id.in_(payment_ids))
    return list(connection.execute(query).scalars())


def of_bill(connection: Connection, merchant_id: str, bill_id: str) -> list[Row[Any]]:
    """Return the advances that were put on a bill, oldest first."""
    query = select(attachments).where(_a.merchant_id == merchant_id, _a.bill_id == bill_id).order_by(_a.id)
    return list(connection.execute(query))
