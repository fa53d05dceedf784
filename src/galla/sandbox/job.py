"""What Paytm asks of a machine, and what the machine reports back.

The machine itself is `terminal.py`; what the report does to a sale is `sandbox.py`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class JobKind(StrEnum):
    """What Paytm asks of a machine."""

    SALE = "sale"
    VOID = "void"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One request from Paytm to a machine. `mode` is ALL, CARD or QR; `lines` go on the pop-up."""

    charge_id: str
    kind: JobKind
    amount_paise: int
    reference: str | None = None
    mode: str = "ALL"
    is_auto_accepted: bool = False
    lines: tuple[str, ...] = ()


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """The bank approved the sale."""

    charge_id: str
    instrument: str


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The sale ended without money; `reason` is for people, `bank_code` the bank's, if it was asked."""

    charge_id: str
    reason: str
    bank_code: str | None = None


class Voided(msgspec.Struct, frozen=True, kw_only=True):
    """The sale was reversed."""

    charge_id: str


class VoidRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The reversal was rejected at the machine."""

    charge_id: str


Effect = Paid | Failed | Voided | VoidRefused


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """A printed charge slip. `number` rises with each slip of the sandbox."""

    number: int
    title: str
    rows: tuple[tuple[str, str], ...]
