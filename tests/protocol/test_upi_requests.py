"""Online requests, both directions: what one side writes the other reads, and what goes on the wire."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from paytmchecksum import PaytmChecksum

from galla.errors import ChecksumMismatch, LocalProtocolError, RemoteProtocolError
from galla.protocol.checksum import sign
from galla.protocol.message import Host, Request
from galla.protocol.order import OrderListRequest, OrderStatusRequest
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.qr import QrRequest
from galla.protocol.refund import RefundRequest, RefundStatusRequest
from galla.protocol.theia import InitiateRequest, OptionsRequest, PaymentMode, ProcessRequest
from galla.protocol.vpa import VpaRequest
from tests.protocol.upi_samples import (
    ALL,
    COLLECT,
    INITIATE,
    INTENT,
    KEY,
    KEY_TEXT,
    LIST,
    MID,
    OTHER_KEY,
    QR,
    REFUND,
    SIGNED,
    STATUS,
    TOKEN,
    TOKEN_TEXT,
    TOKENED,
    VECTORS,
    VPA,
    envelope,
    raw_body,
    wire,
)

# The two sides, connected.

mids = st.text("ABCxyz0189_-", min_size=1, max_size=20)
orders = st.text("ABCxyz0189@-_.", min_size=1, max_size=50)
amounts = st.integers(1, 10**12 - 1).map(lambda paise: f"{paise // 100}.{paise % 100:02d}")
said = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|\u2028\u2029"),
    min_size=1,
    max_size=30,
)
vpas = st.builds(
    "{}@{}".format, st.text("abcXYZ09._-", min_size=2, max_size=30), st.sampled_from(["okbank", "ybl"])
)
tokens = st.text("abcdef0123456789", min_size=1, max_size=45).map(TxnToken)
heads: dict[str, Any] = {
    "mid": mids,
    "version": st.sampled_from(["v1", "v2", None]),
    "request_timestamp": st.sampled_from([None, "1767589290", "1767589290123"]),
    "channel_id": st.sampled_from([None, "WEB", "WAP"]),
}
signed_heads = {**heads, "client_id": st.sampled_from([None, "C11"])}
modes = st.lists(
    st.builds(
        PaymentMode, st.sampled_from(["UPI", "CREDIT_CARD"]), st.sampled_from([(), ("UPI", "UPIPUSH")])
    ),
    max_size=3,
).map(tuple)
initiates = st.builds(
    InitiateRequest,
    **signed_heads,
    order_id=orders,
    website_name=st.sampled_from(["WEBSTAGING", "DEFAULT"]),
    txn_amount=amounts,
    cust_id=st.text("ABCxyz09@!_$.", min_size=1, max_size=64),
    mobile=st.sampled_from([None, "9876543210", "+919876543210"]),
    email=st.sampled_from([None, "neha@example.com"]),
    first_name=st.none() | said,
    last_name=st.none() | said,
    callback_url=st.sampled_from([None, "https://shop.example/galla?x=1&y=%7C"]),
    enable_payment_mode=modes,
    disable_payment_mode=modes,
    extend_info=st.dictionaries(st.sampled_from(["udf1", "mercUnqRef", "comments"]), said, max_size=3),
)
intents = st.builds(
    ProcessRequest,
    **heads,
    order_id=orders,
    txn_token=tokens,
    payment_mode=st.just("UPI_INTENT"),
    payment_flow=st.sampled_from([None, "NONE"]),
    txn_note=st.none() | said,
)
collects = st.builds(
    ProcessRequest,
    **heads,
    order_id=orders,
    txn_token=tokens,
    payment_mode=st.just("UPI"),
    payer_account=vpas,
)
questions = st.one_of(
    st.builds(OptionsRequest, **heads, order_id=orders, txn_token=tokens),
    st.builds(VpaRequest, **heads, order_id=orders, txn_token=tokens, vpa=vpas),
    st.builds(VpaRequest, **heads, order_id=orders, txn_token=tokens, numeric_id=st.just("9876543210")),
)
others = st.one_of(
    st.builds(
        OrderStatusRequest, **signed_heads, order_id=orders, txn_type=st.sampled_from([None, "PREAUTH"])
    ),
    st.builds(
        RefundRequest,
        **signed_heads,
        order_id=orders,
        txn_id=st.text("0123456789", min_size=1, max_size=64),
        ref_id=orders,
        refund_amount=amounts,
        comments=st.none() | said,
    ),
    st.builds(RefundStatusRequest, **signed_heads, order_id=orders, ref_id=orders),
    st.builds(
        QrRequest,
        **{**signed_heads, "client_id": st.just("C11")},
        order_id=orders,
        amount=amounts,
        pos_id=st.text("ABC09-_", min_size=1, max_size=50),
        display_name=st.none() | said,
        expiry_date=st.sampled_from([None, "2026-01-05 10:35:30"]),
        order_details=st.none() | said,
        image_required=st.sampled_from([None, True, False]),
    ),
    st.builds(
        OrderListRequest,
        **signed_heads,
        from_date=st.just(LIST.from_date),
        to_date=st.just(LIST.to_date),
        order_search_type=st.sampled_from([("TRANSACTION",), ("TRANSACTION", "REFUND")]),
        order_search_status=st.sampled_from([None, "SUCCESS"]),
        page_number=st.integers(1, 999).map(str),
        page_size=st.integers(1, 50).map(str),
        is_sort=st.sampled_from([None, "true", "false"]),
        merchant_order_id=st.none() | orders,
    ),
)


@settings(deadline=None)
@given(call=st.one_of(initiates, intents, collects, questions, others))
def test_any_request_is_read_as_it_was_meant(call: Any) -> None:
    """Whatever one side writes, the other reads back, field for field."""
    request = call.encode(KEY)
    assert call == type(call).parse(request, KEY) == type(call).read(request)


@settings(deadline=None)
@given(call=st.one_of(initiates, others))
def test_official_library_verifies_what_is_sent(call: Any) -> None:
    """Paytm's own library finds our signature right over the exact text of the body on the wire."""
    request = call.encode(KEY)
    signature = envelope(request)["head"]["signature"]
    assert PaytmChecksum.verifySignature(raw_body(request), KEY_TEXT, signature)


@pytest.mark.parametrize("call", SIGNED, ids=lambda call: type(call).__name__)
def test_a_request_of_the_official_library_is_read(call: Any) -> None:
    """A client that formats its JSON otherwise and signs with Paytm's library is understood."""
    import json

    body = json.dumps(wire(call)["body"], indent=1)
    head = {**wire(call)["head"], "signature": PaytmChecksum.generateSignature(body, KEY_TEXT)}
    request = replace(call.encode(KEY), body=f'{{ "body" : {body} ,\n"head": {json.dumps(head)} }}'.encode())
    assert call == type(call).parse(request, KEY)


# What is written.


@pytest.mark.parametrize(("vector", "call"), [("T3", INITIATE), ("T16", REFUND)])
def test_signed_text_is_the_vectors(vector: str, call: Any) -> None:
    """The text that we sign for an order and for a refund is that of the vectors, character for character."""
    text = raw_body(call.encode(KEY))
    assert VECTORS[vector]["string"] == text
    assert VECTORS[vector]["signature"] == sign(text, KEY, VECTORS[vector]["salt"])


@pytest.mark.parametrize("vector", ["T3", "T4", "T5", "T6"])
def test_the_spelling_of_a_body_is_part_of_its_signature(vector: str) -> None:
    """Spaces and escapes change the signature: each of the four spellings has its own."""
    spelled = VECTORS[vector]
    assert spelled["signature"] == sign(spelled["string"], KEY, spelled["salt"])


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (INITIATE, "/theia/api/v1/initiateTransaction"),
        (INTENT, "/theia/api/v1/processTransaction"),
        (VPA, "/theia/api/v1/vpa/validate"),
        (STATUS, "/v3/order/status"),
        (REFUND, "/refund/apply"),
        (QR, "/paymentservices/qr/create"),
        (LIST, "/merchant-passbook/search/list/order/v2"),
    ],
)
def test_where_it_goes(call: Any, path: str) -> None:
    """Every request is a POST to Paytm's online host, and names its order for errors."""
    request = call.encode(KEY)
    expected = (Host.PG, "POST", path, None if call is LIST else "ORD1", call.operation)
    assert expected == (request.host, request.method, request.path, request.paytm_id, request.operation)


@pytest.mark.parametrize("call", ALL, ids=lambda call: type(call).__name__)
def test_query_names_the_order_where_paytm_wants_it(call: Any) -> None:
    """The calls under /theia/ repeat merchant and order in the query, percent-encoded; the others have none."""
    request = call.encode(KEY)
    expected = f"mid={MID}&orderId=ORD1" if request.path.startswith("/theia/") else ""
    assert expected == request.query


def test_an_order_id_is_percent_encoded() -> None:
    """The one character of an order id that means something in a query is escaped there, and only there."""
    request = replace(INITIATE, order_id="A@B-1_2.3").encode(KEY)
    assert request.query == f"mid={MID}&orderId=A%40B-1_2.3"
    assert envelope(request)["body"]["orderId"] == "A@B-1_2.3"


@pytest.mark.parametrize("call", TOKENED, ids=lambda call: type(call).__name__)
def test_the_token_is_in_the_head_only(call: Any) -> None:
    """A token request carries its token in the head, no signature, and shows the token in no repr."""
    sent = wire(call)
    assert TOKEN_TEXT in (sent["head"].get("txnToken"), sent["head"].get("token"))
    assert TOKEN_TEXT not in str(sent["body"])
    assert "signature" not in sent["head"]
    assert TOKEN_TEXT not in repr(call)
    assert f"{TOKEN}" == "TxnToken('****')"


@pytest.mark.parametrize("text", ["", " ", "a b", "a\n", "é", "x" * 257, None, 5])
def test_a_token_is_visible_characters(text: Any) -> None:
    """What cannot be a token is not taken for one."""
    with pytest.raises(ValueError, match="token"):
        TxnToken(text)


def test_search_types_are_joined_by_pipes() -> None:
    """The one field in which Paytm wants a pipe has it."""
    call = replace(LIST, order_search_type=("TRANSACTION", "REFUND"))
    assert wire(call)["body"]["orderSearchType"] == "TRANSACTION|REFUND"
    assert wire(call)["head"]["tokenType"] == "CHECKSUM"


BAD_ORDERS = ["", "A" * 51, "A B", "A|B", "A/B", "A&B", "क", "A\n", None, 5]
BAD_AMOUNTS = [
    "",
    "1",
    "1.0",
    "1.000",
    "0.00",
    "-1.00",
    "₹1.00",
    "1,000.00",
    " 1.00",
    "१.००",
    "1e3",
    100,
    None,
]
UNSENDABLE: list[tuple[Any, str, list[Any]]] = [
    (INITIATE, "mid", ["", "M" * 21, "M 1", "M|1", None]),
    (INITIATE, "order_id", BAD_ORDERS),
    (INITIATE, "txn_amount", BAD_AMOUNTS),
    (INITIATE, "cust_id", ["", "C" * 65, "C 1", "C|1", "क", None]),
    (INITIATE, "website_name", ["", "WEB STAGING"]),
    (INITIATE, "callback_url", ["", "shop.example", "javascript:x", "https://a b", "https://a|b"]),
    (INITIATE, "first_name", ["", "a|b", "a\n", "\ud800", "n" * 61]),
    (INITIATE, "mobile", ["123", "98765 43210", "abc"]),
    (INITIATE, "email", ["neha", "neha@", "a|b@c", "a@b@c"]),
    (INITIATE, "extend_info", [{"udf9": "x"}, {"udf1": "a|b"}]),
    (INITIATE, "enable_payment_mode", [(PaymentMode("UPI", ("a|b",)),)]),
    (INTENT, "payment_mode", ["", "upi", "CREDIT_CARD", "UPI_PUSH"]),
    (INTENT, "txn_note", ["", "n" * 51, "a|b"]),
    (
        COLLECT,
        "payer_account",
        [None, "", "neha", "neha@", "@okbank", "a@b@c", "neha@ok.bank", "neha@okbank\n"],
    ),
    (VPA, "vpa", [None, "neha", "x@", "neha@bank.com"]),
    (VPA, "numeric_id", ["9876543210"]),  # besides the vpa
    (STATUS, "order_id", BAD_ORDERS),
    (STATUS, "txn_type", ["", "sale", "PRE AUTH"]),
    (REFUND, "refund_amount", BAD_AMOUNTS),
    (REFUND, "ref_id", BAD_ORDERS),
    (REFUND, "txn_id", ["", "T" * 65, "T-1"]),
    (REFUND, "txn_type", ["VOID"]),
    (QR, "amount", BAD_AMOUNTS),
    (QR, "pos_id", ["", "P" * 51, "P 1"]),
    (QR, "client_id", [None, "", "C|1"]),
    (QR, "expiry_date", ["", "2026-01-05", "2026-01-05T10:20:30"]),
    (QR, "display_name", ["", "n" * 31]),
    (LIST, "from_date", ["", "2026-01-05", "2026-01-05T00:00:00Z"]),
    (LIST, "page_size", ["0", "51", "x"]),
    (LIST, "order_search_type", [(), ("a|b",), ("refund",), ("",)]),
    (STATUS, "version", ["", "v 1"]),
    (STATUS, "client_id", ["", "C|1"]),
    (STATUS, "request_timestamp", ["now", "1"]),
]


@pytest.mark.parametrize(("call", "name", "values"), UNSENDABLE, ids=lambda value: str(value)[:40])
def test_unsendable_field_is_named(call: Any, name: str, values: list[Any]) -> None:
    """A field Paytm would refuse is refused before anything is signed or sent, and is named with the order."""
    for value in values:
        with pytest.raises(LocalProtocolError) as caught:
            replace(call, **{name: value}).encode(KEY)
        assert caught.value.path is not None
        assert caught.value.path.split(".")[0] in ("body", "head")
        assert caught.value.operation == call.operation
        assert "Nothing was sent" in str(caught.value)


# What the other side reads.


def changed(call: Any, part: str = "body", **changes: object) -> Request:
    """A signed request of which a field was changed afterwards; None removes one."""
    import json

    request = call.encode(KEY)
    sent = envelope(request)
    sent[part] = {name: value for name, value in {**sent[part], **changes}.items() if value is not None}
    return replace(request, body=json.dumps(sent).encode())


@pytest.mark.parametrize(
    ("request_", "kind", "path"),
    [
        (changed(INITIATE, mid="OTHERMID"), InitiateRequest, "query.mid"),
        (changed(INITIATE, orderId="ORD2"), InitiateRequest, "query.orderId"),
        (replace(INITIATE.encode(KEY), query=""), InitiateRequest, "query.mid"),
        (changed(INITIATE, requestType="NATIVE"), InitiateRequest, "body.requestType"),
        (changed(INITIATE, websiteName=None), InitiateRequest, "body.websiteName"),
        (changed(INITIATE, userInfo={}), InitiateRequest, "body.userInfo.custId"),
        (
            changed(INITIATE, txnAmount={"value": "1", "currency": "INR"}),
            InitiateRequest,
            "body.txnAmount.value",
        ),
        (
            changed(INITIATE, txnAmount={"value": "1.00", "currency": "USD"}),
            InitiateRequest,
            "body.txnAmount.currency",
        ),
        (changed(INITIATE, enablePaymentMode="UPI"), InitiateRequest, "body.enablePaymentMode"),
        (changed(INTENT, requestType="Payment"), ProcessRequest, "body.requestType"),
        (changed(INTENT, paymentMode="CREDIT_CARD"), ProcessRequest, "body.paymentMode"),
        (changed(INTENT, payerAccount="neha@okbank"), ProcessRequest, "body.payerAccount"),
        (changed(COLLECT, payerAccount=None), ProcessRequest, "body.payerAccount"),
        (changed(INTENT, "head", txnToken=None), ProcessRequest, "head.txnToken"),
        (changed(INTENT, "head", txnToken="a b"), ProcessRequest, "head.txnToken"),
        (changed(VPA, "head", tokenType="ACCESS"), VpaRequest, "head.tokenType"),
        (changed(VPA, numericId="9876543210"), VpaRequest, "body.vpa"),
        (changed(VPA, vpa=None), VpaRequest, "body.vpa"),
        (changed(REFUND, txnType="SALE"), RefundRequest, "body.txnType"),
        (changed(REFUND, refundAmount="50"), RefundRequest, "body.refundAmount"),
        (changed(QR, "head", clientId=None), QrRequest, "head.clientId"),
        (changed(QR, posId=None), QrRequest, "body.posId"),
        (changed(QR, imageRequired=5), QrRequest, "body.imageRequired"),
        (changed(LIST, orderSearchType=""), OrderListRequest, "body.orderSearchType"),
    ],
)
def test_bad_request_field_is_named(request_: Request, kind: Any, path: str) -> None:
    """A missing, malformed or contradicting field is named by its path, before the signature is looked at."""
    with pytest.raises(RemoteProtocolError) as caught:
        kind.parse(request_, KEY)
    assert path == caught.value.path
    assert not isinstance(caught.value, ChecksumMismatch)


@pytest.mark.parametrize("call", SIGNED, ids=lambda call: type(call).__name__)
def test_another_key_or_another_text_is_a_mismatch(call: Any) -> None:
    """A request signed with another key, or written again after signing, is not believed."""
    for request in (call.encode(OTHER_KEY), changed(call), changed(call, "head", signature=None)):
        with pytest.raises(ChecksumMismatch) as caught:
            type(call).parse(request, KEY)
        assert caught.value.path == "head.signature"
        assert KEY_TEXT not in str(caught.value)
        assert call == type(call).read(request)
