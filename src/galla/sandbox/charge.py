"""The truth about each sale the sandbox took, and what it tells those who ask.

The two differ on purpose while a fault is in force. How requests are read and answered is in `edc.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from galla.clock import IST


class ChargeState(StrEnum):
    """Where a sale truly stands."""

    WAITING = "waiting"
    PAID = "paid"
    FAILED = "failed"


class VoidState(StrEnum):
    """Where the reversal of a paid sale truly stands."""

    NONE = "none"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """One sale. `id` is the merchant's transaction id; amounts in paise; instants aware UTC.

    `queue_id`: begun by a code of the payment queue, under this id of the merchant's.

    `hidden_until`: status says "no such id" before it. `told_late_ms`: after payment, status goes on
    saying `told_meanwhile` (P or F) for that long.
    """

    id: str
    mid: str
    tid: str
    amount_paise: int
    received_at: datetime
    transaction_date_time: str
    queue_id: str | None = None
    reference: str | None = None
    mode: str = "ALL"
    is_auto_accepted: bool = False
    callback_url: str | None = None
    lines: tuple[str, ...] = ()
    state: ChargeState = ChargeState.WAITING
    settled_at: datetime | None = None
    instrument: str | None = None
    acquirement_id: str | None = None
    rrn: str | None = None
    auth_code: str | None = None
    reason: str | None = None
    bank_code: str | None = None
    void: VoidState = VoidState.NONE
    void_requested_at: datetime | None = None
    void_settled_at: datetime | None = None
    hidden_until: datetime | None = None
    told_late_ms: int = 0
    told_meanwhile: str = "P"
    refunded_paise: int = 0

    @property
    def is_reversed(self) -> bool:
        """Whether a void has taken it back, or may still do so."""
        return self.void in (VoidState.WAITING, VoidState.DONE)

    @property
    def is_live(self) -> bool:
        """Whether it still holds the machine."""
        return self.state is ChargeState.WAITING or self.void is VoidState.WAITING


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a status reply says: Paytm's letter, word, four-digit id and message."""

    letter: str
    word: str
    code: str
    message: str


PENDING = Told(letter="P", word="PENDING", code="0010", message="Transaction is pending. Check the terminal.")
SUCCESS = Told(letter="S", word="SUCCESS", code="0000", message="SUCCESS")
UNKNOWN = Told(letter="F", word="FAIL", code="0404", message="Merchant transaction id does not exist")
NO_SUCH_VOID = Told(letter="F", word="FAIL", code="0180", message="Transaction to be voided not found")
VOID_FAILED = Told(letter="F", word="FAIL", code="0090", message="Void failed")


def told_of_sale(charge: Charge, now: datetime) -> Told:
    """Return what a status request about the sale is answered at this instant."""
    if charge.hidden_until is not None and now < charge.hidden_until:
        return UNKNOWN
    if charge.state is ChargeState.WAITING:
        return PENDING
    if charge.state is ChargeState.FAILED:
        return Told(letter="F", word="FAIL", code="0011", message=charge.reason or "Sale failed")
    told_from = charge.settled_at and charge.settled_at + timedelta(milliseconds=charge.told_late_ms)
    if told_from is not None and now < told_from:
        if charge.told_meanwhile == "F":
            return Told(letter="F", word="FAIL", code="0011", message="Sale failed")
        return PENDING
    return SUCCESS


def told_of_void(charge: Charge) -> Told:
    """Return what a status request about the sale's void is answered."""
    match charge.void:
        case VoidState.NONE:
            return NO_SUCH_VOID
        case VoidState.WAITING:
            return PENDING
        case VoidState.DONE:
            return SUCCESS
        case VoidState.REFUSED:
            return VOID_FAILED


def void_ends_at(paid_at: datetime) -> datetime:
    """Return when a sale paid at that instant stops being voidable: 00:05 India time of the next day."""
    day = paid_at.astimezone(IST).replace(hour=0, minute=5, second=0, microsecond=0)
    return day + timedelta(days=1)
