"""Which entry each economic event makes.

An `Entry` that does not balance cannot be built. Debits are positive, credits negative, in paise.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from galla.clock import business_date
from galla.errors import LedgerError
from galla.ledger.accounts import (
    ADVANCES,
    CASH_DIFFERENCE,
    CASH_DRAWER,
    CASH_MOVED,
    DISCOUNTS,
    GST_OUTPUT,
    HOST_RECEIVABLE,
    RECEIVABLE,
    RETURNS,
    SALES,
    Account,
    clearing,
)
from galla.payments.model import Method, Payment, Proof


class Posting(msgspec.Struct, frozen=True):
    """One line: an account and a signed amount in paise, debit positive."""

    account: Account
    amount_paise: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One balanced set of postings for one event of one object.

    (`object_id`, `event`) is unique in the database: replaying an event books nothing twice.

    Raises:
        LedgerError: fewer than two lines, a zero line, or lines that do not sum to zero.
    """

    object_id: str
    event: str
    at: datetime
    on: date
    description: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if len(self.postings) < 2:
            raise LedgerError(f"The entry {self.event} for {self.object_id} needs at least two lines.")
        if any(type(line.amount_paise) is not int or line.amount_paise == 0 for line in self.postings):
            raise LedgerError(
                f"A line of the entry {self.event} for {self.object_id} is not a whole amount of paise, or is zero."
            )
        difference = sum(line.amount_paise for line in self.postings)
        if difference != 0:
            raise LedgerError(
                f"The entry {self.event} for {self.object_id} is out of balance by {difference} paise."
            )


def held_in(payment: Payment) -> Account:
    """Return the account that holds a payment's money: the drawer, or what Paytm owes for its MID."""
    return CASH_DRAWER if payment.method == Method.CASH else clearing(payment.mid)


def for_payment(payment: Payment, proof: Proof, allocated_paise: int, at: datetime) -> Entry:
    """Book a proven payment: Paytm owes it, or the drawer has it.

    The bill is settled as far as it was due, the rest is an advance.

    Args:
        payment: the payment that became paid.
        proof: what proves it; its amount is what is booked.
        allocated_paise: how much of it the bill still needed (the whole amount without a bill).
        at: the instant of the step.
    """
    excess = proof.amount_paise - allocated_paise
    lines = [Posting(held_in(payment), proof.amount_paise)]
    if allocated_paise:
        lines.append(Posting(RECEIVABLE if payment.bill_id else HOST_RECEIVABLE, -allocated_paise))
    if excess:
        lines.append(Posting(ADVANCES, -excess))
    return Entry(
        object_id=payment.id,
        event="payment.paid",
        at=at,
        on=business_date(proof.paid_at or at),
        description=f"{payment.method} payment {payment.reference or payment.paytm_id}",
        postings=tuple(lines),
    )


def for_refund(
    refund_id: str,
    payment: Payment,
    amount_paise: int,
    advance_paise: int,
    at: datetime,
    *,
    is_void: bool = False,
) -> Entry:
    """Book a refund or a void that is done: Paytm owes less, or the drawer holds less.

    An advance goes back first, the rest is money given back.

    Args:
        refund_id: the refund's id.
        payment: the payment it gives back.
        amount_paise: how much went back.
        advance_paise: how much of the payment still stands as the customer's advance.
        at: the instant of the step.
        is_void: whether the sale was taken back on its machine; only the description differs.
    """
    from_advance = min(amount_paise, max(0, advance_paise))
    lines = [Posting(held_in(payment), -amount_paise)]
    if from_advance:
        lines.append(Posting(ADVANCES, from_advance))
    if amount_paise - from_advance:
        lines.append(Posting(RETURNS, amount_paise - from_advance))
    return Entry(
        object_id=refund_id,
        event="refund.done",
        at=at,
        on=business_date(at),
        description=f"{'Void' if is_void else 'Refund'} of {payment.reference or payment.paytm_id}",
        postings=tuple(lines),
    )


def for_attachment(attachment_id: str, number: str, amount_paise: int, at: datetime) -> Entry:
    """Book that a customer's advance pays a bill: what was owed to the customer settles what the customer owes."""
    said = f"Advance put on bill {number}"
    return _moved(ADVANCES, RECEIVABLE, amount_paise, attachment_id, "payment.attached", said, at)


def for_cash_difference(shift_id: str, counter: str, difference_paise: int, at: datetime) -> Entry:
    """Book what was counted in a drawer beyond what the books say; less than zero is missing."""
    said = f"Cash counted at {counter}"
    return _moved(CASH_DRAWER, CASH_DIFFERENCE, difference_paise, shift_id, "shift.closed", said, at)


def for_drawer_movement(movement_id: str, counter: str, amount_paise: int, reason: str, at: datetime) -> Entry:
    """Book cash that was put into a drawer; less than zero was taken out. The reason tells where it belongs."""
    said = f"Drawer at {counter}: {reason}"
    return _moved(CASH_DRAWER, CASH_MOVED, amount_paise, movement_id, "drawer.moved", said, at)


def for_bill(
    bill_id: str, number: str, total_paise: int, tax_paise: int, at: datetime, *, discount_paise: int = 0
) -> Entry:
    """Book a bill: the customer owes it; the tax in the total is owed to the government.

    `discount_paise`, without tax, was taken off already: sales stand at what they would have been, and it beside them.
    """
    lines = [
        Posting(RECEIVABLE, total_paise),
        Posting(DISCOUNTS, discount_paise),
        Posting(SALES, tax_paise - total_paise - discount_paise),
    ]
    if tax_paise:
        lines.append(Posting(GST_OUTPUT, -tax_paise))
    return Entry(
        object_id=bill_id,
        event="bill.created",
        at=at,
        on=business_date(at),
        description=f"Bill {number}",
        postings=tuple(line for line in lines if line.amount_paise),
    )


def for_bill_cancelled(
    bill_id: str, number: str, total_paise: int, tax_paise: int, at: datetime, *, discount_paise: int = 0
) -> Entry:
    """Book the cancellation of an unpaid bill: the reverse of `for_bill`."""
    made = for_bill(bill_id, number, total_paise, tax_paise, at, discount_paise=discount_paise)
    return Entry(
        object_id=bill_id,
        event="bill.cancelled",
        at=at,
        on=made.on,
        description=f"Bill {number} cancelled",
        postings=tuple(Posting(line.account, -line.amount_paise) for line in made.postings),
    )


def included_tax(amount_paise: int, tax_bp: int) -> int:
    """Return the tax contained in a tax-inclusive amount, `tax_bp` in hundredths of a percent, half up."""
    if tax_bp == 0:
        return 0
    divisor = 10_000 + tax_bp
    return (2 * amount_paise * tax_bp + divisor) // (2 * divisor)


def _moved(
    debit: Account, credit: Account, amount_paise: int, object_id: str, event: str, description: str, at: datetime
) -> Entry:
    """Return the entry of one amount that moves between two accounts, on the day it is booked."""
    return Entry(
        object_id=object_id,
        event=event,
        at=at,
        on=business_date(at),
        description=description,
        postings=(Posting(debit, amount_paise), Posting(credit, -amount_paise)),
    )
