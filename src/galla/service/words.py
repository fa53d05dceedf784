"""Text that people type: cleaned once, where it enters."""

from __future__ import annotations

import re
import unicodedata

from galla.errors import InvalidField

METADATA_MAX = 20
NOTE_MAX = 500
"""The characters of what a person says about a payment: what they found, or have seen as evidence."""
_JOINERS = "\u200c\u200d"  # names in Devanagari and other Indian scripts need them
_NETWORKS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|5[1-5][0-9]{14}|2[2-7][0-9]{14}"  # Mastercard
    r"|3[47][0-9]{13}|3[068][0-9]{12}"  # American Express, Diners
    r"|(?:50|5[6-9]|6[0-9]|8[12])[0-9]{11,17}",  # RuPay, Maestro, Discover
    re.ASCII,
)
_CARD = re.compile(r"(?:[0-9][ -]?){12,18}[0-9]", re.ASCII)


def clean(text: object, param: str, *, limit: int, is_required: bool = False) -> str | None:
    """Return a text without control and direction characters, trimmed; None when empty.

    Raises:
        InvalidField: not a text, too long, empty though required, or it holds what looks like a card number.
    """
    if text is None or text == "":
        if is_required:
            raise InvalidField(f"`{param}` is needed.", param=param)
        return None
    if not isinstance(text, str):
        raise InvalidField(f"`{param}` must be a text.", param=param)
    kept = "".join(char if char in _JOINERS or unicodedata.category(char)[0] != "C" else " " for char in text)
    kept = " ".join(kept.split())
    if len(kept) > limit:
        raise InvalidField(f"`{param}` may have at most {limit} characters.", param=param)
    if holds_card_number(kept):
        raise InvalidField(
            f"`{param}` seems to hold a card number. galla never stores those: leave it out.", param=param
        )
    if not kept and is_required:
        raise InvalidField(f"`{param}` is needed.", param=param)
    return kept or None


def clean_metadata(given: dict[str, str]) -> dict[str, str]:
    """Return a caller's own notes, cleaned.

    Raises:
        InvalidField: too many, too long, not texts, or one seems to hold a card number.
    """
    if len(given) > METADATA_MAX:
        raise InvalidField(f"`metadata` may have at most {METADATA_MAX} entries.", param="metadata")
    out = {}
    for name, text in given.items():
        key = clean(name, "metadata", limit=40, is_required=True) or ""
        out[key] = clean(text, f"metadata.{key}", limit=200) or ""
    return out


def holds_card_number(text: str) -> bool:
    """Whether a text holds a number with the beginning, length and check digit of a payment card."""
    for found in _CARD.finditer(text):
        if _NETWORKS.fullmatch(re.sub(r"[ -]", "", found.group())) is None:
            continue
        numbers = [int(char) for char in found.group() if char.isdigit()]
        doubled = [2 * number - 9 * (number > 4) for number in numbers[-2::-2]]
        if (sum(numbers[::-2]) + sum(doubled)) % 10 == 0:
            return True
    return False


def short_name(name: str | None) -> str | None:
    """Return a customer's name as shown on machines and screens: first name and an initial.

    Example:
        >>> short_name("Ramesh Kumar")
        'Ramesh K.'
    """
    if not name:
        return None
    parts = name.split()
    return parts[0] if len(parts) == 1 else f"{parts[0]} {parts[-1][0]}."


def ago(seconds: float) -> str:
    """Return a length of time for people: `40 s`, `3 min`, `2 h`."""
    whole = max(0, int(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 5400:
        return f"{whole // 60} min"
    return f"{whole // 3600} h"
