"""A paper as PDF, by typst: tagged for readers, ₹ and Devanagari from the fonts beside this file.

What people typed reaches typst as JSON in `sys.inputs` and is set as text; it is never part of a template, so nothing
in it can be code. One compiler is kept, since it holds the fonts.
"""

from __future__ import annotations

import threading
import unicodedata
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import segno

from galla.receipts.latin import latin
from galla.receipts.paper import Paper

if TYPE_CHECKING:
    from typst import Compiler

SIZES = ("a4", "a5", "80mm")
_HERE = Path(__file__).parent
FONTS = _HERE / "fonts"
"""₹, Latin and Devanagari, with their licence; pages use them too."""
_LOCK = threading.Lock()
_DRAWN = ((0x20, 0x7E), (0xA0, 0x24F), (0x900, 0x97F), (0x2010, 0x2027), (0x2030, 0x203A))
_ALSO = frozenset("₹€№™−\u200c\u200d")


def pdf(paper: Paper, size: str = "a5") -> bytes:
    """Return a paper as a PDF of one of `SIZES`."""
    return _bytes(_compiled("receipt.typ", _inputs(paper, size), format="pdf", timestamp=_second(paper.printed_at)))


def png(paper: Paper, size: str = "a5") -> bytes:
    """Return the first page of that PDF as a picture, to look at."""
    return _bytes(_compiled("receipt.typ", _inputs(paper, size), format="png", ppi=110))


def compiled(template: str, value: dict[str, Any], at: datetime) -> bytes:
    """Return the PDF of another template in this folder, set from a value."""
    return _bytes(_compiled(template, {"data": _json(value)}, format="pdf", timestamp=_second(at)))


def printable(text: str) -> str:
    """Return a text in letters the fonts can draw: other Indian scripts as they sound, the rest as `?`."""
    runs = groupby(unicodedata.normalize("NFC", text), _is_drawn)
    return "".join("".join(run) if is_drawn else latin("".join(run)) for is_drawn, run in runs)


def _inputs(paper: Paper, size: str) -> dict[str, str]:
    return {"data": _json({**msgspec.to_builtins(paper), "qr": _qr(paper.link)}), "size": size}


def _json(value: Any) -> str:
    return msgspec.json.encode(_drawn(value)).decode()


def _drawn(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.startswith("<svg") else printable(value)
    if isinstance(value, dict):
        return {key: _drawn(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_drawn(item) for item in value]
    return value


def _is_drawn(char: str) -> bool:
    code = ord(char)
    if char in _ALSO:
        return True
    return unicodedata.category(char)[0] != "C" and any(low <= code <= high for low, high in _DRAWN)


def _qr(link: str) -> str:
    return segno.make_qr(link, error="m").svg_inline(border=2, light="white", omitsize=True)


def _compiled(template: str, inputs: dict[str, str], **more: Any) -> Any:
    with _LOCK:
        return _compiler().compile(input=_HERE / template, sys_inputs=inputs, **more)


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)  # typst takes no fraction


def _bytes(made: Any) -> bytes:
    return bytes(made[0]) if isinstance(made, list) else bytes(made)


@cache
def _compiler() -> Compiler:
    import typst

    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    return typst.Compiler(root=_HERE, font_paths=fonts)
