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
    return "\n".join([*lines, *wrapped(paper.link, width)]) + "\n"


def strips(paper: Paper, width: int) -> list[Strip]:
    """Return the lines of a paper, all but its link: a printer sets that as a QR."""
    return list(_strips(paper, width))


def _strips(paper: Paper, width: int) -> Iterator[Strip]:
    rule = Strip(text="-" * width)
    if paper.rehearsal:
        yield from middle(f"* {paper.rehearsal} *", width, is_bold=True)
    yield from middle(paper.shop, width, is_bold=True, is_tall=True)
    yield from middle(paper.branch, width)
    yield from middle(paper.title, width, is_bold=True)
    if paper.mark:
        yield from middle(f"* {paper.mark} *", width, is_bold=True)
    yield rule
    for row in paper.heads:
        yield from named(row, width)
    yield rule
    for item in paper.items:
        if len(latin(item.name)) + len(item.detail) + len(item.amount) + 2 > width and item.detail:
            yield from left(item.name, width)
            yield from pair(item.detail, item.amount, width)
        else:
            yield from pair(f"{item.name} {item.detail}".rstrip(), item.amount, width)
    if paper.items:
        yield rule
    yield from pair(paper.total.label, paper.total.value, width, is_bold=True, is_tall=True)
    for row in paper.sums:
        yield from pair(row.label, row.value, width, is_bold=row.label == "Due")
    for row in paper.taxes:
        yield from pair(row.label, row.value, width)
    yield from left(paper.words, width)
    for tender in paper.tenders:
        yield rule
        yield from pair(tender.title, tender.amount, width, is_bold=True)
        for row in tender.facts:
            yield from named(row, width)
    for sentence in paper.sentences:
        yield rule
        yield from left(sentence, width)
    yield rule
    yield from middle(CHECK, width)
    yield from middle(paper.code, width, is_bold=True)


def left(said: str, width: int) -> Iterator[Strip]:
    """Set a text at the left edge."""
    for line in wrapped(said, width):
        yield Strip(text=line)


def middle(said: str, width: int, *, is_bold: bool = False, is_tall: bool = False) -> Iterator[Strip]:
    """Set a text in the middle."""
    for line in wrapped(said, width):
        yield Strip(text=line.center(width).rstrip(), is_bold=is_bold, is_tall=is_tall)


def named(row: Row, width: int) -> Iterator[Strip]:
    """Set a word and its value in one line, as far as they fit."""
    yield from left(f"{row.label}: {row.value}", width)


def pair(word: str, right: str, width: int, *, is_bold: bool = False, is_tall: bool = False) -> Iterator[Strip]:
    """Set a word at the left edge and an amount at the right one; a long word takes lines of its own above."""
    amount = latin(right)
    lines = wrapped(word, width) or [""]
    if len(lines[-1]) + 1 + len(amount) > width:
        lines.append("")
    lines[-1] += amount.rjust(width - len(lines[-1]))
    for line in lines:
        yield Strip(text=line, is_bold=is_bold, is_tall=is_tall)


def wrapped(said: str, width: int) -> list[str]:
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
