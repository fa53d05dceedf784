"""Bills, their lines, and how much of each is paid and reserved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from galla.ledger.pricing import Line
from galla.store.bill_tables import DUE, bill_lines, bills
from galla.store.customers import phone_key, search_key
from galla.store.schema import begins

_b = bills.c
_FEW = 500  # so many may begin with a text and still be told one by one
_LATEST = 1000
_ADDED = bindparam("added", type_=BigInteger())
_OURS = _b.merchant_id == bindparam("merchant")
_THIS = and_(_OURS, _b.id == bindparam("bill"))
# What every payment runs is put together here, once: that takes longer than to run it.
_GET = select(bills).where(_OURS, or_(_b.id == bindparam("bill"), _b.number == bindparam("bill")))
_GET_LOCKED = _GET.with_for_update()
_RESERVE = update(bills).where(_THIS).values(live_paise=_b.live_paise + _ADDED)
_RESERVE_OVER = _RESERVE.values(
    is_overcommitted=case((_b.paid_paise + _b.live_paise + _ADDED > _b.total_paise, 1), else_=0)
)
_SETTLE = (
    update(bills)
    .where(_THIS)
    .values(live_paise=bindparam("live"), paid_paise=bindparam("paid"), is_overcommitted=bindparam("over"))
)


def insert_bill(connection: Connection, values: dict[str, Any], lines: list[Line]) -> None:
    """Write a bill and its lines."""
    keys = {
        "number_key": search_key(values["number"]),
        "name_key": search_key(values["customer_name"]),
        "phone_key": phone_key(values["customer_phone"]),
    }
    connection.execute(insert(bills), {**values, **keys})
    connection.execute(
        insert(bill_lines),
        [
            {
                "merchant_id": values["merchant_id"],
                "bill_id": values["id"],
                "position": position,
                "description": line.description,
                "hsn": line.hsn,
                "quantity_milli": line.quantity_milli,
                "unit_paise": line.unit_paise,
                "gross_paise": line.gross_paise,
                "discount_paise": line.discount_paise,
                "share_paise": line.share_paise,
                "tax_bp": line.tax_bp,
                "taxable_paise": line.taxable_paise,
                "tax_paise": line.tax_paise,
                "amount_paise": line.amount_paise,
            }
            for position, line in enumerate(lines, start=1)
        ],
    )


def get(connection: Connection, merchant_id: str, bill_id: str, *, lock: bool = False) -> Row[Any] | None:
    """Return a bill by its id or its number; `lock` holds its row until the commit."""
    return connection.execute(_GET_LOCKED if lock else _GET, {"merchant": merchant_id, "bill": bill_id}).first()


def by_number(connection: Connection, merchant_id: str, number: str) -> Row[Any] | None:
    """Return the bill that has a number."""
    return connection.execute(select(bills).where(_b.merchant_id == merchant_id, _b.number == number)).first()


def of_customer(
    connection: Connection, merchant_id: str, customer_id: str, limit: int, *, before: str | None = None
) -> list[Row[Any]]:
    """Return a customer's bills, newest first; `before`: only those older than the bill with this id."""
    query = select(bills).where(_b.merchant_id == merchant_id, _b.customer_id == customer_id)
    if before is not None:
        query = query.where(_b.id < before)
    return list(connection.execute(query.order_by(_b.id.desc()).limit(limit)))


def priced_lines(connection: Connection, merchant_id: str, bill_id: str) -> list[Line]:
    """Return the lines of one bill as they were added up."""
    rows = lines_of(connection, merchant_id, [bill_id])[bill_id]
    return [Line(**{name: getattr(row, name) for name in Line.__struct_fields__}) for row in rows]


def lines_of(connection: Connection, merchant_id: str, bill_ids: list[str]) -> dict[str, list[Row[Any]]]:
    """Return the lines of several bills, by bill."""
    out: dict[str, list[Row[Any]]] = {bill_id: [] for bill_id in bill_ids}
    rows = connection.execute(
        select(bill_lines)
        .where(bill_lines.c.merchant_id == merchant_id, bill_lines.c.bill_id.in_(bill_ids))
        .order_by(bill_lines.c.bill_id, bill_lines.c.position)
    )
    for row in rows:
        out[row.bill_id].append(row)
    return out


def find(
    connection: Connection,
    merchant_id: str,
    *,
    q: str | None = None,
    status: str | None = None,
    limit: int = 50,
    before: str | None = None,
) -> list[Row[Any]]:
    """Return a page of bills, newest first. `q` matches number, name or phone from their beginning."""
    query = select(bills).where(_b.merchant_id == merchant_id)
    if q:
        query = query.where(_matching(connection, merchant_id, q, before, limit if status is None else None))
    match status:
        case "open":
            query = query.where(_b.paid_paise == 0, _b.is_cancelled == 0)
        case "partly_paid":
            query = query.where(_b.paid_paise > 0, _b.paid_paise < _b.total_paise, _b.is_cancelled == 0)
        case "due":
            query = query.where(text(DUE))
        case "paid":
            query = query.where(_b.paid_paise == _b.total_paise)
        case "cancelled":
            query = query.where(_b.is_cancelled == 1)
        case _:
            pass
    if before is not None:
        query = query.where(_b.id < before)
    return list(connection.execute(query.order_by(_b.id.desc()).limit(limit)))


def _matching(
    connection: Connection, merchant_id: str, q: str, before: str | None, newest: int | None
) -> ColumnElement[bool]:
    """Return which bills have a key that begins with a text.

    The indexes of the keys say which those are, up to a number. Beyond it they still say which are the `newest`, if
    that is all that is asked; else the bills are looked through in order, which finds a page of them soon.
    """
    starts = [(column, start) for column, start in _starts(q) if start]
    ids: set[str] = set()
    for column, start in starts:
        found = select(_b.id).where(_b.merchant_id == merchant_id, begins(column, start))
        some = connection.execute(found.limit(_FEW)).scalars().all()
        if len(some) == _FEW:
            if newest is None:
                return or_(*(func.substr(column, 1, len(start)) == start for column, start in starts))
            some = _newest(connection, merchant_id, column, start, before, newest)
        ids.update(some)
    return _b.id.in_(ids)


def _newest(
    connection: Connection, merchant_id: str, column: Any, start: str, before: str | None, count: int
) -> Sequence[str]:
    """Return the newest bills of very many whose key begins with a text: mostly they are among the latest of all."""
    ours = select(_b.id, column.label("key")).where(_b.merchant_id == merchant_id)
    if before is not None:
        ours = ours.where(_b.id < before)
    latest = ours.order_by(_b.id.desc()).limit(_LATEST).subquery()
    seen = select(latest.c.id).where(begins(latest.c.key, start)).order_by(latest.c.id.desc()).limit(count)
    found = connection.execute(seen).scalars().all()
    if len(found) == count:
        return found
    # Sorted by more than the id alone, the key's own index is read, not all bills by their ids.
    every = ours.where(begins(column, start)).order_by(_b.id.concat("").desc()).limit(count)
    return connection.execute(every).scalars().all()


def _starts(q: str) -> list[tuple[Any, str | None]]:
    key = search_key(q)
    is_phone = re.fullmatch(r"[0-9+ ()-]+", q, re.ASCII) is not None
    return [(_b.number_key, key), (_b.name_key, key), (_b.phone_key, phone_key(q) if is_phone else None)]


def reserve(connection: Connection, merchant_id: str, bill_id: str, amount_paise: int, *, over: bool = False) -> None:
    """Set part of a bill aside for a live payment; `over` admits more than is due, and says so on the bill."""
    given = {"merchant": merchant_id, "bill": bill_id, "added": amount_paise}
    connection.execute(_RESERVE_OVER if over else _RESERVE, given)


def settle(
    connection: Connection, merchant_id: str, bill_id: str, *, reserved_paise: int, paid_paise: int
) -> int:
    """Give back a reservation and take in a proven payment.

    Returns:
        How much of the payment the bill still needed; the rest is an advance.
    """
    row = get(connection, merchant_id, bill_id, lock=True)
    if row is None:
        return 0
    allocated = min(paid_paise, row.total_paise - row.paid_paise) if not row.is_cancelled else 0
    live = max(0, row.live_paise - reserved_paise)
    paid = row.paid_paise + allocated
    over = int(paid + live > row.total_paise)
    connection.execute(_SETTLE, {"merchant": merchant_id, "bill": bill_id, "live": live, "paid": paid, "over": over})
    return int(allocated)


def cancel(connection: Connection, merchant_id: str, bill_id: str) -> None:
    """Mark a bill as cancelled."""
    connection.execute(
        update(bills).where(_b.merchant_id == merchant_id, _b.id == bill_id).values(is_cancelled=1)
    )
