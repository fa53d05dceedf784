"""Papers given out. A receipt and a print are written once and never changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from galla.store.receipt_tables import prints, receipts

_r, _p = receipts.c, prints.c


def of_object(connection: Connection, merchant_id: str, object_id: str) -> Row[Any] | None:
    """Return the receipt of a bill, payment or refund, if one was given out."""
    return connection.execute(
        select(receipts).where(_r.merchant_id == merchant_id, _r.object_id == object_id)
    ).one_or_none()


def get(connection: Connection, merchant_id: str, receipt_id: str) -> Row[Any] | None:
    """Return a receipt by its id."""
    return connection.execute(
        select(receipts).where(_r.merchant_id == merchant_id, _r.id == receipt_id)
    ).one_or_none()


def with_code(connection: Connection, code: str) -> Row[Any] | None:
    """Return the receipt that carries a code, whosever it is."""
    return connection.execute(select(receipts).where(_r.code == code)).one_or_none()


def next_number(connection: Connection, merchant_id: str) -> int:
    """Return the number that follows the last one; `hold` first."""
    last = connection.execute(select(func.max(_r.number)).where(_r.merchant_id == merchant_id)).scalar_one()
    return (last or 0) + 1


def insert_receipt(connection: Connection, values: dict[str, Any]) -> None:
    """Write a receipt."""
    connection.execute(insert(receipts), values)


def insert_print(connection: Connection, merchant_id: str, receipt_id: str, actor: str, at: int) -> int:
    """Write that a receipt was printed once more and return which copy it is, from 1; `hold` first."""
    last = connection.execute(
        select(func.max(_p.copy)).where(_p.merchant_id == merchant_id, _p.receipt_id == receipt_id)
    ).scalar_one()
    copy = (last or 0) + 1
    row = {"merchant_id": merchant_id, "receipt_id": receipt_id, "copy": copy, "actor": actor, "at": at}
    connection.execute(insert(prints), row)
    return copy


def printed(connection: Connection, merchant_id: str, receipt_id: str, copy: int) -> Row[Any] | None:
    """Return one print of a receipt."""
    return connection.execute(
        select(prints).where(_p.merchant_id == merchant_id, _p.receipt_id == receipt_id, _p.copy == copy)
    ).one_or_none()
