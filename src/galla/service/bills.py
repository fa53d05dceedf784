"""Bills: what a customer owes, and what has been paid of it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import business_date, from_millis, rfc3339, to_millis
from galla.errors import AmountNotAllowed, IllegalTransition, InvalidField, NotFound
from galla.ledger.posting import for_bill, for_bill_cancelled, included_tax
from galla.money import check_amount
from galla.payments.model import Payment
from galla.service.till import Principal, Till
from galla.service.views import payment_view
from galla.service.words import clean, clean_metadata
from galla.store import attachments, bills, ledger, payments
from galla.store.bills import Line
from galla.store.journal import Event, Note, record

LINES_MAX = 100
_RATE = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,2})?", re.ASCII)
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/#-]{0,39}", re.ASCII)


class NewBill(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for. A line: `description, quantity, unit_amount` (paise, tax included), `tax_rate`."""

    number: str | None = None
    customer: dict[str, Any] | None = None
    lines: list[dict[str, Any]] = []
    metadata: dict[str, str] = {}


async def create(till: Till, principal: Principal, new: NewBill) -> dict[str, Any]:
    """Write a bill and book it: the customer owes it from now on.

    Raises:
        InvalidField, AmountNotAllowed: a field cannot be used; the message names it.
    """
    lines = _lines(new.lines)
    total = sum(line.amount_paise for line in lines)
    check_amount(total, param="lines")
    number = clean(new.number, "number", limit=40)
    if number is not None and _NUMBER.fullmatch(number) is None:
        raise InvalidField("`number` may hold letters, digits, spaces and . _ / # -", param="number")
    customer = new.customer or {}
    values = {
        "merchant_id": principal.merchant_id,
        "number": number,
        "customer_name": clean(customer.get("name"), "customer.name", limit=80),
        "customer_phone": clean(customer.get("phone"), "customer.phone", limit=20),
        "total_paise": total,
        "tax_paise": sum(included_tax(line.amount_paise, line.tax_bp) for line in lines),
        "metadata": msgspec.json.encode(clean_metadata(new.metadata)).decode(),
        "actor": principal.actor,
    }
    return await till.database.write(_create, till, principal, values, lines)


async def get(till: Till, principal: Principal, name: str) -> dict[str, Any]:
    """Return one bill, by id or number, with its payments.

    Raises:
        NotFound: no such bill for this merchant.
    """
    return await till.database.read(view, till, principal.merchant_id, name)


async def find(
    till: Till,
    principal: Principal,
    *,
    q: str | None = None,
    status: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Return a page of bills, newest first; `q` matches the beginning of number, name or phone."""
    return await till.database.read(_find, till, principal.merchant_id, q, status, min(max(limit, 1), 200), cursor)


async def cancel(till: Till, principal: Principal, name: str) -> dict[str, Any]:
    """Cancel a bill of which nothing is paid or on its way.

    Raises:
        NotFound: no such bill for this merchant.
        IllegalTransition: something is paid, or may still be.
    """
    return await till.database.write(_cancel, till, principal, name)


def _create(
    connection: Connection, till: Till, principal: Principal, values: dict[str, Any], lines: list[Line]
) -> dict[str, Any]:
    now = till.clock.now()
    number = values["number"]
    if number is None:
        count = bills.count(connection, principal.merchant_id) + 1
        number = f"INV-{business_date(now).year}-{count:04d}"
        while bills.get(connection, principal.merchant_id, number) is not None:
            count += 1
            number = f"INV-{business_date(now).year}-{count:04d}"
    elif bills.get(connection, principal.merchant_id, number) is not None:
        raise InvalidField(f"There is a bill {number} already.", param="number", code="bill_exists")
    bill_id = ids.new_id("bill", now)
    row = {**values, "id": bill_id, "number": number, "created_at": to_millis(now)}
    bills.insert_bill(connection, row, lines)
    entry = for_bill(bill_id, number, values["total_paise"], values["tax_paise"], now)
    ledger.book(connection, principal.merchant_id, entry)
    made = view(connection, till, principal.merchant_id, bill_id)
    _journal(connection, till, principal, "bill.created", made, 1)
    return made


def _cancel(connection: Connection, till: Till, principal: Principal, name: str) -> dict[str, Any]:
    row = bills.get(connection, principal.merchant_id, name, lock=True)
    if row is None:
        raise NotFound(f"There is no bill {name[:60]}.")
    if row.is_cancelled:
        return view(connection, till, principal.merchant_id, row.id)
    if row.paid_paise or row.live_paise:
        raise IllegalTransition(
            f"Bill {row.number} is paid in part or has an unfinished payment, so it cannot be cancelled. "
            "Finish or give back the payment first.",
            code="bill_has_payments",
        )
    bills.cancel(connection, principal.merchant_id, row.id)
    now = till.clock.now()
    entry = for_bill_cancelled(row.id, row.number, row.total_paise, row.tax_paise, now)
    ledger.book(connection, principal.merchant_id, entry)
    made = view(connection, till, principal.merchant_id, row.id)
    _journal(connection, till, principal, "bill.cancelled", made, 2)
    return made


def _journal(
    connection: Connection, till: Till, principal: Principal, action: str, view: dict[str, Any], sequence: int
) -> None:
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action=action,
        object_id=view["id"],
        detail={"number": view["number"], "total": view["total"]},
    )
    happened = Event(
        type=action,
        object_id=view["id"],
        bill_id=view["id"],
        sequence=sequence,
        data=msgspec.json.encode(view).decode(),
    )
    record(connection, principal.merchant_id, till.clock.now(), note, happened)


def view(connection: Connection, till: Till, merchant_id: str, name: str) -> dict[str, Any]:
    """Return one bill, by id or number, with its payments, inside a transaction."""
    row = bills.get(connection, merchant_id, name)
    if row is None:
        raise NotFound(f"There is no bill {name[:60]}.")
    lines = bills.lines_of(connection, merchant_id, [row.id])[row.id]
    attached = [
        {"id": each.id, "payment": each.payment_id, "amount": each.amount_paise}
        for each in attachments.of_bill(connection, merchant_id, row.id)
    ]
    return {**_view(row, lines, payments.of_bill(connection, merchant_id, row.id), till), "attached": attached}


def _find(
    connection: Connection,
    till: Till,
    merchant_id: str,
    q: str | None,
    status: str | None,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    rows = bills.find(connection, merchant_id, q=q, status=status, limit=limit + 1, before=cursor)
    page = rows[:limit]
    lines = bills.lines_of(connection, merchant_id, [row.id for row in page])
    return {
        "data": [_view(row, lines[row.id], None, till) for row in page],
        "next_cursor": page[-1].id if len(rows) > limit else None,
    }


def _view(row: Row[Any], lines: list[Row[Any]], tenders: list[Payment] | None, till: Till) -> dict[str, Any]:
    if row.is_cancelled:
        status = "cancelled"
    elif row.paid_paise == row.total_paise:
        status = "paid"
    else:
        status = "partly_paid" if row.paid_paise else "open"
    view: dict[str, Any] = {
        "id": row.id,
        "object": "bill",
        "number": row.number,
        "customer": {"name": row.customer_name, "phone": row.customer_phone},
        "lines": [
            {
                "description": line.description,
                "quantity": line.quantity,
                "unit_amount": line.unit_paise,
                "tax_rate": _rate_text(line.tax_bp),
                "amount": line.amount_paise,
            }
            for line in lines
        ],
        "total": row.total_paise,
        "tax": row.tax_paise,
        "paid": row.paid_paise,
        "live": row.live_paise,
        "due": 0 if row.is_cancelled else row.total_paise - row.paid_paise,
        "status": status,
        "metadata": msgspec.json.decode(row.metadata),
        "created_at": rfc3339(from_millis(row.created_at)),
    }
    if tenders is not None:
        now = till.clock.now()
        view["payments"] = [payment_view(payment, now) for payment in tenders]
    return view


def _lines(given: list[dict[str, Any]]) -> list[Line]:
    if not 1 <= len(given) <= LINES_MAX:
        raise InvalidField(f"`lines` must hold 1 to {LINES_MAX} lines.", param="lines")
    out = []
    for number, line in enumerate(given):
        where = f"lines[{number}]"
        quantity, unit = line.get("quantity", 1), line.get("unit_amount")
        if type(quantity) is not int or not 1 <= quantity <= 100_000:
            raise InvalidField(
                f"`{where}.quantity` must be a whole number from 1 to 100000.", param=f"{where}.quantity"
            )
        unit_paise = check_amount(unit, param=f"{where}.unit_amount")
        try:
            check_amount(quantity * unit_paise, param=where)
        except AmountNotAllowed:
            raise AmountNotAllowed(f"`{where}` comes to more than galla can take.", param=where) from None
        out.append(
            Line(
                description=clean(line.get("description"), f"{where}.description", limit=120, is_required=True) or "",
                quantity=quantity,
                unit_paise=unit_paise,
                tax_bp=_rate(line.get("tax_rate"), f"{where}.tax_rate"),
            )
        )
    return out


def _rate(text: object, param: str) -> int:
    """Read a tax rate in percent, such as `18` or `2.5`, as hundredths of a percent."""
    if text is None or text == "":
        return 0
    if not isinstance(text, str) or _RATE.fullmatch(text) is None:
        raise InvalidField(f"`{param}` must be a percentage as text, such as \"18\" or \"2.5\".", param=param)
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int((part + "00")[:2])


def _rate_text(tax_bp: int) -> str | None:
    if tax_bp == 0:
        return None
    whole, part = divmod(tax_bp, 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".")
