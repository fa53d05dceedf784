"""The places where a UPI plan in circulation and Paytm's own pages disagree, one row each, seen on the wire.

The numbers are those of the list of conflicts in the protocol notes; what galla does is asserted on requests that
really arrived and answers that were really given.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from paytmchecksum import PaytmChecksum

from galla.client.address import addresses
from galla.errors import AmountNotAllowed, ChecksumMismatch, InvalidField, RemoteProtocolError
from galla.protocol.checksum import raw_section, sign
from galla.protocol.form import FORM_TYPE, JSON_TYPE
from galla.protocol.message import Host, MerchantKey, Request, Response
from galla.sandbox.faults import Kind
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID
from tests.service.shop import AMOUNT, FIRST
from tests.service.upi_shop import AFTER_COLLECT, CLIENT, UpiShop, answering, open_upi_shop, said

COLLECT: dict[str, Any] = {"collect_allowed": True, "box": {"collect_allowed": True}}
KEY = MerchantKey(DEMO_KEY)


class Seen:
    """Every request that left and the answer it got, whole: the wire log keeps no heads."""

    def __init__(self, shop: UpiShop) -> None:
        self.pairs: list[tuple[Request, Response]] = []
        shop.line.answer_with(self._carry)
        self._send = shop.box.ahandle

    async def _carry(self, request: Request) -> Response:
        response = await self._send(request)
        self.pairs.append((request, response))
        return response

    def request(self, operation: str) -> tuple[Request, dict[str, Any], dict[str, Any]]:
        """Return the one request of an operation, its head and its body."""
        (found,) = [request for request, _ in self.pairs if request.operation == operation]
        envelope = msgspec.json.decode(found.body)
        return found, envelope["head"], envelope["body"]

    def answer(self, operation: str) -> dict[str, Any]:
        """Return the body of the one answer to an operation."""
        (found,) = [response for request, response in self.pairs if request.operation == operation]
        body: dict[str, Any] = msgspec.json.decode(found.body)["body"]
        return body


async def intent_is_native(shop: UpiShop) -> None:
    seen = Seen(shop)
    await shop.begin("upi_intent")
    _, _, body = seen.request("process")
    assert (body["requestType"], body["paymentMode"]) == ("NATIVE", "UPI_INTENT")


async def collect_needs_only_the_payer(shop: UpiShop) -> None:
    seen = Seen(shop)
    await shop.begin("upi_collect")
    token = seen.answer("initiate")["txnToken"]
    _, head, body = seen.request("process")
    assert head["txnToken"] == token
    assert body == {
        "mid": DEMO_MID,
        "orderId": body["orderId"],
        "requestType": "NATIVE",
        "paymentMode": "UPI",
        "payerAccount": "ramesh@oksbi",
    }


async def collect_answers_with_a_page(shop: UpiShop) -> None:
    seen = Seen(shop)
    payment = await shop.begin("upi_collect")
    body = seen.answer("process")
    assert "upiPollPage" in body["bankForm"]["redirectForm"]["actionUrl"]
    assert "deepLinkInfo" not in body
    assert (payment["status"], payment["paytm"]["transaction_id"]) == ("pending", None)
    assert payment["next_action"]["type"] == "approve_in_upi_app"


async def a_missing_vpa_is_an_error(shop: UpiShop) -> None:
    for vpa in (None, "neha", "neha@bank.com", "a@b", "12345"):
        with pytest.raises(InvalidField) as raised:
            await shop.begin("upi_collect", vpa=vpa)
        assert raised.value.code == "invalid_vpa"
    assert len(shop.box.wire) == 0, "and nothing else was begun in its place"


async def a_repeat_has_its_token(shop: UpiShop) -> None:
    shop.fault(Kind.DROP_AFTER, operation="initiate")
    payment = await shop.begin("upi_intent")
    assert payment["status"] == "created"
    await shop.pass_time(6)
    assert [call.answer for call in shop.box.wire.calls()][:3] == ["no reply", "S 0002", "S 0000"]
    seen = await shop.see(payment)
    shop.approve(seen)
    assert (await shop.ended(payment))["status"] == "paid"


async def changed_parameters_are_an_inconsistency(shop: UpiShop) -> None:
    answering(shop, "initiate", said("F", "2023"))
    payment = await shop.begin("upi_intent")
    assert (payment["status"], payment["phase"]) == ("pending", "checking")
    assert shop.calls("process") == 0


async def status_is_asked_by_our_order_id(shop: UpiShop) -> None:
    seen = Seen(shop)
    payment = await shop.begin("upi_qr")
    await shop.pass_time(6)
    request, head, body = seen.request("order_status")
    assert (request.method, request.path) == ("POST", "/v3/order/status")
    assert body == {"mid": DEMO_MID, "orderId": payment["paytm"]["id"]}
    raw = raw_section(request.body, "body")
    assert raw is not None
    assert PaytmChecksum.verifySignature(raw.decode(), DEMO_KEY, head["signature"])


async def channels_follow_the_way(shop: UpiShop) -> None:
    for way, channels in (("upi_intent", ["UPIPUSH"]), ("upi_collect", ["UPI", "UPIPUSH"])):
        seen = Seen(shop)
        await shop.begin(way)
        _, _, body = seen.request("initiate")
        assert body["enablePaymentMode"] == [{"mode": "UPI", "channels": channels}]


async def heads_are_v1_with_the_client(shop: UpiShop) -> None:
    seen = Seen(shop)
    await shop.begin("upi_intent")
    await shop.begin("upi_qr")
    for operation in ("initiate", "qr"):
        _, head, _ = seen.request(operation)
        assert (head["version"], head["clientId"]) == ("v1", CLIENT)


async def notices_are_verified_by_their_own_rules(shop: UpiShop) -> None:
    payment = await shop.begin("upi_qr")
    fields = {"MID": DEMO_MID, "ORDERID": payment["paytm"]["id"], "STATUS": "TXN_FAILURE", "TXNAMOUNT": "2500.00"}
    signature = PaytmChecksum.generateSignature(fields, DEMO_KEY)
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    escaped = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert (await shop.tell(FORM_TYPE, f"{text}&CHECKSUMHASH={escaped}".encode())).is_new
    body = f'{{"mid":"{DEMO_MID}", "orderId":"{payment["paytm"]["id"]}", "status":"PENDING"}}'
    signature = PaytmChecksum.generateSignature(body, DEMO_KEY)
    envelope = f'{{"head":{{"signature":"{signature}"}},"body":{body}}}'
    assert (await shop.tell(JSON_TYPE, envelope.encode())).is_new
    with pytest.raises((ChecksumMismatch, RemoteProtocolError)):
        await shop.tell(JSON_TYPE, envelope.replace(", ", ",").encode())


async def money_is_rupees_text(shop: UpiShop) -> None:
    seen = Seen(shop)
    payment = await shop.begin("upi_intent", 250_005)
    await shop.begin("upi_qr", 100)
    assert seen.request("initiate")[2]["txnAmount"] == {"value": "2500.05", "currency": "INR"}
    assert seen.request("qr")[2]["amount"] == "1.00"
    shop.approve(payment)
    assert (await shop.ended(payment))["amount"] == 250_005
    await shop.give_back(payment, 100_050)
    assert seen.request("refund")[2]["refundAmount"] == "1000.50"


async def collect_ended(shop: UpiShop) -> None:
    shop.clock.advance((AFTER_COLLECT - shop.clock.now()).total_seconds())
    with pytest.raises(InvalidField) as raised:
        await shop.begin("upi_collect")
    assert raised.value.code == "collect_not_permitted"
    assert len(shop.box.wire) == 0
    assert (await shop.begin("upi_qr"))["status"] == "pending"


async def a_qr_needs_no_token_but_a_client_and_a_counter(shop: UpiShop) -> None:
    seen = Seen(shop)
    payment = await shop.begin("upi_qr")
    assert [request.operation for request, _ in seen.pairs] == ["qr"]
    request, head, body = seen.request("qr")
    assert request.path == "/paymentservices/qr/create"
    assert head["clientId"] == CLIENT
    assert (body["posId"], body["businessType"]) == (payment["paytm"]["id"], "UPI_QR_CODE")
    answer = seen.answer("qr")
    assert answer["resultInfo"]["resultCode"] == "QR_0001"
    assert payment["next_action"]["upi_link"] == answer["qrData"], "the link of Paytm's, byte for byte"


async def only_01_is_paid(shop: UpiShop) -> None:
    seen = Seen(shop)
    payment = await shop.begin("upi_intent")
    assert seen.answer("process")["resultInfo"]["resultCode"] == "0000"
    assert (payment["status"], payment["proof"]) == ("pending", None)
    answering(shop, "order_status", said("S", "0000", orderId=payment["paytm"]["id"]))
    assert (await shop.check(payment))["status"] == "pending"
    shop.approve(payment)
    assert (await shop.ended(payment))["status"] == "paid"


async def a_refund_is_taken_in_then_done(shop: UpiShop) -> None:
    payment = await shop.paid()
    shop.box.due_posts()
    refund = await shop.give_back(payment)
    assert shop.box.wire.calls(operation="refund")[0].answer == "PENDING 601"
    assert refund["status"] == "pending"
    await shop.pass_time(30)
    assert (await shop.see_refund(refund))["status"] == "done"
    assert [call.answer for call in shop.box.wire.calls(operation="refund_status")][-1] == "TXN_SUCCESS 10"
    kinds = {post.subject.value: post.content_type for post in shop.box.due_posts()}
    assert kinds == {"payment": FORM_TYPE, "refund_accepted": JSON_TYPE, "refund_done": JSON_TYPE}


async def online_goes_to_the_online_host(shop: UpiShop) -> None:
    seen = Seen(shop)
    payment = await shop.begin("upi_intent")
    shop.approve(payment)
    await shop.ended(payment)
    await shop.give_back(payment)
    assert {request.host for request, _ in seen.pairs} == {Host.PG}
    assert addresses("production").url(Host.PG) == "https://secure.paytmpayments.com"
    assert addresses("staging").url(Host.PG) == "https://securestage.paytmpayments.com"


async def any_four_characters_are_a_salt(shop: UpiShop) -> None:
    payment = await shop.begin("upi_qr")
    shop.approve(payment)

    async def salted(request: Request) -> Response:
        answer = await shop.box.ahandle(request)
        body = raw_section(answer.body, "body")
        assert body is not None
        signature = sign(body.decode(), KEY, salt="a+/9")
        return msgspec.structs.replace(
            answer, body=b'{"head":{"signature":"' + signature.encode() + b'"},"body":' + body + b"}"
        )

    shop.line.answer_with(salted)
    assert (await shop.ended(payment))["status"] == "paid"


async def the_checksum_is_aes(shop: UpiShop) -> None:
    seen = Seen(shop)
    await shop.begin("upi_intent")
    request, head, _ = seen.request("initiate")
    raw = raw_section(request.body, "body")
    assert raw is not None
    assert re.fullmatch(r"[A-Za-z0-9+/]{107}=", head["signature"])
    assert PaytmChecksum.verifySignature(raw.decode(), DEMO_KEY, head["signature"])
    assert not PaytmChecksum.verifySignature(raw.decode() + " ", DEMO_KEY, head["signature"])


async def upi_on_a_machine_has_upis_limits(shop: UpiShop) -> None:
    for accept, is_allowed in (("qr", False), ("all", True)):
        on_machine: dict[str, Any] = {"terminal": FIRST, "accept": accept}
        if is_allowed:
            assert (await shop.begin("edc", 1_00_000_01, **on_machine))["status"] == "pending"
            continue
        with pytest.raises(AmountNotAllowed) as raised:
            await shop.begin("edc", 1_00_000_01, **on_machine)
        assert raised.value.code == "amount_above_limit"
        assert len(shop.box.wire) == 0


async def pages_win_over_the_skills(shop: UpiShop) -> None:
    payment = await shop.begin("upi_qr")
    answering(shop, "order_status", said("TXN_FAILURE", "227", orderId=payment["paytm"]["id"]))
    assert (await shop.check(payment))["reason"]["code"] == "declined", "227 is the bank's no, not a bad checksum"
    paid = await shop.paid()
    answering(shop, "refund", said("TXN_SUCCESS", "601"))
    refund = await shop.give_back(paid, 100_000)
    assert refund["status"] != "done", "601 is taken in, not done"
    assert (await shop.refund_ended(refund))["status"] == "done"
    answering(shop, "refund", said("TXN_FAILURE", "617"), is_done=True)
    again = await shop.give_back(paid, 100_000)
    assert again["status"] not in ("done", "failed"), "617 is known already, not begun and not refused"
    assert (await shop.refund_ended(again))["status"] == "done"


class Row(NamedTuple):
    """One conflict: its number, what galla does, and the proof."""

    number: int
    galla: str
    shows: Callable[[UpiShop], Awaitable[None]]


ROWS = [
    Row(15, "UPI on a card machine obeys UPI's limit", upi_on_a_machine_has_upis_limits),
    Row(16, "intent is NATIVE and UPI_INTENT", intent_is_native),
    Row(17, "collect sends payerAccount only, and its token in the head", collect_needs_only_the_payer),
    Row(18, "collect is answered with a bank form and no transaction id", collect_answers_with_a_page),
    Row(19, "a missing or malformed UPI id is an error, never another way", a_missing_vpa_is_an_error),
    Row(20, "0002 is a success with its token", a_repeat_has_its_token),
    Row(20, "2023 is changed parameters: asked about, nothing begun", changed_parameters_are_an_inconsistency),
    Row(21, "status is POST /v3/order/status by our order id, signed", status_is_asked_by_our_order_id),
    Row(22, "UPIPUSH for intent, UPI as well for collect", channels_follow_the_way),
    Row(23, "version v1, and the client id where there is one", heads_are_v1_with_the_client),
    Row(24, "notices by the dict rule or over the raw body", notices_are_verified_by_their_own_rules),
    Row(25, "rupees as text with two decimals, exact both ways", money_is_rupees_text),
    Row(26, "collect ended on 28 February 2026 for a clinic", collect_ended),
    Row(27, "a QR needs no token, but client id and posId", a_qr_needs_no_token_but_a_client_and_a_counter),
    Row(28, "0000 is begun; only 01 TXN_SUCCESS is paid", only_01_is_paid),
    Row(29, "a refund is 601, then 10; its webhooks are JSON", a_refund_is_taken_in_then_done),
    Row(30, "online calls go to Paytm's online host", online_goes_to_the_online_host),
    Row(31, "any four characters are a salt", any_four_characters_are_a_salt),
    Row(32, "AES over SHA-256 and a salt, 108 characters", the_checksum_is_aes),
    Row(34, "codes mean what Paytm's pages say, not what its loose texts do", pages_win_over_the_skills),
]
"""Rows 1 to 14 are about card machines and the queue; 33 is about a telephone number."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number} {row.galla}")
async def test_the_row(fresh_sqlite_url: str, row: Row) -> None:
    """What galla does where the plan and Paytm disagree."""
    async with open_upi_shop(fresh_sqlite_url, **COLLECT) as shop:
        await row.shows(shop)
        shop.line.answer_with(shop.box.ahandle)
        await shop.pass_time(4 * 3600)


def test_every_row_about_upi_is_here() -> None:
    """Rows 15 to 32 of the list and 34, none left out."""
    assert {row.number for row in ROWS} == {*range(15, 33), 34}
    assert AMOUNT == 250_000
