"""Answers that contradict the payment, or each other: only proof pays, and what is proven stays."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from galla.payments.model import Payment
from galla.protocol.message import Request, Response
from galla.sandbox.faults import Kind
from galla.service import tasks
from galla.service.advance import advance
from galla.store.claims import claim_one
from tests.service.shop import AMOUNT, FIRST, Shop, open_shop

WRONG = [Kind.WRONG_AMOUNT, Kind.WRONG_MID, Kind.WRONG_ID]


@pytest.mark.parametrize("kind", WRONG)
async def test_f09_c16_a_success_about_something_else_never_pays(database_url: str, kind: Kind) -> None:
    """Success with another amount, MID or id is held for review; a right answer later pays, and the flag stays."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        shop.fault(kind, operation="status", times=3)
        await shop.pass_time(3)
        held = await shop.see(payment)
        assert (held["status"], held["needs_review"]) == ("in_doubt", True)
        assert held["reason"]["code"] == "mismatch"
        assert held["proof"] is None
        after = await shop.ended(payment)
        assert (after["status"], after["needs_review"], after["amount"]) == ("paid", True, AMOUNT)
        assert await tasks.unexplained(shop.till, shop.principal) == 1
        assert shop.calls("sale") == 1


async def test_f09_a_flag_for_another_amount_outlives_other_troubles(database_url: str) -> None:
    """A bad signature after a wrong amount does not wash the wrong amount away."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        shop.fault(Kind.WRONG_AMOUNT, operation="status")
        shop.fault(Kind.BAD_SIGNATURE, operation="status", skip=1)
        after = await shop.ended(payment)
        assert shop.box.faults.waiting == ()
        assert (after["status"], after["needs_review"], after["reason"]["code"]) == ("paid", True, "mismatch")


async def test_c16_a_success_on_another_machine_never_pays(database_url: str) -> None:
    """A success that names another TID than the one we pushed to is held for review."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        key = next(iter(shop.box.charges))
        charge = shop.box.charges[key]

        async def elsewhere(request: Request) -> Response:
            answer = await shop.box.ahandle(request)
            return Response(status=200, body=answer.body.replace(FIRST.encode(), b"12345679"))

        shop.line.answer_with(elsewhere)
        await shop.pass_time(3)
        held = await shop.see(payment)
        assert charge.tid == FIRST
        assert held["status"] != "paid"
        assert held["needs_review"]
        shop.line.answer_with(shop.box.ahandle)
        assert (await shop.ended(payment))["status"] == "paid"


async def test_f10_an_unsigned_answer_is_no_information(database_url: str) -> None:
    """Answers whose signature does not fit never pay and raise the flag; a signed one pays and clears it."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        shop.fault(Kind.BAD_SIGNATURE, operation="status", times=3)
        await shop.pass_time(3)
        held = await shop.see(payment)
        assert (held["status"], held["needs_review"], held["proof"]) == ("pending", True, None)
        assert held["reason"]["code"] == "bad_signature"
        after = await shop.ended(payment)
        assert (after["status"], after["needs_review"]) == ("paid", False)


async def test_f10_an_unsigned_answer_to_the_sale_is_in_doubt(database_url: str) -> None:
    """A sale answered with a bad signature may be on the machine: in doubt, never sent again, then paid."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.BAD_SIGNATURE, operation="sale")
        payment = await shop.start()
        assert (payment["status"], payment["needs_review"]) == ("in_doubt", True)
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        assert shop.calls("sale") == 1


@pytest.mark.parametrize("operation", ["sale", "status"])
async def test_f08_an_unknown_status_stays_open_and_flagged(database_url: str, operation: str) -> None:
    """A result nobody has heard of is neither success nor failure: open, flagged, asked again, then paid."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.UNKNOWN_STATUS, operation=operation)
        payment = await shop.start()
        await shop.pass_time(2.9 if operation == "sale" else 3)
        held = await shop.see(payment)
        assert held["status"] in ("pending", "in_doubt")
        assert held["needs_review"]
        assert "7777" in held["reason"]["paytm_code"]
        shop.pay_by_card()
        after = await shop.ended(payment)
        assert (after["status"], after["needs_review"]) == ("paid", False)


@pytest.mark.parametrize("hours", [0.1, 2.5, 26, 71])
async def test_f05_c07_success_hours_later_is_found_by_asking(database_url: str, hours: float) -> None:
    """A payment pending for minutes to days is never given up and is paid when Paytm says so; no callback needed."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        shop.fault(Kind.LATE_SUCCESS, after_ms=int(hours * 3_600_000))
        payment = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        await shop.pass_time(hours * 3600 - 60)
        assert (await shop.see(payment))["status"] == "pending"
        await shop.pass_time(60 + 3600 * 1.2)
        after = await shop.see(payment)
        assert (after["status"], after["is_late"]) == ("paid", False)
        assert shop.calls("sale") == 1


@pytest.mark.parametrize("after_ms", [9_000, 3_600_000, 47 * 3_600_000])
async def test_f06_c06_a_success_after_a_failure_is_paid_late(database_url: str, after_ms: int) -> None:
    """F06, C06: Paytm says failed, then success nine seconds to two days later: paid, marked late, booked once."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=after_ms)
        payment = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        first = await shop.ended(payment)
        assert (first["status"], first["reason"]["paytm_code"]) == ("not_paid", "0011")
        await shop.pass_time(73 * 3600)
        after = await shop.see(payment)
        assert (after["status"], after["is_late"]) == ("paid", True)
        assert "late" in after["next_action"]["text"]


async def test_f06_a_late_success_of_a_bill_paid_again_is_an_advance(database_url: str) -> None:
    """F06: When the bill was paid by a second payment meanwhile, the late one goes to advances: nothing is lost."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=3_600_000)
        first = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        assert (await shop.ended(first))["status"] == "not_paid"
        second = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        assert (await shop.ended(second))["status"] == "paid"
        await shop.pass_time(3 * 3600)
        assert (await shop.see(first))["status"] == "paid"


async def test_f07_a_failure_after_success_never_unpays(database_url: str) -> None:
    """F07: An old failure that arrives after the proof, from a worker that was overtaken, changes nothing at all."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        _let_paytm_say_failed(shop)
        slow = await _claim(shop, payment)
        question = await _question(shop, slow)
        stale = await shop.box.ahandle(question)
        _let_paytm_say_failed(shop, late_ms=0)
        shop.clock.advance(10)  # the slow worker's lease runs out
        await shop.drain()
        proven = await shop.see(payment)
        assert proven["status"] == "paid"

        async def replayed(_: Request) -> Response:
            return stale

        shop.line.answer_with(replayed)
        await advance(shop.till, slow)
        assert await shop.see(payment) == proven
        assert shop.calls("sale") == 1


async def test_f07_a_check_after_payment_that_says_failed_is_a_conflict(database_url: str) -> None:
    """F07: Paytm contradicting its own proof raises a flag for a person; the bill and the books do not move."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        payment = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        await shop.ended(payment)
        _let_paytm_say_failed(shop)
        await shop.pass_time(5)
        after = await shop.check(payment)
        assert (after["status"], after["needs_review"], after["reason"]["code"]) == ("paid", True, "conflict")
        _let_paytm_say_failed(shop, late_ms=0)


async def _claim(shop: Shop, payment: Any) -> Payment:
    claimed = await shop.till.database.write(
        claim_one, shop.till.schedule, shop.clock.now(), shop.principal.merchant_id, payment["id"]
    )
    assert claimed is not None
    return claimed


async def _question(shop: Shop, payment: Payment) -> Request:
    account = await shop.till.account(payment.merchant_id)
    question = next(shop.till.connectors[payment.method].inquire(payment, account, shop.clock.now()))
    assert isinstance(question, Request)
    return question


def _let_paytm_say_failed(shop: Shop, late_ms: int = 10**9) -> None:
    key, charge = next(iter(shop.box.charges.items()))
    shop.box.charges[key] = replace(charge, told_late_ms=late_ms, told_meanwhile="F")
