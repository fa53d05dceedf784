"""What a checksum meets in the field: nothing malformed verifies, and nothing malformed raises."""

import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galla.protocol.checksum import raw_section, sign, verify, verify_edc
from galla.protocol.message import MerchantKey

KEY = MerchantKey("unit_test_key_16")
GOOD = sign("hello", KEY, "ab12")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

NOT_SIGNATURES: list[object] = [
    None, 0, 1, 108, 1.5, True, b"", GOOD.encode(), bytearray(GOOD.encode()), [], [GOOD], {}, {"a": GOOD},
    object(),
    GOOD + "\n", "\n" + GOOD[:-1], GOOD[:50] + "\n" + GOOD[51:], GOOD[:50] + " " + GOOD[51:],
    GOOD.replace("=", "A"),
    GOOD.replace("+", "-").replace("/", "_"), GOOD[:-2] + "==", "=" * 108, GOOD[:54] + "=" + GOOD[55:],
    GOOD + "=",
    GOOD + GOOD, "é" * 108, "\ud800" * 108, GOOD[:-1] + "\ud800", "\0" * 108, GOOD[:-1] + "₹", "١" * 108,
    b64encode(b"\0" * 80).decode(), b64encode(b"\x0c" * 80).decode(), b64encode(b"x" * 79).decode(),
    b64encode(b"x" * 64).decode(), b64encode(b"x" * 32).decode(), "a" * 64, GOOD.lower(), GOOD.upper(),
    GOOD[::-1],
]  # fmt: skip
LENGTHS: list[object] = [GOOD[:length] for length in range(108)]
FLIPS: list[object] = [
    GOOD[:at] + ALPHABET[(ALPHABET.index(GOOD[at]) + 1) % 64] + GOOD[at + 1 :] for at in range(107)
]


def padded(plain: bytes) -> str:
    """A signature whose plain text is exactly this: right key, whatever padding."""
    return b64encode(KEY.cipher.encrypt(plain)).decode()


def test_malformed_signatures_are_false() -> None:
    """More than 200 malformed signatures are all False; none raises."""
    corpus = NOT_SIGNATURES + LENGTHS + FLIPS
    assert len(corpus) > 200
    assert [signature for signature in corpus if verify("hello", signature, KEY) is not False] == []
    assert [signature for signature in corpus if verify_edc({"a": "hello"}, signature, KEY) is not False] == []
    assert verify("hello", GOOD, KEY) is True


def test_rejections_leave_no_trace() -> None:
    """After any malformed signature the same key still verifies: nothing of it stays in the cipher."""
    for signature in NOT_SIGNATURES:
        verify("hello", signature, KEY)
        assert verify("hello", GOOD, KEY)


def test_a_signature_has_one_spelling() -> None:
    """Whatever its last character, the three others that mean the same bytes are False."""
    ends = {}
    for number in range(1_000):
        signature = sign("hello", KEY, f"{number:04d}")
        ends[signature[106]] = signature
    assert len(ends) == 16
    for end, signature in ends.items():
        spelt = [char for char in ALPHABET if verify("hello", f"{signature[:106]}{char}=", KEY)]
        assert spelt == [end]


@pytest.mark.parametrize("size", [0, 64, 79, 81, 96])
def test_a_cipher_takes_whole_signatures_only(size: int) -> None:
    """Part of a block would stay in the context and spoil the next message, so it is refused either way."""
    for work in (KEY.cipher.encrypt, KEY.cipher.decrypt):
        with pytest.raises(ValueError, match="80 bytes"):
            work(b"x" * size)
    assert verify("hello", GOOD, KEY)


def test_padding_is_checked() -> None:
    """Right hash, right salt, wrong filler: the official library accepts it, we do not."""
    real: bytes = KEY.cipher.decrypt(b64decode(GOOD))
    assert verify("hello", padded(real), KEY)
    for filler in (b"\0" * 12, b"\0" * 11 + b"\x0c", b"\x0b" * 12, b"\x0c" * 11 + b"\x01"):
        assert not verify("hello", padded(real[:68] + filler), KEY)


@pytest.mark.parametrize("text", ["a\ud800", "\udfff", None, 5, b"hello", ["hello"]])
def test_malformed_texts_are_false(text: object) -> None:
    """A text that cannot have been signed is False, not an exception."""
    assert verify(text, GOOD, KEY) is False


def test_another_key_is_false() -> None:
    """A signature by another key is False, where the official library nearly always throws."""
    for number in range(300):
        assert not verify("hello", sign("hello", MerchantKey(f"another_key_{number:04d}")), KEY)


@settings(max_examples=300, derandomize=True)
@given(
    signature=st.one_of(st.text(max_size=120), st.text(alphabet=ALPHABET + "=", min_size=108, max_size=108))
)
def test_random_signatures_are_false(signature: str) -> None:
    """No random text verifies or raises."""
    assert not verify("hello", signature, KEY)


BODY = b'{"a":"}{\\"body\\":{","n":[{"body":{}}],"body":{"x":1}, "u":"\xe2\x82\xb9\\\\"}'


@pytest.mark.parametrize(
    "data",
    [
        b'{"head":{},"body":' + BODY + b"}",
        b'{"body":' + BODY + b',"head":{"body":{"fake":1}}}',
        b' \n{ "head" : {"s":"\\"body\\":{}"} ,\t"body" :\r\n' + BODY + b" }\n ",
        b'{"b\\u006fdy":' + BODY + b"}",
        b'{"body":' + BODY + b',"head":{"x":[1,2,{"body":{}}],},}',
        b'{"x":"body","y":{"z":1},"body":' + BODY + b"}",
        b'{"x":["body",{"body":{}}],"body":' + BODY + b"}",
        b'{"":{},"body":' + BODY + b"}",
    ],
)
def test_raw_body_is_cut_exactly(data: bytes) -> None:
    """The top-level object is cut to the byte, whatever strings, escapes and nested objects stand around."""
    assert raw_section(data, "body") == BODY


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"null", b"5", b'"body"', b"[]", b'[{"body":{}}]', b"{}", b'{"body":1}', b'{"body":null}',
        b'{"body":"{}"}', b'{"body":[]}', b'{"body":[{}]}', b'{"head":{"body":{}}}', b'{"body":{}',
        b'{"body":{',
        b'{"body":{"a":"}', b'{"body":{"a":"\\"}', b'{"body"', b'{"body":', b'{"body', b'{"body":{}}}',
        b'{"body":{}}{',
        b'{"body":{}}{"body":{}}', b'x{"body":{}}', b'{"body":{}}x', b'\xef\xbb\xbf{"body":{}}',
        b'}{"body":{}}',
        b'{"body" {}}', b'{"body":x{}}', b'{"body":{},"x}', b'{"x":"body",{}}', b'{"Body":{}}', b'{"body ":{}}',
        b"<html>body{}</html>",
        b'{"\\ud800":{}}', b'{"\\q":{}}', b'{"\xff\xfe":{}}', b"{" * 5000, b'{"body":' * 5000, b"\0" * 100,
        b'"' * 999,
    ],
)  # fmt: skip
def test_no_body_is_none(data: bytes) -> None:
    """Where there is no whole top-level object of that name the answer is None, never an exception."""
    assert raw_section(data, "body") is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"body":{"amount":"1"},"body":{"amount":"2"}}',
        b'{"body":{"amount":"1"},"b\\u006fdy":{"amount":"2"}}',
        b'{"body":1,"body":{"amount":"2"}}',
        b'{"body":{"amount":"1"},"head":{},"body":null}',
    ],
)
def test_two_bodies_are_none(data: bytes) -> None:
    """A text with two bodies proves nothing: the verifier and the reader could each take another one."""
    assert raw_section(data, "body") is None


def test_cut_off_bodies_are_none() -> None:
    """A text cut off at any byte has no body; the whole text has."""
    data = b'{"head":{"a":"b"},"body":' + BODY + b"}"
    assert [at for at in range(len(data)) if raw_section(data[:at], "body") is not None] == []
    assert raw_section(data, "body") == BODY


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["body", "{", '"', "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400, derandomize=True)
@given(
    body=st.dictionaries(st.text(max_size=6) | st.just("body"), json_values, max_size=4),
    before=st.dictionaries(st.text(max_size=6).filter(lambda name: name != "body"), json_values, max_size=3),
    is_ascii=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_raw_body_reads_back(
    body: dict[str, object], before: dict[str, object], is_ascii: bool, indent: int | None
) -> None:
    """For any JSON, in any layout, the cut text reads back as the body."""
    data = json.dumps({**before, "body": body, "z": "}"}, ensure_ascii=is_ascii, indent=indent).encode()
    cut = raw_section(data, "body")
    assert cut is not None
    assert body == json.loads(cut)


@settings(max_examples=300, derandomize=True)
@given(data=st.binary(max_size=200) | st.text(alphabet='{}[]":,\\body 1', max_size=60).map(str.encode))
def test_raw_section_never_raises(data: bytes) -> None:
    """Any bytes at all give an answer, and a cut is always a piece of the text in braces."""
    cut = raw_section(data, "body")
    assert cut is None or (cut in data and cut.startswith(b"{") and cut.endswith(b"}"))
