"""Orders, links and collect requests: each code of the online front desk, in the order Paytm checks."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from galla.errors import IllegalTransition
from galla.protocol.checksum import sign
from galla.protocol.codes import Kind
from galla.protocol.link import parse_link
from galla.protocol.message import MerchantKey, Request, Response, join_envelope
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.theia import OptionsReply, OptionsRequest
from galla.protocol.vpa import VpaReply, VpaRequest
from galla.sandbox import DEMO_MID
from galla.sandbox.control import whole_state
from tests.sandbox.online_pretend import ORDER, Shop, verdict
from tests.sandbox.pretend import KEY


def code(response: Response) -> str:
    info = msgspec.json.decode(response.body)["body"]["resultInfo"]
    return f"{info['resultStatus']} {info['resultCode']}"


def resigned(request: Request, **changes: Any) -> Request:
    """Return an order with fields of its body changed, signed as if it had been made so."""
    envelope = msgspec.json.decode(request.body)
    body = {name: value for name, value in (envelope["body"] | changes).items() if value is not None}
    text = msgspec.json.encode(body)
    head = envelope["head"] | {"signature": sign(text.decode(), KEY)}
    return replace(request, body=join_envelope(msgspec.json.encode(head), text))


def test_an_order_gets_a_token() -> None:
    """A new order is accepted with a token and a signature, and nobody has paid it."""
    shop = Shop()

    reply = shop.initiate()

    assert (verdict(reply), reply.kind) == ("S 0000", Kind.ACCEPTED)
    assert reply.txn_token is not None
    assert len(reply.txn_token.reveal()) == 45
    assert shop.says() == "NO_RECORD_FOUND 331"


def test_the_same_order_again_gets_the_same_token() -> None:
    """A repeat is 0002 with the token it had; after 15 minutes with a new one."""
    shop = Shop()
    first = shop.initiate().txn_token

    again = shop.initiate()
    assert ("S 0002", first) == (verdict(again), again.txn_token)

    shop.sandbox.clock.advance(901)
    later = shop.initiate()
    assert verdict(later) == "S 0002"
    assert later.txn_token != first


def test_a_changed_or_paid_order_is_inconsistent() -> None:
    """The same id with another amount is 2023, and so is any repeat once it is paid."""
    shop = Shop()
    shop.pay()

    assert verdict(shop.initiate(amount="2500.01")) == "F 2023"
    assert verdict(shop.initiate()) == "F 2023"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"mid": "SOMEBODYELSE00000000"}, "F 2013"),
        ({"orderId": "ORD2"}, "F 2014"),
        ({"websiteName": None}, "F 1007"),
        ({"txnAmount": None}, "F 1007"),
        ({"userInfo": {"custId": "C1", "firstName": "A|B"}}, "F 1008"),
        ({"txnAmount": {"value": "1.5", "currency": "INR"}}, "F 2007"),
        ({"txnAmount": {"value": "0.00", "currency": "INR"}}, "F 2007"),
        ({"txnAmount": {"value": "1.00", "currency": "USD"}}, "F 2007"),
        ({"userInfo": {"custId": "C 1"}}, "F 1001"),
        ({"txnAmount": {"value": "100000.01", "currency": "INR"}}, "F 196"),
    ],
)
def test_what_is_wrong_with_an_order_has_its_code(change: dict[str, Any], expected: str) -> None:
    """Each fault of a signed order is answered with Paytm's code for it, and makes nothing."""
    shop = Shop()

    assert expected == code(shop.sandbox.handle(resigned(shop.order().encode(KEY), **change)))
    assert shop.sandbox.orders == {}


def test_the_checks_come_in_paytm_s_order() -> None:
    """A missing field is told before a bad signature, and that before a bad amount."""
    shop = Shop()
    stranger = MerchantKey("another_key_here")
    request = shop.order().encode(stranger)
    assert code(shop.sandbox.handle(request)) == "F 2005"

    bad_amount = replace(request, body=request.body.replace(b"2500.00", b"2500.0"))
    assert code(shop.sandbox.handle(bad_amount)) == "F 2005"
    unnamed = replace(request, body=request.body.replace(b"websiteName", b"web"))
    assert code(shop.sandbox.handle(unnamed)) == "F 1007"


def test_what_is_not_json_is_a_bad_request() -> None:
    """A body that cannot be read is HTTP 400."""
    shop = Shop()

    assert shop.sandbox.handle(replace(shop.order().encode(KEY), body=b"{")).status == 400


def test_an_unknown_path_under_theia_is_a_page() -> None:
    """The gateway answers unknown paths in JSON, and with a page where Paytm does."""
    shop = Shop()
    request = shop.order().encode(KEY)

    page = shop.sandbox.handle(replace(request, path="/theia/api/v9/nothing"))
    assert (page.status, page.headers["content-type"]) == (404, "text/html")
    assert b"SVE-003" in shop.sandbox.handle(replace(request, path="/nothing")).body


def test_a_link_says_whom_and_how_much() -> None:
    """The deep link names a payee that does not exist, the shop, Paytm's id, and the exact amount."""
    shop = Shop()
    reply = shop.process(shop.initiate().txn_token)
    info = reply.deep_link_info

    assert (verdict(reply), reply.kind) == ("S 0000", Kind.ACCEPTED)
    assert info is not None
    link = parse_link(info.deep_link)
    assert (link.pa, link.pn, link.amount_paise) == ("pretend@sandbox", "Sandbox Skin Clinic", 250_000)
    assert link.tr == info.trans_id
    assert shop.says() == "PENDING 402"


def test_an_order_is_paid_by_its_link() -> None:
    """Opened, approved and with the right PIN the status is 01, with all that a proof needs."""
    shop = Shop()

    prompt = shop.pay()

    status = shop.status()
    assert (verdict(status), status.kind) == ("TXN_SUCCESS 01", Kind.SUCCESS)
    assert (DEMO_MID, ORDER, prompt.id) == (status.mid, status.order_id, status.txn_id)
    assert (status.amount_paise, status.payment_mode, status.refund_amt) == (250_000, "UPI", "0.00")
    assert status.bank_txn_id is not None
    assert len(status.bank_txn_id) == 12
    assert status.masked_vpa == "ra***@oksbi"


def test_a_token_belongs_to_its_order_and_to_its_time() -> None:
    """Another order's token, an invented one and an old one are 1006."""
    shop = Shop()
    token = shop.initiate().txn_token
    other = shop.initiate("ORD2").txn_token

    assert verdict(shop.process(other)) == "F 1006"
    assert verdict(shop.process(TxnToken("f" * 45))) == "F 1006"
    shop.sandbox.clock.advance(900)
    assert verdict(shop.process(token)) == "F 1006"


def test_one_try_at_a_time_and_three_in_all() -> None:
    """A second try while one is open is 1005; after three failed ones 372; after payment 1005."""
    shop = Shop()
    token = shop.initiate().txn_token
    for _ in range(3):
        reply = shop.process(token)
        assert reply.deep_link_info is not None
        assert verdict(shop.process(token)) == "F 1005"
        shop.tap(shop.sandbox.open_link(reply.deep_link_info.deep_link), "decline")
        assert shop.says() == "TXN_FAILURE 227"

    assert verdict(shop.process(token)) == "F 372"
    shop.pay("ORD2")
    paid = shop.sandbox.orders[DEMO_MID, "ORD2"].token
    assert verdict(shop.process(TxnToken(paid or ""), "ORD2")) == "F 1005"


def test_a_link_nobody_opens_runs_out() -> None:
    """After its time the order has failed, and the link opens no more."""
    shop = Shop()
    link = shop.link()
    shop.sandbox.clock.advance(899)
    assert shop.says() == "PENDING 402"

    shop.sandbox.clock.advance(1)

    assert shop.says() == "TXN_FAILURE 810"
    with pytest.raises(IllegalTransition, match="time to pay this is over"):
        shop.sandbox.open_link(link)


def test_collect_is_refused_by_default() -> None:
    """Without leave, asking a UPI id is refused with a code and a sentence, and nothing is tried."""
    shop = Shop()

    reply = shop.collect()

    assert verdict(reply) == "F 0001"
    assert "not enabled" in reply.result.message
    assert shop.says() == "NO_RECORD_FOUND 331"


def test_a_collect_request_reaches_the_phone() -> None:
    """With leave the request waits on the phone of that UPI id, whatever its case, and the reply is a page."""
    shop = Shop(collects=True)

    reply = shop.collect("Neha@okHDFCbank")

    assert verdict(reply) == "S 0000"
    assert reply.bank_form is not None
    assert reply.bank_form.content["payerVpa"] == "Neha@okHDFCbank"
    (prompt,) = shop.sandbox.prompts.values()
    assert (prompt.phone, prompt.amount_paise, prompt.step) == ("neha@okhdfcbank", 250_000, "asked")
    assert shop.says() == "PENDING 402"
    shop.tap(prompt, "approve", "pin_right")
    assert shop.says() == "TXN_SUCCESS 01"


def test_a_collect_request_to_nobody_fails_at_the_status() -> None:
    """A UPI id that does not exist is accepted, and 295 afterwards."""
    shop = Shop(collects=True)

    assert verdict(shop.collect("nobody@okbank")) == "S 0000"
    assert shop.says() == "TXN_FAILURE 295"


def test_a_collect_request_runs_out() -> None:
    """Nobody answers in half an hour: 810."""
    shop = Shop(collects=True)
    shop.collect()
    shop.sandbox.clock.advance(1_800)

    assert shop.says() == "TXN_FAILURE 810"


@pytest.mark.parametrize("path", ["/theia/api/v1/fetchPaymentOptions", "/theia/api/v2/fetchPaymentOptions"])
def test_payment_options_name_upi(path: str) -> None:
    """Both versions of the question are answered with UPI; an old token is 1006."""
    shop = Shop()
    token = shop.initiate().txn_token
    assert token is not None
    request = OptionsRequest(mid=DEMO_MID, order_id=ORDER, txn_token=token).encode(KEY)
    if "v2" in path:
        body = request.body.replace(b'"txnToken":', b'"tokenType":"TXN_TOKEN","token":')
        request = replace(request, path=path, body=body)

    assert OptionsReply.parse(shop.sandbox.handle(request), KEY).payment_modes == ("UPI",)

    shop.sandbox.clock.advance(900)
    assert verdict(OptionsReply.parse(shop.sandbox.handle(request), KEY)) == "F 1006"


@pytest.mark.parametrize(
    ("asked", "is_valid"),
    [({"vpa": "ramesh@oksbi"}, True), ({"vpa": "nobody@oksbi"}, False), ({"numeric_id": "98765432"}, False)],
)
def test_a_upi_id_is_checked(asked: dict[str, str], is_valid: bool) -> None:
    """The phones' UPI ids exist, others do not."""
    shop = Shop()
    token = shop.initiate().txn_token
    assert token is not None
    request = VpaRequest(mid=DEMO_MID, order_id=ORDER, txn_token=token, **asked).encode(KEY)

    reply = VpaReply.parse(shop.sandbox.handle(request), KEY)

    assert ("S 0000", is_valid) == (verdict(reply), reply.is_valid)


def test_the_sdk_s_other_path_makes_orders_too() -> None:
    """`/order/initiate` does what the documented path does."""
    shop = Shop()

    assert code(shop.sandbox.handle(replace(shop.order().encode(KEY), path="/order/initiate"))) == "S 0000"


def test_no_token_shows() -> None:
    """Neither the wire log nor the state of an order shows a token."""
    shop = Shop()
    token = shop.initiate().txn_token
    shop.process(token)
    assert token is not None

    assert token.reveal() not in msgspec.json.encode(whole_state(shop.sandbox)).decode()
