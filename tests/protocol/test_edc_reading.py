"""What the sandbox reads from a client, and what a client reads from Paytm: tolerant, and never fooled."""

import json

import pytest
from msgspec.structs import replace

from galla.errors import ChecksumMismatch, RemoteProtocolError
from galla.protocol.checksum import sign
from galla.protocol.codes import Kind
from galla.protocol.edc import SALE_PATH, SaleReply, SaleRequest, StatusReply, StatusRequest, VoidReply
from galla.protocol.message import Host, Request, Response
from tests.protocol.edc_samples import (
    ACCEPTED,
    AT,
    DOCUMENTED,
    KEY,
    OTHER_KEY,
    PAID,
    SALE,
    STATUS,
    VECTORS,
    VOID,
    envelope,
    reply,
)


def test_sale_in_the_other_form_is_read() -> None:
    """A sale with `autoAccept` and `paymentMode` at the top level, signed as in vector T8b, is read alike."""
    vector = VECTORS["T8b"]
    head = {"requestTimeStamp": AT, "channelId": "EDC", "checksum": vector["signature"]}
    body = {**vector["params"], "merchantExtendedInfo": {"PaymentMode": "All"}}
    request = Request(
        host=Host.EDC,
        path=SALE_PATH,
        body=json.dumps({"body": body, "head": head}).encode(),
        operation="sale",
    )
    read = SaleRequest.parse(request, KEY)
    assert (
        read.auto_accept, read.payment_mode, read.merchant_reference_no, read.transaction_amount,
    ) == (True, "ALL", "INV42", "50000")  # fmt: skip


def tampered(**changes: object) -> Request:
    """A signed sale whose body was changed afterwards; None removes a field."""
    request = SALE.encode(KEY)
    sent = envelope(request)
    sent["body"] = {name: value for name, value in {**sent["body"], **changes}.items() if value is not None}
    return replace(request, body=json.dumps(sent).encode())


def test_tampered_sale_is_readable_but_not_signed() -> None:
    """A changed amount is a checksum mismatch that names the payment; `read` still shows the sale."""
    request = tampered(transactionAmount="1")
    with pytest.raises(ChecksumMismatch) as caught:
        SaleRequest.parse(request, KEY)
    assert (
        caught.value.operation, caught.value.paytm_id, caught.value.path,
    ) == ("sale", "CLINIC000001", "head.checksum")  # fmt: skip
    assert SaleRequest.read(request).transaction_amount == "1"


def test_another_key_is_a_mismatch() -> None:
    """A request signed with another key is a checksum mismatch, for all three operations."""
    for call in (SALE, STATUS, VOID):
        with pytest.raises(ChecksumMismatch):
            type(call).parse(call.encode(OTHER_KEY), KEY)


def test_nested_fields_are_not_signed() -> None:
    """As at Paytm, a nested object may change without the checksum noticing."""
    read = SaleRequest.parse(tampered(merchantExtendedInfo={"paymentMode": "CARD"}), KEY)
    assert read.payment_mode == "CARD"


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("body.paytmMid", {"paytmMid": None}),
        ("body.paytmTid", {"paytmTid": "123456789"}),
        ("body.merchantTransactionId", {"merchantTransactionId": "INV-1"}),
        ("body.transactionAmount", {"transactionAmount": None}),
        ("body.transactionAmount", {"transactionAmount": "500.00"}),
        ("body.transactionAmount", {"transactionAmount": {"value": 1}}),
        ("body.transactionDateTime", {"transactionDateTime": "yesterday"}),
        ("body.merchantReferenceNo", {"merchantReferenceNo": "x" * 33}),
        ("body.merchantExtendedInfo.paymentMode", {"merchantExtendedInfo": {"paymentMode": "UPI"}}),
        ("body.merchantExtendedInfo.autoAccept", {"merchantExtendedInfo": {"autoAccept": "maybe"}}),
        ("body.displayInfo", {"displayInfo": dict.fromkeys("abcd", "x")}),
        ("body.displayInfo", {"displayInfo": "text"}),
    ],
)
def test_bad_request_field_is_named(path: str, changes: dict[str, object]) -> None:
    """A missing or malformed field is named by its path, before the checksum is looked at."""
    with pytest.raises(RemoteProtocolError) as caught:
        SaleRequest.parse(tampered(**changes), KEY)
    assert path == caught.value.path
    assert not isinstance(caught.value, ChecksumMismatch)


def test_status_question_may_omit_the_machine() -> None:
    """A status question without TID is allowed, as some integrations send it."""
    question = replace(STATUS, paytm_tid="")
    assert "paytmTid" not in question.body()
    assert question == StatusRequest.parse(question.encode(KEY), KEY)


def test_documented_status_reply_is_read() -> None:
    """Every field of Paytm's page arrives under its own name in snake_case."""
    read = STATUS.parse_reply(reply(DOCUMENTED), KEY)
    expected = StatusReply(
        paytm_mid="TESTMID0000000000001", paytm_tid="12345678", merchant_transaction_id="CLINIC000001",
        merchant_reference_no="INV42", transaction_date_time="2026-01-05 10:20:30",
        transaction_amount="50000",
        acquirement_id="20260105111212800110168000000000001", retrieval_reference_no="600512345678",
        auth_code="123456", issuer_mask_card_no="411111XXXXXX1234", issuing_bank_name="HDFC",
        pay_method="CREDIT_CARD", card_type="CREDIT", card_scheme="VISA", bank_response_code="00",
        bank_response_message="Approved", aid="A0000000031010", result=PAID,
    )  # fmt: skip
    assert expected == read
    assert Kind.SUCCESS is read.kind


def test_other_spellings_are_read() -> None:
    """The spellings of a guide that circulates are read into Paytm's names, the code put right."""
    body = {
        "merchantTransactionId": "BILL20241124001", "paytmMid": "M", "paytmTid": 12345678,
        "transactionAmount": 250000,
        "rrn": "432109876543", "authCode": 123456, "bankTransactionId": "HDFC123456789",
        "paymentMode": "CREDIT_CARD",
        "cardType": "VISA", "maskedCardNo": "XXXX-XXXX-XXXX-1234",
        "resultInfo": {"resultCode": "0000", "resultStatus": "TXN_SUCCESS",
        "resultMsg": "Transaction Successful"},
    }  # fmt: skip
    read = STATUS.parse_reply(reply(body), KEY)
    assert (read.paytm_tid, read.transaction_amount, read.auth_code) == ("12345678", "250000", "123456")
    assert (read.retrieval_reference_no, read.acquirement_id) == ("432109876543", "HDFC123456789")
    assert (read.pay_method, read.card_type, read.card_scheme) == ("CREDIT_CARD", None, "VISA")
    assert read.issuer_mask_card_no == "XXXX-XXXX-XXXX-1234"
    assert (read.result.code, read.result.code_id, read.kind) == ("", "0000", Kind.SUCCESS)


def test_attempts_are_read_when_one_of_them_paid() -> None:
    """With a list of attempts the paying one fills what is missing; the amount never comes from there."""
    body = {
        "merchantTransactionId": "CLINIC000001",
        "resultInfo": DOCUMENTED["resultInfo"],
        "Orders": [
            {"status": "FAIL", "payMethod": "UPI", "rrn": "1"},
            {"status": "SUCCESS", "payMethod": "DEBIT_CARD", "rrn": "600512345678", "transactionAmount": "1"},
        ],
    }
    read = STATUS.parse_reply(reply(body), KEY)
    assert (
        read.pay_method,
        read.retrieval_reference_no,
        read.transaction_amount,
    ) == ("DEBIT_CARD", "600512345678", None)
    body["Orders"] = [{"status": "SUCCESS", "payMethod": "UPI"}, {"status": "SUCCESS", "payMethod": "CARD"}]
    assert STATUS.parse_reply(reply(body), KEY).pay_method is None


@pytest.mark.parametrize(
    "card", ["4111111111111234", "4111 1111 1111 1234", "4111-1111-1111-1234", 4111111111111234]
)
def test_card_number_is_never_kept(card: object) -> None:
    """A full card number sent by mistake is reduced to its last four, wherever it stands."""
    body = {**DOCUMENTED, "issuerMaskCardNo": card, "bankResponseMessage": f"card {card} ok"}
    body["resultInfo"] = {**DOCUMENTED["resultInfo"], "resultMsg": f"paid with {card}"}
    read = STATUS.parse_reply(reply(body), KEY)
    assert read.issuer_mask_card_no == "XXXX1234"
    assert "11111" not in repr(read).replace(" ", "").replace("-", "").replace("20260105111212800110168", "")


def test_awkward_texts_survive() -> None:
    """Rupee signs, quotes, slashes, braces and commas in a text survive; trailing commas are forgiven."""
    text = '₹5 "quoted" \\ / {,} [,] é नेहा 🙂'
    body = json.dumps({**DOCUMENTED, "bankResponseMessage": text})[:-1] + ", }"
    read = STATUS.parse_reply(
        Response(status=200, body=f'{{"head":{{"version":"3.1",}},\n"body":{body} ,}}'.encode()), KEY
    )
    assert text == read.bank_response_message
    assert Kind.SUCCESS is read.kind


@pytest.mark.parametrize("head", [None, {}, {"responseTimestamp": AT}, {"checksum": None}, {"checksum": ""}])
def test_unsigned_reply_is_read(head: object) -> None:
    """Paytm's card machine replies show no checksum; without one a reply is read."""
    assert Kind.SUCCESS is STATUS.parse_reply(reply(DOCUMENTED, head), KEY).kind
    body = Response(status=200, body=json.dumps({"body": DOCUMENTED}).encode())
    assert Kind.SUCCESS is STATUS.parse_reply(body, KEY).kind


@pytest.mark.parametrize("checksum", ["x", "A" * 108, 5, {"a": "b"}, sign("something else", KEY)])
def test_signed_reply_must_verify(checksum: object) -> None:
    """A reply that carries a checksum is believed only if it verifies."""
    with pytest.raises(ChecksumMismatch) as caught:
        STATUS.parse_reply(reply(DOCUMENTED, {"checksum": checksum}), KEY)
    assert (caught.value.operation, caught.value.paytm_id) == ("status", "CLINIC000001")


def test_forged_reply_is_a_mismatch() -> None:
    """A signed reply whose amount was changed, or that another key signed, is not believed."""
    answer = StatusReply(transaction_amount="50000", result=PAID)
    signed = answer.encode(AT, key=KEY)
    assert answer == STATUS.parse_reply(signed, KEY)
    forged = replace(signed, body=signed.body.replace(b'"50000"', b'"90000"'))
    for response in (forged, answer.encode(AT, key=OTHER_KEY)):
        with pytest.raises(ChecksumMismatch):
            STATUS.parse_reply(response, KEY)


def test_acceptance_is_not_payment() -> None:
    """An accepted sale or void is accepted, never successful."""
    assert Kind.ACCEPTED is SALE.parse_reply(SaleReply(result=ACCEPTED).encode(AT), KEY).kind
    assert Kind.ACCEPTED is VOID.parse_reply(VoidReply(result=ACCEPTED).encode(AT), KEY).kind
