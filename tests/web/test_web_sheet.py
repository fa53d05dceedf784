"""CSV for spreadsheets: texts can do nothing there, amounts stay numbers, and every value comes back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galla.web.sheet import Paise, harmless, line

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\u3000=1", "\ufeff=1", "\x00=1",
    "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff201", "=cmd|' /C calc'!A0", '=HYPERLINK("x","y")',
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_begins_a_formula(text: str) -> None:
    """Whatever a spreadsheet would take for a formula gets an apostrophe before it, and loses nothing else."""
    assert harmless(text) == "'" + text.replace("\x00", "")


def test_amounts_stay_numbers() -> None:
    """What is given back is a number with a minus sign, not a text; a plain text is left as it is."""
    assert line((Paise(-50_000), Paise(5), "Ramesh K.", None)) == "-500.00,0.05,Ramesh K.,\r\n"


@given(st.lists(st.text(st.characters(exclude_characters="\x00")), min_size=1))
def test_every_value_comes_back(texts: list[str]) -> None:
    """Commas, quotes and line breaks in a text neither end its cell nor begin another."""
    (read,) = csv.reader(io.StringIO(line(texts), newline=""))
    assert read == [harmless(text) for text in texts]
