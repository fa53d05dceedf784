"""Rows as CSV that a spreadsheet reads as text and numbers, and never as a formula. Pure.

Amounts are written as plain rupees, `-500.00`, so that they can be added up; only texts are made harmless.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import msgspec

from galla.money import rupees

BOM = "\ufeff"
"""Before the first line: without it Excel reads UTF-8 as something else."""

_STARTS_A_FORMULA = frozenset("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20")
_SPACES = " \u00a0\u3000\u200b\ufeff"


class Paise(msgspec.Struct, frozen=True):
    """An amount in a row: paise, written as rupees."""

    amount: int


Cell = str | Paise | None


def line(cells: Sequence[Cell]) -> str:
    """Return a row as RFC 4180 wants it, with its line end."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([_text(cell) for cell in cells])
    return written.getvalue()


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe comes before what would begin one.

    Example:
        >>> harmless('=HYPERLINK("http://…")')
        '\\'=HYPERLINK("http://…")'
    """
    kept = text.replace("\x00", "")
    begins = kept.lstrip(_SPACES)[:1]
    return f"'{kept}" if begins in _STARTS_A_FORMULA and begins else kept


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Paise(amount=amount):
            return rupees(amount)
        case _:
            return harmless(cell)
