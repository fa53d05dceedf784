"""Links as QR pictures: every byte of the link, and nothing else, in black on white.

Whose link it is and who may see it is decided by the caller.
"""

from __future__ import annotations

import io

import segno

SVG_TYPE = "image/svg+xml"
PNG_TYPE = "image/png"
_BORDER = 4
_PNG_SCALE = 8


def svg(link: str) -> bytes:
    """Return the link's QR as SVG, drawn on white so that it can be read on a dark page too."""
    out = io.BytesIO()
    _made(link).save(out, kind="svg", border=_BORDER, light="white", xmldecl=False, omitsize=True, svgclass=None)
    return out.getvalue()


def png(link: str) -> bytes:
    """Return the link's QR as PNG."""
    out = io.BytesIO()
    _made(link).save(out, kind="png", border=_BORDER, scale=_PNG_SCALE)
    return out.getvalue()


def data_uri(link: str) -> str:
    """Return the link's QR as an address that holds the picture itself, for a page's `<img>`."""
    made = _made(link)
    return str(made.svg_data_uri(border=_BORDER, light="white", xmldecl=False, omitsize=True, svgclass=None))


def _made(link: str) -> segno.QRCode:
    return segno.make_qr(link, error="m")
