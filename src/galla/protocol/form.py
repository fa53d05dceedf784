"""Forms as Paytm posts them: read without forgiving anything that a signature cannot tell apart, and written.

Which fields a form has, and what they mean, is not here: that is `notify.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_to_bytes

import msgspec

from galla.errors import ChecksumMismatch, LocalProtocolError, RemoteProtocolError
from galla.protocol.checksum import joined, sign, verify
from galla.protocol.message import MerchantKey

FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = "application/json"
SIGNATURE = "CHECKSUMHASH"
MAX_FIELDS = 200
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A notice on its way: what it is and its bytes."""

    content_type: str
    body: bytes


def read_form(data: bytes) -> dict[str, str]:
    """Read a form, its signature included; every name once, every escape whole, all of it UTF-8.

    A `+` in the signature that was not escaped has become a space on the way, and is put back.

    Raises:
        RemoteProtocolError: it breaks one of these rules, or a value holds `|`, which a signature cannot tell
            from the end of a field; `.path` names the field.
    """
    try:
        pairs = data.decode("ascii").split("&")
    except UnicodeDecodeError:
        raise unreadable("form", "holds characters that are not escaped") from None
    if len(pairs) > MAX_FIELDS:
        raise unreadable("form", f"has more than {MAX_FIELDS} fields")
    fields: dict[str, str] = {}
    for pair in pairs:
        raw_name, has_value, raw_value = pair.partition("=")
        name, value = _decoded(raw_name), _decoded(raw_value)
        if not has_value or not name:
            raise unreadable("form", "holds a part without a name or a value")
        path = f"form.{shown(name)}"
        if name in fields:
            raise unreadable(path, "is there twice")
        if "|" in value:
            raise unreadable(path, "holds the character |")
        fields[name] = value
    if SIGNATURE in fields:
        fields[SIGNATURE] = fields[SIGNATURE].replace(" ", "+")
    return fields


def check_form(fields: Mapping[str, str], key: MerchantKey) -> None:
    """Check that a form is signed by this key, over every field but the signature.

    Raises:
        ChecksumMismatch: it is not signed, or not by this key over these fields.
    """
    signature = fields.get(SIGNATURE)
    if not signature:
        raise unsigned(f"form.{SIGNATURE}")
    if not verify(joined(fields), signature, key):
        raise ChecksumMismatch(
            "The signature does not belong to these fields: the merchant key differs, or something was changed.",
            path=f"form.{SIGNATURE}",
            operation="notice",
        )


def write_form(fields: Mapping[str, str], key: MerchantKey | None) -> Posted:
    """Write a form; signed when a key is given.

    Raises:
        LocalProtocolError: a value holds `|`; `.path` names it.
    """
    for name, value in fields.items():
        if "|" in value:
            raise LocalProtocolError(
                f"`{name}` may not hold the character |.", path=f"form.{name}", operation="notice"
            )
    signed = dict(fields) if key is None else {**fields, SIGNATURE: sign(joined(fields), key)}
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in signed.items())
    return Posted(content_type=FORM_TYPE, body=text.encode())


def media_type(content_type: str) -> str:
    """Return the type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def unreadable(path: str, says: str) -> RemoteProtocolError:
    """Return the error for a notice that breaks a rule."""
    return RemoteProtocolError(f"`{path}` {says}. The notice was not used.", path=path, operation="notice")


def unsigned(path: str) -> ChecksumMismatch:
    """Return the error for a notice that nobody signed."""
    return ChecksumMismatch(
        "The notice is not signed, so anybody may have sent it. Ask Paytm to sign notices for this MID.",
        path=path,
        operation="notice",
    )


def shown(name: str) -> str:
    """Return a field's name if it is fit for a message."""
    return name if name.isascii() and name.replace("_", "").isalnum() and len(name) <= 40 else "(other)"


def _decoded(text: str) -> str:
    if _ESCAPE.search(text):
        raise unreadable("form", "holds a % that is no escape")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise unreadable("form", "is not UTF-8") from None
