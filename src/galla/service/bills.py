"""Bills: what a customer owes, and what has been paid of it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import business_date, financial_year, to_millis
from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.ledger.gst import state_of
from galla.ledger.posting import for_bill, for_bill_cancelled
from galla.service import customers
from galla.service.bill_asked import Asked, NewBill, read
from galla.service.bill_view import bill_view
from galla.service.till import Principal, Till
from galla.store import attachments, bills, ledger, merchants, payments, series, users
from galla.store.journal import Event, Note, record

__all__ = ["NewBill", "cancel", "create", "find", "get", "take_in", "view"]

_OWN = re.compile(r"[A-Z0-9]{1,3}/[0-9]{2}-[0-9]{2}/[0-9]{6}", re.ASCII)
_DIFFERS = {
    "customer_name": "customer.name",
    "customer_phone": "customer.phone",
    "total_paise": "total",
    "tax_paise": "tax",
    "discount_paise": "discount",
    "place_of_supply": "place_of_supply",
    "metadata": "metadata",
}


async def create(till: Till, principal: Principal, new: NewBill) -> dict[str, Any]:
    """Write a bill and book it: the customer owes it from now on.

    Without a number of the caller's own it gets the next one of its branch and financial year.

    Raises:
        InvalidField, AmountNotAllowed: a field cannot be used; the message names it.
    """
    bill, _ = await take_in(till, principal, new)
    return bill


async def take_in(till: Till, principal: Principal, new: NewBill) -> tuple[dict[str, Any], bool]:
    """Write a bill, or find it when its number was sent before with the same content.

    Returns:
        The bill, and whether it is new.

    Raises:
        InvalidField: as `create`; `bill_exists` names what differs from the bill that has the number.
    """
    return await till.database.write(_take_in, till, principal, read(new))


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


def _take_in(connection: Connection, till: Till, principal: Principal, asked: Asked) -> tuple[dict[str, Any], bool]:
    asked = _for_whom(connection, till, principal, asked)
    if asked.number is not None:
        row = bills.by_number(connection, principal.merchant_id, asked.number)
        if row is not None:
            _same(connection, row, asked)
            return view(connection, till, principal.merchant_id, row.id), False
        if _OWN.fullmatch(asked.number):
            raise InvalidField(
                f"{asked.number} looks like a number of galla's own series, which has no gaps. Leave `number` out to "
                "get the next one, or send another.",
                param="number",
                code="number_reserved",
            )
    return _create(connection, till, principal, asked), True


def _for_whom(connection: Connection, till: Till, principal: Principal, asked: Asked) -> Asked:
    """Return the bill with its customer looked up, or written down when galla has not met them."""
    found = customers.met(connection, till, principal, asked.customer)
    who = {"customer_id": found.id, "customer_name": found.name, "customer_phone": found.phone}
    return msgspec.structs.replace(asked, values={**asked.values, **who})


def _create(connection: Connection, till: Till, principal: Principal, asked: Asked) -> dict[str, Any]:
    now = till.clock.now()
    branch = asked.values["branch"] or _branch_of(connection, principal)
    number = asked.number or _next_number(
        connection, principal.merchant_id, branch, financial_year(business_date(now))
    )
    bill_id = ids.new_id("bill", now)
    row = {
        **asked.values,
        "merchant_id": principal.merchant_id,
        "id": bill_id,
        "number": number,
        "branch": branch,
        "is_interstate": _is_interstate(connection, principal.merchant_id, asked.values["place_of_supply"]),
        "actor": principal.actor,
        "created_at": to_millis(now),
    }
    bills.insert_bill(connection, row, asked.lines)
    off = sum(line.untaxed_discount_paise for line in asked.lines)
    entry = for_bill(bill_id, number, row["total_paise"], row["tax_paise"], now, discount_paise=off)
    ledger.book(connection, principal.merchant_id, entry)
    made = view(connection, till, principal.merchant_id, bill_id)
    _journal(connection, till, principal, "bill.created", made, 1)
    return made


def _next_number(connection: Connection, merchant_id: str, branch: str | None, year: str) -> str:
    found = series.take(connection, merchant_id, (branch or "").casefold(), year)
    if found is None:
        raise InvalidField(
            f"The `branch` has no bill number left in {year}: GST allows sixteen characters, no more. "
            "No bill was written. Send it under another branch, or with a `number` of its own.",
            param="branch",
            code="series_full",
        )
    return found


def _is_interstate(connection: Connection, merchant_id: str, place_of_supply: str | None) -> int:
    """Return 1 for a sale to another state than the shop's, which stays so when the shop moves."""
    if place_of_supply is None:
        return 0
    merchant = merchants.get_merchant(connection, merchant_id)
    if merchant is None or merchant.gstin is None:
        raise InvalidField(
            "`place_of_supply` needs the shop's GSTIN, which says in which state the shop is. Give galla the GSTIN in "
            "the settings first, or leave the place out.",
            param="place_of_supply",
        )
    return int(state_of(merchant.gstin) != place_of_supply)


def _branch_of(connection: Connection, principal: Principal) -> str | None:
    """Return the branch of the person who writes the bill."""
    if not principal.is_user:
        return None
    user = users.get_user(connection, principal.merchant_id, principal.person or "")
    return user.branch if user is not None else None


def _same(connection: Connection, row: Row[Any], asked: Asked) -> None:
    differs = [shown for name, shown in _DIFFERS.items() if getattr(row, name) != asked.values[name]]
    if bills.priced_lines(connection, row.merchant_id, row.id) != asked.lines:
        differs.append("lines")
    if differs:
        raise InvalidField(
            f"There is a bill {row.number} already, and it differs in {', '.join(differs)}. Nothing was changed: "
            "send this bill under a number of its own, or cancel the other one.",
            param="number",
            code="bill_exists",
        )


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
    off = sum(line.untaxed_discount_paise for line in bills.priced_lines(connection, row.merchant_id, row.id))
    entry = for_bill_cancelled(row.id, row.number, row.total_paise, row.tax_paise, now, discount_paise=off)
    ledger.book(connection, principal.merchant_id, entry)
    made = view(connection, till, principal.merchant_id, row.id)
    _journal(connection, till, principal, "bill.cancelled", made, 2)
    return made


def _journal(
    connection: Connection, till: Till, principal: Principal, action: str, view: dict[str, Any], sequence: int
) -> None:
    """Write down what happened. An event is kept for ever and a customer may be erased, so it holds no phone number."""
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
        data=msgspec.json.encode({**view, "customer": {**view["customer"], "phone": None}}).decode(),
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
    tenders = payments.of_bill(connection, merchant_id, row.id)
    return {**bill_view(row, lines, tenders, till.clock.now()), "attached": attached}


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
        "data": [bill_view(row, lines[row.id], None, till.clock.now()) for row in page],
        "next_cursor": page[-1].id if len(rows) > limit else None,
    }
