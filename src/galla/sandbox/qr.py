"""Links of the form `upi://pay?…`: how the pretend Paytm writes them, and how a pretend app reads them.

The payee of every link does not exist, so that no real app can pay it. A QR is a link as a picture.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from io import BytesIO

import msgspec
import segno

from galla.errors import InvalidField, RemoteProtocolError
from galla.protocol.link import UpiLink, build_link, parse_link
from galla.sandbox.order import Way

PAYEE = "pretend@sandbox"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link that is out in the world, as a QR on a screen or behind a button.

    `ref` is its `tr`, by which Paytm knows it again; `text` the whole link, never to be altered.
    """

    ref: str
    way: Way
    order: tuple[str, str]
    text: str
    expires_at: datetime


def upi_text(*, shop: str, ref: str, amount_paise: int, mcc: str | None = None) -> str:
    """Write a link: payee, shop, reference (35 characters at most), amount."""
    return build_link(UpiLink(pa=PAYEE, pn=shop, mc=mcc, tr=ref, amount_paise=amount_paise))


def ref_of(text: str) -> str:
    """Return the reference in a link, by which Paytm knows it again.

    Raises:
        InvalidField: it is no `upi://pay` link with a reference.
    """
    try:
        ref = parse_link(text.strip()).tr
    except RemoteProtocolError:
        ref = None
    if ref is None:
        raise InvalidField(
            "This is no payment link. Copy the whole text that begins with upi://pay.", param="link"
        )
    return ref


def picture(text: str, label: str) -> str:
    """Return a link as an inline SVG with a name for those who cannot see it."""
    code = segno.make(text, error="m")
    svg: str = code.svg_inline(omitsize=True, border=2, dark="#14171c", light="#ffffff", svgclass="qr")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def png(text: str) -> str:
    """Return a link as a PNG picture in base64, without a data-URI prefix, as Paytm does."""
    out = BytesIO()
    segno.make(text, error="m").save(out, kind="png", scale=6, border=4)
    return b64encode(out.getvalue()).decode()
