"""The values of an evidence pack: all that is known of one payment, in words for the person it is shown to."""

from __future__ import annotations

from datetime import datetime

import msgspec

from galla.receipts.paper import Row


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened: `raw` is the redacted proof of it, as it went over the wire, or empty."""

    at: str
    text: str
    raw: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One payment's page of evidence. `answer` replies to "was I charged twice?"; `chain` holds audit hashes."""

    title: str
    shop: str
    rehearsal: str
    amount: str
    answer: tuple[str, ...]
    facts: tuple[Row, ...]
    others: tuple[Row, ...]
    happenings: tuple[Happening, ...]
    chain: tuple[Row, ...]
    made_at: datetime
