"""Where the two documents galla started from are wrong about online UPI, galla does what Paytm does.

The numbers are the rows of the table "Seeds against the ground truth" of the protocol reference; those about
card machines are kept by `test_edc.py`.
"""

import inspect
from base64 import b64decode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from msgspec.structs import replace

import galla.protocol.upi as gathered
from galla.client.address import ADDRESSES
from galla.client.desk import Desk
from galla.client.online import is_settled
from galla.client.upi import Paytm
from galla.errors import ChecksumMismatch, InvalidField, LocalProtocolError, PaymentError
from galla.protocol.checksum import sign, verify
from galla.protocol.codes import Kind
from galla.protocol.message import Host
from galla.protocol.notify import PaymentNotice, RefundNotice, read_notice
from galla.protocol.theia import UPI_ANY, UPI_PUSH, ProcessRequest
from galla.protocol.vpa import check_vpa
from tests.protocol.upi_samples import (
    ALL,
    COLLECT,
    COLLECT_BODY,
    INITIATE,
    INTENT,
    KEY,
    KEY_TEXT,
    LINK,
    MID,
    QR,
    REFUND,
    REFUND_STATUS,
    STATUS,
    STATUS_BODY,
    TOKEN,
    TOKEN_TEXT,
    answer,
    result,
    wire,
)


def test_row_16_intent_is_native_upi_intent() -> None:
    """Not requestType Payment with paymentMode UPI: NATIVE with UPI_INTENT."""
    body = wire(INTENT)["body"]
    assert (body["requestType"], body["paymentMode"]) == ("NATIVE", "UPI_INTENT")


def test_row_17_collect_needs_only_the_payer() -> None:
    """No channelCode, no authMode, and the token in the head only."""
    sent = wire(COLLECT)
    assert sent["body"] == {
        "mid": MID, "orderId": "ORD1", "requestType": "NATIVE", "paymentMode": "UPI", "payerAccount": "neha@okbank",
    }  # fmt: skip
    assert sent["head"]["txnToken"] == TOKEN_TEXT


def test_row_18_collect_answers_with_a_page() -> None:
    """A good answer has no transaction id and no order id, but Paytm's polling page."""
    read = COLLECT.parse_reply(answer(COLLECT_BODY, key=None), KEY)
    assert read.bank_form is not None
    assert "upiPollPage" in read.bank_form.action_url
    assert read.deep_link_info is None


@pytest.mark.parametrize("payer", [None, "", "neha@", "abcd@", "a@b@c", "neha@gmail.com", "9876543210"])
def test_row_19_collect_without_a_upi_id_is_an_error(payer: str | None) -> None:
    """A missing or malformed UPI id never becomes an intent, and "an @ and four letters" is not the rule."""
    with pytest.raises(LocalProtocolError):
        replace(COLLECT, payer_account=payer).encode(KEY)
    with pytest.raises(InvalidField):
        check_vpa(payer)


def test_row_20_a_repeat_has_its_token_and_a_change_is_refused() -> None:
    """0002 is a success with the token; 2023 is a no that says the id was used for something else."""
    again = INITIATE.parse_reply(answer(result("S", "0002", "Success Idempotent", txnToken=TOKEN_TEXT)), KEY)
    assert (again.kind, again.txn_token) == (Kind.ACCEPTED, TOKEN)
    changed = INITIATE.parse_reply(answer(result("F", "2023", "Repeat Request Inconsistent")), KEY)
    assert (changed.kind, changed.txn_token) == (Kind.DUPLICATE, None)
    assert "another amount" in gathered.explain_pg("initiate", changed.result).message


def test_row_21_status_is_a_signed_post_by_the_merchants_order() -> None:
    """POST /v3/order/status, keyed by our order id; Paytm's transaction id is not sent."""
    request = STATUS.encode(KEY)
    assert (request.method, request.path, request.query) == ("POST", "/v3/order/status", "")
    sent = wire(STATUS)
    assert sent["body"] == {"mid": MID, "orderId": "ORD1"}
    assert len(sent["head"]["signature"]) == 108


def test_row_22_collect_names_its_channel() -> None:
    """Intent is the channel UPIPUSH; where collect is wanted, UPI stands beside it."""
    assert UPI_PUSH.channels == ("UPIPUSH",)
    assert UPI_ANY.channels == ("UPI", "UPIPUSH")
    sent = wire(replace(INITIATE, enable_payment_mode=(UPI_ANY,)))["body"]["enablePaymentMode"]
    assert sent == [{"mode": "UPI", "channels": ["UPI", "UPIPUSH"]}]


def test_row_23_the_head_can_be_what_a_merchant_needs() -> None:
    """Version v1 unless told otherwise, WAP for phones, a client id where a MID has several keys."""
    assert wire(INITIATE)["head"]["version"] == "v1"
    head = wire(replace(INITIATE, channel_id="WAP", client_id="C11", version="v2"))["head"]
    assert (head["channelId"], head["clientId"], head["version"]) == ("WAP", "C11", "v2")


def test_row_24_what_comes_in_is_verified_by_paytms_scheme() -> None:
    """A form by CHECKSUMHASH over its fields, JSON by its head's signature over the raw body; no HMAC anywhere."""
    for sent in (
        PaymentNotice(mid=MID, order_id="ORD1", status="PENDING").encode_form(KEY),
        RefundNotice(mid=MID, order_id="ORD1", ref_id="REF1").encode_json(KEY),
    ):
        assert read_notice(sent.body, sent.content_type, KEY)
        with pytest.raises(ChecksumMismatch):
            read_notice(sent.body.replace(b"ORD1", b"ORD2"), sent.content_type, KEY)


def test_row_25_online_amounts_are_rupees_with_two_decimals() -> None:
    """Every online amount is written in rupees, as text."""
    assert wire(INITIATE)["body"]["txnAmount"] == {"value": "1.00", "currency": "INR"}
    assert wire(REFUND)["body"]["refundAmount"] == "0.50"
    assert wire(QR)["body"]["amount"] == "1.00"


def test_row_26_collect_is_off_unless_allowed() -> None:
    """A client that was not told that its merchant may collect refuses before anything is sent."""

    def never(request: object) -> object:
        raise AssertionError("Something was sent.")

    client = Paytm(mid=MID, key=KEY, transport=never)  # type: ignore[arg-type]
    with pytest.raises(PaymentError) as caught:
        client.collect(vpa="neha@okbank", amount_paise=100, customer_id="C1")
    assert caught.value.code == "collect_not_permitted"
    assert inspect.signature(Paytm).parameters["collect_allowed"].default is False
    assert isinstance(client.desk, Desk)


def test_row_27_a_qr_names_client_and_counter() -> None:
    """A QR needs no token, but a client id in the head and a posId in the body; its codes have their own names."""
    sent = wire(QR)
    assert (sent["head"]["clientId"], sent["body"]["posId"]) == ("C11", "COUNTER-1")
    assert "txnToken" not in sent["head"]
    for missing in ({"client_id": None}, {"pos_id": ""}):
        with pytest.raises(LocalProtocolError):
            replace(QR, **missing).encode(KEY)
    assert QR.parse_reply(answer(result("SUCCESS", "QR_0001", qrData=LINK)), KEY).kind is Kind.ACCEPTED


def test_row_28_begun_is_not_paid() -> None:
    """0000 at process says initiated; only 01 TXN_SUCCESS at status says paid."""
    begun = INTENT.parse_reply(answer(result("S", "0000", deepLinkInfo={"deepLink": LINK})), KEY)
    assert begun.kind is Kind.ACCEPTED
    assert STATUS.parse_reply(answer(STATUS_BODY), KEY).kind is Kind.SUCCESS
    assert STATUS.parse_reply(answer({**STATUS_BODY, **result("S", "0000")}), KEY).kind is None


def test_row_29_refunds_take_time_and_are_told_in_json() -> None:
    """601 is taken in and 10 is done; a payment is told by a form, a refund by JSON."""
    assert REFUND.parse_reply(answer(result("PENDING", "601")), KEY).kind is Kind.ACCEPTED
    assert REFUND_STATUS.parse_reply(answer(result("TXN_SUCCESS", "10")), KEY).kind is Kind.SUCCESS
    payment = PaymentNotice(mid=MID, order_id="ORD1", status="PENDING").encode_form(KEY)
    refund = RefundNotice(mid=MID, order_id="ORD1", ref_id="REF1").encode_json(KEY)
    assert isinstance(read_notice(payment.body, "application/x-www-form-urlencoded", KEY), PaymentNotice)
    assert isinstance(read_notice(refund.body, "application/json", KEY), RefundNotice)


def test_row_30_online_calls_go_to_the_new_domain() -> None:
    """Every online call, refunds included, goes to Paytm's PG host, which is on the new domain."""
    assert {call.encode(KEY).host for call in ALL} == {Host.PG}
    assert ADDRESSES["production"].pg == "https://secure.paytmpayments.com"
    assert ADDRESSES["staging"].pg == "https://securestage.paytmpayments.com"


@pytest.mark.parametrize("salt", ["ab12", "a+/9", "====", "    ", "@@@@"])
def test_row_31_any_four_characters_are_a_salt(salt: str) -> None:
    """Whatever four characters a sender chose, the signature is checked with them."""
    assert verify("text", sign("text", KEY, salt), KEY)


def test_row_32_the_scheme_is_aes_over_a_salted_sha_256() -> None:
    """Decrypted by hand, a signature of ours is the hash, the salt and twelve bytes of padding."""
    secret = b64decode(wire(STATUS)["head"]["signature"])
    aes = Cipher(algorithms.AES(KEY_TEXT.encode()), modes.CBC(b"@@@@&&&&####$$$$")).decryptor()
    plain = aes.update(secret) + aes.finalize()
    body = STATUS.encode(KEY).body.partition(b',"body":')[2][:-1]
    assert plain[68:] == b"\x0c" * 12
    assert plain[:64].decode() == sha256(body + b"|" + plain[64:68]).hexdigest()


# Answers that look like an end and are none.


def test_nobody_has_paid_is_pending_while_the_order_lives() -> None:
    """NO_RECORD_FOUND is pending while token or QR live, and never final by itself."""
    read = STATUS.parse_reply(answer(result("NO_RECORD_FOUND", "331"), key=None), KEY)
    assert (read.kind, read.kind_while(True), read.kind_while(False)) == (
        Kind.NOT_FOUND,
        Kind.PENDING,
        Kind.NOT_FOUND,
    )
    assert not is_settled(read)
    paid = STATUS.parse_reply(answer(STATUS_BODY), KEY)
    assert paid.kind_while(True) is Kind.SUCCESS


@pytest.mark.parametrize("word", ["TXN_FAILURE", "PENDING"])
def test_501_is_an_unknown_outcome(word: str) -> None:
    """Paytm's own failure is neither a failure of the payment nor an end of asking."""
    read = STATUS.parse_reply(answer(result(word, "501", "System Error"), key=None), KEY)
    assert read.kind is Kind.INTERNAL
    assert not is_settled(read)


def test_everything_is_gathered() -> None:
    """`protocol/upi.py` offers every request and reply under its own name."""
    names = {type(call).__name__ for call in ALL} | {
        type(call).__name__.replace("Request", "Reply") for call in ALL
    }
    assert names <= set(vars(gathered))
    assert gathered.ProcessRequest is ProcessRequest
