"""Paytm's signature: which text is signed, how to sign it, how to check it.

One scheme serves every Paytm API: SHA-256 over the text and a salt, encrypted with the merchant key. What
differs is the text, and the functions that make it are here too. The meaning of any field is not: that is
`edc.py`, `upi.py` and `notify.py`. No function here logs, and no error here shows a key or a signature.
"""

from __future__ import annotations

import hmac
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher as Aes
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from galla import ids
from galla.errors import ConfigError, LocalProtocolError

if TYPE_CHECKING:
    from galla.protocol.message import MerchantKey

SIGNATURE_CHARS = 108
_IV = b"@@@@&&&&####$$$$"  # Paytm's constant: the same for every merchant and every message
_IV_NUMBER = int.from_bytes(_IV, "big")
_PAD = b"\x0c" * 12  # 64 hex characters and 4 of salt always leave 12 to the block
_CANONICAL_TAIL = frozenset("AEIMQUYcgkosw048")  # the last digit's two spare bits are zero
_TOKEN = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")(\s*+:)?|[{}\[\]"]', re.DOTALL)
_OPEN, _CLOSE = frozenset(b"{["), frozenset(b"}]")
_NESTED = (dict, list, tuple)


class Cipher:
    """AES-CBC under one merchant key, with Paytm's constant IV, for messages of 80 bytes.

    Setting up a context costs more than the rest of a signature, so contexts are kept and led back to the IV
    before each message: decryption by feeding it the IV, encryption by feeding it the block that encrypts to
    the IV. A context is out of its list while it is used: no other thread takes it, and one whose message was
    broken off by an exception, its state unknown, never comes back.
    """

    __slots__ = ("_aes", "_decryptors", "_encryptors", "_home")

    def __init__(self, key: bytes) -> None:
        self._aes = Aes(algorithms.AES(key), modes.CBC(_IV))
        self._encryptors: list[tuple[Any, int]] = []  # each with the last block it wrote
        self._decryptors: list[Any] = []
        self._home = int.from_bytes(self._aes.decryptor().update(_IV), "big") ^ _IV_NUMBER

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt 80 bytes, padding included."""
        _check_size(plain)
        try:
            encryptor, last = self._encryptors.pop()
        except IndexError:
            encryptor, last = self._aes.encryptor(), _IV_NUMBER
        out: bytes = encryptor.update((self._home ^ last).to_bytes(16, "big") + plain)
        self._encryptors.append((encryptor, int.from_bytes(out[-16:], "big")))
        return out[16:]

    def decrypt(self, secret: bytes) -> bytes:
        """Decrypt 80 bytes, padding included."""
        _check_size(secret)
        try:
            decryptor = self._decryptors.pop()
        except IndexError:
            decryptor = self._aes.decryptor()
        out: bytes = decryptor.update(_IV + secret)
        self._decryptors.append(decryptor)
        return out[16:]

    def __repr__(self) -> str:
        return "Cipher('****')"


def cipher_for(key_text: str) -> Cipher:
    """Return the cipher of a merchant key.

    Raises:
        ConfigError: the key is not 16, 24 or 32 bytes long; the message does not show it.
    """
    try:
        key = key_text.encode()
    except (AttributeError, UnicodeEncodeError):
        raise ConfigError(
            "The Paytm merchant key is not text. Copy it again from the Paytm dashboard.",
            setting="merchant_key",
        ) from None
    if len(key) not in (16, 24, 32):
        spaces = " It begins or ends with a space." if key_text != key_text.strip() else ""
        raise ConfigError(
            f"The Paytm merchant key must be 16, 24 or 32 bytes long, but this one is {len(key)}.{spaces}"
            " Copy it again from the Paytm dashboard.",
            setting="merchant_key",
        )
    return Cipher(key)


def sign(text: str, key: MerchantKey, salt: str | None = None) -> str:
    """Return the 108-character signature of a text.

    `salt` is four ASCII characters, drawn at random when left out.

    Raises:
        LocalProtocolError: the text cannot be written as UTF-8.
        ValueError: the salt is not four ASCII characters.
    """
    chars = ids.salt() if salt is None else salt.encode()
    if len(chars) != 4:
        raise ValueError("A salt is four ASCII characters.")
    try:
        digest = sha256(text.encode() + b"|" + chars).hexdigest()
    except UnicodeEncodeError:
        raise LocalProtocolError(
            "The text holds half a character (a lone surrogate) and cannot be sent."
        ) from None
    return b2a_base64(key.cipher.encrypt(digest.encode() + chars + _PAD), newline=False).decode()


def verify(text: object, signature: object, key: MerchantKey) -> bool:
    """Return whether a signature belongs to a text. Anything malformed is False, never an exception.

    Stricter than Paytm's own library: exactly 108 characters of canonical base64, padding checked, compared
    in constant time.
    """
    if not isinstance(signature, str) or not isinstance(text, str):
        return False
    if len(signature) != SIGNATURE_CHARS or signature[106] not in _CANONICAL_TAIL:
        return False
    try:
        plain = key.cipher.decrypt(a2b_base64(signature, strict_mode=True))
        message = text.encode()
    except ValueError:  # not base64, not 80 bytes, or half a character
        return False
    if plain[68:] != _PAD:
        return False
    digest = sha256(message + b"|" + plain[64:68]).hexdigest()
    return hmac.compare_digest(digest.encode(), plain[:64])


def joined(params: Mapping[str, object]) -> str:
    """Return the text of Paytm's rule for fields: the values in order of their names, joined with `|`.

    `CHECKSUMHASH`, nested objects and lists are left out; None and the text `null` count as empty.
    """
    return "|".join(_values(params))


def edc_text(body: Mapping[str, object]) -> str:
    """Return the text to sign for a card machine request: `joined`, of values that cannot be misread.

    Raises:
        LocalProtocolError: a value holds `|` or is the word "null"; `.path` names it.
    """
    values = _values(body)
    text = "|".join(values)
    if text.count("|") >= len(values) or "" in values:  # "null" is joined as nothing
        _check_readable(body)
    return text


def verify_edc(body: Mapping[str, object], signature: object, key: MerchantKey) -> bool:
    """Return whether a card machine message is signed by this key; a value with `|` proves nothing."""
    values = _values(body)
    text = "|".join(values)
    has_pipe = text.count("|") >= len(values) > 0
    return not has_pipe and verify(text, signature, key)


def raw_section(data: bytes, name: str) -> bytes | None:
    """Cut the exact characters of one top-level object out of a JSON text.

    Returns None when there is no such object, when the name occurs twice (a reader and a verifier could each
    take another one), or when the text is not whole. Never raises.
    """
    depth, after_key, start = 0, -1, -1
    found: bytes | None = None
    seen = 0
    end = 0
    for token in _TOKEN.finditer(data):
        char = data[token.start()]
        if depth == 0 and (char != 0x7B or end or data[: token.start()].strip()):
            return None
        if char == 0x22:
            if token[1] is None:  # a string without an end
                return None
            if depth == 1 and token[2] is not None:
                after_key = token.end() if _is_text(token[1], name) else -1
                seen += after_key >= 0
        elif char in _OPEN:
            if depth == 1 and char == 0x7B and after_key >= 0 and not data[after_key : token.start()].strip():
                start = token.start()
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth == 1 and start >= 0:
                found, start = data[start : token.end()], -1
            elif depth == 0:
                end = token.end()
    whole = depth == 0 and not data[end:].strip()
    return found if whole and seen == 1 else None


def _check_size(message: bytes) -> None:
    if len(message) != 80:  # part of a block would stay in the context and spoil the next message
        raise ValueError("A signature is 80 bytes.")


def _values(params: Mapping[str, object]) -> list[str]:
    """Return the values that are signed, in order of their names, each as it is signed."""
    values = []
    for name in sorted(params):
        value = params[name]
        if type(value) is not str or len(value) == 4:  # most fields are a text too long or short to be "null"
            if isinstance(value, _NESTED):
                continue
            value = _written(value)
        if name != "CHECKSUMHASH":
            values.append(value)
    return values


def _check_readable(body: Mapping[str, object]) -> None:
    for name, value in body.items():
        if isinstance(value, str) and ("|" in value or value.lower() == "null"):
            raise LocalProtocolError(
                f'`{name}` may not hold the character | nor be the word "null": a signature cannot tell them'
                " from a separator or an empty field. Write it differently.",
                path=f"body.{name}",
            )


def _is_text(literal: bytes, text: str) -> bool:
    """Whether a JSON string literal spells this text, escapes included."""
    if b"\\" not in literal:
        return literal[1:-1] == text.encode()
    try:
        return bool(msgspec.json.decode(literal) == text)
    except ValueError:
        return False


def _written(value: object) -> str:
    """Write one field's value the way it is signed."""
    if isinstance(value, str):
        return "" if len(value) == 4 and value.lower() == "null" else value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
