"""Money that comes when nobody waits for it: kept, put on a bill, or given back; never lost, never booked twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from galla.clock import IST
from galla.errors import (
    AmountNotAllowed,
    BillHasLivePayment,
    IdempotencyMismatch,
    IllegalTransition,
    InvalidField,
    NotFound,
)
from galla.protocol.message import Request, Response
from galla.sandbox.faults import Kind
from galla.service import attaching, bills, feed, ledgers, payments, refunds, tasks
from tests.service.shop import AMOUNT, FIRST, SECOND, Shop, only, open_shop
from tests.service.upi_shop import UpiShop, open_upi_shop

HOUR_S = 3600.0


async def _attach(shop: Shop, payment: Any, bill: Any, amount: int | None = None, **more: Any) -> Any:
    done = await attaching.attach(shop.till, shop.principal, payment["id"], bill["id"], amount, **more)
    return done.attachment


async def _open(shop: Shop) -> Any:
    """Return the one task there must be."""
    return only((await tasks.find(shop.till, shop.principal, {"status": "open"}))["data"])


async def _advances(shop: Shop) -> int:
    """Return what stands in customer advances, in paise."""
    balance = await ledgers.trial_balance(shop.till, shop.principal)
    return sum(-each["balance"] for each in balance["accounts"] if each["code"] == "advances")


async def _paid_twice(shop: Shop) -> tuple[Any, Any]:
    """A bill whose first payment failed, was paid by a second one, and whose first comes after all; and that first."""
    bill = await shop.bill()
    shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=3_600_000)
    first = await shop.start(bill=bill["id"])
    shop.pay_by_card()
    assert (await shop.ended(first))["status"] == "not_paid"
    second = await shop.start(bill=bill["id"])
    shop.pay_by_card()
    assert (await shop.ended(second))["status"] == "paid"
    await shop.pass_time(3 * HOUR_S)
    return bill, await shop.see(first)


async def test_f05_a_late_success_pays_its_bill_if_it_is_still_due(database_url: str) -> None:
    """F05, F06: the bill still waits: the late money settles it, somebody is told, and an alert goes out."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=3_600_000)
        payment = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        await shop.pass_time(3 * HOUR_S)
        view = await bills.get(shop.till, shop.principal, bill["id"])
        assert (view["status"], view["due"], await _advances(shop)) == ("paid", 0, 0)
        task = await _open(shop)
        assert (task["kind"], task["bill"], task["amount"]) == ("late", bill["id"], AMOUNT)
        alerts = await feed.page(shop.till, shop.principal, kind="payment.paid_late")
        assert [each["data"]["id"] for each in alerts] == [payment["id"]]
        assert alerts[0]["data"]["is_late"]


async def test_c11_a_late_success_of_a_bill_paid_otherwise_is_offered_for_another(database_url: str) -> None:
    """C11, F29: the second success stands as advance with a task; put on another bill, all of it is explained."""
    async with open_shop(database_url) as shop:
        _, late = await _paid_twice(shop)
        task = await _open(shop)
        assert (task["kind"], task["amount"], await _advances(shop)) == ("excess", AMOUNT, AMOUNT)
        assert "no longer due" in task["message"]
        assert (late["is_late"], late["needs_review"]) == (True, True)
        other = await shop.bill(400_000)
        part = await _attach(shop, late, other, 100_000)
        assert (part["amount"], part["advance_left"], part["bill"]) == (100_000, AMOUNT - 100_000, other["id"])
        assert (await _open(shop))["amount"] == AMOUNT - 100_000
        rest = await _attach(shop, late, other)
        assert (rest["amount"], rest["advance_left"]) == (AMOUNT - 100_000, 0)
        view = await bills.get(shop.till, shop.principal, other["id"])
        assert (view["paid"], view["due"], view["status"]) == (AMOUNT, 150_000, "partly_paid")
        assert [(each["payment"], each["amount"]) for each in view["attached"]] == [
            (late["id"], 100_000),
            (late["id"], AMOUNT - 100_000),
        ]
        assert (await _advances(shop), await tasks.unexplained(shop.till, shop.principal)) == (0, 0)
        assert not (await shop.see(late))["needs_review"]
        assert any("Put on a bill" in item["text"] for item in await shop.timeline(late))


async def test_attaching_is_never_more_than_is_due_or_stands(database_url: str) -> None:
    """What exceeds the advance or the bill is refused, each with its reason; nothing is booked by a refusal."""
    async with open_shop(database_url) as shop:
        own, late = await _paid_twice(shop)
        small, large = await shop.bill(60_000), await shop.bill(900_000)
        held = await shop.bill(70_000)
        live = await shop.start(70_000, bill=held["id"], tid=SECOND)
        cancelled = await shop.bill(10_000)
        await bills.cancel(shop.till, shop.principal, cancelled["id"])
        for bill, amount, error, code in (
            (own, None, IllegalTransition, "nothing_due"),
            (small, 60_001, AmountNotAllowed, "amount_exceeds_due"),
            (large, AMOUNT + 1, AmountNotAllowed, "amount_exceeds_due"),
            (held, None, BillHasLivePayment, "bill_has_live_payment"),
            (cancelled, None, InvalidField, "bill_cancelled"),
            ({"id": "bill_none"}, None, InvalidField, "bill_unknown"),
        ):
            with pytest.raises(error) as refused:
                await _attach(shop, late, bill, amount)
            assert refused.value.code == code
        with pytest.raises(NotFound):
            await _attach(shop, {"id": "pay_none"}, small)
        with pytest.raises(IllegalTransition) as nothing:
            await _attach(shop, live, small)
        assert (nothing.value.code, await _advances(shop)) == ("nothing_to_attach", AMOUNT)
        assert (await _attach(shop, late, small))["amount"] == 60_000
        shop.pay_by_card(SECOND)
        assert (await shop.ended(live))["status"] == "paid"


async def test_attaching_twice_with_one_key_is_once(database_url: str) -> None:
    """The same key, at once or later, hears the same answer; another body under it is refused."""
    async with open_shop(database_url) as shop:
        _, late = await _paid_twice(shop)
        bill = await shop.bill(900_000)
        same = {"idempotency_key": "k", "fingerprint": "one"}
        answers = await asyncio.gather(*(_attach(shop, late, bill, 50_000, **same) for _ in range(4)))
        answers.append(await _attach(shop, late, bill, 50_000, **same))
        assert len({answer["id"] for answer in answers}) == 1
        with pytest.raises(IdempotencyMismatch):
            await _attach(shop, late, bill, 60_000, idempotency_key="k", fingerprint="two")
        assert await _advances(shop) == AMOUNT - 50_000


async def test_many_hands_never_attach_more_than_stands(database_url: str) -> None:
    """I-04: eight counters put the same advance on eight bills at once: no rupee of it is spent twice."""
    async with open_shop(database_url) as shop:
        _, late = await _paid_twice(shop)
        many = [await shop.bill(100_000) for _ in range(8)]
        answers = await asyncio.gather(*(_attach(shop, late, bill) for bill in many), return_exceptions=True)
        done = [answer["amount"] for answer in answers if isinstance(answer, dict)]
        assert sorted(done) == [50_000, 100_000, 100_000]
        assert all(isinstance(answer, dict | IllegalTransition) for answer in answers), answers
        assert await _advances(shop) == 0


async def test_c10_paid_after_the_counter_gave_up_is_a_task(database_url: str) -> None:
    """C10, F13: staff had stopped waiting and the card was taken: booked, and somebody must say what becomes of it."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        payment = await shop.start(bill=bill["id"])
        await payments.cancel(shop.till, shop.principal, payment["id"])
        shop.pay_by_card()
        after = await shop.ended(payment)
        assert (after["status"], after["is_late"], after["needs_review"]) == ("paid", False, True)
        assert after["reason"]["code"] == "stopped"
        task = await _open(shop)
        assert (task["kind"], task["amount"]) == ("stopped", AMOUNT)
        assert "stopped waiting" in task["message"]
        await tasks.close_task(shop.till, shop.principal, task["id"], "Kept: nobody has paid otherwise.")
        assert not (await shop.see(payment))["needs_review"]


async def test_c10_paid_while_the_counter_gave_up_is_a_task(database_url: str) -> None:
    """C10, F13: the proof was on its way already when staff stopped waiting: somebody must say what becomes of it."""
    async with open_shop(database_url) as shop:
        payment = await shop.start(bill=(await shop.bill())["id"])
        shop.pay_by_card()
        carry = shop.till.carry

        async def slow(request: Request, timeout_s: float) -> Response:
            shop.till.carry = carry
            answer = await carry(request, timeout_s)
            await payments.cancel(shop.till, shop.principal, payment["id"])
            return answer

        shop.till.carry = slow
        after = await shop.ended(payment)
        assert (after["status"], after["needs_review"], after["reason"]["code"]) == ("paid", True, "stopped")
        assert (await _open(shop))["kind"] == "stopped"


async def test_c10_late_money_is_given_back_at_once(database_url: str) -> None:
    """C10: giving the surprise back closes its task in the commit of the refund; a part of it does not."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.begin()
        number = shop.prompt(payment)
        await payments.cancel(shop.till, shop.principal, payment["id"])
        shop.box.tap(number, "approve")
        shop.box.tap(number, "pin_right")
        assert (await shop.ended(payment))["status"] == "paid"
        task = await _open(shop)
        await shop.give_back(payment, 50_000)
        assert (await _open(shop))["id"] == task["id"]
        await shop.pass_time(HOUR_S)
        rest = await _give_back(shop, payment)
        assert (await tasks.find(shop.till, shop.principal, {"status": "open"}))["data"] == []
        done = only((await tasks.find(shop.till, shop.principal, {}))["data"])
        assert rest["id"] in done["note"]
        assert (await shop.refund_ended(rest))["status"] == "done"


async def test_f05_a_failure_is_looked_at_while_a_void_is_possible(database_url: str) -> None:
    """F05: of a sale of the afternoon, a success that comes at 11 pm is known before midnight in India."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=int(12.6 * 3_600_000))
        payment = await shop.start()
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "not_paid"
        await shop.pass_time(13.4 * HOUR_S + 480)
        after = await shop.see(payment)
        assert (after["status"], after["is_late"]) == ("paid", True)
        now = shop.clock.now().astimezone(IST)
        assert (now - timedelta(minutes=10)).date() == now.date()
        assert now.hour == 23


async def test_f34_a_second_transaction_is_a_conflict_with_a_task(database_url: str) -> None:
    """F34: Paytm naming another transaction for a paid payment books nothing and goes to a person."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        paid = await shop.ended(payment)
        known = paid["proof"]["transaction_id"]

        async def another(request: Any) -> Any:
            answer = await shop.box.ahandle(request)
            changed = answer.body.replace(known.encode(), known[::-1].encode())
            return type(answer)(status=answer.status, body=changed)

        shop.line.answer_with(another)
        await shop.pass_time(5)
        after = await shop.check(payment)
        task = await _open(shop)
        assert (after["status"], after["proof"]["transaction_id"], task["kind"]) == ("paid", known, "conflict")


async def test_f33_what_a_bill_owes_is_not_changed_under_a_payment(database_url: str) -> None:
    """F33: a bill has no edit, and cannot be cancelled while a payment may still pay it: amounts stay as pushed."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        payment = await shop.start(bill=bill["id"])
        with pytest.raises(IllegalTransition) as refused:
            await bills.cancel(shop.till, shop.principal, bill["id"])
        assert refused.value.code == "bill_has_payments"
        shop.pay_by_card()
        assert (await shop.ended(payment))["amount"] == AMOUNT
        view = await bills.get(shop.till, shop.principal, bill["id"])
        assert (view["status"], view["total"], view["paid"]) == ("paid", AMOUNT, AMOUNT)


async def test_f33_money_for_a_bill_cancelled_meanwhile_is_an_advance(database_url: str) -> None:
    """F33: a bill cancelled after its payment had failed does not take the late money: it stands as an advance."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=3_600_000)
        payment = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "not_paid"
        await bills.cancel(shop.till, shop.principal, bill["id"])
        await shop.pass_time(3 * HOUR_S)
        assert (await shop.see(payment))["status"] == "paid"
        assert ((await _open(shop))["kind"], await _advances(shop)) == ("excess", AMOUNT)


async def test_c17_a_booking_that_fails_is_tried_again_and_booked_once(database_url: str) -> None:
    """C17: when the books cannot be written the step is undone whole; the next question books it, once."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card(FIRST)
        write, failures = shop.till.database.write, []

        async def failing(work: Any, *args: Any, **more: Any) -> Any:
            def half(connection: Any, *rest: Any, **named: Any) -> Any:
                work(connection, *rest, **named)
                failures.append(work.__name__)
                raise RuntimeError("the books are closed")

            is_booking = work.__name__ == "commit_step" and len(failures) < 2
            return await write(half if is_booking else work, *args, **more)

        shop.till.database.write = failing  # type: ignore[method-assign]
        await shop.pass_time(6)
        assert (failures, (await shop.see(payment))["status"]) == (["commit_step"] * len(failures), "pending")
        assert failures
        assert (await shop.ended(payment))["status"] == "paid"
        assert len(failures) == 2
        entries = await ledgers.entries(shop.till, shop.principal)
        assert [entry["event"] for entry in entries["data"]] == ["payment.paid"]


async def _give_back(shop: UpiShop, payment: Any) -> Any:
    new = refunds.NewRefund(reason="paid after all", kind="auto")
    return (await refunds.start(shop.till, shop.principal, payment["id"], new)).refund
