"""Webhooks as they travel: signed by galla, verified by whoever receives them. The scheme is Standard Webhooks.

Nothing is sent or kept here, and nothing of the server is loaded: a billing system needs `verify` and no more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from galla import ids
from galla.clock import SYSTEM
from galla.errors import ConfigError, WebhookNotVerified

PREFIX = "whsec_"
TOLERANCE_S = 300.0
_SECRET_BYTES = 32
_VERSION = "v1"


def new_secret() -> str:
    """Return a new secret for an endpoint: 32 random bytes, as `whsec_…`."""
    return PREFIX + base64.b64encode(ids.random_bytes(_SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """Return the signature of a message, as one word of `webhook-signature`.

    Args:
        secret: `whsec_…`.
        message_id: what `webhook-id` says; the same for every attempt.
        at_s: what `webhook-timestamp` says: whole seconds since 1970 in UTC, of this attempt.
        body: the bytes of the message.

    Raises:
        ConfigError: the secret is malformed.
    """
    return f"{_VERSION},{base64.b64encode(_mac(_key(secret), message_id, str(at_s), body)).decode()}"


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Iterable[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Check that galla has sent a message, and just now; return the event in it.

    A receiver may get the same event again, whenever its answer was lost: it keeps `webhook-id`, or the event's
    `id`, of what it has done, and does nothing the second time.

    Args:
        body: the request's body as it arrived, not parsed and written again.
        headers: the request's headers; upper and lower case are the same.
        secret: the endpoint's `whsec_…`, or several of them, of which one must fit.
        tolerance_s: how many seconds the message may be older or newer than `now`.
        now: an aware instant; the computer's clock when left out.

    Raises:
        WebhookNotVerified: a header is missing, the message is too old or too new, or no signature fits. Answer 400.
        ConfigError: a secret is malformed.

    Example:
        >>> from datetime import UTC, datetime
        >>> secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
        >>> body = b'{"id":"42","type":"payment.paid"}'
        >>> headers = {
        ...     "webhook-id": "dlv_1",
        ...     "webhook-timestamp": "1767588600",
        ...     "webhook-signature": sign(secret, "dlv_1", 1767588600, body),
        ... }
        >>> verify(body, headers, secret, now=datetime(2026, 1, 5, 4, 50, tzinfo=UTC))["type"]
        'payment.paid'
    """
    raw = body.encode() if isinstance(body, str) else bytes(body)
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = _named(given, "webhook-id"), _named(given, "webhook-timestamp")
    _check_time(stamp, now if now is not None else SYSTEM.now(), tolerance_s)
    signatures = _signatures(_named(given, "webhook-signature"))
    fits = False
    for each in [secret] if isinstance(secret, str) else secret:
        wanted = _mac(_key(each), message_id, stamp, raw)
        for signature in signatures:
            fits |= hmac.compare_digest(wanted, signature)  # no early end: how long it takes tells nothing
    if not fits:
        raise WebhookNotVerified(
            "No signature of the message fits. Verify the body as it arrived, with the secret of this very endpoint."
        )
    return _event(raw)


def _named(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise WebhookNotVerified(f"The message has no header `{name}`, so galla has not sent it.")
    return value


def _check_time(stamp: str, now: datetime, tolerance_s: float) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise WebhookNotVerified("`webhook-timestamp` is not a number of seconds since 1970.")
    age_s = now.timestamp() - int(stamp)
    if abs(age_s) > tolerance_s:
        how = "too old" if age_s > 0 else "from the future"
        raise WebhookNotVerified(f"The message is {how}: check this computer's clock, else somebody repeats it.")


def _signatures(text: str) -> list[bytes]:
    """Return the signatures of the version we know; there are two while a secret is being replaced."""
    found = []
    for word in text.split():
        version, _, coded = word.partition(",")
        if version == _VERSION:
            try:
                found.append(base64.b64decode(coded, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ConfigError("The webhook secret is malformed: it is `whsec_` and base64, as galla has shown it.")
    return key


def _mac(key: bytes, message_id: str, stamp: str, body: bytes) -> bytes:
    return hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()


def _event(raw: bytes) -> dict[str, Any]:
    try:
        event = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise WebhookNotVerified("The message is signed, and its body is no JSON object.")
    return event
