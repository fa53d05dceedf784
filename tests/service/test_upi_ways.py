"""Each way of paying by UPI, from the first click to each of its ends, with callbacks and without one."""

from __future__ import annotations

from typing import Any

import pytest

from galla.errors import InvalidField
from galla.protocol.message import Request, Response
from galla.sandbox.faults import Kind
from galla.sandbox.sandbox import DEMO_VPA
from galla.store.claims import next_due_at
from tests.service.upi_shop import AFTER_COLLECT, UpiShop, open_upi_shop

WAYS = ("upi_intent", "upi_qr", "upi_collect")
ACTIONS = {"upi_intent": "open_upi_app", "upi_qr": "scan_qr", "upi_collect": "approve_in_upi_app"}
COLLECT: dict[str, Any] = {"collect_allowed": True, "box": {"collect_allowed": True}}
HEARING = pytest.mark.parametrize("hears", [True, False], ids=["callbacks arrive", "callbacks lost"])
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@HEARING
@EVERY_WAY
async def test_an_approval_on_the_phone_is_paid(database_url: str, way: str, hears: bool) -> None:
    """Each way shows its own next step, is paid by the phone's approval, and its books hold it once."""
    async with open_upi_shop(database_url, hears=hears, **COLLECT) as shop:
        bill = await shop.bill()
        payment = await shop.begin(way, bill=bill["id"])
        assert (payment["status"], payment["phase"]) == ("pending", "awaiting_payer")
        assert payment["next_action"]["type"] == ACTIONS[way]
        assert payment["proof"] is None
        await shop.pass_time(7)
        shop.approve(payment)
        after = await shop.ended(payment)
        assert (after["status"], after["is_late"], after["needs_review"]) == ("paid", False, False)
        paid = shop.order(payment).paid
        assert paid is not None
        assert (after["proof"]["rrn"], after["paytm"]["transaction_id"]) == (paid.rrn, paid.id)
        assert after["payment_detail"]["upi_amount"] == after["amount"]
        await shop.pass_time(3600)
        assert bool(shop.box.outbox.ended) is hears


@HEARING
@EVERY_WAY
@pytest.mark.parametrize(
    ("taps", "code"), [(("decline",), "227"), (("approve", "pin_wrong", "pin_wrong", "pin_wrong"), "401")],
    ids=["declined", "wrong PIN three times"],
)  # fmt: skip
async def test_a_refusal_on_the_phone_is_not_paid(
    fresh_sqlite_url: str, way: str, hears: bool, taps: tuple[str, ...], code: str
) -> None:
    """A decline, or a PIN wrong three times, ends in not paid with the bank's code, and frees the bill."""
    async with open_upi_shop(fresh_sqlite_url, hears=hears, **COLLECT) as shop:
        bill = await shop.bill()
        payment = await shop.begin(way, bill=bill["id"])
        shop.tap(payment, *taps)
        after = await shop.ended(payment)
        assert (after["status"], after["reason"]["paytm_code"]) == ("not_paid", code)
        second = await shop.begin("upi_qr", bill=bill["id"])
        shop.approve(second)
        assert (await shop.ended(second))["status"] == "paid"


@HEARING
@EVERY_WAY
async def test_nobody_pays_in_time(fresh_sqlite_url: str, way: str, hears: bool) -> None:
    """When link, QR or request runs out unused it becomes not paid, never before, and stays so."""
    async with open_upi_shop(fresh_sqlite_url, hears=hears, **COLLECT) as shop:
        shop.box.collect_expiry_s = 900
        payment = await shop.begin(way)
        await shop.pass_time(890)
        assert (await shop.see(payment))["status"] == "pending"
        after = await shop.ended(payment, within_s=3 * 3600)
        assert (after["status"], after["needs_review"]) == ("not_paid", False)
        assert after["reason"]["code"] in ("expired", "declined")
        await shop.pass_time(80 * 3600)
        assert (await shop.see(payment))["status"] == "not_paid"


@HEARING
@EVERY_WAY
async def test_c05_money_that_moves_after_expiry_is_paid_late(database_url: str, way: str, hears: bool) -> None:
    """The request runs out, is not paid, and the bank moves the money all the same: paid, marked late."""
    async with open_upi_shop(database_url, hears=hears, **COLLECT) as shop:
        shop.box.collect_expiry_s = 900
        bill = await shop.bill()
        payment = await shop.begin(way, bill=bill["id"])
        request = shop.prompt(payment)
        after = await shop.ended(payment, within_s=3 * 3600)
        assert (after["status"], after["reason"]["paytm_code"]) == ("not_paid", "810")
        shop.box.tap(request, "pay_late")
        await shop.pass_time(24 * 3600)
        late = await shop.see(payment)
        assert (late["status"], late["is_late"]) == ("paid", True)
        assert "late" in late["next_action"]["text"]


async def test_a_declined_qr_scanned_again_is_paid_late(fresh_sqlite_url: str) -> None:
    """A QR stays on the counter after one customer declined; when another pays it, that money is found."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_qr")
        shop.tap(payment, "decline")
        assert (await shop.ended(payment))["status"] == "not_paid"
        shop.approve(payment, vpa="neha@okhdfcbank")
        await shop.pass_time(3600)
        assert (await shop.see(payment))["status"] == "paid"


async def test_collect_is_refused_with_another_way_named(database_url: str) -> None:
    """C29: off by default, over since 28 February 2026; the refusal says what to do instead and nothing is sent."""
    async with open_upi_shop(database_url) as shop:
        await _refused(shop, "Show a QR code or open the customer's UPI app")
        assert len(shop.box.wire) == 0


@pytest.mark.parametrize("mcc", [None, "8011"])
async def test_c29_collect_has_ended_for_clinics(fresh_sqlite_url: str, mcc: str | None) -> None:
    """Allowed by the setting and barred by the date: refused with the day it ended; a QR for the same bill works."""
    async with open_upi_shop(fresh_sqlite_url, at=AFTER_COLLECT, mcc=mcc, **COLLECT) as shop:
        bill = await shop.bill()
        await _refused(shop, "28 February 2026", bill=bill["id"])
        await _refused(shop, "28 February 2026", bill=bill["id"], platform="android")
        assert len(shop.box.wire) == 0
        payment = await shop.begin("upi_qr", bill=bill["id"])
        shop.approve(payment)
        assert (await shop.ended(payment))["status"] == "paid"


@pytest.mark.parametrize(("mcc", "platform"), [("6211", None), ("6012", "android"), (None, "ios")])
async def test_collect_lives_where_it_is_exempt(fresh_sqlite_url: str, mcc: str | None, platform: str | None) -> None:
    """After the day it ended: brokers, banks and customers on iOS may still be asked by their UPI id."""
    async with open_upi_shop(fresh_sqlite_url, at=AFTER_COLLECT, mcc=mcc, **COLLECT) as shop:
        payment = await shop.begin("upi_collect", platform=platform)
        shop.approve(payment)
        after = await shop.ended(payment)
        assert (after["status"], after["proof"]["upi_id"]) == ("paid", "ra***@oksbi")


async def test_a_collect_that_paytm_bars_is_not_paid(fresh_sqlite_url: str) -> None:
    """Ours says yes and Paytm says no: not paid at once, in words for the counter."""
    async with open_upi_shop(fresh_sqlite_url, collect_allowed=True) as shop:
        payment = await shop.begin("upi_collect")
        assert (payment["status"], payment["reason"]["paytm_code"]) == ("not_paid", "0001")
        assert payment["reason"]["hint"].endswith(".")


async def test_a_collect_to_nobody_is_not_paid(fresh_sqlite_url: str) -> None:
    """A UPI id that does not exist: Paytm takes the request and says 295 when asked."""
    async with open_upi_shop(fresh_sqlite_url, **COLLECT) as shop:
        payment = await shop.begin("upi_collect", vpa="nobody@okicici")
        after = await shop.ended(payment)
        assert (after["status"], after["reason"]["paytm_code"]) == ("not_paid", "295")


MALFORMED = [None, "", "ramesh", "ramesh@", "@oksbi", "ra mesh@oksbi", "a@b@c", "x@1bank", "r@ok.sbi"]


@pytest.mark.parametrize("vpa", MALFORMED)
async def test_a_malformed_upi_id_is_refused(fresh_sqlite_url: str, vpa: str | None) -> None:
    """No UPI id, or none that can be one: refused as such, never another way in its place, and nothing is sent."""
    async with open_upi_shop(fresh_sqlite_url, **COLLECT) as shop:
        with pytest.raises(InvalidField) as raised:
            await shop.begin("upi_collect", vpa=vpa)
        assert (raised.value.code, raised.value.param) == ("invalid_vpa", "vpa")
        assert len(shop.box.wire) == 0


async def test_a_callback_that_overtakes_everything_pays_once(database_url: str) -> None:
    """C08: payment callbacks twice and in the wrong order, before any question of ours: one posting."""
    async with open_upi_shop(database_url) as shop:
        shop.fault(Kind.DUPLICATE, operation="callback", times=2)
        payment = await shop.begin("upi_qr")
        shop.tap(payment, "decline")
        shop.approve(payment)
        posts = shop.box.due_posts()
        assert len(posts) == 4
        for post in reversed(posts):
            await shop.tell(post.content_type, post.body)
        await shop.drain()
        assert (await shop.see(payment))["status"] == "paid"
        checks = shop.calls("order_status")
        for post in posts:
            await shop.tell(post.content_type, post.body)
        await shop.pass_time(3600)
        assert shop.calls("order_status") == checks == 1


async def test_c08_a_callback_that_comes_before_the_reply_to_begin(fresh_sqlite_url: str) -> None:
    """The payer is told of before the answer to our own request is read: held, then asked about, then paid once."""
    async with open_upi_shop(fresh_sqlite_url, **COLLECT) as shop:
        told = shop.box.ahandle

        async def slow(request: Request) -> Response:
            response = await told(request)
            if request.operation == "process":
                (prompt,) = shop.box.prompts.values()
                for tap in ("approve", "pin_right"):
                    shop.box.tap(prompt.id, tap)
                await shop.deliver()
            return response

        shop.line.answer_with(slow)
        payment = await shop.begin("upi_collect")
        assert payment["status"] == "pending"
        after = await shop.ended(payment)
        assert (after["status"], after["checks"]) == ("paid", 1)


async def _refused(shop: UpiShop, words: str, **more: Any) -> None:
    with pytest.raises(InvalidField, match=words) as raised:
        await shop.begin("upi_collect", vpa=DEMO_VPA, **more)
    assert raised.value.code == "collect_not_permitted"
    assert "UPI app" in str(raised.value)


async def test_a_callback_right_after_a_question_without_news_is_followed_at_once(database_url: str) -> None:
    """The claim of a question that brought no news holds nobody up: the payment is paid in the callback's moment."""
    async with open_upi_shop(database_url, hears=True) as shop:
        payment = await shop.begin()
        await shop.pass_time(7)
        assert (await shop.till.database.read(next_due_at) or shop.clock.now()) > shop.clock.now()
        shop.approve(payment)
        await shop.deliver()
        await shop.drain()
        assert (await shop.see(payment))["status"] == "paid"


async def test_who_asks_right_after_a_question_without_news_is_answered_at_once(database_url: str) -> None:
    """So is somebody who presses "check again" then, a second after Paytm was last asked."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.begin()
        await shop.pass_time(7)
        shop.approve(payment)
        shop.clock.advance(1)
        assert (await shop.check(payment))["status"] == "paid"
