"""What a receiver checks: the signature, the time, and nothing that a stranger could write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from galla.clock import IST
from galla.errors import ConfigError, WebhookNotVerified
from galla.webhooks import new_secret, sign, verify

# The example that Standard Webhooks' own libraries are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT_S = 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NOW = datetime.fromtimestamp(AT_S, UTC)
HEADERS = {"webhook-id": ID, "webhook-timestamp": str(AT_S), "webhook-signature": SIGNATURE}


def test_the_published_example_is_signed_and_verified_alike() -> None:
    """galla writes the signature of the standard's own example, and accepts it, whatever case the headers are in."""
    assert sign(SECRET, ID, AT_S, BODY) == SIGNATURE
    assert sign(SECRET.removeprefix("whsec_"), ID, AT_S, BODY) == SIGNATURE
    assert verify(BODY, HEADERS, SECRET, now=NOW) == {"test": 2432232314}
    shouted = {name.upper(): value for name, value in HEADERS.items()}
    assert verify(BODY.decode(), shouted, SECRET, now=NOW.astimezone(IST)) == {"test": 2432232314}


def test_one_of_several_signatures_and_secrets_is_enough() -> None:
    """While a secret is replaced both sides may know two; versions we do not know and rubbish are passed over."""
    other = new_secret()
    both = f"v2,zzzz v1,not-base64 v1a,{SIGNATURE[3:]} {sign(other, ID, AT_S, BODY)} {SIGNATURE}"
    for secret in (SECRET, other, [other, SECRET], (new_secret(), SECRET)):
        assert verify(BODY, {**HEADERS, "webhook-signature": both}, secret, now=NOW)["test"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"webhook-id": ""}, "webhook-id"),
        ({"webhook-id": "msg_another"}, "No signature"),
        ({"webhook-timestamp": "soon"}, "seconds"),
        ({"webhook-timestamp": "-1"}, "seconds"),
        ({"webhook-timestamp": "9" * 400}, "seconds"),
        ({"webhook-timestamp": str(AT_S + 1)}, "No signature"),
        ({"webhook-timestamp": str(AT_S - 301)}, "too old"),
        ({"webhook-timestamp": str(AT_S + 301)}, "future"),
        ({"webhook-signature": "v1,"}, "No signature"),
        ({"webhook-signature": SIGNATURE.removeprefix("v1,")}, "No signature"),
        ({"webhook-signature": SIGNATURE[:-4] + "AAA="}, "No signature"),
        ({"webhook-signature": "v1,é v1,=="}, "No signature"),
    ],
)
def test_what_galla_has_not_sent_is_refused(changes: dict[str, str], said: str) -> None:
    """A missing, altered, old or early message is refused in words that hold neither secret nor signature."""
    with pytest.raises(WebhookNotVerified, match=said) as refusal:
        verify(BODY, {**HEADERS, **changes}, SECRET, now=NOW)
    assert SECRET not in str(refusal.value)
    assert SIGNATURE[3:] not in str(refusal.value)


def test_every_byte_of_the_body_counts() -> None:
    """Another body, another secret, no secret at all: refused; a body that is no object is not an event."""
    for body, secret in ((BODY + b" ", SECRET), (BODY, new_secret()), (BODY, [])):
        with pytest.raises(WebhookNotVerified):
            verify(body, HEADERS, secret, now=NOW)
    for body in (b"[1]", b"\xff", b""):
        headers = {**HEADERS, "webhook-signature": sign(SECRET, ID, AT_S, body)}
        with pytest.raises(WebhookNotVerified, match="JSON"):
            verify(body, headers, SECRET, now=NOW)


def test_the_tolerance_is_the_receivers_choice() -> None:
    """A receiver whose queue is slow may allow more, one that is strict less."""
    later = NOW + timedelta(seconds=400)
    assert verify(BODY, HEADERS, SECRET, now=later, tolerance_s=500)
    with pytest.raises(WebhookNotVerified):
        verify(BODY, HEADERS, SECRET, now=NOW + timedelta(seconds=2), tolerance_s=1)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64", "whsec_é"])
def test_a_malformed_secret_is_a_setting_to_mend(secret: str) -> None:
    """It is told apart from a message that does not fit, and is not repeated in the error."""
    with pytest.raises(ConfigError, match="malformed"):
        verify(BODY, HEADERS, secret, now=NOW)
