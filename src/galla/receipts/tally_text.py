"""A shift's report as lines for a thermal printer: printable ASCII, none wider than the roll."""

from __future__ import annotations

from collections.abc import Iterator

from galla.receipts.tally import Tally
from galla.receipts.text import Strip, left, middle, named, pair


def tally_text(tally: Tally, width: int = 32) -> str:
    """Return a report as plain text, each line at most `width` columns."""
    return "\n".join(strip.text for strip in tally_strips(tally, width)) + "\n"


def tally_strips(tally: Tally, width: int) -> Iterator[Strip]:
    """Set a report line by line."""
    rule = Strip(text="-" * width)
    if tally.rehearsal:
        yield from middle(f"* {tally.rehearsal} *", width, is_bold=True)
    yield from middle(tally.shop, width, is_bold=True, is_tall=True)
    yield from middle(tally.title, width, is_bold=True)
    yield rule
    for row in tally.heads:
        yield from named(row, width)
    for part in tally.parts:
        yield rule
        yield from left(part.title.upper(), width)
        for row in part.rows:
            yield from pair(row.label, row.value, width)
        if part.total is not None:
            yield from pair(part.total.label, part.total.value, width, is_bold=True)
    for sentence in tally.sentences:
        yield rule
        yield from left(sentence, width)
    for line in tally.signatures:
        yield Strip(text="")
        yield Strip(text="")
        yield Strip(text="_" * width)
        yield from left(line, width)
