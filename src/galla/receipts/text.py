"""A paper as lines for a thermal printer: printable ASCII in 32, 42 or 48 columns, none wider than the roll."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from galla.receipts.latin import latin
from galla.receipts.paper import CHECK, Paper, Row

WIDTHS = (32, 42, 48)


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `is_bold` and `is_tall` are for printers that can; a tall line is as wide as any."""

    text: str
    is_bold: bool = False
    is_tall: bool = False


def text(paper: Paper, width: int = 32) -> str:
    """Return a paper as plain text, each line at most `width` columns."""
    lines = [strip.text for strip in strips(paper, width)]
    return "\n".join([*lines, *_wrapped(paper.link, width)]) + "\n"


def strips(paper: Paper, width: int) -> list[Strip]:
    """Return the lines of a paper, all but its link: a printer sets that as a QR."""
    return list(_strips(paper, width))


def _strips(paper: Paper, width: int) -> Iterator[Strip]:
    rule = Strip(text="-" * width)
    if paper.rehearsal:
        yield from _middle(f"* {paper.rehearsal} *", width, is_bold=True)
    yield from _middle(paper.shop, width, is_bold=True, is_tall=True)
    yield from _middle(paper.branch, width)
    yield from _middle(paper.title, width, is_bold=True)
    if paper.mark:
        yield from _middle(f"* {paper.mark} *", width, is_bold=True)
    yield rule
    for row in paper.heads:
        yield from _named(row, width)
    yield rule
    for item in paper.items:
        if len(latin(item.name)) + len(item.detail) + len(item.amount) + 2 > width and item.detail:
            yield from _left(item.name, width)
            yield from _pair(item.detail, item.amount, width)
        else:
            yield from _pair(f"{item.name} {item.detail}".rstrip(), item.amount, width)
    if paper.items:
        yield rule
    yield from _pair(paper.total.label, paper.total.value, width, is_bold=True, is_tall=True)
    for row in paper.sums:
        yield from _pair(row.label, row.value, width, is_bold=row.label == "Due")
    for row in paper.taxes:
        yield from _pair(row.label, row.value, width)
    yield from _left(paper.words, width)
    for tender in paper.tenders:
        yield rule
        yield from _pair(tender.title, tender.amount, width, is_bold=True)
        for row in tender.facts:
            yield from _named(row, width)
    for sentence in paper.sentences:
        yield rule
        yield from _left(sentence, width)
    yield rule
    yield from _middle(CHECK, width)
    yield from _middle(paper.code, width, is_bold=True)


def _left(said: str, width: int) -> Iterator[Strip]:
    for line in _wrapped(said, width):
        yield Strip(text=line)


def _middle(said: str, width: int, *, is_bold: bool = False, is_tall: bool = False) -> Iterator[Strip]:
    for line in _wrapped(said, width):
        yield Strip(text=line.center(width).rstrip(), is_bold=is_bold, is_tall=is_tall)


def _named(row: Row, width: int) -> Iterator[Strip]:
    yield from _left(f"{row.label}: {row.value}", width)


def _pair(left: str, right: str, width: int, *, is_bold: bool = False, is_tall: bool = False) -> Iterator[Strip]:
    """Set a word at the left edge and an amount at the right one; a long word takes lines of its own above."""
    amount = latin(right)
    lines = _wrapped(left, width) or [""]
    if len(lines[-1]) + 1 + len(amount) > width:
        lines.append("")
    lines[-1] += amount.rjust(width - len(lines[-1]))
    for line in lines:
        yield Strip(text=line, is_bold=is_bold, is_tall=is_tall)


def _wrapped(said: str, width: int) -> list[str]:
    """Break a text at its spaces, and inside a word only where the word is wider than the roll."""
    lines: list[str] = []
    line = ""
    for word in latin(said).split():
        if line and len(line) + 1 + len(word) <= width:
            line += f" {word}"
            continue
        if line:
            lines.append(line)
        while len(word) > width:
            lines.append(word[:width])
            word = word[width:]
        line = word
    return [*lines, line] if line else lines
