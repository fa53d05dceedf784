"""The signature, against vectors and an implementation that are not ours."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paytmchecksum import PaytmChecksum

from galla import ids
from galla.errors import ConfigError, LocalProtocolError
from galla.protocol.checksum import edc_text, joined, sign, verify, verify_edc
from galla.protocol.message import MerchantKey

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "paytm_checksum.json").read_text(encoding="utf-8")
)
KEYS = ["unit_test_key_16", "unit_test_key_24_bytes__", "unit_test_key_32_bytes_long_abcd"]
KEY = MerchantKey(KEYS[0])

texts = st.text(max_size=60).filter(
    lambda text: "CHECKSUMHASH" not in text
)  # the official library throws on it
params = st.dictionaries(
    st.text(min_size=1, max_size=12).filter(lambda name: name != "CHECKSUMHASH"),
    st.one_of(st.none(), st.sampled_from(["null", "NULL", "Null", "", " "]), texts),
    max_size=8,
)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_signature_is_the_vectors(vector: dict[str, Any]) -> None:
    """Every golden vector is reproduced to the character, and verifies."""
    key = MerchantKey(vector["key"])
    assert vector["signature"] == sign(vector["string"], key, vector["salt"])
    assert verify(vector["string"], vector["signature"], key)
    assert not verify(vector["string"] + " ", vector["signature"], key)


@pytest.mark.parametrize("vector", [v for v in VECTORS if "params" in v], ids=lambda v: v["id"])
def test_joined_is_the_vectors(vector: dict[str, Any]) -> None:
    """Every vector made from fields has the text that `joined` makes of them."""
    assert vector["string"] == joined(vector["params"])
    assert vector["string"] == joined({**vector["params"], "CHECKSUMHASH": vector["signature"]})


def test_vectors_are_all_here() -> None:
    """The file of vectors is complete: 17 rows, 4 of them made from fields."""
    assert (len(VECTORS), sum("params" in vector for vector in VECTORS)) == (17, 4)


@pytest.mark.parametrize("key_text", KEYS)
@settings(max_examples=400, derandomize=True)
@given(text=texts)
def test_texts_agree_with_the_official_library(key_text: str, text: str) -> None:
    """What we sign the official library verifies, and the other way round, at all three key lengths."""
    key = MerchantKey(key_text)
    assert PaytmChecksum.verifySignature(text, key_text, sign(text, key))
    assert verify(text, PaytmChecksum.generateSignature(text, key_text), key)


@pytest.mark.parametrize("key_text", KEYS)
@settings(max_examples=400, derandomize=True)
@given(fields=params)
def test_fields_agree_with_the_official_library(key_text: str, fields: dict[str, str | None]) -> None:
    """The same holds for fields, with None, the text null, empty texts and separators among them."""
    key = MerchantKey(key_text)
    assert PaytmChecksum.verifySignature(dict(fields), key_text, sign(joined(fields), key))
    assert verify(joined(fields), PaytmChecksum.generateSignature(dict(fields), key_text), key)


def test_what_is_signed_for_a_machine_is_the_joined_text() -> None:
    """A body without ambiguous values is signed as `joined` writes it, and verifies; so does one without fields."""
    body = {"mid": "M", "amount": 5, "note": "", "CHECKSUMHASH": "x"}
    assert edc_text(body) == joined(body) == "5|M|"
    assert verify_edc(body, sign(edc_text(body), KEY), KEY)
    assert verify_edc({}, sign(edc_text({}), KEY), KEY)


def test_signature_is_salted() -> None:
    """Two signatures of one text differ, both are 108 characters, and both verify."""
    first, second = sign("hello", KEY), sign("hello", KEY)
    assert first != second
    assert {108} == {len(first), len(second)}
    assert verify("hello", first, KEY)
    assert verify("hello", second, KEY)


def test_signature_follows_the_seed() -> None:
    """Inside `ids.seeded` a run signs the same again, so that it can be replayed."""
    with ids.seeded("replay"):
        first = sign("hello", KEY)
    with ids.seeded("replay"):
        assert first == sign("hello", KEY)


def test_many_threads_share_a_key() -> None:
    """One key used by many threads at once never mixes up their signatures."""
    key = MerchantKey(KEYS[2])

    def all_verify(thread: int) -> bool:
        return all(verify(f"{thread}-{n}", sign(f"{thread}-{n}", key), key) for n in range(500))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(all_verify, range(8)))


class _BrokenOff:
    """A context into which an exception bursts when it has already moved on."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def update(self, data: bytes) -> bytes:
        self._context.update(data[:16])
        raise KeyboardInterrupt


def test_cipher_survives_an_interruption() -> None:
    """A context whose state was lost to an exception is not used again: the next signature is right."""
    vector = VECTORS[0]
    key = MerchantKey(vector["key"])
    signature = sign("something", key)
    (context, last) = key.cipher._encryptors.pop()
    key.cipher._encryptors.append((_BrokenOff(context), last))
    with pytest.raises(KeyboardInterrupt):
        sign("something else", key)
    assert vector["signature"] == sign(vector["string"], key, vector["salt"])
    assert verify("something", signature, key)
    key.cipher._decryptors.append(_BrokenOff(key.cipher._decryptors.pop()))
    with pytest.raises(KeyboardInterrupt):
        verify("something", signature, key)
    assert verify("something", signature, key)
    assert vector["signature"] == sign(vector["string"], key, vector["salt"])


@pytest.mark.parametrize("length", [0, 1, 15, 17, 23, 25, 31, 33, 64])
def test_key_of_another_length_is_refused(length: int) -> None:
    """A key that is not 16, 24 or 32 bytes is refused with its length, and without showing it."""
    with pytest.raises(ConfigError, match=rf"this one is {length}\. Copy") as caught:
        MerchantKey("K" * length)
    assert "KK" not in str(caught.value)
    assert caught.value.setting == "merchant_key"


def test_key_is_counted_in_bytes() -> None:
    """A 16-character key with an accent is 17 bytes and refused; so are half characters and spaces."""
    with pytest.raises(ConfigError, match="this one is 17"):
        MerchantKey("unit_test_kéy_16")
    with pytest.raises(ConfigError, match="not text") as caught:
        MerchantKey("\ud800" * 16)
    assert caught.value.setting == "merchant_key"
    with pytest.raises(ConfigError, match="begins or ends with a space"):
        MerchantKey(KEYS[0] + " ")


def test_key_is_never_shown() -> None:
    """Neither the key nor its cipher shows it when printed."""
    assert KEYS[0] not in f"{KEY!r} {KEY} {KEY.cipher!r} {KEY.cipher}"
    assert repr(KEY.cipher) == "Cipher('****')"


def test_lone_surrogate_cannot_be_signed() -> None:
    """A text that is not Unicode is refused before anything is sent."""
    with pytest.raises(LocalProtocolError, match="lone surrogate"):
        sign("a\ud800", KEY)


@pytest.mark.parametrize("salt", ["", "abc", "abcde", "é12"[:3] + "xy"])
def test_salt_has_four_characters(salt: str) -> None:
    """A salt of another length would make a signature that nobody can check."""
    with pytest.raises(ValueError, match="four"):
        sign("hello", KEY, salt)


def test_joined_leaves_nested_values_out() -> None:
    """Only top-level scalars are signed: numbers and booleans as JSON writes them, None as empty."""
    body = {"c": 5, "a": {"x": "y"}, "b": True, "e": [1], "d": None, "Z": "first", "f": False}
    assert joined(body) == "first|true|5||false"


@pytest.mark.parametrize("value", ["a|b", "|", "null", "NULL", "Null"])
def test_ambiguous_value_is_not_sent(value: str) -> None:
    """A separator or the word null in a value we send is refused, and the field is named."""
    with pytest.raises(LocalProtocolError, match=r"^`merchantReferenceNo` may not hold") as caught:
        edc_text({"paytmMid": "M", "merchantReferenceNo": value})
    assert caught.value.path == "body.merchantReferenceNo"


def test_separator_proves_nothing_when_received() -> None:
    """Two bodies that sign alike are told apart: one with a separator in a value is not verified."""
    honest, forged = {"a": "x", "b": "y", "c": "z"}, {"a": "x|y", "b": "z"}
    signature = sign(joined(honest), KEY)
    assert joined(honest) == joined(forged)
    assert verify_edc(honest, signature, KEY)
    assert not verify_edc(forged, signature, KEY)
    assert not verify_edc({"a": "x|y"}, sign("x|y", KEY), KEY)
