"""The card machine API, both directions: what one side writes the other reads, and what goes on the wire."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from paytmchecksum import PaytmChecksum

from galla.errors import LocalProtocolError
from galla.protocol.checksum import edc_text, sign
from galla.protocol.edc import (
    OLD_STATUS_PATH,
    SALE_PATH,
    ResultInfo,
    SaleReply,
    SaleRequest,
    StatusReply,
    StatusRequest,
    VoidReply,
    VoidRequest,
)
from galla.protocol.message import Host
from tests.protocol.edc_samples import AT, KEY, KEY_TEXT, SALE, STATUS, VECTORS, VOID, envelope

# The two sides, connected.

times = st.just("2026-01-05 10:20:30")
names = st.text("ABCxyz0189_-", min_size=1, max_size=20)
ids_ = st.text("ABCxyz0189", min_size=8, max_size=32)
said = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|\u2028\u2029"),
    min_size=1,
    max_size=32,
).filter(lambda text: text.lower() != "null")
lines = st.dictionaries(said, said, max_size=3)
common = {
    "paytm_mid": names,
    "paytm_tid": st.text("0123456789", min_size=1, max_size=8),
    "merchant_transaction_id": ids_,
    "transaction_date_time": times,
    "channel_id": names,
    "request_time_stamp": times,
    "version": st.sampled_from(["3.1", "1.0", ""]),
}
sales = st.builds(
    SaleRequest,
    **common,
    transaction_amount=st.integers(1, 999_999_999_999).map(str),
    merchant_reference_no=st.none() | said,
    auto_accept=st.none() | st.booleans(),
    payment_mode=st.sampled_from([None, "ALL", "CARD", "QR"]),
    display_info=lines,
    print_info=lines,
    callback_url=st.sampled_from([None, "https://shop.example/galla/edc?x=1&y=%7C"]),
)
statuses = st.builds(
    StatusRequest,
    **common,
    merchant_reference_no=st.none() | said,
    event=st.sampled_from([None, "VOID"]),
    path=st.sampled_from([STATUS.path, OLD_STATUS_PATH]),
)
voids = st.builds(VoidRequest, **common, path=st.sampled_from([VOID.path, "/ecr/void/request"]))

words = st.none() | st.text(st.characters(exclude_categories=("Cs", "Nd", "No")), min_size=1, max_size=30)
results = st.builds(
    ResultInfo,
    status=st.sampled_from(["SUCCESS", "FAIL", "PENDING", "ACCEPTED_SUCCESS"]),
    code=st.sampled_from("ASFP"),
    code_id=st.sampled_from(["", "0000", "0009", "0011", "0404", "7777"]),
    message=words.map(lambda text: text or ""),
)
answered: dict[str, Any] = {
    "merchant_transaction_id": st.none() | ids_,
    "paytm_mid": st.none() | names,
    "paytm_tid": st.none() | st.text("0123456789", min_size=1, max_size=8),
    "result": results,
}
status_replies = st.builds(
    StatusReply,
    **answered,
    **dict.fromkeys(
        [
            "merchant_reference_no",
            "issuing_bank_name",
            "bank_response_message",
            "acquiring_bank",
            "auth_code",
        ],
        words,
    ),
    transaction_date_time=st.none() | times,
    transaction_amount=st.none() | st.integers(1, 10**12 - 1).map(str),
    currency=st.sampled_from([None, "INR"]),
    acquirement_id=st.sampled_from([None, "20260105111212800110168000000000001"]),
    retrieval_reference_no=st.sampled_from([None, "600512345678"]),
    issuer_mask_card_no=st.sampled_from([None, "411111XXXXXX1234", "XXXX1234", "XXXX-XXXX-XXXX-1234"]),
    pay_method=st.sampled_from([None, "CREDIT_CARD", "DEBIT_CARD", "UPI"]),
    card_type=st.sampled_from([None, "CREDIT", "DEBIT"]),
    card_scheme=st.sampled_from([None, "VISA", "RUPAY"]),
    aid=st.sampled_from([None, "A0000000031010"]),
)


@given(sale=sales, answer=st.builds(SaleReply, **answered), is_signed=st.booleans())
def test_sale_conversation(sale: SaleRequest, answer: SaleReply, is_signed: bool) -> None:
    """Any sale is read as it was meant, and so is any answer to it."""
    request = sale.encode(KEY)
    assert sale == SaleRequest.parse(request, KEY) == SaleRequest.read(request)
    assert answer == sale.parse_reply(answer.encode(AT, key=KEY if is_signed else None), KEY)


@given(question=statuses, answer=status_replies)
def test_status_conversation(question: StatusRequest, answer: StatusReply) -> None:
    """Any question is read as it was meant, and so is any answer to it."""
    assert question == StatusRequest.parse(question.encode(KEY), KEY)
    assert answer == question.parse_reply(answer.encode(AT), KEY)


@given(void=voids, answer=st.builds(VoidReply, **answered))
def test_void_conversation(void: VoidRequest, answer: VoidReply) -> None:
    """Any void is read as it was meant, and so is any answer to it."""
    assert void == VoidRequest.parse(void.encode(KEY), KEY)
    assert answer == void.parse_reply(answer.encode(AT), KEY)


@given(sale=sales)
def test_official_library_verifies_a_sale(sale: SaleRequest) -> None:
    """Paytm's own library verifies what we send, over the scalars of what is really on the wire."""
    sent = envelope(sale.encode(KEY))
    scalars = {name: value for name, value in sent["body"].items() if isinstance(value, str)}
    assert PaytmChecksum.verifySignature(scalars, KEY_TEXT, sent["head"]["checksum"])


# What is written.


def test_sale_on_the_wire() -> None:
    """A sale is POSTed to Paytm's path with Paytm's names; modes are nested, what is not set is absent."""
    sale = replace(
        SALE, auto_accept=True, payment_mode="QR", merchant_reference_no="INV-42 ₹", display_info={"B": "4"}
    )
    request = sale.encode(KEY)
    assert (
        request.host, request.path, request.method, request.operation, request.paytm_id,
    ) == (Host.EDC, SALE_PATH, "POST", "sale", "CLINIC000001")  # fmt: skip
    sent = envelope(request)
    assert {"requestTimeStamp", "channelId", "checksum", "version"} == set(sent["head"])
    assert sent["body"] == {
        "paytmMid": "TESTMID0000000000001",
        "paytmTid": "12345678",
        "merchantTransactionId": "CLINIC000001",
        "transactionDateTime": "2026-01-05 10:20:30",
        "transactionAmount": "50000",
        "merchantReferenceNo": "INV-42 ₹",
        "merchantExtendedInfo": {"autoAccept": "True", "paymentMode": "QR"},
        "displayInfo": {"B": "4"},
    }


@pytest.mark.parametrize(("vector", "call"), [("T8", SALE), ("T8c", STATUS)])
def test_signed_text_is_the_vectors(vector: str, call: SaleRequest | StatusRequest) -> None:
    """The text we sign for a sale and for a status question is that of the vectors."""
    assert VECTORS[vector]["string"] == edc_text(call.body())
    assert VECTORS[vector]["signature"] == sign(edc_text(call.body()), KEY, VECTORS[vector]["salt"])


def test_control_characters_are_dropped() -> None:
    """A line break or half a character in a text reaches neither the machine nor the slip."""
    sale = replace(
        SALE,
        merchant_reference_no="A\n\x00B\ud800",
        display_info={"Bill\t": "4\x7f2"},
        print_info={"a": "\r"},
    )
    read = SaleRequest.parse(sale.encode(KEY), KEY)
    assert (
        read.merchant_reference_no,
        read.display_info,
        read.print_info,
    ) == ("AB", {"Bill": "42"}, {"a": ""})
    assert "merchantReferenceNo" not in replace(SALE, merchant_reference_no="\n").body()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("paytm_mid", ["", "M" * 21, "M|1", "M 1", "M\n", None, 5]),
        ("paytm_tid", ["", "123456789", "1234567A", "१२३", "1 2", None]),
        (
            "merchant_transaction_id",
            ["", "A" * 7, "A" * 33, "INV-000001", "INV 000001", "क" * 8, "A" * 8 + "\n"],
        ),
        ("transaction_amount", ["", "0", "000", "-1", "1.00", "1" * 13, "₹5", "१", " 5", "5\n", 50000, None]),
        ("transaction_date_time", ["", "2026-01-05", "2026-01-05T10:20:30", "05-01-2026 10:20:30"]),
        ("request_time_stamp", ["", "now"]),
        ("channel_id", ["", "E|C", "C" * 33]),
        ("version", ["3|1", "v" * 65]),
        ("merchant_reference_no", ["a|b", "null", "NULL", "A" * 33, 5]),
        ("payment_mode", ["all", "UPI", "CARD|QR"]),
        (
            "callback_url",
            ["shop.example", "ftp://shop.example", "https://a b", "https://a|b", "javascript:x"],
        ),
        ("display_info", [{"a|": "b"}, {"a": "b|"}, {"a": 5}, dict.fromkeys("abcd", "x"), ["a"]]),
        ("print_info", [{"a": "|"}, dict.fromkeys("abcd", "x")]),
    ],
)
def test_unsendable_field_is_named(name: str, values: list[Any]) -> None:
    """A field Paytm would refuse is refused before anything is signed or sent, and is named."""
    wire = name.split("_")[0] + "".join(part.capitalize() for part in name.split("_")[1:])
    for value in values:
        with pytest.raises(LocalProtocolError) as caught:
            replace(SALE, **{name: value}).encode(KEY)
        assert (caught.value.path or "").endswith(wire)
        assert caught.value.operation == "sale"
        assert "Nothing was sent" in str(caught.value)
