"""What a paper says, word by word. Every renderer lays out these texts and adds none of its own."""

from __future__ import annotations

from datetime import datetime

import msgspec

from galla.clock import IST
from galla.money import format_inr
from galla.receipts.amount_words import in_words
from galla.receipts.code import spaced
from galla.receipts.model import Bill, Kind, Line, Receipt, Tender

_TITLES = {Kind.SALE: "Receipt", Kind.VOID: "Void slip", Kind.REFUND: "Refund slip"}
_NETWORKS = {"VISA": "Visa", "MASTER": "Mastercard", "MASTERCARD": "Mastercard", "RUPAY": "RuPay", "AMEX": "Amex"}
_ON_ITS_WAY = {
    Kind.VOID: "Not voided yet: the sale is voided when the machine and Paytm have confirmed it.",
    Kind.REFUND: "Not given back yet: it is on its way. Banks take 5 to 7 working days.",
}
_DONE = {
    Kind.VOID: "The whole sale was taken back on the day of the sale. It may still show as reserved for a few days.",
    Kind.REFUND: "Given back to where it came from. Ask your bank by the RRN if it does not show in 7 working days.",
}
REHEARSAL = "REHEARSAL - NO REAL MONEY"
CHECK = "Check this paper:"


class Row(msgspec.Struct, frozen=True):
    """A word and its value."""

    label: str
    value: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the bill: `detail` has its HSN, `2 × 250.00` where there is more than one, and what was taken off."""

    name: str
    detail: str
    amount: str


class PaidBy(msgspec.Struct, frozen=True, kw_only=True):
    """One tender: `Visa •••• 1234`, its amount, and what it is looked up by."""

    title: str
    amount: str
    facts: tuple[Row, ...]


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """One paper, as texts for people. `total` is the row that is set large, and `amount_paise` what it says.

    `printed_at` dates a PDF.
    """

    title: str
    mark: str
    rehearsal: str
    shop: str
    branch: str
    heads: tuple[Row, ...]
    items: tuple[Item, ...]
    total: Row
    amount_paise: int
    sums: tuple[Row, ...]
    taxes: tuple[Row, ...]
    words: str
    tenders: tuple[PaidBy, ...]
    sentences: tuple[str, ...]
    code: str
    link: str
    printed_at: datetime


def paper_of(receipt: Receipt) -> Paper:
    """Return what a receipt says."""
    stamp, bill, back = receipt.stamp, receipt.bill, receipt.given_back
    is_sale = back is None
    return Paper(
        title=_TITLES[receipt.kind],
        mark=f"DUPLICATE {stamp.copy - 1}" if stamp.copy > 1 else "",
        rehearsal=REHEARSAL if receipt.shop.is_rehearsal else "",
        shop=receipt.shop.name,
        branch=receipt.shop.branch or "",
        heads=_heads(receipt),
        items=tuple(_item(line) for line in bill.lines) if bill and is_sale else (),
        total=Row(_total_word(receipt), format_inr(receipt.total_paise)),
        amount_paise=receipt.total_paise,
        sums=_sums(receipt) if is_sale else (),
        taxes=tax_rows(bill) if bill and is_sale else (),
        words=in_words(receipt.total_paise),
        tenders=tuple(_paid_by(tender) for tender in receipt.tenders),
        sentences=() if back is None else ((_DONE if back.is_done else _ON_ITS_WAY)[receipt.kind],),
        code=spaced(stamp.code),
        link=stamp.link,
        printed_at=stamp.printed_at,
    )


def tax_rows(bill: Bill) -> tuple[Row, ...]:
    """Return the GST within a bill, by rate: `CGST 9 % on 423.73` and `SGST 9 %`, or `IGST 18 % on 423.73`."""
    rows: list[Row] = []
    for tax in bill.taxes:
        base = _bare(tax.taxable_paise)
        if tax.is_interstate:
            rows.append(Row(f"IGST {_percent(2 * tax.rate_bp)} % on {base}", _bare(tax.igst_paise)))
        else:
            rows.append(Row(f"CGST {_percent(tax.rate_bp)} % on {base}", _bare(tax.cgst_paise)))
            rows.append(Row(f"{bill.state_tax} {_percent(tax.rate_bp)} %", _bare(tax.sgst_paise)))
    return tuple(rows)


def when(instant: datetime) -> str:
    """Write an instant as papers carry it, in India time: `21 Nov 2026, 2:14 pm`."""
    moment = instant.astimezone(IST)
    return f"{moment.day} {moment:%b %Y}, " + f"{moment:%I:%M}".lstrip("0") + f" {moment:%p}".lower()


def method_of(tender: Tender) -> str:
    """Name how it was paid: `Visa •••• 1234`, `UPI r••••@ybl`, `Cash`."""
    if tender.card_last4:
        network = tender.card_network or "Card"
        return f"{_NETWORKS.get(network.upper(), network)} •••• {tender.card_last4}"
    if tender.upi_id:
        return f"UPI {tender.upi_id}"
    if tender.mode and tender.mode.upper() == "UPI":
        return "UPI"
    return (tender.mode or tender.method).replace("_", " ").capitalize()


def _heads(receipt: Receipt) -> tuple[Row, ...]:
    back = receipt.given_back
    named = (
        ("GSTIN", receipt.shop.gstin or ""),
        ("Number", f"R-{receipt.stamp.number:06d}"),
        ("Bill", receipt.bill.number if receipt.bill else ""),
        ("Reference", receipt.reference or ""),
        ("For", receipt.description or ""),
        ("Customer", receipt.customer or ""),
        ("Place of supply", receipt.bill.place_of_supply or "" if receipt.bill else ""),
        ("Printed", when(receipt.stamp.printed_at)),
        ("Given back" if back and back.is_done else "Asked for", when(back.at) if back else ""),
        ("Reason", back.reason if back else ""),
        ("Reference", back.reference if back else ""),
        ("RRN", (back.rrn or "") if back else ""),
    )
    return tuple(Row(label, value) for label, value in named if value)


def _item(line: Line) -> Item:
    parts = [f"HSN {line.hsn}"] if line.hsn else []
    if line.quantity != "1":
        parts.append(f"{line.quantity} × {_bare(line.unit_paise)}")
    if line.discount_paise:
        parts.append(f"less {_bare(line.discount_paise)}")
    return Item(name=line.description, detail=", ".join(parts), amount=_bare(line.amount_paise))


def _total_word(receipt: Receipt) -> str:
    if receipt.given_back is not None:
        if not receipt.given_back.is_done:
            return "To be given back"
        return "Voided" if receipt.kind is Kind.VOID else "Given back"
    return "Total" if receipt.bill is not None else "Paid"


def _sums(receipt: Receipt) -> tuple[Row, ...]:
    back = sum(tender.given_back_paise for tender in receipt.tenders)
    bill = receipt.bill
    rows = []
    if bill is not None:
        rows.append(Row("Paid", format_inr(bill.paid_paise)))
        if receipt.paid_paise > bill.paid_paise:
            rows.append(Row("Paid beyond the bill", format_inr(receipt.paid_paise - bill.paid_paise)))
    if back:
        rows.append(Row("Given back", format_inr(back)))
    if bill is not None:
        rows.append(Row("Due", format_inr(bill.due_paise)))
    return tuple(rows)


def _paid_by(tender: Tender) -> PaidBy:
    machine = " ".join(part for part in (tender.machine, f"TID {tender.tid}" if tender.tid else "") if part)
    change = (tender.tendered_paise or 0) - tender.amount_paise
    back = tender.given_back_paise
    named = (
        ("Paid", when(tender.paid_at)),
        ("RRN", tender.rrn or ""),
        ("Auth code", tender.auth_code or ""),
        ("Machine", machine),
        ("Handed over", format_inr(tender.tendered_paise) if tender.tendered_paise is not None else ""),
        ("Change", format_inr(change) if tender.tendered_paise is not None else ""),
        ("Voided" if tender.is_voided else "Given back", format_inr(back) if back else ""),
    )
    return PaidBy(
        title=method_of(tender),
        amount=format_inr(tender.amount_paise),
        facts=tuple(Row(label, value) for label, value in named if value),
    )


def _bare(amount_paise: int) -> str:
    return format_inr(amount_paise, symbol="")


def _percent(half_rate: int) -> str:
    """Write a rate given in two-hundredths of a percent: half of a rate in hundredths has a third decimal."""
    whole, part = divmod(half_rate * 5, 1000)
    return f"{whole}.{part:03d}".rstrip("0").rstrip(".")
