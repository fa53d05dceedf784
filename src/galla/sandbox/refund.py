"""The truth about each refund, and the rules by which Paytm takes one in.

Values in, values out: how a request is read and answered is `refund_desk.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from galla.clock import IST
from galla.money import rupees
from galla.protocol.pg_codes import PgResult
from galla.protocol.refund import RefundDetail
from galla.protocol.vpa import masked_vpa

REPEATED_WITHIN = timedelta(minutes=10)
LEAST_PART_PAISE = 100
CREDIT_TAKES = timedelta(days=5)


class RefundState(StrEnum):
    """Where a refund truly stands."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """One refund. `ref_id` is the merchant's, `id` Paytm's; the amount in paise; instants aware UTC.

    `will_fail`: a fault lets the bank reject it in the end.
    """

    mid: str
    ref_id: str
    id: str
    order_id: str
    txn_id: str
    amount_paise: int
    raised_at: datetime
    comments: str = ""
    state: RefundState = RefundState.WAITING
    ended_at: datetime | None = None
    rrn: str | None = None
    will_fail: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether it takes from what is left to refund."""
        return self.state is not RefundState.FAILED


class Refundable(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as the refund desk sees it, online or from a card machine."""

    mid: str
    order_id: str
    txn_id: str
    amount_paise: int
    paid_at: datetime
    pay_method: str
    vpa: str | None = None
    masked_card: str | None = None


RAISED = PgResult(
    status="PENDING",
    code="601",
    message="Refund request was raised for this transaction. But it is pending state",
)
DONE = PgResult(status="TXN_SUCCESS", code="10", message="Refund Successfull")
NO_RECORD = PgResult(status="TXN_FAILURE", code="631", message="Record not found")
RESTRICTED = PgResult(
    status="TXN_FAILURE", code="600", message="Invalid refund request or restricted by bank"
)


def told_of_refund(refund: Refund) -> PgResult:
    """Return what a status request about the refund is answered."""
    match refund.state:
        case RefundState.WAITING:
            return RAISED
        case RefundState.DONE:
            return DONE
        case RefundState.FAILED:
            return RESTRICTED


def refused(
    payment: Refundable, txn_id: str, amount_paise: int, others: Iterable[Refund], at: datetime
) -> PgResult | None:
    """Return why Paytm does not take this refund in, or None; `others` are the payment's earlier refunds."""
    counted = [each for each in others if each.is_counted]
    given = sum(each.amount_paise for each in counted)
    done = sum(each.amount_paise for each in counted if each.state is RefundState.DONE)
    if txn_id != payment.txn_id:
        return no("627", "Order details mismatch")
    if done >= payment.amount_paise:
        return no("629", "Transaction is already refunded")
    if any(each.amount_paise == amount_paise and at < each.raised_at + REPEATED_WITHIN for each in counted):
        return no("617", "Refund already raised")
    if any(each.state is RefundState.WAITING for each in counted):
        return no("626", "Another refund on the same order is already in progress")
    if not 0 < amount_paise <= payment.amount_paise - given:
        return no("619", "Invalid refund amount")
    if amount_paise < LEAST_PART_PAISE and amount_paise != payment.amount_paise:
        return no("635", "Partial refund below Rs. 1 is not allowed")
    return None


def details(refund: Refund, payment: Refundable | None) -> tuple[RefundDetail, ...]:
    """Return where the money of a finished refund went."""
    ended_at = refund.ended_at or refund.raised_at
    vpa = payment.vpa if payment is not None else None
    return (
        RefundDetail(
            refund_type="TO_SOURCE",
            pay_method=payment.pay_method if payment is not None else None,
            refund_amount=rupees(refund.amount_paise),
            rrn=refund.rrn,
            masked_vpa=masked_vpa(vpa) if vpa is not None else None,
            masked_card_number=payment.masked_card if payment is not None else None,
            user_credit_expected_date=f"{(ended_at + CREDIT_TAKES).astimezone(IST):%Y-%m-%d}",
        ),
    )


def no(code: str, message: str) -> PgResult:
    """Return a refusal of a refund call."""
    return PgResult(status="TXN_FAILURE", code=code, message=message)
