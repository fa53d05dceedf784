"""Papers for the tests: a bill paid in two parts; `text` puts a text of one's own into every typed field."""

import re
from datetime import UTC, datetime
from typing import Any

from galla.ledger.posting import included_tax
from galla.ledger.pricing import rates
from galla.receipts.model import Bill, GivenBack, Kind, Line, Receipt, Shop, Stamp, Tax, Tender
from galla.receipts.paper import Paper, paper_of

AT = datetime(2026, 11, 21, 8, 44, 5, 123_000, tzinfo=UTC)
CODE = "HS7A3CK3R7QNEDVBB"
LINK = f"https://shop.example/r/{CODE}"

_COMMANDS = re.compile(
    rb"\x1b@|\x1bE[\x00\x01]|\x1d![\x00\x01]|\x1ba[\x00\x01]|\x1bd\x03|\x1dVB\x03"
    rb"|\x1d\(k\x04\x001A2\x00|\x1d\(k\x03\x001[CEQ][\x060-1]|\x1d\(k..1P0",
    re.DOTALL,
)


def unspoken(sent: bytes) -> bytes:
    """Return the bytes for a printer without galla's own commands: what is left must be text."""
    return _COMMANDS.sub(b"", sent)


def line(what: str = "Consultation", quantity: int = 1, unit_paise: int = 50_000, hsn: str | None = None) -> Line:
    """Return a line of a bill."""
    amount = quantity * unit_paise
    return Line(description=what, quantity=str(quantity), unit_paise=unit_paise, amount_paise=amount, hsn=hsn)


def taxes(*amounts: tuple[int, int], is_interstate: bool = False) -> tuple[Tax, ...]:
    """Return the GST within amounts of paise, each with its rate in hundredths of a percent."""
    owed = [(rate, amount - included_tax(amount, rate), included_tax(amount, rate)) for amount, rate in amounts]
    return tuple(
        Tax(
            rate_bp=each.tax_bp,
            taxable_paise=each.taxable_paise,
            is_interstate=each.is_interstate,
            cgst_paise=each.cgst_paise,
            sgst_paise=each.sgst_paise,
            igst_paise=each.igst_paise,
        )
        for each in rates(owed, is_interstate=is_interstate)
    )


LINES = (
    line(),
    line("Tretinoin cream 0.025% 20 g", 2, 12_500, "3004"),
    line("Chemical peel", 1, 175_000, "9993"),
)
TAXES = taxes((25_000, 1800), (175_000, 1800))
CARD = Tender(
    amount_paise=150_000,
    method="edc",
    paid_at=AT,
    mode="CREDIT_CARD",
    card_network="VISA",
    card_last4="1234",
    rrn="632660677204",
    auth_code="A1B2C3",
    tid="12345671",
    machine="Counter 1",
)
CASH = Tender(amount_paise=50_000, method="cash", paid_at=AT, mode="CASH", tendered_paise=100_000)


def receipt(*, copy: int = 1, text: str | None = None, **more: Any) -> Receipt:
    """Return the receipt of a bill of ₹2,500.00 of which ₹2,000.00 is paid; `text` stands in every typed field."""
    said = {"name": text or "Ramesh K.", "shop": text or "Skin Clinic", "machine": text or "Counter 1"}
    bill = Bill(
        number=text or "INV-2026-0412",
        customer=said["name"],
        lines=(line(text), *LINES[1:]) if text else LINES,
        total_paise=250_000,
        paid_paise=200_000,
        due_paise=50_000,
        taxes=TAXES,
    )
    card = Tender(**{**_fields(CARD), "machine": said["machine"], "rrn": text or CARD.rrn, "upi_id": text})
    values: dict[str, Any] = {
        "kind": Kind.SALE,
        "shop": Shop(name=said["shop"], branch=text or "Main branch, Pune", gstin="27AAPFU0939F1ZV"),
        "stamp": Stamp(number=123, code=CODE, link=LINK, copy=copy, printed_at=AT),
        "tenders": (card, CASH),
        "bill": bill,
        "customer": said["name"],
        "reference": text,
        "description": text,
    }
    return Receipt(**{**values, **more})


def slip(kind: Kind = Kind.REFUND, *, is_done: bool = True, text: str | None = None) -> Receipt:
    """Return the slip of money given back from the card payment."""
    back = GivenBack(
        amount_paise=50_000, is_done=is_done, reason=text or "Cream brought back", at=AT, reference="SBREF1", rrn="R1"
    )
    return receipt(kind=kind, given_back=back, tenders=(CARD,), text=text)


def paper(**more: Any) -> Paper:
    """Return the paper of `receipt(**more)`."""
    return paper_of(receipt(**more))


def _fields(tender: Tender) -> dict[str, Any]:
    return {name: getattr(tender, name) for name in tender.__struct_fields__}
