"""Request and Response, the `{"head": …, "body": …}` envelope, and tolerant access to its fields.

What any one endpoint means is not here: that is `edc.py`, `queue.py`, `upi.py`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from galla.errors import LocalProtocolError, RemoteProtocolError

JSON_HEADERS = (("Content-Type", "application/json"),)
MAX_BODY_BYTES = 1_048_576
_TRAILING_COMMA = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")|,(\s*[}\]])', re.DOTALL)  # texts are left alone
_decode = msgspec.json.Decoder().decode


class Host(StrEnum):
    """Which of Paytm's hosts a request goes to; the transport knows the addresses."""

    EDC = "edc"
    QUEUE = "queue"
    PG = "pg"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request, before anybody has chosen how to send it.

    `host` is one of Paytm's, or, for a connector from outside galla, the base URL of its own provider such as
    `https://api.provider.example`: without user, query or closing slash, and https unless it is this computer.

    Raises:
        LocalProtocolError: the base URL is not such a one; nothing was sent.
    """

    host: Host | str
    path: str
    body: bytes
    operation: str
    paytm_id: str | None = None
    query: str = ""
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = JSON_HEADERS

    def __repr__(self) -> str:
        """Show what it is, not what it says: a body may hold a token, and a traceback shows its locals."""
        return f"Request({self.operation!r}, {self.paytm_id!r}, {self.path!r}, {len(self.body)} bytes)"

    def __post_init__(self) -> None:
        """Check a host that is not Paytm's before anything is sent to it."""
        if type(self.host) is not Host and not (isinstance(self.host, str) and is_base_url(self.host)):
            raise LocalProtocolError(
                "The provider's address must be a base URL such as https://api.provider.example: no user, closing "
                "slash or query, and https unless it is on this computer. Correct the connector's setting.",
                path="host",
                operation=self.operation,
                paytm_id=self.paytm_id,
            )


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer, whole. Header names are lower case."""

    status: int
    body: bytes
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        """Show how it came, not what it says: a body may hold a token."""
        return f"Response({self.status}, {len(self.body)} bytes)"


R_co = TypeVar("R_co", covariant=True)


class Operation(Protocol[R_co]):
    """A wire operation: it can write its request and read its reply."""

    def encode(self, key: MerchantKey) -> Request:
        """Write the signed request."""
        ...

    def parse_reply(self, response: Response, key: MerchantKey) -> R_co:
        """Read the answer to this request."""
        ...


class MerchantKey:
    """A Paytm merchant key that never shows itself.

    Raises:
        ConfigError: the key is not 16, 24 or 32 bytes long.
    """

    __slots__ = ("_cipher", "_text")

    def __init__(self, text: str) -> None:
        from galla.protocol.checksum import cipher_for

        self._cipher = cipher_for(text)
        self._text = text

    @property
    def cipher(self) -> Any:
        """The reused AES cipher, for `checksum.py` only."""
        return self._cipher

    def reveal(self) -> str:
        """Return the key itself, for storing it encrypted and for nothing else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MerchantKey) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("MerchantKey", self._text))

    def __repr__(self) -> str:
        return "MerchantKey('****')"

    def __reduce__(self) -> Any:
        raise TypeError("A MerchantKey is not pickled.")


def is_base_url(text: str) -> bool:
    """Return whether a text is the base URL of a provider that may be spoken to.

    Example:
        >>> is_base_url("https://api.provider.example"), is_base_url("http://api.provider.example")
        (True, False)
    """
    try:
        parts = urlsplit(text)
        name, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not name or not text.isprintable() or text.endswith("/") or set(text) & set("@?#\\ "):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and name in ("localhost", "127.0.0.1", "::1"))


def join_envelope(head: bytes, body: bytes) -> bytes:
    """Splice two JSON texts into an envelope; the body's characters stay exactly as they were signed."""
    return b'{"head":' + head + b',"body":' + body + b"}"


def read_json(data: bytes, *, operation: str, paytm_id: str | None = None) -> dict[str, Any]:
    """Read a JSON object from Paytm, forgiving trailing commas.

    Raises:
        RemoteProtocolError: it is too large, not JSON (an HTML error page, a cut-off text), or not an object.
    """
    if len(data) > MAX_BODY_BYTES:
        raise RemoteProtocolError(
            "Paytm's answer is larger than 1 MiB and was not read.", operation=operation, paytm_id=paytm_id
        )
    try:
        value = _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        try:
            value = _decode(_TRAILING_COMMA.sub(rb"\1\2", data))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise RemoteProtocolError(
                "Paytm's answer is not readable JSON.", operation=operation, paytm_id=paytm_id
            ) from None
    if not isinstance(value, dict):
        raise RemoteProtocolError(
            "Paytm's answer is not a JSON object.", path="$", operation=operation, paytm_id=paytm_id
        )
    return value


def scalar(value: object) -> str | None:
    """Return a JSON scalar as text: numbers and booleans as written, None and objects as None."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return None


def field(mapping: object, *names: str) -> str | None:
    """Return the first of these fields that holds a non-empty scalar, as text, or None."""
    if not isinstance(mapping, dict):
        return None
    for name in names:
        value = mapping.get(name)
        text = value if type(value) is str or value is None else scalar(value)  # most are texts, or absent
        if text:
            return text
    return None


def section(envelope: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the `head` or `body` object, or an empty one when it is missing or not an object."""
    value = envelope.get(name)
    return value if isinstance(value, dict) else {}


_ASKING = frozenset({"options", "vpa", "order_list"})


def after_no_reply(operation: str) -> str:
    """Return what to do now that the answer to a request of this kind was lost, and what it means for the money."""
    if operation.endswith("status") or operation in _ASKING:
        return "Asking moves no money: ask again."
    if operation == "queue":
        return "Nothing can be charged before somebody types its code: send the same id again."
    if operation == "queue_cancel":
        return "It may have been taken out of the queue or not: ask for its status."
    if operation == "initiate":
        return "No money has moved yet: send the same order again."
    return "Money may have moved: do not send it again, ask for the status of this id."
