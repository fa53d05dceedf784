"""Tasks: opened with the step that needs a person, closed with the step or by the person that ends the need."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from galla.errors import Forbidden, IllegalTransition, InvalidField, NotFound
from galla.sandbox.faults import Kind
from galla.sandbox.terminal import Action
from galla.service import audit, feed, health, payments, reviews, tasks
from galla.service.till import Principal
from tests.service.shop import AMOUNT, Shop, only, open_shop
from tests.service.upi_shop import UpiShop, answering, open_upi_shop, said

DAY_S = 24 * 3600.0


async def _tasks(shop: Shop, **filters: str) -> list[dict[str, Any]]:
    found = await tasks.find(shop.till, shop.principal, filters)
    return list(found["data"])


async def _open(shop: Shop) -> dict[str, Any]:
    """Return the one task there must be, which must be open."""
    return dict(only(await _tasks(shop, status="open")))


async def _measured(shop: Shop) -> int:
    """Return the number of the unexplained as the metrics tell it."""
    text = (await health.metrics(shop.till)).decode()
    (family,) = (each for each in text_string_to_metric_families(text) if each.name == "galla_unexplained")
    return int(family.samples[0].value)


async def test_a_task_says_what_happened_what_it_means_and_what_to_do(database_url: str) -> None:
    """F06: a late success opens one task with the money, the next step and nobody's name; events and audit have it."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=20_000)
        payment = await shop.start(reference="INV-7")
        shop.pay_by_card()
        await shop.pass_time(700)
        task = await _open(shop)
        assert (task["kind"], task["payment"], task["refund"]) == ("late", payment["id"], None)
        assert (task["amount"], task["owner"], task["status"]) == (AMOUNT, None, "open")
        for word in ("₹2,500.00", "INV-7", "after it had stood as not paid", "The money was taken"):
            assert word in task["message"]
        assert "give it back" in task["next_step"]
        told = await feed.page(shop.till, shop.principal, limit=200)
        assert [each["type"] for each in told][-3:] == ["payment.paid", "payment.paid_late", "task.opened"]
        assert told[-1]["data"] == task
        assert any("A person was called" in item["text"] for item in await shop.timeline(payment))
        assert await _measured(shop) == await tasks.unexplained(shop.till, shop.principal) == 1


async def test_taken_and_closed_by_a_person(database_url: str) -> None:
    """A task is taken, taken over, and closed once, by somebody who says what they found; its payment is unflagged."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=20_000)
        payment = await shop.start()
        shop.pay_by_card()
        await shop.pass_time(700)
        task = await _open(shop)
        meena, ravi = _person(shop, "meena"), _person(shop, "ravi")
        for who in (meena, meena, ravi):
            assert (await tasks.take(shop.till, who, task["id"]))["owner"] == who.actor
        with pytest.raises(InvalidField):
            await tasks.close_task(shop.till, ravi, task["id"], " ")
        done = await tasks.close_task(shop.till, ravi, task["id"], "Bill was still due; kept.")
        assert (done["status"], done["closed_by"], done["note"]) == ("closed", "ravi", "Bill was still due; kept.")
        with pytest.raises(IllegalTransition, match=r"ravi.*kept") as again:
            await tasks.close_task(shop.till, meena, task["id"], "me too")
        assert again.value.code == "task_closed"
        after = await shop.see(payment)
        assert (after["status"], after["needs_review"]) == ("paid", False)
        types = [each["type"] for each in await feed.page(shop.till, shop.principal, limit=200)]
        assert types[-4:] == ["task.taken", "task.taken", "task.closed", "payment.reviewed"]
        assert await tasks.unexplained(shop.till, shop.principal) == 0
        with pytest.raises(NotFound):
            await tasks.take(shop.till, replace(meena, merchant_id="mer_other"), task["id"])


async def test_a_review_closes_the_tasks_of_its_payment(database_url: str) -> None:
    """Review and task are one mechanism: saying that one has looked closes the payment's task with the same words."""
    async with open_shop(database_url) as shop:
        payment = await _contradicted(shop)
        await reviews.looked_at(shop.till, shop.principal, payment["id"], "The dashboard says paid.")
        done = only(await _tasks(shop))
        assert (done["kind"], done["status"], done["note"]) == ("conflict", "closed", "The dashboard says paid.")
        assert (await audit.verify(shop.till))["first_bad"] is None


async def test_f07_a_failure_after_success_opens_a_task_and_unpays_nothing(database_url: str) -> None:
    """F07: Paytm contradicting its own proof is a conflict with a task; closing it takes a supervisor."""
    async with open_shop(database_url) as shop:
        payment = await _contradicted(shop)
        task = await _open(shop)
        assert (task["kind"], (await shop.see(payment))["status"]) == ("conflict", "paid")
        assert "stays paid" in task["message"]
        with pytest.raises(Forbidden, match="supervisor"):
            await tasks.close_task(shop.till, _person(shop, "meena", "collect"), task["id"], "fine")


async def test_f09_a_mismatch_keeps_its_task_when_the_payment_is_paid(database_url: str) -> None:
    """An answer about other money is a task that a right answer later does not close; a person does."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.WRONG_AMOUNT, operation="status")
        payment = await shop.start()
        shop.pay_by_card()
        await shop.pass_time(3)
        task = await _open(shop)
        assert task["kind"] == "mismatch"
        with pytest.raises(IllegalTransition) as live:
            await tasks.close_task(shop.till, shop.principal, task["id"], "fine")
        assert live.value.code == "payment_not_final"
        assert (await shop.ended(payment))["status"] == "paid"
        assert (await _open(shop))["id"] == task["id"]
        await tasks.close_task(shop.till, shop.principal, task["id"], "One wrong answer; the slip says ₹2,500.")


async def test_f08_an_unclear_answer_closes_its_task_by_itself(database_url: str) -> None:
    """A result that nobody knows calls a person, and lets them go when Paytm has said what became of it."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.UNKNOWN_STATUS, operation="status")
        payment = await shop.start()
        await shop.pass_time(3)
        assert (await _open(shop))["kind"] == "unclear"
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        done = only(await _tasks(shop))
        assert (done["status"], done["closed_by"]) == ("closed", "galla")
        assert await tasks.unexplained(shop.till, shop.principal) == 0


async def test_f04_a_sale_lost_after_acceptance_is_a_task(database_url: str) -> None:
    """F04: what Paytm accepted and then does not know goes to a person, never to a second sending."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.NOT_FOUND_WINDOW, after_ms=600_000)
        payment = await shop.start()
        shop.pay_by_card()
        await shop.pass_time(590)
        task = await _open(shop)
        assert task["kind"] == "lost"
        assert "Do not take this payment again" in task["next_step"]
        assert (await shop.ended(payment, within_s=120))["status"] == "paid"
        assert await _tasks(shop, status="open") == []


@pytest.mark.parametrize("asks", ["answers", "silence"])
async def test_i15_past_its_ladder_a_payment_has_a_task(database_url: str, asks: str) -> None:
    """I-15: the worker itself opens the task of a payment past its ladder, once; a proof later closes it."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.act(Action.ACCEPT, Action.WALK_AWAY)
        if asks == "silence":
            shop.fault(Kind.HTTP_500, operation="status", times=None)
        await shop.pass_time(DAY_S - 60)
        assert await tasks.unexplained(shop.till, shop.principal) == 0
        shop.clock.advance(120)
        assert await tasks.unexplained(shop.till, shop.principal) == 1  # counted before the worker came by
        await shop.pass_time(2 * 3600)
        task = await _open(shop)
        assert (task["kind"], await tasks.unexplained(shop.till, shop.principal)) == ("past_ladder", 1)
        await shop.pass_time(26 * 3600)
        assert (await _open(shop))["id"] == task["id"]
        kinds = [item for item in await shop.timeline(payment) if item["data"].get("type") == "payment.needs_review"]
        assert len(kinds) == 1
        shop.box.faults.remove()
        shop.act(Action.INSERT, Action.PIN_RIGHT)
        assert (await shop.ended(payment, within_s=7200))["status"] == "paid"
        assert await tasks.unexplained(shop.till, shop.principal) == 0


async def test_f16_a_refund_that_failed_is_a_task_until_it_is_given_back_again(database_url: str) -> None:
    """F16: money that did not go back calls a person; a new refund closes the call."""
    async with open_upi_shop(database_url) as shop:
        payment, _ = await _refused_refund(shop)
        task = await _open(shop)
        assert (task["kind"], task["amount"], task["payment"]) == ("refund_failed", AMOUNT, payment["id"])
        assert task["refund"] is not None
        assert "has not got this money back" in task["message"]
        again = await shop.give_back(payment)
        done = only(await _tasks(shop))
        assert (done["status"], again["id"] in done["note"]) == ("closed", True)
        assert (await shop.refund_ended(again))["status"] == "done"
        assert await tasks.unexplained(shop.till, shop.principal) == 0


async def test_a_refund_that_is_not_finished_in_time_is_a_task(database_url: str) -> None:
    """F16: ten days after it began, a refund that is neither done nor refused calls a person, once."""
    async with open_upi_shop(database_url) as shop:
        shop.box.refund_delay_s = 20 * DAY_S
        payment = await shop.paid()
        refund = await shop.give_back(payment)
        await shop.pass_time(9.9 * DAY_S)
        assert await tasks.unexplained(shop.till, shop.principal) == 0
        await shop.pass_time(0.5 * DAY_S)
        task = await _open(shop)
        assert (task["kind"], task["refund"]) == ("refund_past_ladder", refund["id"])
        await tasks.close_task(shop.till, shop.principal, task["id"], "The bank holds it; the customer knows.")
        await shop.pass_time(2 * DAY_S)
        assert await tasks.unexplained(shop.till, shop.principal) == 0
        await shop.pass_time(9 * DAY_S)
        assert (await shop.see_refund(refund))["status"] == "done"


async def test_lists_are_paged_and_narrowed(database_url: str) -> None:
    """Tasks come newest first, page by page, by status, kind and payment; a word that is no filter is refused."""
    async with open_shop(database_url) as shop:
        made = []
        for number in range(3):
            shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=20_000)
            payment = await shop.start(reference=f"INV-{number}")
            shop.pay_by_card()
            await shop.pass_time(700)
            made.append(payment["id"])
        first = await tasks.find(shop.till, shop.principal, {"status": "open"}, limit=2)
        rest = await tasks.find(shop.till, shop.principal, {"status": "open"}, limit=2, cursor=first["next_cursor"])
        assert [each["payment"] for each in first["data"] + rest["data"]] == made[::-1]
        assert (rest["next_cursor"], rest["unexplained"]) == (None, 3)
        assert [each["payment"] for each in await _tasks(shop, payment=made[0])] == [made[0]]
        assert await _tasks(shop, kind="conflict") == []
        for wrong in ({"status": "lost"}, {"kind": "nothing"}):
            with pytest.raises(InvalidField):
                await tasks.find(shop.till, shop.principal, wrong)


def _person(shop: Shop, name: str, *scopes: str) -> Principal:
    return replace(shop.principal, actor=name, scopes=frozenset(scopes) or shop.principal.scopes)


async def _contradicted(shop: Shop) -> Any:
    """Take a payment to its end, then let Paytm say once that it failed."""
    payment = await shop.start()
    shop.pay_by_card()
    await shop.ended(payment)
    key, charge = next(iter(shop.box.charges.items()))
    shop.box.charges[key] = replace(charge, told_late_ms=10**9, told_meanwhile="F")
    await shop.pass_time(5)
    await payments.check(shop.till, shop.principal, payment["id"])
    shop.box.charges[key] = charge
    return payment


async def _refused_refund(shop: UpiShop) -> tuple[Any, Any]:
    """Take a payment, then let Paytm refuse its refund."""
    payment = await shop.paid()
    answering(shop, "refund", said("TXN_FAILURE", "619"))
    refund = await shop.give_back(payment)
    shop.line.answer_with(shop.box.ahandle)
    assert refund["status"] == "failed"
    return payment, refund
