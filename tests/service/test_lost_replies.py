"""Replies that do not arrive, or say nothing: asked about, never taken for an answer, never charged twice."""

from __future__ import annotations

import pytest

from galla.clock import ist_text
from galla.protocol.codes import ResultInfo
from galla.protocol.edc import SaleReply
from galla.protocol.message import Request, Response
from galla.sandbox import Fault
from galla.sandbox.faults import Kind
from tests.service.shop import open_shop

SAYS_NOTHING = [Kind.HTTP_500, Kind.HTML, Kind.TRUNCATED_JSON, Kind.INTERNAL_0012, Kind.DELAY, Kind.SLOW_DRIP]


async def test_f01_c04_a_lost_reply_is_asked_about_and_paid_once(database_url: str) -> None:
    """When Paytm took the sale and its answer was lost, we ask by the stored id: one sale on the wire, paid."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.DROP_AFTER, operation="sale")
        payment = await shop.start()
        assert (payment["status"], payment["reason"]["code"]) == ("in_doubt", "lost_reply")
        assert "Do not take this payment again" in payment["reason"]["hint"]
        shop.pay_by_card()
        after = await shop.ended(payment)
        assert after["status"] == "paid"
        assert after["paytm"]["id"] == payment["paytm"]["id"]
        assert shop.calls("sale") == 1
        assert not after["needs_review"]


@pytest.mark.parametrize("kind", SAYS_NOTHING)
async def test_f01_c24_an_answer_that_says_nothing_to_the_sale_is_in_doubt(database_url: str, kind: Kind) -> None:
    """HTTP 500, an HTML page, half a JSON, an error of Paytm's own or a late answer to a sale: in doubt, then paid."""
    async with open_shop(database_url) as shop:
        shop.fault(kind, operation="sale", after_ms=40_000)
        payment = await shop.start()
        assert (payment["status"], payment["reason"]["code"]) == ("in_doubt", "lost_reply")
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        assert shop.calls("sale", payment) == 1


@pytest.mark.parametrize("kind", [*SAYS_NOTHING, Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.REFUSE_CONNECTION])
async def test_f01_c24_an_answer_that_says_nothing_to_a_question_decides_nothing(
    database_url: str, kind: Kind
) -> None:
    """The same in answer to a question changes nothing: the payment waits on, and the next answer counts."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        shop.fault(kind, operation="status", times=2, after_ms=40_000)
        await shop.pass_time(3.0)
        assert (await shop.see(payment))["status"] == "pending"
        assert (await shop.ended(payment, within_s=240))["status"] == "paid"
        assert shop.calls("sale", payment) == 1


async def test_c24_a_trailing_comma_is_read_all_the_same(database_url: str) -> None:
    """Paytm's JSON with a comma too many is still read: the sale waits, the status pays."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.TRAILING_COMMA, times=None)
        payment = await shop.start(reference="₹ “quotes” 12/7, \\ and 'more'")
        assert payment["status"] == "pending"
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        assert shop.calls("sale") == 1


async def test_f01_429_on_a_sale_charges_nobody_twice(database_url: str) -> None:
    """A 429 to the sale is no answer: after the grace it is sent again under the same id, and paid once."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.RATE_LIMITED, operation="sale")
        payment = await shop.start()
        assert payment["status"] == "in_doubt"
        shop.box.play(after_s=2, outcome="card")
        after = await shop.ended(payment, within_s=400)
        assert after["status"] == "paid"
        assert {call.paytm_id for call in shop.box.wire.calls(operation="sale")} == {payment["paytm"]["id"]}
        assert shop.calls("sale") == 2


async def test_f17_429_on_a_question_makes_us_ask_less(database_url: str) -> None:
    """While Paytm says 429 the interval doubles up to sixteenfold, and the payment is still found afterwards."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.fault(Kind.RATE_LIMITED, operation="status", times=None)
        await shop.pass_time(300)
        assert shop.calls("status") <= 12
        assert (await shop.see(payment))["status"] == "pending"
        shop.box.faults.remove()
        shop.pay_by_card()
        assert (await shop.ended(payment, within_s=600))["status"] == "paid"


async def test_f17_429_with_retry_after_is_left_alone_until_then(database_url: str) -> None:
    """When Paytm says 429 and when to come back, this payment is not asked about before, and is then found paid."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.box.add_fault(Fault(kind=Kind.RATE_LIMITED, operation="status", times=1, retry_after_s=120))
        shop.pay_by_card()
        await shop.pass_time(110)
        assert shop.calls("status") == 1
        assert (await shop.see(payment))["status"] == "pending"
        await shop.pass_time(20)
        assert (await shop.see(payment))["status"] == "paid"


async def test_f02_what_certainly_never_left_is_tried_again(database_url: str) -> None:
    """A refused connection sent nothing: the same payment is tried again, and paid once."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.REFUSE_CONNECTION, operation="sale", times=2)
        payment = await shop.start()
        assert payment["status"] == "created"
        shop.box.play(after_s=1, outcome="card")
        assert (await shop.ended(payment))["status"] == "paid"
        assert [call.answer for call in shop.box.wire.calls(operation="sale")] == [
            "connection refused",
            "connection refused",
            "A 0009",
        ]


async def test_f02_what_cannot_be_sent_at_all_is_never_sent(database_url: str) -> None:
    """Three refused connections in a row end the payment: not paid, nothing sent, the machine and bill are free."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        shop.fault(Kind.REFUSE_CONNECTION, operation="sale", times=3)
        payment = await shop.start(bill=bill["id"])
        after = await shop.ended(payment)
        assert (after["status"], after["reason"]["code"]) == ("not_paid", "never_sent")
        assert shop.box.charges == {}
        again = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        assert (await shop.ended(again))["status"] == "paid"


async def test_f04_a_lost_request_is_sent_once_more_after_the_grace(database_url: str) -> None:
    """A request lost on its way is asked about; after three minutes and three asks the same id is sent once more."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.DROP_BEFORE, operation="sale")
        payment = await shop.start()
        assert payment["status"] == "in_doubt"
        shop.box.play(after_s=2, outcome="card")
        await shop.pass_time(179)
        assert shop.calls("sale") == 1
        assert shop.calls("status") >= 3
        after = await shop.ended(payment, within_s=60)
        assert after["status"] == "paid"
        assert after["paytm"]["id"] == payment["paytm"]["id"]
        assert shop.calls("sale", payment) == 2
        assert len(shop.box.charges) == 1


async def test_f04_a_request_that_never_arrives_is_given_up_without_a_third_try(database_url: str) -> None:
    """F04: Lost twice, the payment ends as never sent: two requests in all, nothing charged, and it is watched on."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.DROP_BEFORE, operation="sale", times=None)
        payment = await shop.start()
        after = await shop.ended(payment, within_s=1200)
        assert (after["status"], after["reason"]["code"]) == ("not_paid", "never_sent")
        asked = shop.calls("status")
        await shop.pass_time(74 * 3600)
        assert shop.calls("sale") == 2
        assert shop.calls("status") > asked
        assert shop.box.charges == {}


async def test_f04_c15_not_found_right_after_the_sale_is_no_failure(database_url: str) -> None:
    """F04: While Paytm's status does not know a sale it took, nothing is decided and nothing is sent again."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.NOT_FOUND_WINDOW, after_ms=30_000)
        payment = await shop.start()
        shop.pay_by_card()
        await shop.pass_time(29)
        assert (await shop.see(payment))["status"] == "pending"
        assert (await shop.ended(payment))["status"] == "paid"
        assert shop.calls("sale") == 1


async def test_f04_not_found_long_after_acceptance_needs_a_person(database_url: str) -> None:
    """An accepted sale Paytm goes on not knowing is never sent again nor failed: a person looks; then it is paid."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.NOT_FOUND_WINDOW, after_ms=600_000)
        payment = await shop.start()
        shop.pay_by_card()
        await shop.pass_time(590)
        held = await shop.see(payment)
        assert (held["status"], held["needs_review"]) == ("in_doubt", True)
        assert shop.calls("sale") == 1
        after = await shop.ended(payment, within_s=120)
        assert (after["status"], after["needs_review"]) == ("paid", False)


async def test_f11_c05_a_duplicate_answer_means_it_arrived(database_url: str) -> None:
    """C05: When the network delivers the sale twice, Paytm's "duplicate" is heard as "I have it": asked, paid once."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.DUPLICATE, operation="sale")
        payment = await shop.start()
        assert (payment["status"], payment["phase"]) == ("pending", "checking")
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        assert shop.calls("sale") == 1


async def test_f11_c05_a_duplicate_answer_to_the_second_sending_is_paid(database_url: str) -> None:
    """Paytm took the sale, lost its reply and hid it past the grace: the re-send is answered 0233, and it is paid."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.DROP_AFTER, operation="sale")
        shop.fault(Kind.NOT_FOUND_WINDOW, after_ms=195_000)
        payment = await shop.start()
        shop.pay_by_card()
        after = await shop.ended(payment, within_s=400)
        assert after["status"] == "paid"
        assert [call.answer for call in shop.box.wire.calls(operation="sale")] == ["no reply", "F 0233"]
        assert len(shop.box.charges) == 1


async def test_c14_a_storm_of_errors_never_ends_a_payment(database_url: str) -> None:
    """C14: Hours of nothing but errors decide nothing: no proof, no end, and the words say not to charge again."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        for kind in (Kind.HTTP_500, Kind.HTML, Kind.DROP_AFTER, Kind.UNKNOWN_STATUS, Kind.BAD_SIGNATURE):
            shop.box.faults.remove()
            shop.fault(kind, operation="status", times=None)
            await shop.pass_time(1800)
            view = await shop.see(payment)
            assert view["status"] in ("pending", "in_doubt")
            assert view["proof"] is None
        shop.box.faults.remove()
        assert (await shop.ended(payment, within_s=7200))["status"] == "paid"
        assert shop.calls("sale") == 1


@pytest.mark.parametrize(("code", "message"), [("0333", "Another request is active"), ("0007", "Terminal not active")])
async def test_f11_a_refused_second_sending_says_nothing_of_the_first(
    database_url: str, code: str, message: str
) -> None:
    """Our own first request may be what makes the machine busy: a refused re-send ends nothing, and it is paid once."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.DROP_AFTER, operation="sale")
        shop.fault(Kind.NOT_FOUND_WINDOW, after_ms=240_000)
        payment = await shop.start()
        shop.pay_by_card()

        async def refusing(request: Request) -> Response:
            if request.operation != "sale":
                return await shop.box.ahandle(request)
            refused.append(request)
            info = ResultInfo(status="FAIL", code="F", code_id=code, message=message)
            return SaleReply(result=info).encode(ist_text(shop.clock.now()))

        refused: list[Request] = []
        shop.line.answer_with(refusing)
        await shop.pass_time(235)
        held = await shop.see(payment)
        assert (len(refused), held["status"]) == (1, "in_doubt")
        assert "Do not take this payment again" in held["reason"]["hint"]
        assert (await shop.ended(payment))["status"] == "paid"
        assert len(refused) == 1
