"""How a request to the payment queue is signed (`head.reqHash`): four schemes, because Paytm has published none.

Paytm's documentation gives one example of 43 base64url characters, which no published input reproduces, and
integrators in the field use four different ways. Each is a value here; which one is spoken is a setting. What a
request holds is in `queue.py`.
"""

from __future__ import annotations

import hmac
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from hashlib import sha256

import msgspec

from galla.errors import ConfigError, LocalProtocolError
from galla.protocol.checksum import sign, verify
from galla.protocol.message import MerchantKey, scalar

_MAC_CHARS = 44


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """One way to make a `reqHash`: which text of the fields is taken, and what is made of it.

    Example:
        >>> HMAC_JSON.hash({"mid": "M1"}, MerchantKey("unit_test_key_16"))[-1]
        '='
    """

    name: str
    meaning: str
    text: Callable[[Mapping[str, object]], str]
    is_mac: bool

    def hash(self, fields: Mapping[str, object], key: MerchantKey) -> str:
        """Return the hash of these fields, in this order.

        Raises:
            LocalProtocolError: a value holds `|` where the scheme joins values with it.
        """
        text = self.text(fields)
        return _mac(text, key) if self.is_mac else sign(text, key)

    def fits(self, text: str, given: object, key: MerchantKey) -> bool:
        """Return whether a hash belongs to a text; anything malformed is False, never an exception.

        A keyed SHA-256 is taken in base64 and base64url, padded or not: the documentation's own example is neither
        the one nor the other for certain.
        """
        if not self.is_mac:
            return verify(text, given, key)
        digits = _unpadded(given)
        return digits is not None and hmac.compare_digest(digits, _mac(text, key).rstrip("=").encode())

    @property
    def is_over_json(self) -> bool:
        """Whether the exact characters of the body are hashed."""
        return self.text is compact

    def __repr__(self) -> str:
        return f"Scheme({self.name!r})"


def compact(fields: Mapping[str, object]) -> str:
    """Return the fields as compact JSON, in their own order: the characters of the body as they are sent."""
    return msgspec.json.encode(fields).decode()


def piped(fields: Mapping[str, object]) -> str:
    """Return the values of the plain fields joined with `|`, in their own order; nested ones are left out.

    Raises:
        LocalProtocolError: a value holds `|`.
    """
    texts = []
    for name, value in fields.items():
        text = scalar(value)
        if text is None:
            continue
        if "|" in text:
            raise LocalProtocolError(
                f"`{name}` may not hold the character |: the hash cannot tell it from a separator.", path=f"body.{name}"
            )
        texts.append(text)
    return "|".join(texts)


HMAC_JSON = Scheme(
    name="hmac-json", meaning="HMAC-SHA256 in base64 over the compact JSON body", text=compact, is_mac=True
)
HMAC_VALUES = Scheme(
    name="hmac-values", meaning="HMAC-SHA256 in base64 over the values joined with |", text=piped, is_mac=True
)
AES_JSON = Scheme(
    name="aes-json", meaning="Paytm's AES checksum over the compact JSON body", text=compact, is_mac=False
)
AES_VALUES = Scheme(
    name="aes-values", meaning="Paytm's AES checksum over the values joined with |", text=piped, is_mac=False
)

SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme for scheme in (HMAC_JSON, HMAC_VALUES, AES_JSON, AES_VALUES)
}
"""Every scheme by its name, the one used unless told otherwise first."""


def scheme_named(name: str) -> Scheme:
    """Return a scheme by its name.

    Raises:
        ConfigError: there is no such scheme.
    """
    scheme = SCHEMES.get(name)
    if scheme is None:
        raise ConfigError(
            f"`GALLA_QUEUE_HASH` must be one of {', '.join(SCHEMES)}.", setting="GALLA_QUEUE_HASH"
        )
    return scheme


def _mac(text: str, key: MerchantKey) -> str:
    try:
        digest = hmac.digest(key.reveal().encode(), text.encode(), sha256)
    except UnicodeEncodeError:
        raise LocalProtocolError(
            "The text holds half a character (a lone surrogate) and cannot be sent."
        ) from None
    return b2a_base64(digest, newline=False).decode()


def _unpadded(given: object) -> bytes | None:
    """Return a given hash as unpadded standard base64, or None when it is not 32 bytes of either alphabet."""
    if not isinstance(given, str) or not given.isascii() or len(given) > _MAC_CHARS:
        return None
    digits = given.rstrip("=").replace("-", "+").replace("_", "/")
    if len(digits) != _MAC_CHARS - 1:
        return None
    try:
        a2b_base64(digits + "=", strict_mode=True)
    except NotBase64:
        return None
    return digits.encode()
