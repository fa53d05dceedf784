"""How a provider writes money: paise as text, or rupees as text. Exact in both directions."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from galla.money import parse_paise, parse_rupees, rupees


class AmountForm(msgspec.Struct, frozen=True, kw_only=True):
    """One way of writing an amount. `write` takes paise; `read` returns paise or raises AmountNotAllowed."""

    name: str
    write: Callable[[int], str]
    read: Callable[[str], int]


PAISE_TEXT = AmountForm(name="paise text", write=str, read=parse_paise)
UNWRITTEN = AmountForm(name="not sent", write=str, read=parse_paise)
RUPEES_TEXT = AmountForm(name="rupees text", write=rupees, read=parse_rupees)
