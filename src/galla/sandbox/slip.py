"""The paper a machine prints: charge slips, all marked as rehearsal.

What is on them is chosen here, how they look is the page's.
"""

from __future__ import annotations

from datetime import datetime

from galla.clock import ist_text
from galla.money import format_inr
from galla.sandbox.charge import Charge
from galla.sandbox.instrument import find
from galla.sandbox.job import Slip


def sale_slip(number: int, shop: str, charge: Charge, at: datetime) -> Slip:
    """Return the slip of a paid sale, the customer's copy; `at` is when it was paid."""
    paid_with = find(charge.instrument or "upi")
    how = f"{paid_with.scheme} •••• {paid_with.last4}" if paid_with.is_card else f"UPI {paid_with.upi_id}"
    rows = [
        ("Shop", shop),
        ("Sale", format_inr(charge.amount_paise)),
        ("Paid with", how),
        ("Bill", charge.reference or charge.id),
        ("RRN", charge.rrn or ""),
        ("Auth code", charge.auth_code or ""),
        ("Machine", charge.tid),
        ("Time", ist_text(at)),
    ]
    return Slip(number=number, title="Approved", rows=tuple(row for row in rows if row[1]))


def void_slip(number: int, shop: str, charge: Charge, at: datetime) -> Slip:
    """Return the slip of a voided sale; `at` is when it was voided."""
    rows = (
        ("Shop", shop),
        ("Void of sale", format_inr(charge.amount_paise)),
        ("Bill", charge.reference or charge.id),
        ("RRN", charge.rrn or ""),
        ("Machine", charge.tid),
        ("Time", ist_text(at)),
    )
    return Slip(number=number, title="Voided", rows=tuple(row for row in rows if row[1]))
