"""Pages for customers: paying a bill at an unguessable address, and seeing what became of a payment."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from galla import ids
from galla.clock import from_millis, rfc3339, to_millis
from galla.errors import NotFound
from galla.service import bills
from galla.service.till import Principal, Till
from galla.service.views import View, payment_view
from galla.store import bills as stored_bills
from galla.store import merchants, pay_links, payments

LIFE_MS = 7 * 24 * 3600 * 1000


async def make(till: Till, principal: Principal, bill: str) -> str:
    """Return the token of a bill's pay page, making it if there is none in force.

    Raises:
        NotFound: no such bill for this merchant.
    """
    return await till.database.write(_make, till, principal.merchant_id, bill)


async def look(till: Till, token: str) -> View:
    """Return what the page behind a token shows: the merchant's name, the bill or the payment, and its state.

    Nothing in it tells more than the customer knows: no other payment, no phone number, a shortened name.

    Raises:
        NotFound: no such page, or it has expired.
    """
    row = await till.database.read(pay_links.get, token[:100], to_millis(till.clock.now()))
    if row is None:
        raise NotFound("This page has expired, or the address is not complete. Ask the shop for a new one.")
    return await till.database.read(_look, till, row.merchant_id, row.bill_id, row.payment_id)


async def payer(till: Till, token: str) -> tuple[Principal, str]:
    """Return who pays at this page, who may start payments for its bill and nothing else, and the bill's id.

    Raises:
        NotFound: no such page, or it is not for a bill.
    """
    found = await behind(till, token)
    if found.bill_id is None:
        raise NotFound("This page has expired, or the address is not complete. Ask the shop for a new one.")
    return found.principal, found.bill_id


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """What a page's address stands for: a bill to be paid, or one payment. `principal` may pay it and no more."""

    principal: Principal
    bill_id: str | None
    payment_id: str | None
    expires_at: str


async def behind(till: Till, token: str) -> Behind:
    """Return what is behind a page's address, a bill or a payment.

    Raises:
        NotFound: no such page, or it has expired.
    """
    row = await till.database.read(pay_links.get, token[:100], to_millis(till.clock.now()))
    if row is None:
        raise NotFound("This page has expired, or the address is not complete. Ask the shop for a new one.")
    who = Principal(
        merchant_id=row.merchant_id, actor="customer", scopes=frozenset({"collect"}), origin="pay page"
    )
    return Behind(
        principal=who,
        bill_id=row.bill_id,
        payment_id=row.payment_id,
        expires_at=rfc3339(from_millis(row.expires_at)),
    )


def result_token(connection: Connection, till: Till, merchant_id: str, mid: str, paytm_id: str) -> str | None:
    """Return the token of the page that shows one payment's result, making it if there is none."""
    found = payments.id_of(connection, mid, paytm_id)
    if found is None:
        return None
    now = to_millis(till.clock.now())
    row = pay_links.of_payment(connection, merchant_id, found, now)
    return str(row.token) if row is not None else _insert(connection, merchant_id, now, payment_id=found)


def _make(connection: Connection, till: Till, merchant_id: str, bill: str) -> str:
    row = stored_bills.get(connection, merchant_id, bill)
    if row is None:
        raise NotFound(f"There is no bill {bill[:60]}.")
    now = to_millis(till.clock.now())
    link = pay_links.of_bill(connection, merchant_id, row.id, now)
    return str(link.token) if link is not None else _insert(connection, merchant_id, now, bill_id=row.id)


def _insert(
    connection: Connection, merchant_id: str, now: int, *, bill_id: str | None = None, payment_id: str | None = None
) -> str:
    token = ids.token(200)
    pay_links.insert_link(
        connection,
        {
            "merchant_id": merchant_id,
            "token": token,
            "bill_id": bill_id,
            "payment_id": payment_id,
            "created_at": now,
            "expires_at": now + LIFE_MS,
        },
    )
    return token


def _look(
    connection: Connection, till: Till, merchant_id: str, bill_id: str | None, payment_id: str | None
) -> dict[str, Any]:
    merchant = merchants.get_merchant(connection, merchant_id)
    now = till.clock.now()
    shown: dict[str, Any] = {"merchant": merchant.name if merchant is not None else "", "bill": None, "payment": None}
    if bill_id is not None:
        view = bills.view(connection, till, merchant_id, bill_id)
        tenders = view.pop("payments", [])
        view["customer"] = None
        shown["bill"] = view
        shown["payment"] = next((tender for tender in reversed(tenders) if tender["actor"] == "customer"), None)
    elif payment_id is not None:
        payment = payments.get(connection, merchant_id, payment_id)
        if payment is not None:
            shown["payment"] = payment_view(payment, now)
    return shown
