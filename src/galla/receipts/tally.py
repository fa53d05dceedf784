"""The values of a shift's report as a paper: sums by mode, machine and person, the drawer, and who signs."""

from __future__ import annotations

from datetime import datetime

import msgspec

from galla.receipts.paper import Row


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One block of sums with its heading; `total` is the row that is set strong, empty where there is none."""

    title: str
    rows: tuple[Row, ...]
    total: Row | None = None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """One report of a shift, as texts for people. `signatures` are the lines to sign on."""

    title: str
    rehearsal: str
    shop: str
    heads: tuple[Row, ...]
    parts: tuple[Part, ...]
    sentences: tuple[str, ...]
    signatures: tuple[str, ...]
    printed_at: datetime
