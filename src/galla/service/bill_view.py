"""A bill as callers and pages see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from galla.clock import from_millis, rfc3339
from galla.ledger.pricing import WHOLE, quantity_text, rates
from galla.payments.model import Payment
from galla.service.bill_asked import rate_text
from galla.service.views import payment_view
from galla.service.words import short_name


def bill_view(row: Row[Any], lines: list[Row[Any]], tenders: list[Payment] | None, now: datetime) -> dict[str, Any]:
    """Return a bill with its lines, its GST by rate, and its payments where they are given."""
    view: dict[str, Any] = {
        "id": row.id,
        "object": "bill",
        "number": row.number,
        "branch": row.branch,
        "customer": {"id": row.customer_id, "name": short_name(row.customer_name), "phone": row.customer_phone},
        "lines": [_line_view(line) for line in lines],
        "discount": row.discount_paise,
        "total": row.total_paise,
        "tax": row.tax_paise,
        "taxes": _taxes(lines, is_interstate=row.is_interstate == 1),
        "place_of_supply": row.place_of_supply,
        "paid": row.paid_paise,
        "live": row.live_paise,
        "due": 0 if row.is_cancelled else row.total_paise - row.paid_paise,
        "status": _status(row),
        "metadata": msgspec.json.decode(row.metadata),
        "created_at": rfc3339(from_millis(row.created_at)),
    }
    if tenders is not None:
        view["payments"] = [payment_view(payment, now) for payment in tenders]
    return view


def _status(row: Row[Any]) -> str:
    if row.is_cancelled:
        return "cancelled"
    if row.paid_paise == row.total_paise:
        return "paid"
    return "partly_paid" if row.paid_paise else "open"


def _line_view(line: Row[Any]) -> dict[str, Any]:
    """`discount` is the line's own; `bill_discount` its share of what was taken off the whole bill."""
    whole, part = divmod(line.quantity_milli, WHOLE)
    return {
        "description": line.description,
        "hsn": line.hsn,
        "quantity": quantity_text(line.quantity_milli) if part else whole,
        "unit_amount": line.unit_paise,
        "discount": line.discount_paise,
        "bill_discount": line.share_paise,
        "tax_rate": rate_text(line.tax_bp),
        "tax": line.tax_paise,
        "amount": line.amount_paise,
    }


def _taxes(lines: list[Row[Any]], *, is_interstate: bool) -> list[dict[str, Any]]:
    found = rates(
        [(line.tax_bp, line.taxable_paise, line.tax_paise) for line in lines], is_interstate=is_interstate
    )
    return [
        {
            "rate": rate_text(each.tax_bp),
            "taxable": each.taxable_paise,
            "tax": each.tax_paise,
            "cgst": each.cgst_paise,
            "sgst": each.sgst_paise,
            "igst": each.igst_paise,
        }
        for each in found
    ]
