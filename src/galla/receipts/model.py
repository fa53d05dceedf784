"""The values of a receipt: what was sold, how it was paid, what went back. Amounts in paise, instants aware UTC."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a paper is for."""

    SALE = "sale"
    VOID = "void"
    REFUND = "refund"


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """Who gives the paper out, and under which GST registration. `is_rehearsal`: no real money moves there."""

    name: str
    branch: str | None = None
    gstin: str | None = None
    is_rehearsal: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a bill: the quantity as people write it. `amount_paise` is after `discount_paise`, with its GST."""

    description: str
    quantity: str
    unit_paise: int
    amount_paise: int
    hsn: str | None = None
    discount_paise: int = 0


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    """The GST of one rate within a bill's total: in halves, or, to another state, whole in `igst_paise`."""

    rate_bp: int
    taxable_paise: int
    is_interstate: bool
    cgst_paise: int
    sgst_paise: int
    igst_paise: int


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """The bill behind a receipt. `paid_paise` is what the bill took of the payments; any more is an advance.

    `state_tax` is what the state's half of its GST is called, `place_of_supply` the state it was sold to, where said.
    """

    number: str
    customer: str | None
    lines: tuple[Line, ...]
    total_paise: int
    paid_paise: int
    due_paise: int
    taxes: tuple[Tax, ...] = ()
    state_tax: str = "SGST"
    place_of_supply: str | None = None


class Tender(msgspec.Struct, frozen=True, kw_only=True):
    """One payment as its receipt shows it: only what is masked already, and what staff and banks look it up by."""

    amount_paise: int
    method: str
    paid_at: datetime
    mode: str | None = None
    card_network: str | None = None
    card_last4: str | None = None
    upi_id: str | None = None
    rrn: str | None = None
    auth_code: str | None = None
    tid: str | None = None
    machine: str | None = None
    tendered_paise: int | None = None
    given_back_paise: int = 0
    is_voided: bool = False


class GivenBack(msgspec.Struct, frozen=True, kw_only=True):
    """Money that goes back, for its slip. Only `is_done` has gone."""

    amount_paise: int
    is_done: bool
    reason: str
    at: datetime
    reference: str
    rrn: str | None = None


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a paper one of a kind: its number, its code with the page that proves it, and which copy it is."""

    number: int
    code: str
    link: str
    copy: int
    printed_at: datetime


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one paper says. `given_back` is set on slips only; `bill` where there is one."""

    kind: Kind
    shop: Shop
    stamp: Stamp
    tenders: tuple[Tender, ...]
    bill: Bill | None = None
    reference: str | None = None
    description: str | None = None
    customer: str | None = None
    given_back: GivenBack | None = None

    @property
    def paid_paise(self) -> int:
        """What all tenders come to."""
        return sum(tender.amount_paise for tender in self.tenders)

    @property
    def total_paise(self) -> int:
        """What the paper is about: the money going back, else the bill, else what was paid without one."""
        if self.given_back is not None:
            return self.given_back.amount_paise
        return self.bill.total_paise if self.bill is not None else self.paid_paise
