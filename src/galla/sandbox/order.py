"""The truth about each online order and each try to pay it, and what status says about it.

The two differ on purpose while a fault is in force. Values in, values out: what a phone does is `phone.py`,
what changes with time `online.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from galla.protocol.pg_codes import PgResult

MOST_TRIES = 3


class Way(StrEnum):
    """How the payer is reached."""

    INTENT = "intent"
    QR = "qr"
    COLLECT = "collect"


class TryState(StrEnum):
    """Where one try truly stands. `OFFERED`: the link is out and no app has opened it."""

    OFFERED = "offered"
    WITH_PAYER = "with_payer"
    PAID = "paid"
    FAILED = "failed"


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One try to pay an order. `id` is Paytm's transaction id; instants aware UTC.

    `code` and `message` say why it failed; `rrn` is the bank's number once it is paid.
    """

    id: str
    way: Way
    state: TryState
    started_at: datetime
    expires_at: datetime
    vpa: str | None = None
    ended_at: datetime | None = None
    code: str | None = None
    message: str | None = None
    rrn: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the payer may still act without surprise."""
        return self.state in (TryState.OFFERED, TryState.WITH_PAYER)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One online order. `id` is the merchant's; the amount in paise.

    `params` is what it was made with, for telling a repeat from a change. `token` pays it until
    `token_expires_at`. `hidden_until`: status says "no record" before it. `told_late_ms`: after payment, status
    goes on saying `told_meanwhile` (P or F) for that long.
    """

    mid: str
    id: str
    amount_paise: int
    made_at: datetime
    params: bytes
    cust_id: str = ""
    unique_ref: str = ""
    callback_url: str | None = None
    token: str | None = None
    token_expires_at: datetime | None = None
    tries: tuple[Try, ...] = ()
    qr_id: str | None = None
    refunded_paise: int = 0
    hidden_until: datetime | None = None
    told_late_ms: int = 0
    told_meanwhile: str = "P"

    @property
    def key(self) -> tuple[str, str]:
        """Merchant and order id, under which it is kept."""
        return self.mid, self.id

    @property
    def paid(self) -> Try | None:
        """The try that paid it, if one did."""
        return next((each for each in self.tries if each.state is TryState.PAID), None)

    @property
    def open_try(self) -> Try | None:
        """The try the payer may still finish, if there is one."""
        return next((each for each in self.tries if each.is_open), None)


PAID = PgResult(status="TXN_SUCCESS", code="01", message="Txn Success")
PENDING = PgResult(
    status="PENDING",
    code="402",
    message="Looks like the payment is not complete. Please wait while we confirm the status with your bank.",
)
NO_RECORD = PgResult(status="NO_RECORD_FOUND", code="331", message="No Record Found")
DECLINED = PgResult(
    status="TXN_FAILURE", code="227", message="Your payment has been declined by your bank. Please try again."
)


def told_of_order(order: Order, now: datetime) -> PgResult:
    """Return what a status request about the order is answered at this instant."""
    if not order.tries or (order.hidden_until is not None and now < order.hidden_until):
        return NO_RECORD
    paid = order.paid
    if paid is None:
        return told_of_try(order.open_try or order.tries[-1])
    told_from = paid.ended_at and paid.ended_at + timedelta(milliseconds=order.told_late_ms)
    if told_from is not None and now < told_from:
        return DECLINED if order.told_meanwhile == "F" else PENDING
    return PAID


def told_of_try(each: Try) -> PgResult:
    """Return what Paytm says of one try."""
    match each.state:
        case TryState.OFFERED | TryState.WITH_PAYER:
            return PENDING
        case TryState.PAID:
            return PAID
        case TryState.FAILED:
            return PgResult(status="TXN_FAILURE", code=each.code or "227", message=each.message or "Failed")


def with_try(order: Order, each: Try) -> Order:
    """Return the order with a try added, or put in the place of the one with its id."""
    others = tuple(each if known.id == each.id else known for known in order.tries)
    return replace(order, tries=others if each in others else (*others, each))
