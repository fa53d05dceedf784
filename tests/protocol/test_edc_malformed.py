"""Answers that are no answers: each is a `RemoteProtocolError`: the outcome is unknown."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from galla.errors import RemoteProtocolError
from galla.protocol.codes import Kind
from galla.protocol.edc import SaleRequest, StatusRequest, VoidRequest
from galla.protocol.message import Response
from tests.protocol.edc_samples import DOCUMENTED, KEY, SALE, STATUS, VOID

WHOLE = json.dumps({"head": {"version": "3.1"}, "body": DOCUMENTED}, ensure_ascii=False).encode()
CUT_OFF = [WHOLE[:length] for length in range(len(WHOLE))]
NOT_ANSWERS = [
    b"", b" ", b"null", b"true", b"0", b"-", b"1e999", b'"OK"', b"[]", b"[{}]", b"{}", b"{", b"}", b"\0",
    b"\xff\xfe",
    b"<html><body>500 Internal Server Error</body></html>", b"<!DOCTYPE html>", b"OK", b"NaN",
    b"{'head':{},'body':{}}",
    b'{"head":{}}', b'{"body":null}', b'{"body":[]}', b'{"body":"text"}', b'{"body":{}}',
    b'{"body":{"resultInfo":{}}}',
    b'{"body":{"resultInfo":null}}', b'{"body":{"resultInfo":"S"}}', b'{"body":{"resultInfo":[]}}',
    b'{"body":{"resultInfo":{"resultMsg":"Paid"}}}', b'{"body":{"resultInfo":{"resultCode":null}}}',
    b'{"body":{"resultInfo":{"resultCode":{"x":"S"}}}}', b'{"resultInfo":{"resultCode":"S"}}',
    b'{"body":{"a":"\xff"}}',
    b'{"errorDetails":{"code":404,"errorCode":"SVE-003"}}', b'{"body":{"a":"\\ud800"}}',
    b'{"body":{"a":1e9999}}',
    b"[" * 100_000, b'{"body":' * 100_000, b'{"body":{"a":' + b"9" * 5000 + b"}}", b" " * 1_048_577,
    WHOLE + WHOLE,
    b"\xef\xbb\xbf" + WHOLE, WHOLE.replace(b'"', b"'"), WHOLE[1:], b"x" + WHOLE, WHOLE + b"x",
]  # fmt: skip


def test_malformed_answers_are_protocol_errors() -> None:
    """More than 200 cut-off, foreign or empty bodies raise `RemoteProtocolError`, with the payment's id."""
    corpus = NOT_ANSWERS + CUT_OFF
    assert len(corpus) > 200
    for call in (SALE, STATUS, VOID):
        for body in corpus:
            with pytest.raises(RemoteProtocolError) as caught:
                call.parse_reply(Response(status=200, body=body), KEY)
            assert (caught.value.operation, caught.value.paytm_id) == (call.operation, "CLINIC000001")


def test_malformed_requests_are_protocol_errors() -> None:
    """The same corpus, read as requests by the sandbox, raises `RemoteProtocolError` and nothing else."""
    for call in (SALE, STATUS, VOID):
        for body in NOT_ANSWERS + CUT_OFF:
            request = replace(call.encode(KEY), body=body)
            with pytest.raises(RemoteProtocolError):
                type(call).parse(request, KEY)
            with pytest.raises(RemoteProtocolError):
                type(call).read(request)


@pytest.mark.parametrize("status", [100, 201, 204, 301, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504])
def test_other_http_status_is_no_answer(status: int) -> None:
    """An HTTP status other than 200 is an unknown outcome, even around a body that says paid or failed."""
    with pytest.raises(RemoteProtocolError, match=str(status)) as caught:
        STATUS.parse_reply(Response(status=status, body=WHOLE), KEY)
    assert (caught.value.operation, caught.value.paytm_id) == ("status", "CLINIC000001")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["S", "0000", "|"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    [
        "head",
        "body",
        "resultInfo",
        "checksum",
        "Orders",
        "orders",
        "displayInfo",
        "merchantExtendedInfo",
        *DOCUMENTED,
    ]
)
objects = st.dictionaries(names, json_values, max_size=6)


@settings(max_examples=500)
@given(
    head=objects | json_values,
    body=objects,
    info=objects | json_values,
    order=json_values | st.lists(objects),
)
def test_strange_json_never_surprises(
    head: object, body: dict[str, object], info: object, order: object
) -> None:
    """Whatever JSON stands where, replies and requests are read or are a `RemoteProtocolError`."""
    whole = {"head": head, "body": {**body, "resultInfo": info, "Orders": order}}
    data = json.dumps(whole).encode()
    for call in (SALE, STATUS, VOID):
        request = replace(call.encode(KEY), body=data)
        with suppress(RemoteProtocolError):
            assert call.parse_reply(Response(status=200, body=data), KEY).kind in (*Kind, None)
        with suppress(RemoteProtocolError):
            assert isinstance(type(call).read(request), type(call))
        with suppress(RemoteProtocolError):
            assert isinstance(type(call).parse(request, KEY), type(call))


@settings(max_examples=300)
@given(data=st.binary(max_size=300), at=st.integers(0, len(WHOLE)), length=st.integers(0, 50))
def test_damaged_bytes_never_surprise(data: bytes, at: int, length: int) -> None:
    """A good answer with any stretch overwritten is read or is a `RemoteProtocolError`."""
    damaged = WHOLE[:at] + data + WHOLE[at + length :]
    with suppress(RemoteProtocolError):
        STATUS.parse_reply(Response(status=200, body=damaged), KEY)


def test_errors_show_no_secrets() -> None:
    """No error text carries the key, a checksum or what was in the body."""
    for call_type, call in ((SaleRequest, SALE), (StatusRequest, STATUS), (VoidRequest, VOID)):
        request = call.encode(KEY)
        damaged = replace(request, body=request.body.replace(b"TESTMID", b"XESTMID"))
        with pytest.raises(RemoteProtocolError) as caught:
            call_type.parse(damaged, KEY)
        assert "unit_test_key" not in str(caught.value)
        assert "XESTMID" not in str(caught.value)
