"""One customer with all that was billed and paid, and their right to be forgotten while the books stay."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla.clock import to_millis
from galla.errors import IllegalTransition, NotFound
from galla.money import format_inr
from galla.payments.model import LIVE
from galla.service.bill_view import bill_view
from galla.service.customers import customer_view
from galla.service.till import Principal, Till
from galla.service.views import payment_view, refund_view
from galla.store import attachments, bills, customers, ledger, payments, refunds
from galla.store.journal import Note, record

SHOWN = 50


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """Where a customer's history goes on: after the bill and the payment with these ids, each its own list."""

    bill: str | None = None
    payment: str | None = None


async def get(till: Till, principal: Principal, customer_id: str) -> dict[str, Any]:
    """Return a customer in full, with what is `billed`, `paid`, `due`, and stands as their `advance`, in paise.

    Raises:
        NotFound: no such customer for this merchant.
    """
    return await till.database.read(_get, principal.merchant_id, customer_id)


async def history(
    till: Till, principal: Principal, customer_id: str, since: Since | None = None, *, limit: int = SHOWN
) -> dict[str, Any]:
    """Return a customer as `get`, with the newest bills, payments and refunds of those payments, so many of each.

    `older_bills` and `older_payments` are what to ask for in `since` to see the next of them, None at the end.

    Raises:
        NotFound: no such customer for this merchant.
    """
    asked = since or Since()
    return await till.database.read(_history, till, principal.merchant_id, customer_id, asked, limit)


async def erase(till: Till, principal: Principal, customer_id: str) -> dict[str, Any]:
    """Forget who a customer is; bills, payments and the ledger stay. Erasing once more changes nothing.

    Raises:
        NotFound: no such customer for this merchant.
        IllegalTransition: something is still due, on its way, unexplained, or stands as their advance.
    """
    return await till.database.write(_erase, till, principal, customer_id)


def _get(connection: Connection, merchant_id: str, customer_id: str) -> dict[str, Any]:
    row = _required(connection, merchant_id, customer_id)
    billed, paid, due = customers.bills_sums(connection, merchant_id, customer_id)
    advance = _advance(connection, merchant_id, customers.payments_of(connection, merchant_id, customer_id))
    return {**customer_view(row), "billed": billed, "paid": paid, "due": due, "advance": advance}


def _history(
    connection: Connection, till: Till, merchant_id: str, customer_id: str, since: Since, limit: int
) -> dict[str, Any]:
    view, now = _get(connection, merchant_id, customer_id), till.clock.now()
    rows = bills.of_customer(connection, merchant_id, customer_id, limit + 1, before=since.bill)
    rows, older_bills = rows[:limit], rows[limit - 1].id if len(rows) > limit else None
    lines = bills.lines_of(connection, merchant_id, [row.id for row in rows])
    paid = [row.id for row in customers.payments_of(connection, merchant_id, customer_id)]
    paid = [each for each in paid if since.payment is None or each < since.payment]
    shown, older_payments = paid[:limit], paid[limit - 1] if len(paid) > limit else None
    tenders = payments.several(connection, merchant_id, shown)
    returned = refunds.of_payments(connection, merchant_id, shown)
    return {
        **view,
        "bills": [bill_view(row, lines[row.id], None, now) for row in rows],
        "payments": [payment_view(payment, now) for payment in tenders],
        "refunds": [refund_view(each) for each in returned],
        "older_bills": older_bills,
        "older_payments": older_payments,
    }


def _erase(connection: Connection, till: Till, principal: Principal, customer_id: str) -> dict[str, Any]:
    merchant_id = principal.merchant_id
    row = _required(connection, merchant_id, customer_id)
    if row.erased_at is not None:
        return _get(connection, merchant_id, customer_id)
    held = _held_by(connection, merchant_id, customer_id)
    if held is not None:
        raise IllegalTransition(
            f"{held} Whoever that money belongs to must stay known until then.", code="customer_has_open_money"
        )
    now = till.clock.now()
    customers.erase(connection, merchant_id, customer_id, to_millis(now))
    note = Note(actor=principal.actor, origin=principal.origin, action="customer.erased", object_id=customer_id)
    record(connection, merchant_id, now, note)
    return _get(connection, merchant_id, customer_id)


def _held_by(connection: Connection, merchant_id: str, customer_id: str) -> str | None:
    """Say what of a customer's money has not come to its end."""
    paid = customers.payments_of(connection, merchant_id, customer_id)
    _, _, due = customers.bills_sums(connection, merchant_id, customer_id)
    if due:
        return f"{format_inr(due)} is still due. Take or cancel it first."
    if any(row.status in LIVE or row.needs_review for row in paid):
        return "A payment is not at its end. Finish it first."
    if any(each.is_open for each in refunds.of_payments(connection, merchant_id, [row.id for row in paid])):
        return "A refund is on its way. Wait for its end first."
    advance = _advance(connection, merchant_id, paid)
    return f"{format_inr(advance)} stands as their advance. Use it or give it back first." if advance else None


def _advance(connection: Connection, merchant_id: str, paid: list[Row[Any]]) -> int:
    """Return what of the payments of a customer's bills stands as an advance, in paise."""
    if not paid:
        return 0
    ids = [row.id for row in paid]
    returned = [each.id for each in refunds.of_payments(connection, merchant_id, ids)]
    return ledger.advance_left(
        connection, merchant_id, [*ids, *returned, *attachments.of_payments(connection, merchant_id, ids)]
    )


def _required(connection: Connection, merchant_id: str, customer_id: str) -> Row[Any]:
    row = customers.get_customer(connection, merchant_id, customer_id)
    if row is None:
        raise NotFound(f"There is no customer {customer_id[:60]}.")
    return row
