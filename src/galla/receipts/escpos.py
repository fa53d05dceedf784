"""A paper as bytes for a thermal printer (ESC/POS): the lines of its text, a QR drawn by the printer, and a cut.

Text reaches the printer only through `_safe`, which lets printable ASCII pass and nothing else: whatever a name or a
note holds, it cannot be a command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from galla.receipts.paper import Paper
from galla.receipts.tally import Tally
from galla.receipts.tally_text import tally_strips
from galla.receipts.text import Strip, strips

_START = b"\x1b@"
_BOLD = (b"\x1bE\x00", b"\x1bE\x01")
_TALL = (b"\x1d!\x00", b"\x1d!\x01")
_LEFT, _CENTRE = b"\x1ba\x00", b"\x1ba\x01"
_CUT = b"\x1dVB\x03"  # feed past the knife, then cut but for a point
_FEED = b"\x1bd\x03"
_QR_MODEL = b"\x1d(k\x04\x001A2\x00"
_QR_SIZE = b"\x1d(k\x03\x001C\x06"
_QR_LEVEL = b"\x1d(k\x03\x001E1"  # M: a crumpled receipt still reads
_QR_PRINT = b"\x1d(k\x03\x001Q0"


def escpos(paper: Paper, width: int = 48) -> bytes:
    """Return a paper as ESC/POS bytes for a roll of so many columns: 32 on 58 mm, 42 or 48 on 80 mm."""
    return b"".join([_START, *_lines(strips(paper, width)), _CENTRE, _qr(paper.link), _LEFT, _FEED, _CUT])


def tally_escpos(tally: Tally, width: int = 48) -> bytes:
    """Return a shift's report as ESC/POS bytes for a roll of so many columns."""
    return b"".join([_START, *_lines(tally_strips(tally, width)), _FEED, _CUT])


def _lines(strips: Iterable[Strip]) -> Iterator[bytes]:
    is_bold = is_tall = False
    for strip in strips:
        if strip.is_bold is not is_bold:
            yield _BOLD[strip.is_bold]
        if strip.is_tall is not is_tall:
            yield _TALL[strip.is_tall]
        is_bold, is_tall = strip.is_bold, strip.is_tall
        yield _safe(strip.text) + b"\n"
    yield _BOLD[False] + _TALL[False]


def _qr(link: str) -> bytes:
    data = _safe(link)
    size = len(data) + 3
    store = b"\x1d(k" + bytes((size & 255, size >> 8)) + b"1P0" + data
    return _QR_MODEL + _QR_SIZE + _QR_LEVEL + store + _QR_PRINT


def _safe(text: str) -> bytes:
    return bytes(code for code in text.encode("ascii", "replace") if 0x20 <= code <= 0x7E)
