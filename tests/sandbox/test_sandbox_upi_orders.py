"""QRs, statuses and lists of orders: each code, and what a QR on the counter lives through."""

import base64
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from galla.clock import IST, ist_text
from galla.errors import ChecksumMismatch, IllegalTransition
from galla.protocol.checksum import raw_section, sign
from galla.protocol.link import parse_link
from galla.protocol.message import MerchantKey, Response, join_envelope
from galla.protocol.order import OrderListReply, OrderListRequest, OrderStatusRequest
from galla.sandbox import DEMO_MID
from tests.sandbox.online_pretend import ORDER, Shop, verdict
from tests.sandbox.pretend import KEY
from tests.sandbox.test_sandbox_upi import code


def test_a_qr_is_made_and_paid() -> None:
    """Until somebody scans it nobody has tried (331); then it is pending, and paid."""
    shop = Shop()
    qr = shop.qr()
    assert (verdict(qr), shop.says()) == ("SUCCESS QR_0001", "NO_RECORD_FOUND 331")
    assert qr.qr_data is not None
    link = parse_link(qr.qr_data)
    assert (link.amount_paise, link.tr) == (250_000, qr.qr_code_id)

    prompt = shop.sandbox.open_link(qr.qr_data)
    assert shop.says() == "PENDING 402"
    shop.tap(prompt, "approve", "pin_right")

    assert shop.says() == "TXN_SUCCESS 01"
    with pytest.raises(IllegalTransition, match="paid already"):
        shop.sandbox.open_link(qr.qr_data)


def test_a_qr_can_be_scanned_again_after_a_decline() -> None:
    """A failure of one scan is not the end of the QR: the next customer's scan pays it."""
    shop = Shop()
    text = shop.qr().qr_data or ""
    shop.tap(shop.sandbox.open_link(text), "decline")
    assert shop.says() == "TXN_FAILURE 227"

    shop.tap(shop.sandbox.open_link(text, vpa="neha@okhdfcbank"), "approve", "pin_right")

    status = shop.status()
    assert (verdict(status), status.masked_vpa) == ("TXN_SUCCESS 01", "ne***@okhdfcbank")


def test_the_same_qr_again_is_the_same_qr() -> None:
    """An identical repeat returns the first QR; another amount is DQR_0006; one of a web order QR_1021."""
    shop = Shop()
    first = shop.qr()

    assert first == shop.qr()
    assert verdict(shop.qr(amount="2500.01")) == "FAILURE DQR_0006"
    shop.initiate("ORD2")
    assert verdict(shop.qr("ORD2")) == "FAILURE QR_1021"


def test_a_qr_runs_out() -> None:
    """After its expiry it cannot be scanned, and nobody has tried to pay."""
    shop = Shop()
    text = shop.qr(expiry_date=ist_text(shop.now + timedelta(minutes=5))).qr_data or ""
    shop.sandbox.clock.advance(300)

    with pytest.raises(IllegalTransition, match="time to pay this is over"):
        shop.sandbox.open_link(text)
    assert shop.says() == "NO_RECORD_FOUND 331"


def test_a_qr_comes_as_a_picture_when_asked_for() -> None:
    """The image is a PNG in base64 without a prefix."""
    image = Shop().qr(image_required=True).image

    assert image is not None
    assert base64.b64decode(image, validate=True).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b'"clientId":"C11"', b'"client":"C11"', (400, "FAILURE GE_0003")),
        (b'"posId"', b'"pos"', (400, "FAILURE GE_0003")),
        (b'"amount":"2500.00"', b'"amount":"2500.0"', (200, "FAILURE QR_1005")),
        (b'"amount":"2500.00"', b'"sum":"2500.00"', (200, "FAILURE QR_1005")),
        (b"UPI_QR_CODE", b"QR_ORDER", (200, "FAILURE DQR_0021")),
        (DEMO_MID.encode(), b"NOBODY", (200, "FAILURE DQR_0002")),
        (b'"2026-01-05 13:00:00"', b'"tomorrow"', (200, "FAILURE QR_1007")),
        (b'"2026-01-05 13:00:00"', b'"2026-13-05 13:00:00"', (200, "FAILURE QR_1007")),
        (b'"2026-01-05 13:00:00"', b'"2026-01-05 11:00:00"', (200, "FAILURE QR_1018")),
        (b'"COUNTER2"', b'"COUNTER3"', (200, "FAILURE GE_1043")),
    ],
)
def test_what_is_wrong_with_a_qr_has_its_code(old: bytes, new: bytes, expected: tuple[int, str]) -> None:
    """Each fault is answered with Paytm's code; without client or counter it is HTTP 400."""
    shop = Shop()
    request = shop.qr_request(expiry_date="2026-01-05 13:00:00").encode(KEY)
    body = request.body.replace(old, new)
    if b"COUNTER3" not in new:
        body = _signed_again(body)

    response = shop.sandbox.handle(replace(request, body=body))

    assert expected == (response.status, code(response))


def _signed_again(data: bytes) -> bytes:
    head = msgspec.json.decode(data)["head"]
    body = raw_section(data, "body") or b""
    return join_envelope(msgspec.json.encode(head | {"signature": sign(body.decode(), KEY)}), body)


@pytest.mark.parametrize(
    ("mid", "order_id", "key", "expected"),
    [
        (DEMO_MID, "NEVERMADE", KEY, "NO_RECORD_FOUND 331"),
        (DEMO_MID, "NEVER MADE", KEY, "TXN_FAILURE 334"),
        ("NOBODY", ORDER, KEY, "TXN_FAILURE 335"),
        (DEMO_MID, ORDER, MerchantKey("another_key_here"), "TXN_FAILURE 330"),
    ],
)
def test_what_is_wrong_with_a_question_has_its_code(
    mid: str, order_id: str, key: MerchantKey, expected: str
) -> None:
    """An unknown order, a bad order id, a bad MID and a bad signature are told apart."""
    shop = Shop()
    request = OrderStatusRequest(mid=mid, order_id=order_id.replace(" ", "_")).encode(key)
    body = (
        _signed_again(request.body.replace(b"NEVER_MADE", b"NEVER MADE")) if " " in order_id else request.body
    )

    assert expected == code(shop.sandbox.handle(replace(request, body=body)))


def test_a_question_without_an_order_is_334() -> None:
    """The order id must be there."""
    shop = Shop()
    request = shop.status_request()

    response = shop.sandbox.handle(
        replace(request, body=_signed_again(request.body.replace(b"orderId", b"order")))
    )

    assert code(response) == "TXN_FAILURE 334"


def test_the_old_path_of_the_status_answers_too() -> None:
    """`getPaymentStatus` is the same question under an older name."""
    shop = Shop()
    shop.pay()
    old = replace(shop.status_request(), path="/merchant-status/api/v1/getPaymentStatus")

    assert code(shop.sandbox.handle(old)) == "TXN_SUCCESS 01"


def test_answers_are_signed_over_their_exact_text() -> None:
    """A changed character in a signed answer is found out."""
    shop = Shop()
    shop.pay()
    response = shop.sandbox.handle(shop.status_request())
    question = OrderStatusRequest(mid=DEMO_MID, order_id=ORDER)
    assert question.parse_reply(response, KEY).amount_paise == 250_000

    changed = Response(status=200, body=response.body.replace(b"2500.00", b"2500.01"))
    with pytest.raises(ChecksumMismatch):
        question.parse_reply(changed, KEY)


def listed(shop: Shop, **fields: object) -> tuple[str, ...]:
    day = shop.now.astimezone(IST)
    values: dict[str, object] = {
        "mid": DEMO_MID,
        "from_date": f"{day:%Y-%m-%d}T00:00:00+05:30",
        "to_date": f"{day:%Y-%m-%d}T23:59:59+05:30",
    }
    request = OrderListRequest(**(values | fields))  # type: ignore[arg-type]
    reply = request.parse_reply(shop.sandbox.handle(request.encode(KEY)), KEY)
    assert verdict(reply) == "SUCCESS 1001"
    return tuple(
        f"{line.merchant_order_id} {line.order_search_status} {line.amount}" for line in reply.orders
    )


def test_orders_and_refunds_are_listed() -> None:
    """The list has what was tried, newest first, by kind, state, order and page."""
    shop = Shop()
    shop.initiate("UNTRIED")
    for number, end in enumerate(("pay", "decline"), 1):
        prompt = shop.sandbox.open_link(shop.link(f"ORD{number}", f"{number}.00"))
        shop.tap(prompt, *(("approve", "pin_right") if end == "pay" else ("decline",)))
        shop.sandbox.clock.advance(60)
    shop.refund("R1", "1.00", "ORD1")

    assert listed(shop) == ("ORD2 FAILURE 2.00", "ORD1 SUCCESS 1.00")
    assert listed(shop, order_search_type=("REFUND",)) == ("ORD1 PENDING 1.00",)
    assert len(listed(shop, order_search_type=("ALL",))) == 3
    assert listed(shop, order_search_status="SUCCESS") == ("ORD1 SUCCESS 1.00",)
    assert listed(shop, merchant_order_id="ORD2") == ("ORD2 FAILURE 2.00",)
    assert listed(shop, page_size="1", page_number="2") == ("ORD1 SUCCESS 1.00",)
    assert listed(shop, from_date="2026-01-06T00:00:00+05:30", to_date="2026-01-06T23:59:59+05:30") == ()


def test_a_list_needs_a_right_signature() -> None:
    """Another key is 4001, unsigned."""
    shop = Shop()
    request = OrderListRequest(
        mid=DEMO_MID, from_date="2026-01-05T00:00:00+05:30", to_date="2026-01-05T23:59:59+05:30"
    ).encode(MerchantKey("another_key_here"))

    assert verdict(OrderListReply.parse(shop.sandbox.handle(request), KEY)) == "FAILURE 4001"
