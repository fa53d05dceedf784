"""What Paytm answers online: read under its own names, believed only when signed, never fooled."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from paytmchecksum import PaytmChecksum

from galla.errors import ChecksumMismatch, RemoteProtocolError
from galla.protocol.checksum import raw_section
from galla.protocol.codes import Kind
from galla.protocol.message import Response
from galla.protocol.order import ListedOrder, OrderListReply, OrderStatusReply
from galla.protocol.pg_codes import PgResult
from galla.protocol.pg_envelope import open_envelope, paise
from galla.protocol.qr import QrReply
from galla.protocol.refund import RefundDetail, RefundReply, RefundStatusReply
from galla.protocol.theia import BankForm, DeepLinkInfo, InitiateReply, OptionsReply, ProcessReply
from galla.protocol.vpa import VpaReply
from tests.protocol.upi_samples import (
    ALL,
    AT_MS,
    COLLECT,
    COLLECT_BODY,
    INITIATE,
    INTENT,
    KEY,
    KEY_TEXT,
    LINK,
    LIST,
    MID,
    OPTIONS,
    OTHER_KEY,
    QR,
    REFUND,
    REFUND_STATUS,
    STATUS,
    STATUS_BODY,
    TOKEN,
    TOKEN_TEXT,
    TXN_ID,
    VPA,
    answer,
    envelope,
    result,
)

words = st.none() | st.text(st.characters(exclude_categories=("Cs", "Nd", "No")), min_size=1, max_size=20)
results = st.builds(
    PgResult,
    status=st.sampled_from(["S", "F", "TXN_SUCCESS", "TXN_FAILURE", "PENDING", "NO_RECORD_FOUND"]),
    code=st.sampled_from(["0000", "0002", "01", "10", "331", "501", "601", "7777", ""]),
    message=words.map(lambda text: text or ""),
)
rupees = st.none() | st.integers(0, 10**12 - 1).map(lambda paise: f"{paise // 100}.{paise % 100:02d}")
shared: dict[str, Any] = {"mid": words, "order_id": words, "txn_id": st.sampled_from([None, TXN_ID])}
masked = st.sampled_from([None, "ne***@okbank"])
replies = st.one_of(
    st.builds(InitiateReply, result=results, txn_token=st.sampled_from([None, TOKEN])),
    st.builds(
        ProcessReply,
        result=results,
        deep_link_info=st.none()
        | st.builds(DeepLinkInfo, deep_link=st.just(LINK), order_id=words, trans_id=words),
        bank_form=st.none()
        | st.builds(
            BankForm, action_url=st.just("https://a/b?c=d"), content=st.just({"txnToken": TOKEN_TEXT})
        ),
    ),
    st.builds(
        OptionsReply,
        result=results,
        payment_modes=st.lists(st.sampled_from(["UPI", "CREDIT_CARD"])).map(tuple),
    ),
    st.builds(VpaReply, result=results, vpa=words, is_valid=st.sampled_from([None, True, False])),
    st.builds(
        OrderStatusReply,
        result=results,
        **shared,
        txn_amount=rupees,
        refund_amt=rupees,
        bank_txn_id=st.sampled_from([None, "600512345678"]),
        payment_mode=words,
        bank_name=words,
        masked_vpa=masked,
        rrn=words,
        currency=st.sampled_from([None, "INR"]),
    ),
    st.builds(RefundReply, result=results, **shared, ref_id=words, refund_id=words, refund_amount=rupees),
    st.builds(
        RefundStatusReply,
        result=results,
        **shared,
        ref_id=words,
        refund_amount=rupees,
        total_refund_amount=rupees,
        accept_refund_status=words,
        refund_detail_info_list=st.lists(
            st.builds(RefundDetail, refund_type=words, rrn=words, masked_vpa=masked), max_size=2
        ).map(tuple),
    ),
    st.builds(QrReply, result=results, qr_code_id=words, qr_data=st.sampled_from([None, LINK]), image=words),
    st.builds(
        OrderListReply,
        result=results,
        orders=st.lists(
            st.builds(ListedOrder, merchant_order_id=st.just("O1"), amount=rupees), max_size=2
        ).map(tuple),
    ),
)


@settings(deadline=None)
@given(reply=replies)
def test_any_reply_is_read_as_it_was_meant(reply: Any) -> None:
    """Whatever the other side writes and signs, we read back, field for field."""
    assert reply == type(reply).parse(reply.encode(AT_MS, key=KEY, client_id="C11"), KEY)


@settings(deadline=None)
@given(reply=replies)
def test_official_library_verifies_a_reply(reply: Any) -> None:
    """Paytm's own library finds the pretend Paytm's signature right over the exact body."""
    response = reply.encode(AT_MS, key=KEY)
    body = raw_section(response.body, "body")
    assert body is not None
    assert PaytmChecksum.verifySignature(body.decode(), KEY_TEXT, envelope(response)["head"]["signature"])


@pytest.mark.parametrize("indent", [None, 2])
def test_a_reply_signed_by_the_official_library_is_read(indent: int | None) -> None:
    """An answer written and signed by Paytm's own library is believed, however its JSON is spaced."""
    body = json.dumps(STATUS_BODY, indent=indent)
    signature = PaytmChecksum.generateSignature(body, KEY_TEXT)
    whole = f'{{"head" : {{"signature":"{signature}"}},\n "body" :\t{body} }}'
    assert Kind.SUCCESS is STATUS.parse_reply(Response(status=200, body=whole.encode()), KEY).kind


def test_documented_status_is_read() -> None:
    """Every field of Paytm's page arrives under its own name in snake_case; amounts can be had in paise."""
    read = STATUS.parse_reply(answer(STATUS_BODY), KEY)
    expected = OrderStatusReply(
        result=PgResult(status="TXN_SUCCESS", code="01", message="Txn Success"), txn_id=TXN_ID,
        bank_txn_id="600512345678", order_id="ORD1", txn_amount="1.00", txn_type="SALE", gateway_name="PPBEX", mid=MID,
        payment_mode="UPI", refund_amt="0.00", txn_date="2026-01-05 10:20:30.0",
    )  # fmt: skip
    assert expected == read
    assert (read.amount_paise, read.refunded_paise) == (100, 0)


def test_documented_intent_is_read() -> None:
    """The link arrives byte for byte; the answer needs no signature, because it proves nothing."""
    body = result(
        "S",
        "0000",
        deepLinkInfo={"deepLink": LINK, "orderId": "ORD1", "cashierRequestId": "f1", "transId": TXN_ID},
    )
    read = INTENT.parse_reply(answer(body, key=None), KEY)
    assert Kind.ACCEPTED is read.kind
    assert read.deep_link_info == DeepLinkInfo(
        deep_link=LINK, order_id="ORD1", cashier_request_id="f1", trans_id=TXN_ID
    )


def test_documented_collect_is_read() -> None:
    """Collect answers with Paytm's polling page; its fields hold the token, and do not show."""
    read = COLLECT.parse_reply(answer(COLLECT_BODY, key=None), KEY)
    assert (read.kind, read.deep_link_info) == (Kind.ACCEPTED, None)
    assert read.bank_form is not None
    assert read.bank_form.content["txnToken"] == TOKEN_TEXT
    assert TOKEN_TEXT not in repr(read)
    assert "neha@okbank" not in repr(read)


def test_documented_failure_of_a_session_is_read() -> None:
    """A refusal that carries other things, unsigned, is a refusal."""
    body = result("F", "1006", "Session expired", extraParamsMap=None, txnInfo={"STATUS": "TXN_FAILURE"})
    assert Kind.REFUSED is INTENT.parse_reply(answer(body, key=None), KEY).kind


def test_payment_options_are_read() -> None:
    """The ways that are open are listed; a disabled one, and what is no way at all, is left out."""
    listed = [
        {"paymentMode": "UPI", "isDisabled": {"status": "false"}},
        {"paymentMode": "BALANCE", "isDisabled": {"status": "true"}},
        {"paymentMode": "EMI", "isDisabled": {"status": True}},
        {"paymentMode": "CREDIT_CARD"}, "PPI", {},
    ]  # fmt: skip
    body = result("S", "0000", merchantPayOption={"paymentModes": listed})
    assert OPTIONS.parse_reply(answer(body, key=None), KEY).payment_modes == ("UPI", "CREDIT_CARD")


@pytest.mark.parametrize(
    ("expected", "said"),
    [(True, True), (True, "true"), (False, False), (False, "FALSE"), (None, None), (None, "?")],
)
def test_verdict_on_a_vpa_is_read(expected: bool | None, said: object) -> None:
    """Valid, not valid, or not said: as a boolean or as a word."""
    body = result("S", "0000", vpa="neha@okbank", valid=said)
    assert expected is VPA.parse_reply(answer(body, key=None), KEY).is_valid


def test_refund_answers_are_read() -> None:
    """601 is taken in, 10 is done; where the money went is listed, with the UPI id masked."""
    raised = REFUND.parse_reply(answer(result("PENDING", "601", refId="REF1", refundId="R9")), KEY)
    assert (raised.kind, raised.ref_id, raised.refund_id) == (Kind.ACCEPTED, "REF1", "R9")
    part = {
        "refundType": "TO_SOURCE",
        "maskedVpa": "neha.k@okbank",
        "rrn": "600512345679",
        "refundAmount": "0.50",
    }
    body = result(
        "TXN_SUCCESS", "10", refId="REF1", refundAmount="0.50", refundDetailInfoList=[part, "?", None]
    )
    done = REFUND_STATUS.parse_reply(answer(body), KEY)
    assert (done.kind, done.amount_paise) == (Kind.SUCCESS, 50)
    assert [part.masked_vpa for part in done.refund_detail_info_list] == ["ne***@okbank"]


def test_order_list_is_read() -> None:
    """Lines that name an order are read; others can be compared with nothing."""
    lines = [{"merchantOrderId": "O1", "amount": "1.00", "rrn": "600512345678"}, {"amount": "2.00"}, 5]
    read = LIST.parse_reply(answer(result("SUCCESS", "1001", orders=lines)), KEY)
    assert (ListedOrder(merchant_order_id="O1", amount="1.00", rrn="600512345678"),) == read.orders


def test_who_paid_is_masked() -> None:
    """A UPI id or a card number in a status is masked when read, under any of its names."""
    for name in ("maskedVpa", "payerVpa", "vpa"):
        read = STATUS.parse_reply(answer({**STATUS_BODY, name: "neha.k@okbank"}), KEY)
        assert read.masked_vpa == "ne***@okbank"
        assert "neha.k" not in repr(read)
    card = STATUS.parse_reply(answer({**STATUS_BODY, "maskedCardNo": "4111111111111234"}), KEY)
    assert card.masked_card_no == "XXXX1234"


@pytest.mark.parametrize(
    ("expected", "text"),
    [(100, "1.00"), (100, "1"), (150, "1.5"), (0, "0.00"), (115, "1.15"), (None, "1.005"), (None, "1,00"),
     (None, "-1.00"), (None, "१.००"), (None, "1e2"), (None, ""), (None, None)],
)  # fmt: skip
def test_rupees_are_read_exactly_or_not_at_all(expected: int | None, text: str | None) -> None:
    """An amount that would need rounding or guessing is no amount."""
    assert expected == paise(text)


# Who signed it.

SUCCESSES: list[tuple[Any, dict[str, Any]]] = [
    (INITIATE, result("S", "0000", txnToken=TOKEN_TEXT)),
    (INITIATE, result("S", "0002", txnToken=TOKEN_TEXT)),
    (STATUS, STATUS_BODY),
    (REFUND_STATUS, result("TXN_SUCCESS", "10", refId="REF1")),
    (QR, result("SUCCESS", "QR_0001", qrData=LINK)),
]
NO_NEED = [
    (INITIATE, result("F", "2005")),
    (STATUS, result("PENDING", "402")),
    (STATUS, result("NO_RECORD_FOUND", "331")),
    (STATUS, result("TXN_FAILURE", "227")),
    (REFUND, result("PENDING", "601")),
    (REFUND_STATUS, result("PENDING", "601")),
    (INTENT, result("S", "0000")),
    (VPA, result("S", "0000", valid=True)),
    (OPTIONS, result("S", "0000")),
    (LIST, result("SUCCESS", "1001", orders=[])),
]


@pytest.mark.parametrize(("call", "body"), SUCCESSES)
def test_a_success_must_be_signed(call: Any, body: dict[str, Any]) -> None:
    """A success without a signature, or with an empty one, is not believed."""
    empty = replace(answer(body), body=json.dumps({"head": {"signature": ""}, "body": body}).encode())
    for response in (answer(body, key=None), empty):
        with pytest.raises(ChecksumMismatch) as caught:
            call.parse_reply(response, KEY)
        assert ("head.signature", call.operation, "ORD1") == (
            caught.value.path, caught.value.operation, caught.value.paytm_id,
        )  # fmt: skip


@pytest.mark.parametrize(("call", "body"), NO_NEED)
def test_what_proves_nothing_may_be_unsigned(call: Any, body: dict[str, Any]) -> None:
    """Failures, pending answers and answers of unsigned calls are read without a signature."""
    assert call.parse_reply(answer(body, key=None), KEY).kind is not None


@pytest.mark.parametrize(("call", "body"), [*SUCCESSES, *NO_NEED])
def test_a_signature_that_is_there_must_fit(call: Any, body: dict[str, Any]) -> None:
    """Another key's signature, a changed text or nonsense is refused, whatever the answer says."""
    good = answer(body)
    other_text = replace(good, body=good.body.replace(b'"resultMsg": ""', b'"resultMsg":""'))
    for response in (
        answer(body, key=OTHER_KEY),
        other_text if other_text != good else answer(body, key=OTHER_KEY),
        replace(good, body=good.body.replace(b'"signature": "', b'"signature": "x')),
        Response(status=200, body=json.dumps({"head": {"signature": 5}, "body": body}).encode()),
        Response(status=200, body=json.dumps({"head": {"signature": {}}, "body": body}).encode()),
    ):
        with pytest.raises(ChecksumMismatch) as caught:
            call.parse_reply(response, KEY)
        assert KEY_TEXT not in str(caught.value)


def test_what_is_verified_is_what_is_read() -> None:
    """Of two bodies in one answer, the one that is read is the one whose signature is checked."""
    good = answer(STATUS_BODY).body.decode()
    head, _, body = good[1:-1].partition(', "body": ')
    forged = json.dumps({**STATUS_BODY, "txnAmount": "9.00"})
    with pytest.raises(ChecksumMismatch):
        STATUS.parse_reply(
            Response(status=200, body=f'{{{head},"body":{body},"body":{forged}}}'.encode()), KEY
        )
    read = STATUS.parse_reply(
        Response(status=200, body=f'{{{head},"body":{forged},"body":{body}}}'.encode()), KEY
    )
    assert read.txn_amount == "1.00"


@pytest.mark.parametrize("name", ["txnAmount", "orderId", "mid", "txnId"])
def test_a_changed_field_is_noticed(name: str) -> None:
    """Amount, order, merchant and transaction cannot be changed on the way."""
    good = answer(STATUS_BODY)
    old = json.dumps(STATUS_BODY[name]).encode()
    with pytest.raises(ChecksumMismatch):
        STATUS.parse_reply(replace(good, body=good.body.replace(b": " + old, b': "9.99"')), KEY)


def test_a_trailing_comma_does_not_break_the_signature() -> None:
    """Text that is read only by forgiving a comma is still verified as it was sent."""
    text = json.dumps(STATUS_BODY)[:-1] + ",}"
    assert Kind.SUCCESS is STATUS.parse_reply(answer(None, text=text), KEY).kind


# What is no answer.

WHOLE = answer(STATUS_BODY).body
NOT_ANSWERS = [
    b"", b" ", b"null", b"true", b"0", b'"OK"', b"[]", b"[{}]", b"{}", b"{", b"\0", b"\xff\xfe", b"OK", b"NaN",
    b"<html><body>504 Gateway Time-out</body></html>", b'{"head":{}}', b'{"body":null}', b'{"body":[]}',
    b'{"body":{}}', b'{"body":{"resultInfo":{}}}', b'{"body":{"resultInfo":null}}', b'{"body":{"resultInfo":"S"}}',
    b'{"body":{"resultInfo":{"resultMsg":"Paid"}}}', b'{"body":{"resultInfo":{"resultStatus":{"x":"S"}}}}',
    b'{"head":[],"body":{"resultInfo":{}}}', b'{"body":{"a":"\xff"}}', b'{"body":{"a":"\\ud800"}}',
    b'{"errorDetails":{"code":404,"errorCode":"SVE-003"}}', b"[" * 100_000, b'{"body":' * 100_000,
    b'{"body":{"a":' + b"9" * 5000 + b"}}", WHOLE + WHOLE, b"\xef\xbb\xbf" + WHOLE, WHOLE[1:], b"x" + WHOLE,
]  # fmt: skip


def test_what_is_no_answer_is_a_protocol_error() -> None:
    """Cut-off, foreign, empty and endless bodies are `RemoteProtocolError`, with the order's id."""
    corpus = [*NOT_ANSWERS, *(WHOLE[:length] for length in range(0, len(WHOLE), 7)), b" " * 5_000_000]
    for call in ALL:
        for body in corpus:
            with pytest.raises(RemoteProtocolError) as caught:
                call.parse_reply(Response(status=200, body=body), KEY)
            assert (call.operation, call.paytm_id) == (caught.value.operation, caught.value.paytm_id)


@pytest.mark.parametrize(
    "status", [100, 201, 204, 301, 400, 401, 403, 404, 408, 429, 500, 501, 502, 503, 504]
)
def test_other_http_status_is_no_answer(status: int) -> None:
    """An HTTP status other than 200 is an unknown outcome, even around a body that says paid or failed."""
    for body in (STATUS_BODY, result("TXN_FAILURE", "227")):
        with pytest.raises(RemoteProtocolError, match=str(status)):
            STATUS.parse_reply(answer(body, status=status), KEY)


def test_malformed_requests_are_protocol_errors() -> None:
    """The same corpus, read as requests by the other side, is a `RemoteProtocolError` and nothing else."""
    for call in ALL:
        for body in [*NOT_ANSWERS, b" " * 5_000_000]:
            with pytest.raises(RemoteProtocolError):
                type(call).parse(replace(call.encode(KEY), body=body), KEY)


def test_a_token_that_cannot_be_one_is_a_protocol_error() -> None:
    """A token with a space or a line break is not carried on into a head."""
    with pytest.raises(RemoteProtocolError) as caught:
        INITIATE.parse_reply(answer(result("S", "0000", txnToken="a\nb")), KEY)
    assert caught.value.path == "body.txnToken"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["S", "0000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    ["resultInfo", "txnToken", "deepLinkInfo", "bankForm", "merchantPayOption", "refundDetailInfoList", "orders",
     "userInfo", "enablePaymentMode", "extendInfo", "vpa", "valid", *STATUS_BODY]
)  # fmt: skip
objects = st.dictionaries(names, json_values, max_size=6)


@settings(max_examples=400, deadline=None)
@given(head=objects | json_values, body=objects, info=objects | json_values, nested=json_values)
def test_strange_json_never_surprises(
    head: object, body: dict[str, object], info: object, nested: object
) -> None:
    """Whatever JSON stands where, replies and requests are read or are a `RemoteProtocolError`."""
    strange = {
        **body,
        "resultInfo": info,
        "bankForm": {"redirectForm": nested},
        "deepLinkInfo": {"deepLink": nested},
    }
    data = json.dumps({"head": head, "body": strange}).encode()
    for call in ALL:
        with suppress(RemoteProtocolError):
            assert call.parse_reply(Response(status=200, body=data), KEY).kind in (*Kind, None)
        with suppress(RemoteProtocolError):
            assert isinstance(type(call).read(replace(call.encode(KEY), body=data)), type(call))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200), at=st.integers(0, len(WHOLE)), length=st.integers(0, 50))
def test_damaged_bytes_never_pass(data: bytes, at: int, length: int) -> None:
    """A signed answer of which any stretch of the body was overwritten is never another success."""
    damaged = WHOLE[:at] + data + WHOLE[at + length :]
    with suppress(RemoteProtocolError):
        read = STATUS.parse_reply(Response(status=200, body=damaged), KEY)
        assert read.kind is not Kind.SUCCESS or read == STATUS.parse_reply(
            Response(status=200, body=WHOLE), KEY
        )


@settings(deadline=None)
@given(body=objects, spaces=st.sampled_from(["", " ", "\n\t "]))
def test_the_text_that_is_verified_is_the_exact_one(body: dict[str, Any], spaces: str) -> None:
    """The fast way to cut out the body finds the same characters as the careful one."""
    data = f'{{"head":{{}},{spaces}"body":{spaces}{json.dumps(body)}{spaces}}}'.encode()
    with suppress(RemoteProtocolError):
        assert raw_section(data, "body") == open_envelope(data, operation="any").text
