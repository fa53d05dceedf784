"""The envelope of the online APIs: read so that the text that is verified is the text that is used.

The token that travels in it lives here too, because it must never show itself. What any field means is not
here: that is `pg.py` and the endpoints above it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from galla.errors import AmountNotAllowed, ChecksumMismatch
from galla.money import parse_rupees
from galla.protocol.checksum import raw_section, verify
from galla.protocol.message import MAX_BODY_BYTES, MerchantKey, read_json, section

_TOKEN = re.compile(r"[!-~]{1,256}")


class TxnToken:
    """A transaction token: it lets its holder pay one order for 15 minutes, so it never shows itself.

    Raises:
        ValueError: it is not 1 to 256 visible ASCII characters.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or _TOKEN.fullmatch(text) is None:
            raise ValueError("A transaction token is 1 to 256 visible characters.")
        self._text = text

    def reveal(self) -> str:
        """Return the token itself, for sending it to Paytm and for nothing else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TxnToken) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("TxnToken", self._text))

    def __repr__(self) -> str:
        return "TxnToken('****')"


def _plain(value: object) -> str:
    """Write what JSON has no word for."""
    if isinstance(value, TxnToken):
        return value.reveal()
    raise TypeError(f"{type(value).__name__} is not written to Paytm.")


write = msgspec.json.Encoder(enc_hook=_plain).encode
"""Write JSON compactly, tokens included."""
_decode = msgspec.json.Decoder().decode


class _Envelope(msgspec.Struct):
    head: dict[str, Any] = {}
    body: msgspec.Raw = msgspec.Raw()


_open = msgspec.json.Decoder(_Envelope).decode


class Opened(NamedTuple):
    """An envelope: its head, its body, and the body's exact characters (None when there is no one body)."""

    head: dict[str, Any]
    body: dict[str, Any]
    text: bytes | None


def open_envelope(data: bytes, *, operation: str, paytm_id: str | None = None) -> Opened:
    """Read an envelope so that what is verified is what is read.

    Raises:
        RemoteProtocolError: as `read_json`.
    """
    if len(data) <= MAX_BODY_BYTES:
        try:
            envelope = _open(data)
            body = _decode(envelope.body)
            if isinstance(body, dict):
                return Opened(envelope.head, body, bytes(envelope.body))
        except (ValueError, RecursionError):  # msgspec's errors and a broken character are ValueErrors
            pass
    whole = read_json(data, operation=operation, paytm_id=paytm_id)
    return Opened(section(whole, "head"), section(whole, "body"), raw_section(data, "body"))


def is_signed(opened: Opened, key: MerchantKey) -> bool:
    """Return whether the head's signature belongs to the body's exact characters."""
    if opened.text is None:
        return False
    try:
        return verify(opened.text.decode(), opened.head.get("signature"), key)
    except UnicodeDecodeError:
        return False


def paise(text: str | None) -> int | None:
    """Read Paytm's rupees, such as `1.00`, as paise; None when they are missing or cannot be read exactly."""
    if text is None:
        return None
    try:
        return parse_rupees(text)
    except AmountNotAllowed:
        return None


def mismatch(operation: str, paytm_id: str | None, *, path: str = "head.signature") -> ChecksumMismatch:
    """Return the error for a message that this key did not sign."""
    return ChecksumMismatch(
        "The signature does not belong to this text: the merchant key differs, or something was changed.",
        path=path,
        operation=operation,
        paytm_id=paytm_id,
    )
