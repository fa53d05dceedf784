"""How values read on a page: amounts, times, names. In India time, and in the language that the page speaks."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from galla.clock import IST
from galla.money import format_inr
from galla.protocol.quotation import escaped
from galla.web.language import said

METHODS = {
    "edc": "Card machine",
    "queue": "Code on a machine",
    "upi_qr": "UPI QR",
    "upi_intent": "UPI link",
    "upi_collect": "UPI request",
    "cash": "Cash",
}
"""What galla's own ways to pay are called in the office."""

STATUSES = {
    "created": "Being sent",
    "pending": "Waiting",
    "in_doubt": "Checking",
    "paid": "Paid",
    "not_paid": "Not paid",
}
"""What the state of a payment is called."""


def inr(amount_paise: int) -> str:
    """Write an amount for people: `₹1,23,456.00`."""
    return format_inr(amount_paise)


def plain(amount_paise: int) -> str:
    """Write an amount in a column of amounts: `1,23,456.00`."""
    return format_inr(amount_paise, symbol="")


def instant(text: str) -> datetime:
    """Read one of galla's own RFC 3339 instants."""
    return datetime.fromisoformat(text)


def at(text: str | None, now: datetime) -> str:
    """Write an instant: `2:14 pm, today`, `9:05 am, yesterday`, `4:40 pm, 21 Nov 2026`."""
    if text is None:
        return "–"
    moment, today = instant(text).astimezone(IST), now.astimezone(IST).date()
    days = (today - moment.date()).days
    day = {0: said("today"), 1: said("yesterday")}.get(days) or _day(moment)
    return f"{_clock(moment)}, {day}"


def second(text: str, now: datetime) -> str:
    """Write an instant to the second, for the timeline: `2:14:05 pm`, with its day unless that is today."""
    moment = instant(text).astimezone(IST)
    clock = f"{moment:%I:%M:%S}".lstrip("0") + f" {moment:%p}".lower()
    return clock if moment.date() == now.astimezone(IST).date() else f"{_day(moment)}, {clock}"


def elapsed(text: str, now: datetime) -> str:
    """Write how long ago an instant was, as the page's own clock goes on to count it: `0:14`, `12:05`, `3 h 20 min`."""
    seconds = max(0, int((now - instant(text)).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return said(f"{hours} h {minutes} min")
    days = hours // 24
    return said(f"{days} days")


def left(text: str, now: datetime) -> str:
    """Write how long it is until an instant, as the page's own clock goes on to count it: `14:59`, `2 h 10 min`."""
    minutes, seconds = divmod(max(0, math.ceil((instant(text) - now).total_seconds())), 60)
    if minutes >= 60:
        hours, minutes = divmod(minutes, 60)
        return said(f"{hours} h {minutes} min")
    return f"{minutes}:{seconds:02d}"


def seconds(spent_ms: int | None) -> str:
    """Write a wait: `0.8 s`, `14.2 s`, `2 min 5 s`."""
    if spent_ms is None:
        return "–"
    tenths = spent_ms // 100
    if tenths < 600:
        whole, tenth = divmod(tenths, 10)
        return said(f"{whole}.{tenth} s")
    minutes, rest = divmod(tenths // 10, 60)
    if minutes < 60:
        return said(f"{minutes} min {rest} s")
    hours, minutes = divmod(minutes, 60)
    return said(f"{hours} h {minutes} min")


def clock(text: str) -> str:
    """Write the time of day of an instant: `12:05 am`."""
    return _clock(instant(text).astimezone(IST))


def day(moment: datetime) -> str:
    """Write the day of an instant: `21 Nov 2026`."""
    return _day(moment.astimezone(IST))


def _clock(moment: datetime) -> str:
    return f"{moment:%I:%M}".lstrip("0") + f" {moment:%p}".lower()


def _day(moment: datetime) -> str:
    return f"{moment.day} {said(f'{moment:%b}')} {moment.year}"


def is_upi(payment: dict[str, Any]) -> bool:
    """Return whether a payment is paid in a UPI app rather than on a machine."""
    return str(payment["method"]).startswith("upi")


def is_collect(payment: dict[str, Any]) -> bool:
    """Return whether a payment is a request that was sent to the customer's UPI id: there is no code to show."""
    return bool(payment["method"] == "upi_collect")


def is_queue(payment: dict[str, Any]) -> bool:
    """Return whether a payment is collected by a code at any machine."""
    return bool(payment["method"] == "queue")


def place(payment: dict[str, Any], names: dict[str, str], none: str) -> str:
    """Name where a payment is being paid: its machine, or what the customer acts on; `none` where neither is known."""
    if is_upi(payment):
        return said({"upi_qr": "UPI QR", "upi_collect": "UPI request"}.get(payment["method"], "UPI link"))
    if payment["method"] == "cash":
        return said("Cash")
    if is_queue(payment) and payment["terminal"] is None:
        return said("code")
    return names.get(payment["terminal"], none)


def method(payment: dict[str, Any]) -> str:
    """Name the way a payment is paid; one of a connector from outside galla by its own word."""
    return said(METHODS.get(payment["method"], str(payment["method"])))


def label(payment: dict[str, Any]) -> str:
    """Name a payment for staff: its reference, else the end of its id."""
    reference = payment.get("reference")
    return str(reference) if reference else "…" + str(payment["id"])[-6:]


def deed(action: str) -> str:
    """Name what an audit row says was done: `Payment: cancel requested`."""
    about, _, done = action.partition(".")
    thing = "machine" if about == "terminal" else about
    return f"{said(thing.capitalize())}: {said(done.replace('_', ' '))}"


def mode(name: str) -> str:
    """Name a way to pay as a report lists it: `Credit card`, `UPI`, `Cash`."""
    return name if name == "UPI" else said(name.replace("_", " ").capitalize())


def spaced(code: str) -> str:
    """Write a code in threes, as people read it aloud: `123 456`."""
    return f"{code[:3]} {code[3:]}" if len(code) == 6 else code


def pretty(value: Any) -> str:
    """Write a value of the timeline so that a person can read it; what hides in it is written out, and so is half of a
    character, which no page can carry.
    """
    return escaped(json.dumps(_opened(value), indent=2, ensure_ascii=False, sort_keys=False))


def _opened(value: Any) -> Any:
    """Open the JSON texts that a message of Paytm's is kept as, one level down."""
    if not isinstance(value, dict):
        return value
    return {key: _parsed(item) for key, item in value.items()}


def _parsed(item: Any) -> Any:
    if not (isinstance(item, str) and item.startswith("{")):
        return item
    try:
        return json.loads(item)
    except ValueError:
        return item


def kind(schema: dict[str, Any]) -> str:
    """Name the type of an OpenAPI schema in a word or two."""
    if "anyOf" in schema:
        return " or ".join(kind(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1].removesuffix("Body").lower()
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    return str(schema.get("const") or schema.get("type", "object"))
