"""The payment queue on the wire: golden hashes, both directions, and answers that nobody promised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from galla.errors import ChecksumMismatch, ConfigError, LocalProtocolError, RemoteProtocolError
from galla.protocol.codes import Kind
from galla.protocol.message import MerchantKey, Request, Response
from galla.protocol.queue import (
    QueueCancelReply,
    QueueCancelRequest,
    QueueCreateReply,
    QueueCreateRequest,
    QueueState,
    QueueStatusReply,
    QueueStatusRequest,
)
from galla.protocol.req_hash import HMAC_JSON, HMAC_VALUES, SCHEMES, scheme_named

KEY = MerchantKey("unit_test_key_16")
MID, AT = "TESTMID0000000000001", "2026-01-05 10:20:30"
CREATE = QueueCreateRequest(
    txn_date=AT, merchant_txn_id="CLINIC000001", txn_amount="50000", mid=MID, client_id="C11"
)
STATUS = QueueStatusRequest(cpay_id="123456", mid=MID, txn_date=AT, client_id="C11")
CANCEL = QueueCancelRequest(
    cpay_id="123456", merchant_order_id="CLINIC000001", tid="12345678", mid=MID, date=AT, client_id="C11"
)
ANSWER = {"resultStatus": "SUCCESS", "resultCode": "S", "resultCodeId": "EDC_0000", "resultMsg": "Success"}
FAILED = {"resultStatus": "FAILURE", "resultCode": "F"}


def reply(body: Any, head: Any = None) -> Response:
    """Return an answer with this body."""
    return Response(status=200, body=json.dumps({"head": head or {}, "body": body}).encode())


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (HMAC_JSON, "mIStzPIvdCsp7fik3r1ZfNLs4l/pE1jdBrOp7XwWjEo="),
        (HMAC_VALUES, "D4LisFqJvGC6/83tGy9L3EcGUcAXbW/kWinsXvQCvaE="),
    ],
)
def test_a_keyed_hash_is_the_reference_one(scheme: Any, expected: str) -> None:
    """The reference body under the reference key hashes to the values computed outside of galla."""
    assert scheme.hash(CREATE.fields(), KEY) == expected


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("call", [CREATE, STATUS, replace(STATUS, method="GET"), CANCEL])
def test_what_one_side_writes_the_other_reads(name: str, call: Any) -> None:
    """Each request under each scheme is read back equal, and not with another key."""
    spoken = replace(call, scheme=scheme_named(name))
    request = spoken.encode(KEY)

    assert type(call).parse(request, KEY, SCHEMES.values()) == spoken
    with pytest.raises(ChecksumMismatch):
        type(call).parse(request, MerchantKey("somebody_elses_1"), SCHEMES.values())


@pytest.mark.parametrize("change", [str, lambda text: text.rstrip("="), lambda text: text.translate({43: 45, 47: 95})])
def test_a_keyed_hash_is_taken_in_either_alphabet(change: Any) -> None:
    """Base64 and base64url fit, padded or not; one changed character does not."""
    text = HMAC_JSON.text(CREATE.fields())
    given_ = change(HMAC_JSON.hash(CREATE.fields(), KEY))

    assert HMAC_JSON.fits(text, given_, KEY)
    assert not HMAC_JSON.fits(text, "B" + given_[1:], KEY)


def test_only_the_schemes_that_are_named_are_accepted() -> None:
    """A request under a scheme that the other side does not speak is refused, not guessed at."""
    with pytest.raises(ChecksumMismatch):
        QueueCreateRequest.parse(replace(CREATE, scheme=HMAC_VALUES).encode(KEY), KEY)
    with pytest.raises(ConfigError, match="GALLA_QUEUE_HASH"):
        scheme_named("hmac")


def test_the_hash_covers_the_exact_characters_of_the_body() -> None:
    """A body that a gateway wrote anew, or to which a field was added, does not pass."""
    request = CREATE.encode(KEY)
    spaced = replace(request, body=request.body.replace(b'"txnAmount":', b'"txnAmount": '))
    more = replace(request, body=request.body.replace(b'"mid"', b'"extra":"1","mid"'))

    for changed in (spaced, more):
        with pytest.raises(ChecksumMismatch):
            QueueCreateRequest.parse(changed, KEY)


def test_a_status_goes_by_post_with_its_fields_in_the_query() -> None:
    """Paytm's page asks by POST; the older guide's GET carries the head as HTTP headers and no body."""
    post, get = STATUS.encode(KEY), replace(STATUS, method="GET").encode(KEY)

    assert (post.method, get.method) == ("POST", "GET")
    assert post.query == get.query == "cpayId=123456&mid=TESTMID0000000000001&txnDate=2026-01-05+10%3A20%3A30"
    assert get.body == b""
    assert dict(get.headers)["clientId"] == "C11"


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("txn_amount", "0", "body.txnAmount"),
        ("txn_amount", "12.5", "body.txnAmount"),
        ("merchant_txn_id", "short", "body.merchantTxnId"),
        ("merchant_txn_id", "CLINIC|0001", "body.merchantTxnId"),
        ("txn_date", "5 Jan 2026", "body.txnDate"),
        ("mid", "", "body.mid"),
        ("merchant_reference_no", "A|B", "body.merchantReferenceNo"),
        ("payment_mode", "CASH", "body.additionalInfo.paymentMode"),
        ("client_id", "", "head.clientId"),
    ],
)
def test_what_cannot_be_sent_is_not_sent(field: str, value: str, path: str) -> None:
    """A field that the queue cannot take is named before anything leaves."""
    with pytest.raises(LocalProtocolError) as caught:
        replace(CREATE, **{field: value}).encode(KEY)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (ANSWER, Kind.ACCEPTED),
        (FAILED | {"resultCodeId": "EDC_0007"}, Kind.REFUSED),
        (FAILED | {"resultCodeId": "EDC_0016"}, Kind.REFUSED),
        (FAILED | {"resultCodeId": "EDC_0017"}, Kind.REFUSED),
        (FAILED | {"resultCodeId": "EDC_0021"}, Kind.REFUSED),
        ({"resultStatus": "SUCCESS", "resultCode": "EDC_0000"}, Kind.ACCEPTED),
        ({"resultStatus": "Accepted_Success", "resultCode": "A"}, Kind.ACCEPTED),
        (ANSWER | {"resultStatus": "FAILURE"}, None),
        (ANSWER | {"resultCodeId": "9999"}, None),
    ],
)
def test_each_code_is_what_paytms_page_says(result: dict[str, str], kind: Kind | None) -> None:
    """Codes of the queue are read; one whose parts contradict each other decides nothing."""
    assert QueueCreateReply.parse(reply({**result, "cpayId": "123456"})).kind is kind


def test_a_reply_is_read_wherever_its_parts_are() -> None:
    """A number for the code, another spelling, a nested result or no envelope at all are all understood."""
    for body in (
        {**ANSWER, "cpayId": 123456},
        {**ANSWER, "cpayID": "123456"},
        {"resultInfo": ANSWER, "cpayId": "123456"},
    ):
        assert QueueCreateReply.parse(reply(body)).cpay_id == "123456"
    flat = Response(status=200, body=json.dumps({**ANSWER, "cpayId": "123456"}).encode())
    assert QueueCreateReply.parse(flat).cpay_id == "123456"


def test_a_status_lists_its_tries_and_masks_their_cards() -> None:
    """The one paid try is found among the others, whatever its fields are called; a card number never stays whole."""
    body = {
        **ANSWER,
        "cpayId": "123456",
        "txnStatus": "completed",
        "orders": [
            {"orderId": "1", "status": "FAILED"},
            {"orderId": "2", "orderStatus": "SUCCESS", "rrn": "600512345678", "maskedCardNo": "4111111111111111"},
            "not an order",
        ],
    }
    found = QueueStatusReply.parse(reply(body))

    assert found.state is QueueState.COMPLETED
    assert found.paid_by is not None
    assert (found.paid_by.retrieval_reference_no, found.paid_by.issuer_mask_card_no) == ("600512345678", "XXXX1111")


def test_two_paid_tries_are_nobodys_proof() -> None:
    """When two tries say that they were paid, neither is taken for the one."""
    paid = {"status": "SUCCESS"}
    assert QueueStatusReply.parse(reply({**ANSWER, "txnStatus": "COMPLETED", "orders": [paid, paid]})).paid_by is None


def test_a_reply_is_written_as_it_is_read() -> None:
    """What the sandbox writes is what the client reads."""
    created = QueueCreateReply(
        result_status="SUCCESS", result_code="S", result_code_id="EDC_0000", result_msg="Success", cpay_id="123456"
    )
    assert QueueCreateReply.parse(created.encode(AT)) == created


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["orders", "txnStatus", "resultStatus", "resultCode", "cpayId", "status", "mid", "x"]),
        inner,
        max_size=5,
    ),
    max_leaves=15,
)
_REPLIES = (QueueCreateReply, QueueStatusReply, QueueCancelReply)
_CALLS = (QueueCreateRequest, QueueStatusRequest, QueueCancelRequest)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(_JSON)
def test_no_answer_raises_anything_but_our_own_error(value: Any) -> None:
    """Any JSON in any place is either read or refused as Paytm's mistake, in both directions."""
    for data in (json.dumps(value).encode(), json.dumps({"head": value, "body": value}).encode()):
        for kind in _REPLIES:
            try:
                found = kind.parse(Response(status=200, body=data))
                assert found.kind is None or found.kind in Kind
            except RemoteProtocolError:
                pass
        for call in _CALLS:
            with pytest.raises((RemoteProtocolError, ChecksumMismatch)):
                call.parse(Request(host="https://x.example", path="/p", body=data, operation="o"), KEY)


@pytest.mark.parametrize("data", [b"", b"<html>502</html>", b'{"body":', b"[]", b"null", b"\xff\xfe", b"{" * 5000])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    """HTML, cut-off JSON, lists and noise are no answers, and never a crash."""
    for kind in _REPLIES:
        with pytest.raises(RemoteProtocolError):
            kind.parse(Response(status=200, body=data))
