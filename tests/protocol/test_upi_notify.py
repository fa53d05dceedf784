"""What Paytm tells us of its own accord: read strictly, believed only when signed, and never more than a hint."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paytmchecksum import PaytmChecksum

from galla.errors import ChecksumMismatch, LocalProtocolError, RemoteProtocolError
from galla.protocol.checksum import edc_text, joined, sign, verify
from galla.protocol.codes import Kind
from galla.protocol.edc import ResultInfo, StatusReply
from galla.protocol.form import Posted, check_form, read_form
from galla.protocol.notify import (
    EdcNotice,
    PaymentNotice,
    RefundEvent,
    RefundNotice,
    read_notice,
)
from galla.protocol.refund import RefundDetail
from tests.protocol.upi_samples import KEY, KEY_TEXT, MID, OTHER_KEY, TXN_ID, VECTORS

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
PAID: dict[str, str] = {
    "BANKNAME": "",
    "BANKTXNID": "600512345678",
    "CURRENCY": "INR",
    "GATEWAYNAME": "PPBEX",
    "MID": MID,
    "ORDERID": "ORD1",
    "PAYMENTMODE": "UPI",
    "RESPCODE": "01",
    "RESPMSG": "Txn Success",
    "STATUS": "TXN_SUCCESS",
    "TXNAMOUNT": "1.00",
    "TXNDATE": "2026-01-05 10:20:30.0",
    "TXNID": TXN_ID,
}
"""The fields of a browser callback, as Paytm's page lists them."""

NOTICE = PaymentNotice(
    mid=MID, order_id="ORD1", status="TXN_SUCCESS", resp_code="01", resp_msg="Txn Success", txn_amount="1.00",
    txn_id=TXN_ID, bank_txn_id="600512345678", currency="INR", gateway_name="PPBEX", payment_mode="UPI",
    txn_date="2026-01-05 10:20:30.0",
)  # fmt: skip
REFUND = {
    "mid": MID,
    "orderId": "ORD1",
    "txnId": TXN_ID,
    "refId": "REF1",
    "refundId": "20260105R",
    "txnAmount": "1.00",
    "refundAmount": "0.50",
}


def form(fields: dict[str, str], key: Any = KEY) -> bytes:
    """A form as a browser posts it, signed by our own code."""
    signed = fields if key is None else {**fields, "CHECKSUMHASH": sign(joined(fields), key)}
    return urlencode(signed).encode()


def posted(body: dict[str, Any], key: Any = KEY, **head: object) -> bytes:
    """A JSON notice, signed over the exact text of its body."""
    text = json.dumps(body)
    top = {**head} if key is None else {**head, "signature": sign(text, key)}
    return f'{{"head": {json.dumps(top)}, "body": {text}}}'.encode()


words = st.none() | st.text(
    st.characters(exclude_categories=("Cs", "Nd", "No"), exclude_characters="|"), min_size=1, max_size=20
).filter(lambda text: text.lower() != "null")
rupees = st.none() | st.integers(0, 10**12 - 1).map(lambda paise: f"{paise // 100}.{paise % 100:02d}")
payments = st.builds(
    PaymentNotice,
    mid=st.just(MID),
    order_id=st.text("ABCxyz09@-_.", min_size=1, max_size=50),
    status=st.sampled_from(["TXN_FAILURE", "PENDING"]),
    resp_code=st.sampled_from([None, "01", "227", "141"]),
    resp_msg=words,
    txn_amount=rupees,
    bank_name=words,
    payment_mode=words,
    currency=st.sampled_from([None, "INR"]),
    cust_id=words,
    merc_unq_ref=words,
)
refunds: dict[str, Any] = {
    "mid": st.just(MID),
    "order_id": st.text("ABCxyz09@-_.", min_size=1, max_size=50),
    "ref_id": st.text("ABCxyz09-_", min_size=1, max_size=50),
    "refund_id": words,
    "refund_amount": rupees,
}


# The two sides, connected.


@settings(deadline=None)
@given(notice=payments)
def test_any_payment_notice_is_read_as_it_was_meant(notice: PaymentNotice) -> None:
    """What the pretend Paytm posts, as form or as JSON, is what we read."""
    for sent in (notice.encode_form(KEY), notice.encode_json(KEY)):
        assert notice == read_notice(sent.body, sent.content_type, KEY)


@settings(deadline=None)
@given(notice=payments)
def test_official_library_verifies_a_form(notice: PaymentNotice) -> None:
    """Paytm's own library finds the form's signature right over the fields that arrive."""
    fields = dict(
        parse_qsl(notice.encode_form(KEY).body.decode(), keep_blank_values=True, strict_parsing=True)
    )
    signature = fields.pop("CHECKSUMHASH")
    assert PaytmChecksum.verifySignature(fields, KEY_TEXT, signature)


@settings(deadline=None)
@given(
    rejected=st.builds(
        RefundNotice,
        **refunds,
        status=st.sampled_from(["SUCCESS", "FAILED"]),
        reject_refund_reason_message=words,
    ),
    done=st.builds(
        RefundNotice,
        **refunds,
        total_refund_amount=rupees,
        refund_detail_info_list=st.lists(
            st.builds(RefundDetail, rrn=words, masked_vpa=st.sampled_from([None, "ne***@okbank"])), max_size=2
        ).map(tuple),
    ),
    arn=st.builds(RefundNotice, **refunds, arn=st.just("7412"), rrn=st.just("600512345679")),
)
def test_any_refund_notice_is_read_as_it_was_meant(
    rejected: RefundNotice, done: RefundNotice, arn: RefundNotice
) -> None:
    """Accepted or rejected, done, and the bank's reference: each is told from the others."""
    for notice, event in ((rejected, RefundEvent.ACCEPTED), (done, RefundEvent.DONE), (arn, RefundEvent.ARN)):
        sent = arn.encode_form(KEY) if notice is arn else notice.encode_json(KEY)
        read = read_notice(sent.body, sent.content_type, KEY)
        assert notice == read
        assert isinstance(read, RefundNotice)
        assert event is read.event


# Paytm's own.


def test_the_documented_callback_is_read() -> None:
    """The callback of vector T15, with the signature from outside, is read field by field."""
    vector = VECTORS["T15"]
    assert vector["string"] == joined(PAID)
    body = urlencode({**PAID, "CHECKSUMHASH": vector["signature"]}).encode()
    read = read_notice(body, FORM, KEY)
    assert read == NOTICE
    assert isinstance(read, PaymentNotice)
    assert (read.kind, read.amount_paise, read.seen_as) == (Kind.SUCCESS, 100, ("ORD1", "TXN_SUCCESS"))


def test_null_and_empty_fields_count_as_empty() -> None:
    """Vector T7: nothing, the word null in any case, and an empty text sign alike."""
    vector = VECTORS["T7"]
    assert vector["string"] == joined(vector["params"])
    assert verify(joined(vector["params"]), vector["signature"], KEY)
    read = read_notice(form({**PAID, "BANKNAME": "null", "GATEWAYNAME": "NULL"}), FORM, KEY)
    assert isinstance(read, PaymentNotice)
    assert read.bank_name is None


def test_a_form_signed_by_the_official_library_is_read() -> None:
    """Paytm's own library signs a form, fields unknown to us included, and we believe it and list them."""
    fields = {**PAID, "PROMO_CAMP_ID": "X", "zNew": "1", "A new one": "2"}
    signature = PaytmChecksum.generateSignature(fields, KEY_TEXT)
    read = read_notice(urlencode({**fields, "CHECKSUMHASH": signature}).encode(), FORM, KEY)
    assert read.__struct_fields__
    assert isinstance(read, PaymentNotice)
    assert read.unknown == ("(other)", "zNew")


@pytest.mark.parametrize("salt", ["a+/9", "++++", "//++"])
def test_a_plus_that_became_a_space_is_put_back(salt: str) -> None:
    """A signature posted without escaping arrives with spaces for pluses; it is repaired, nothing else is."""
    signature = sign(joined(PAID), KEY, salt)
    body = urlencode(PAID) + f"&CHECKSUMHASH={signature}"
    assert read_notice(body.encode(), FORM, KEY) == NOTICE
    assert read_form(b"A=1+2")["A"] == "1 2"


def test_early_failures_carry_few_fields() -> None:
    """A payment that failed before it began is told with a subset of the fields."""
    fields = {
        "MID": MID,
        "ORDERID": "ORD1",
        "STATUS": "TXN_FAILURE",
        "RESPCODE": "141",
        "RESPMSG": "Cancelled",
    }
    read = read_notice(form(fields), FORM, KEY)
    assert isinstance(read, PaymentNotice)
    assert (read.kind, read.txn_amount) == (Kind.DECLINED, None)


def test_content_type_may_have_parameters() -> None:
    """The type is read in any letter case, with or without a character set."""
    assert read_notice(form(PAID), "Application/X-WWW-Form-URLencoded; charset=UTF-8", KEY) == NOTICE
    sent = NOTICE.encode_json(KEY)
    assert read_notice(sent.body, "application/json;charset=utf-8", KEY) == NOTICE


def test_documented_refund_notices_are_read() -> None:
    """Accept, reject and success as on Paytm's pages; a rejected refund leaves the payment standing."""
    told = [read_notice(posted(body), JSON, KEY) for body in (
        {**REFUND, "status": "SUCCESS"},
        {**REFUND, "status": "FAILED", "rejectRefundReasonCode": "R1", "rejectRefundReasonMessage": "No balance"},
        {**REFUND, "totalRefundAmount": "0.50", "refundDetailInfoList": [{"maskedVpa": "neha@ybl"}]},
    )]  # fmt: skip
    assert [notice.kind for notice in told] == [Kind.ACCEPTED, Kind.VOID_FAILED, Kind.SUCCESS]
    assert [notice.seen_as for notice in told] == [("REF1", "SUCCESS"), ("REF1", "FAILED"), ("REF1", "done")]
    assert "neha@" not in repr(told[2])


def test_payment_webhook_may_be_json() -> None:
    """The JSON shape that some pages show is read as the form is."""
    body = {
        "mid": MID,
        "orderId": "ORD1",
        "status": "PENDING",
        "respCode": "402",
        "txnAmount": "1.00",
        "new": 1,
    }
    read = read_notice(posted(body, version="v1"), JSON, KEY)
    assert isinstance(read, PaymentNotice)
    assert (read.kind, read.unknown) == (Kind.PENDING, ("new",))


SALE = StatusReply(
    merchant_transaction_id="CLINIC000001",
    paytm_mid=MID,
    transaction_amount="50000",
    result=ResultInfo(status="SUCCESS", code="S", code_id="0000", message="Paid"),
)


def test_card_machine_callback_is_read() -> None:
    """A card machine's callback, signed over its scalar fields, carries the whole status."""
    notice = EdcNotice(merchant_transaction_id="CLINIC000001", paytm_mid=MID, reply=SALE)
    sent = notice.encode_json(KEY, "2026-01-05 10:20:31")
    assert notice == read_notice(sent.body, sent.content_type, KEY)
    assert (notice.kind, notice.seen_as) == (Kind.SUCCESS, ("CLINIC000001", "0000"))


def test_lean_callback_names_only_the_sale() -> None:
    """The short shape of a sound box, in rupees and without a result, is a reason to ask and nothing more."""
    body = {
        "orderId": "CLINIC000001",
        "txnId": "T1",
        "txnAmount": "500.00",
        "status": "SUCCESS",
        "respCode": "01",
    }
    data = json.dumps({"head": {"checksum": sign(edc_text(body), KEY)}, "body": body}).encode()
    read = read_notice(data, JSON, KEY)
    assert read == EdcNotice(merchant_transaction_id="CLINIC000001")
    assert read.kind is None
    lean = EdcNotice(merchant_transaction_id="CLINIC000001", paytm_mid=MID)
    sent = lean.encode_json(KEY, "2026-01-05 10:20:31")
    assert lean == read_notice(sent.body, sent.content_type, KEY)


# What is refused.

SIGNATURE = sign(joined(PAID), KEY)
EDC = json.loads(EdcNotice(merchant_transaction_id="CLINIC000001", reply=SALE).encode_json(KEY, "x").body)
DOUBLE = f'{{"head":{{"signature":"{sign("{}", KEY)}"}},"body":{{}},"body":{json.dumps(REFUND)}}}'
UNBELIEVED: dict[str, tuple[str, bytes]] = {
    "no signature": (FORM, form(PAID, None)),
    "empty signature": (FORM, form({**PAID, "CHECKSUMHASH": ""}, None)),
    "another key": (FORM, form(PAID, OTHER_KEY)),
    "signature cut": (FORM, form({**PAID, "CHECKSUMHASH": SIGNATURE[:-1]}, None)),
    "signature twice as long": (FORM, form({**PAID, "CHECKSUMHASH": SIGNATURE * 2}, None)),
    "amount changed": (FORM, form({**PAID, "TXNAMOUNT": "9.00", "CHECKSUMHASH": SIGNATURE}, None)),
    "order changed": (FORM, form({**PAID, "ORDERID": "ORD2", "CHECKSUMHASH": SIGNATURE}, None)),
    "field added": (FORM, form({**PAID, "EXTRA": "1", "CHECKSUMHASH": SIGNATURE}, None)),
    "field left out": (
        FORM,
        form({**{n: v for n, v in PAID.items() if n != "RESPMSG"}, "CHECKSUMHASH": SIGNATURE}, None),
    ),
    "signature under another name": (FORM, form({**PAID, "checksumhash": SIGNATURE}, None)),
    "JSON called a form": (FORM, posted(REFUND)),
    "JSON without signature": (JSON, posted(REFUND, None)),
    "JSON with another key": (JSON, posted(REFUND, OTHER_KEY)),
    "JSON written again": (JSON, posted(REFUND).replace(b'": "REF1"', b'":"REF1"')),
    "JSON amount changed": (JSON, posted(REFUND).replace(b'"0.50"', b'"9.50"')),
    "JSON signature is a number": (JSON, posted(REFUND, None, signature=5)),
    "JSON signature over the whole": (
        JSON,
        posted(REFUND, None, signature=sign(json.dumps(REFUND)[1:], KEY)),
    ),
    "JSON body twice": (JSON, DOUBLE.encode()),
    "JSON without a head": (JSON, json.dumps({"body": REFUND}).encode()),
    "machine's amount changed": (
        JSON,
        json.dumps({**EDC, "body": {**EDC["body"], "transactionAmount": "1"}}).encode(),
    ),
    "machine's value with a pipe": (
        JSON,
        json.dumps({**EDC, "body": {**EDC["body"], "authCode": "a|b"}}).encode(),
    ),
}


@pytest.mark.parametrize("case", UNBELIEVED)
def test_what_is_not_signed_by_the_key_is_not_used(case: str) -> None:
    """A missing, foreign or misfitting signature is a `ChecksumMismatch` that shows neither key nor signature."""
    content_type, body = UNBELIEVED[case]
    with pytest.raises(ChecksumMismatch) as caught:
        read_notice(body, content_type, KEY)
    assert caught.value.operation == "notice"
    assert KEY_TEXT not in str(caught.value)
    assert SIGNATURE not in str(caught.value)


def without(*names: str, **changes: str) -> bytes:
    """The documented callback less some fields, with others changed, signed as it then is."""
    return form({**{name: value for name, value in PAID.items() if name not in names}, **changes})


MALFORMED: dict[str, tuple[str, bytes]] = {
    "empty": (FORM, b""),
    "no pairs": (FORM, b"hello"),
    "only separators": (FORM, b"&&&"),
    "a part without a value": (FORM, form(PAID) + b"&X"),
    "a part without a name": (FORM, form(PAID) + b"&=1"),
    "a separator at the end": (FORM, form(PAID) + b"&"),
    "amount twice": (FORM, b"TXNAMOUNT=9.00&" + form(PAID)),
    "amount twice, the name escaped": (FORM, form(PAID) + b"&TXN%41MOUNT=9.00"),
    "signature twice": (FORM, form(PAID) + b"&CHECKSUMHASH=" + quote(SIGNATURE).encode()),
    "a pipe in a value": (FORM, without(RESPMSG="a|b")),
    "a pipe in a field we do not know": (FORM, without(OTHER="|")),
    "values split by a pipe": (FORM, without("TXNID", TXNDATE="2026-01-05 10:20:30.0|" + TXN_ID)),
    "a broken escape": (FORM, form(PAID).replace(b"ORD1", b"ORD%1")),
    "an escape that is no UTF-8": (FORM, form(PAID).replace(b"ORD1", b"ORD%FF")),
    "raw UTF-8": (FORM, form(PAID).replace(b"ORD1", "ORDé".encode())),
    "raw bytes": (FORM, b"\xff\xfe=\x00"),
    "5 MB": (FORM, form(PAID) + b"&X=" + b"y" * 5_000_000),
    "one byte too many": (FORM, b"A=" + b"y" * 65_535),
    "10,000 fields": (FORM, "&".join(f"a{n}=1" for n in range(10_000)).encode()),
    "no order": (FORM, without("ORDERID")),
    "renamed order": (FORM, without("ORDERID", ORDERI="ORD1")),
    "order in lower case": (FORM, without("ORDERID", orderid="ORD1")),
    "renamed status": (FORM, without("STATUS", STATUT="TXN_SUCCESS")),
    "renamed amount": (FORM, without("TXNAMOUNT", TXNAMOUNU="1.00")),
    "no MID": (FORM, without("MID")),
    "order with a slash": (FORM, without(ORDERID="../1")),
    "amount in words": (FORM, without(TXNAMOUNT="one")),
    "amount with three decimals": (FORM, without(TXNAMOUNT="1.005")),
    "amount in Hindi digits": (FORM, without(TXNAMOUNT="१.००")),
    "another currency": (FORM, without(CURRENCY="USD")),
    "status of two words": (FORM, without(STATUS="TXN SUCCESS")),
    "refund without a reference": (
        FORM,
        form({"MID": MID, "ORDERID": "ORD1", "REFID": "", "ARN": "1"}),
    ),
    "a form called JSON": (JSON, form(PAID)),
    "no type": ("", form(PAID)),
    "plain text": ("text/plain", form(PAID)),
    "multipart": ("multipart/form-data; boundary=x", form(PAID)),
    "JSON null": (JSON, b"null"),
    "JSON list": (JSON, b"[]"),
    "JSON cut off": (JSON, posted(REFUND)[:-5]),
    "JSON twice": (JSON, posted(REFUND) * 2),
    "JSON 5 MB": (JSON, b" " * 5_000_000 + posted(REFUND)),
    "JSON nested deep": (JSON, b'{"body":' * 8000),
    "JSON without order": (
        JSON,
        posted({name: value for name, value in REFUND.items() if name != "orderId"}),
    ),
    "JSON order of the wrong sort": (JSON, posted({**REFUND, "orderId": {"x": 1}})),
    "JSON reference of the wrong sort": (JSON, posted({**REFUND, "refId": None})),
    "JSON payment without status": (JSON, posted({"mid": MID, "orderId": "ORD1"})),
    "JSON success without amount": (JSON, posted({"mid": MID, "orderId": "ORD1", "status": "TXN_SUCCESS"})),
    "JSON amount is an object": (
        JSON,
        posted({"mid": MID, "orderId": "ORD1", "status": "TXN_SUCCESS", "txnAmount": {"value": "1.00"}}),
    ),
    "JSON amount is wrong": (JSON, posted({**REFUND, "refundAmount": "0.5x"})),
    "something else, signed": (JSON, posted({"downtime": "UPI"})),
    "machine without a sale": (
        JSON,
        json.dumps({"head": {"checksum": sign("1", KEY)}, "body": {"a": "1"}}).encode(),
    ),
    "machine's result without a verdict": (
        JSON,
        json.dumps({**EDC, "body": {**EDC["body"], "resultInfo": {"resultMsg": "x"}}}).encode(),
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_cannot_be_read_without_guessing_is_refused(case: str) -> None:
    """Renamed, doubled, split, endless or foreign fields are a `RemoteProtocolError` that says where."""
    content_type, body = MALFORMED[case]
    with pytest.raises(RemoteProtocolError) as caught:
        read_notice(body, content_type, KEY)
    assert not isinstance(caught.value, ChecksumMismatch)
    assert caught.value.operation in ("notice", "status")
    assert len(str(caught.value)) < 300


def test_every_cut_of_a_notice_is_refused() -> None:
    """Wherever the connection broke off, what arrived is not a notice."""
    for whole, content_type in ((form(PAID), FORM), (posted(REFUND), JSON)):
        for length in range(len(whole)):
            with pytest.raises(RemoteProtocolError):
                read_notice(whole[:length], content_type, KEY)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 600), data=st.binary(max_size=60), length=st.integers(0, 60), is_form=st.booleans())
def test_damaged_bytes_never_pass(at: int, data: bytes, length: int, is_form: bool) -> None:
    """A notice of which any stretch was overwritten is the same notice, or refused with one of two errors."""
    whole, content_type = (form(PAID), FORM) if is_form else (posted(REFUND), JSON)
    try:
        read = read_notice(whole[:at] + data + whole[at + length :], content_type, KEY)
    except RemoteProtocolError:
        return
    assert read.seen_as in (("ORD1", "TXN_SUCCESS"), ("REF1", "done"))


@settings(deadline=None)
@given(body=st.binary(max_size=200), content_type=st.sampled_from([FORM, JSON]) | st.text(max_size=20))
def test_no_bytes_surprise(body: bytes, content_type: str) -> None:
    """Whatever is posted, the only errors are the two."""
    with pytest.raises(RemoteProtocolError):
        read_notice(body, content_type, KEY)


@settings(deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["mid", "orderId", "refId", "status", "resultInfo", "refundDetailInfoList", "x"]), inner
        ),
        max_leaves=8,
    )
)  # fmt: skip
def test_strange_json_that_is_signed_never_surprises(body: Any) -> None:
    """JSON of any shape, signed by the key, is a notice or one of the two errors."""
    text = json.dumps(body)
    scalars = joined(body) if isinstance(body, dict) else ""
    heads = ({"signature": sign(text, KEY)}, {"checksum": sign(scalars, KEY)})
    for head in heads:
        try:
            read_notice(f'{{"head":{json.dumps(head)},"body":{text}}}'.encode(), JSON, KEY)
        except RemoteProtocolError:
            continue


def test_a_form_is_checked_over_every_field() -> None:
    """What was read is what was signed: the check leaves out the signature and nothing else."""
    fields = read_form(form({**PAID, "Z": "1"}))
    check_form(fields, KEY)
    with pytest.raises(ChecksumMismatch):
        check_form({**fields, "Z": "2"}, KEY)


def test_the_sending_side_refuses_a_pipe_too() -> None:
    """The pretend Paytm cannot post what could be read in two ways."""
    with pytest.raises(LocalProtocolError):
        PaymentNotice(mid=MID, order_id="ORD1", status="PENDING", resp_msg="a|b").encode_form(KEY)


def test_the_sending_side_may_misbehave() -> None:
    """A form can be posted unsigned or with further fields, to rehearse both."""
    assert NOTICE.encode_form(None).body.count(b"CHECKSUMHASH") == 0
    sent = NOTICE.encode_form(KEY, extras={"SOMETHING": "new"})
    assert isinstance(sent, Posted)
    read = read_notice(sent.body, sent.content_type, KEY)
    assert isinstance(read, PaymentNotice)
    assert read.unknown == ("SOMETHING",)
