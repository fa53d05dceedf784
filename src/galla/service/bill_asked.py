"""What a caller asks a bill to hold, read and checked before anything is written."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from galla.errors import AmountNotAllowed, InvalidField
from galla.ledger.gst import STATES
from galla.ledger.pricing import WHOLE, Discount, Item, Line, price
from galla.money import MAX_PAISE, check_amount
from galla.service.customers import Person, person
from galla.service.words import clean, clean_metadata

LINES_MAX = 100
QUANTITY_MAX = 100_000
_RATE = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,2})?|100(?:\.0{1,2})?", re.ASCII)
_QUANTITY = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?", re.ASCII)
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/#-]{0,39}", re.ASCII)
_HSN = re.compile(r"[0-9]{4,8}", re.ASCII)


class NewBill(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for: lines, or only a `total` (paise) for those who keep the lines in a system of their own.

    A line holds `description, quantity, unit_amount` (paise), and if it likes `discount_amount` (paise) or
    `discount_rate`, `tax_rate`, `hsn`. Rates are per cent as text. A quantity is a whole number, or a text with up to
    three decimals. `tax_included`: amounts hold the GST already. `customer`: `id`, or `external_id`, `name`, `phone`.
    `place_of_supply`: the GST code of the state the sale goes to; the shop's own where it is left out.
    """

    number: str | None = None
    branch: str | None = None
    customer: dict[str, Any] | None = None
    lines: list[dict[str, Any]] = []
    total: int | None = None
    description: str | None = None
    discount_amount: int | None = None
    discount_rate: str | None = None
    tax_included: bool = True
    place_of_supply: str | None = None
    metadata: dict[str, str] = {}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A bill that can be written: its columns without id, number and time, its lines added up, and whom it is for."""

    number: str | None
    customer: Person
    values: dict[str, Any]
    lines: list[Line]


def read(new: NewBill) -> Asked:
    """Return what a bill will hold.

    Raises:
        InvalidField, AmountNotAllowed: a field cannot be used; the message names it.
    """
    lines = price(
        _items(new), _discount(new.discount_amount, new.discount_rate, ""), is_tax_included=new.tax_included
    )
    total = sum(line.amount_paise for line in lines)
    check_amount(total, param="lines" if new.total is None else "total")
    number = clean(new.number, "number", limit=40)
    if number is not None and _NUMBER.fullmatch(number) is None:
        raise InvalidField("`number` may hold letters, digits, spaces and . _ / # -", param="number")
    return Asked(
        number=number,
        customer=person(new.customer or {}),
        lines=lines,
        values={
            "branch": clean(new.branch, "branch", limit=80),
            "place_of_supply": _place(new.place_of_supply),
            "total_paise": total,
            "tax_paise": sum(line.tax_paise for line in lines),
            "discount_paise": sum(line.discount_paise + line.share_paise for line in lines),
            "metadata": msgspec.json.encode(clean_metadata(new.metadata)).decode(),
        },
    )


def rate_text(rate_bp: int) -> str | None:
    """Write a rate in hundredths of a percent as the API has it; none for no rate."""
    if rate_bp == 0:
        return None
    whole, part = divmod(rate_bp, 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") if part else str(whole)


def _place(code: str | None) -> str | None:
    if code and code not in STATES:
        said = "`place_of_supply` must be the GST code of a state, two digits such as 27 for Maharashtra."
        raise InvalidField(said, param="place_of_supply")
    return code or None


def _items(new: NewBill) -> list[Item]:
    if new.total is not None:
        if new.lines:
            raise InvalidField("Send `lines`, or only a `total`, not both.", param="total")
        what = clean(new.description, "description", limit=120) or f"Bill {new.number or ''}".strip()
        return [Item(description=what, unit_paise=check_amount(new.total, param="total"))]
    if new.description is not None:
        raise InvalidField("`description` goes with a `total`; a line has its own.", param="description")
    if not 1 <= len(new.lines) <= LINES_MAX:
        raise InvalidField(f"`lines` must hold 1 to {LINES_MAX} lines, or send a `total`.", param="lines")
    return [_item(line, f"lines[{place}]") for place, line in enumerate(new.lines)]


def _item(line: dict[str, Any], where: str) -> Item:
    quantity = _quantity(line.get("quantity", 1), f"{where}.quantity")
    unit_paise = check_amount(line.get("unit_amount"), param=f"{where}.unit_amount")
    if quantity * unit_paise > MAX_PAISE * WHOLE:
        raise AmountNotAllowed(f"`{where}` comes to more than galla can take.", param=where)
    hsn = clean(line.get("hsn"), f"{where}.hsn", limit=8)
    if hsn is not None and _HSN.fullmatch(hsn) is None:
        raise InvalidField(f"`{where}.hsn` must be the four to eight digits of an HSN or SAC.", param=f"{where}.hsn")
    return Item(
        description=clean(line.get("description"), f"{where}.description", limit=120, is_required=True) or "",
        quantity_milli=quantity,
        unit_paise=unit_paise,
        tax_bp=_rate(line.get("tax_rate"), f"{where}.tax_rate"),
        hsn=hsn,
        discount=_discount(line.get("discount_amount"), line.get("discount_rate"), f"{where}."),
    )


def _quantity(given: object, param: str) -> int:
    if type(given) is int and 1 <= given <= QUANTITY_MAX:
        return given * WHOLE
    if isinstance(given, str) and _QUANTITY.fullmatch(given):
        whole, _, part = given.partition(".")
        milli = int(whole) * WHOLE + int((part + "000")[:3])
        if 1 <= milli <= QUANTITY_MAX * WHOLE:
            return milli
    raise InvalidField(
        f"`{param}` must be a whole number from 1 to {QUANTITY_MAX}, or a text with up to three decimals, "
        'such as "1.5".',
        param=param,
    )


def _discount(amount: object, rate: object, where: str) -> Discount:
    if amount is not None and rate is not None:
        raise InvalidField(
            f"Send `{where}discount_amount` or `{where}discount_rate`, not both.", param=f"{where}discount_rate"
        )
    if amount is not None:
        return Discount(amount_paise=check_amount(amount, param=f"{where}discount_amount"))
    return Discount(rate_bp=_rate(rate, f"{where}discount_rate"))


def _rate(text: object, param: str) -> int:
    """Read a rate in percent, such as `18` or `2.5`, as hundredths of a percent."""
    if text is None or text == "":
        return 0
    if not isinstance(text, str) or _RATE.fullmatch(text) is None:
        raise InvalidField(f"`{param}` must be a percentage as text, such as \"18\" or \"2.5\".", param=param)
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int((part + "00")[:2])
