"""Receipts and slips: given out once for each bill, payment or refund, printed as often as needed, checked by anybody.

Printing writes a row and an audit row in one commit and changes nothing about money.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import from_millis, to_millis
from galla.errors import IllegalTransition, NotFound
from galla.ledger.gst import STATES, state_tax
from galla.ledger.pricing import Rate, quantity_text, rates
from galla.payments.model import Payment
from galla.receipts import making
from galla.receipts.code import new_code, read_code
from galla.receipts.model import Bill, Kind, Line, Receipt, Shop, Stamp, Tax
from galla.service.till import Principal, Till
from galla.service.words import short_name
from galla.store import bills, merchants, payments, refunds
from galla.store import receipts as stored
from galla.store.journal import Note, record

ANSWER_S = 0.25


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """A paper and where it is kept: its id and which copy this is."""

    id: str
    copy: int
    receipt: Receipt


class Genuine(msgspec.Struct, frozen=True, kw_only=True):
    """What a stranger who holds a paper may know of it. Amounts in paise."""

    shop: Shop
    kind: Kind
    amount_paise: int
    back_paise: int
    is_voided: bool
    is_done: bool
    at: datetime


async def hand_out(till: Till, principal: Principal, name: str, address: str) -> Printed:
    """Print the paper of a bill, a payment (its bill's, if it has one) or a refund, and count it.

    Args:
        till: the open till.
        principal: who prints.
        name: `bill_…`, `pay_…` or `rfd_…`.
        address: where customers reach galla, for the link on the paper.

    Raises:
        NotFound: no such object for this merchant.
        IllegalTransition: nothing is proven, so there is nothing to print (`nothing_to_print`).
    """
    return await till.database.write(_hand_out, till, principal, name, address)


async def again(till: Till, principal: Principal, receipt_id: str, copy: int, address: str) -> Printed:
    """Return a copy that was printed, as it reads now. Looking at it counts as no print.

    Raises:
        NotFound: no such copy for this merchant.
    """
    return await till.database.read(_again, till, principal.merchant_id, receipt_id, copy, address)


async def verify(till: Till, typed: str) -> Genuine | None:
    """Return what is true of the paper with this code, or None; both answers take the same time."""
    began = till.clock.monotonic()
    code = read_code(typed)
    found: Genuine | None = await till.database.read(_verify, till, code) if code else None
    await till.clock.sleep(max(0.0, ANSWER_S - (till.clock.monotonic() - began)))
    return found


def _hand_out(connection: Connection, till: Till, principal: Principal, name: str, address: str) -> Printed:
    merchant_id, now = principal.merchant_id, till.clock.now()
    object_id = _object_id(connection, merchant_id, name)
    merchants.hold(connection, merchant_id)  # nobody else numbers a paper of theirs until the commit
    row = stored.of_object(connection, merchant_id, object_id)
    if row is None:
        _write(connection, merchant_id, object_id, now)
        row = stored.of_object(connection, merchant_id, object_id)
    assert row is not None  # noqa: S101 - written just above
    copy = stored.insert_print(connection, merchant_id, row.id, principal.actor, to_millis(now))
    receipt = _receipt(connection, till, row, _stamp(row, copy, now, address))
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="receipt.printed",
        object_id=object_id,
        detail={"receipt": row.id, "number": row.number, "copy": copy},
    )
    record(connection, merchant_id, now, note)
    return Printed(id=row.id, copy=copy, receipt=receipt)


def _write(connection: Connection, merchant_id: str, object_id: str, now: datetime) -> None:
    values = {
        "merchant_id": merchant_id,
        "id": ids.new_id("rcp", now),
        "object_id": object_id,
        "number": stored.next_number(connection, merchant_id),
        "code": new_code(),
        "created_at": to_millis(now),
    }
    stored.insert_receipt(connection, values)


def _again(
    connection: Connection, till: Till, merchant_id: str, receipt_id: str, copy: int, address: str
) -> Printed:
    row = stored.get(connection, merchant_id, receipt_id)
    printed = stored.printed(connection, merchant_id, receipt_id, copy) if row is not None else None
    if row is None or printed is None:
        raise NotFound("There is no such copy of a receipt.")
    stamp = _stamp(row, copy, from_millis(printed.at), address)
    return Printed(id=row.id, copy=copy, receipt=_receipt(connection, till, row, stamp))


def _verify(connection: Connection, till: Till, code: str) -> Genuine | None:
    row = stored.with_code(connection, code)
    if row is None:
        return None
    given_out = from_millis(row.created_at)
    try:
        receipt = _receipt(connection, till, row, _stamp(row, 1, given_out, ""))
    except IllegalTransition:  # a refund that failed after its slip was printed
        return None
    back = receipt.given_back
    return Genuine(
        shop=receipt.shop,
        kind=receipt.kind,
        amount_paise=back.amount_paise if back else receipt.paid_paise,
        back_paise=sum(tender.given_back_paise for tender in receipt.tenders),
        is_voided=all(tender.is_voided for tender in receipt.tenders),
        is_done=back is None or back.is_done,
        at=back.at if back else max(tender.paid_at for tender in receipt.tenders),
    )


def _object_id(connection: Connection, merchant_id: str, name: str) -> str:
    """Return what a paper is for: a payment's bill where it has one."""
    payment = payments.get(connection, merchant_id, name)
    if payment is not None:
        return payment.bill_id or payment.id
    bill = bills.get(connection, merchant_id, name)
    if bill is not None:
        return str(bill.id)
    if refunds.get(connection, merchant_id, name) is not None:
        return name
    raise NotFound(f"There is no bill, payment or refund {name[:60]}.")


def _receipt(connection: Connection, till: Till, row: Row[Any], stamp: Stamp) -> Receipt:
    merchant_id, object_id = row.merchant_id, row.object_id
    refund = refunds.get(connection, merchant_id, object_id)
    if refund is not None:
        paid = payments.get(connection, merchant_id, refund.payment_id)
        assert paid is not None  # noqa: S101 - a foreign key
        bill = _bill(connection, merchant_id, paid.bill_id) if paid.bill_id else None
        return making.slip(_shop(connection, till, merchant_id, [paid]), stamp, _named(paid), refund, bill)
    payment = payments.get(connection, merchant_id, object_id)
    if payment is not None:
        return making.sale(_shop(connection, till, merchant_id, [payment]), stamp, [_named(payment)])
    tenders = payments.of_bill(connection, merchant_id, object_id)
    shop = _shop(connection, till, merchant_id, tenders)
    return making.sale(shop, stamp, tenders, _bill(connection, merchant_id, object_id))


def _shop(connection: Connection, till: Till, merchant_id: str, tenders: list[Payment]) -> Shop:
    merchant = merchants.get_merchant(connection, merchant_id)
    assert merchant is not None  # noqa: S101 - a foreign key
    used = next((each.terminal_id for each in reversed(tenders) if each.terminal_id), None)
    machine = merchants.get_terminal(connection, merchant_id, used) if used else None
    return Shop(
        name=merchant.name,
        branch=(machine.branch or None) if machine is not None else None,
        gstin=merchant.gstin,
        is_rehearsal=merchant.environment != "production",
    )


def _bill(connection: Connection, merchant_id: str, bill_id: str) -> Bill:
    row = bills.get(connection, merchant_id, bill_id)
    assert row is not None  # noqa: S101 - a foreign key
    lines = bills.lines_of(connection, merchant_id, [row.id])[row.id]
    merchant = merchants.get_merchant(connection, merchant_id)
    assert merchant is not None  # noqa: S101 - a foreign key
    return Bill(
        number=row.number,
        customer=short_name(row.customer_name),
        lines=tuple(
            Line(
                description=line.description,
                quantity=quantity_text(line.quantity_milli),
                unit_paise=line.unit_paise,
                amount_paise=line.amount_paise,
                hsn=line.hsn,
                discount_paise=line.discount_paise + line.share_paise,
            )
            for line in lines
        ),
        total_paise=row.total_paise,
        paid_paise=row.paid_paise,
        due_paise=0 if row.is_cancelled else row.total_paise - row.paid_paise,
        taxes=tuple(_tax(each) for each in _rates(row, lines)),
        state_tax=state_tax(merchant.gstin),
        place_of_supply=f"{row.place_of_supply} {STATES[row.place_of_supply]}" if row.place_of_supply else None,
    )


def _rates(row: Row[Any], lines: list[Row[Any]]) -> list[Rate]:
    taxed = [(line.tax_bp, line.taxable_paise, line.tax_paise) for line in lines]
    return rates(taxed, is_interstate=row.is_interstate == 1)


def _tax(rate: Rate) -> Tax:
    return Tax(
        rate_bp=rate.tax_bp,
        taxable_paise=rate.taxable_paise,
        is_interstate=rate.is_interstate,
        cgst_paise=rate.cgst_paise,
        sgst_paise=rate.sgst_paise,
        igst_paise=rate.igst_paise,
    )


def _named(payment: Payment) -> Payment:
    return msgspec.structs.replace(payment, customer_name=short_name(payment.customer_name))


def _stamp(row: Row[Any], copy: int, at: datetime, address: str) -> Stamp:
    return Stamp(number=row.number, code=row.code, link=f"{address}/r/{row.code}", copy=copy, printed_at=at)
