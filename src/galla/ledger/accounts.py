"""The chart of accounts.

Codes are stable and machine-readable, names are what an accountant reads. What an entry books is in
`posting.py`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AccountKind(StrEnum):
    """The five kinds of account."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"
    EQUITY = "equity"


class Account(msgspec.Struct, frozen=True):
    """One account of one merchant."""

    code: str
    name: str
    kind: AccountKind


RECEIVABLE = Account("receivable", "Bills receivable", AccountKind.ASSET)
HOST_RECEIVABLE = Account("host_receivable", "Receivable in the billing system", AccountKind.ASSET)
CASH_DRAWER = Account("cash_drawer", "Cash drawer", AccountKind.ASSET)
ADVANCES = Account("advances", "Customer advances", AccountKind.LIABILITY)
SALES = Account("sales", "Sales", AccountKind.INCOME)
DISCOUNTS = Account("discounts", "Discounts given", AccountKind.INCOME)
GST_OUTPUT = Account("gst_output", "GST collected", AccountKind.LIABILITY)
RETURNS = Account("returns", "Refunds given", AccountKind.INCOME)
CASH_DIFFERENCE = Account("cash_difference", "Cash over and short", AccountKind.EXPENSE)
CASH_MOVED = Account("cash_moved", "Cash put in and taken out", AccountKind.ASSET)

FIXED = (RECEIVABLE, HOST_RECEIVABLE, CASH_DRAWER, ADVANCES, SALES, DISCOUNTS, GST_OUTPUT, RETURNS)


def clearing(mid: str) -> Account:
    """Return the account that holds what Paytm owes for one MID; settlement drains it to zero."""
    return Account(f"clearing:{mid}", f"Clearing Paytm {mid}", AccountKind.ASSET)
