"""Exchanges with Paytm as they may be kept: without signatures, tokens, names, UPI ids or card numbers."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from galla.protocol.codes import masked_text
from galla.protocol.quotation import escaped
from galla.protocol.vpa import masked_vpa

_HIDDEN = frozenset({"checksum", "signature", "reqhash", "txntoken", "token", "checksumhash"})
_NAMES = frozenset(
    {
        *("displayinfo", "printinfo", "customercontact", "userinfo", "payeraccount", "vpa", "payervpa"),
        *("usermobileno", "mobile", "email", "firstname", "lastname", "custid", "maskedvpa", "callbackurl"),
    }
)
_PAYERS = frozenset({"payeraccount", "payervpa", "vpa"})
_HALF_MASKED = re.compile(r"[0-9]{4,8}[Xx*]{4,}([0-9]{4})")  # Paytm shows the first six digits of a card too
LIMIT = 8000


def redacted(data: bytes) -> str:
    """Return a body as text for the evidence page; what is not JSON is cut short and masked.

    A character that shows nothing, such as one that turns the line round, is written out.
    """
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return escaped(_masked(data[:500].decode("utf-8", "replace").replace("\x00", "")))
    return escaped(msgspec.json.encode(_walk(value, 0)).decode()[:LIMIT].replace("\\u0000", ""))


def _masked(text: str) -> str:
    """Leave only the last four digits of a card, written out or half masked."""
    return _HALF_MASKED.sub(r"XXXX\1", masked_text(text))


def _walk(value: Any, depth: int) -> Any:
    if depth > 8:
        return "…"
    if isinstance(value, dict):
        return {key: _field(key, item, depth) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, depth + 1) for item in value[:20]]
    if isinstance(value, str):
        return _masked(value)
    return value


def _field(key: str, item: Any, depth: int) -> Any:
    name = key.lower()
    if name in _HIDDEN:
        return "****"
    if name in _NAMES:
        return "(not kept)"
    if name in _PAYERS and isinstance(item, str):
        return masked_vpa(item)
    return _walk(item, depth + 1)
