"""The new bill, as typed at the counter, and what it asks for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from galla.web.pages.entry import Faults, paise_of
from galla.web.pages.page import one

LINES = 4
_CELLS = ("description", "quantity", "price", "off", "hsn", "gst")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)\s*%", re.ASCII)
_RATE = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,2})?)\s*%?", re.ASCII)
_QUANTITY = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?", re.ASCII)


class BillLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line, as typed: `off` is rupees, or per cent when it ends so."""

    description: str = ""
    quantity: str = ""
    price: str = ""
    off: str = ""
    hsn: str = ""
    gst: str = ""


class BillForm(msgspec.Struct, frozen=True, kw_only=True):
    """The new bill, as typed; `customer` is the id of one who was picked from those galla knows."""

    number: str = ""
    customer: str = ""
    name: str = ""
    phone: str = ""
    off: str = ""
    is_on_top: bool = False
    place: str = ""
    lines: tuple[BillLine, ...] = ()

    @classmethod
    def empty(cls) -> BillForm:
        """Return a form with nothing in it."""
        return cls(lines=(BillLine(),) * LINES)


def bill_form(fields: Mapping[str, list[str]]) -> BillForm:
    """Return the posted bill, with at least as many lines as an empty one."""
    columns = [fields.get(name, []) for name in _CELLS]
    count = min(max(LINES, *(len(column) for column in columns)), 100)
    cells = [[column[row].strip() if row < len(column) else "" for column in columns] for row in range(count)]
    return BillForm(
        number=one(fields, "number"),
        customer=one(fields, "customer"),
        name=one(fields, "name"),
        phone=one(fields, "phone"),
        off=one(fields, "bill_off"),
        is_on_top=one(fields, "gst_on_top") == "yes",
        place=one(fields, "place_of_supply"),
        lines=tuple(BillLine(**dict(zip(_CELLS, row, strict=True))) for row in cells),
    )


def bill_values(form: BillForm) -> dict[str, Any]:
    """Return the values of a `BillBody`; empty lines are left out.

    Raises:
        Faults: an amount, a quantity or a rate cannot be read; lines are counted without the empty ones.
    """
    lines = [_line(form.lines[row], f"lines.{place}") for place, row in enumerate(rows(form))]
    if not lines:
        raise Faults({"lines": "Write at least one line: what it is for, and its price."})
    known = {"id": form.customer} if form.customer else {"name": form.name, "phone": form.phone}
    customer = {key: text for key, text in known.items() if text}
    return {
        "number": form.number or None,
        "customer": customer or None,
        "lines": lines,
        "tax_included": not form.is_on_top,
        "place_of_supply": form.place or None,
        **_off(form.off, "discount_amount"),
    }


def rows(form: BillForm) -> list[int]:
    """Return which row of the form each line of the bill stands in: empty rows are no lines."""
    return [row for row, line in enumerate(form.lines) if line.description or line.price]


def so_far(form: BillForm) -> BillForm:
    """Return the part of an unfinished form that has its price: the rest is still being typed."""
    priced = tuple(
        msgspec.structs.replace(line, description=line.description or "–") for line in form.lines if line.price
    )
    return msgspec.structs.replace(form, lines=priced, number="", customer="", name="", phone="")


def beside_rows(faults: Faults, form: BillForm) -> Faults:
    """Return faults of a bill's lines named by the rows they were typed in."""
    places = {f"lines.{place}": f"lines.{row}" for place, row in enumerate(rows(form))}
    fields = {places.get(name, name): said for name, said in faults.fields.items()}
    return Faults(fields, faults.general, faults.blocker, faults.code)


def _line(line: BillLine, field: str) -> dict[str, Any]:
    quantity = line.quantity or "1"
    if _QUANTITY.fullmatch(quantity) is None:
        raise Faults({field: "The quantity must be a number with at most three decimals, such as 1 or 1.5."})
    values = {
        "description": line.description,
        "quantity": quantity if "." in quantity else int(quantity),
        "unit_amount": paise_of(line.price, field),
        **_off(line.off, field),
    }
    if line.hsn:
        values["hsn"] = line.hsn
    if line.gst:
        rate = _RATE.fullmatch(line.gst)
        if rate is None:
            raise Faults({field: "Write the GST in per cent, such as 18 or 2.5."})
        values["tax_rate"] = rate[1]
    return values


def _off(text: str, field: str) -> dict[str, Any]:
    if not text:
        return {}
    rate = _PERCENT.fullmatch(text)
    if rate is not None:
        return {"discount_rate": rate[1]}
    try:
        return {"discount_amount": paise_of(text, field)}
    except Faults:
        said = "Write the discount in rupees, such as 50, or in per cent, such as 10%."
        raise Faults({field: said}) from None
