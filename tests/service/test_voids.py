"""Voids of card sales: accepted is not voided, one void for a sale, and when it cannot be, a refund, never both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from galla.errors import AmountNotAllowed, IllegalTransition, TerminalBusy
from galla.protocol.message import Request, Response
from galla.sandbox.charge import VoidState
from galla.sandbox.faults import Kind
from galla.sandbox.refund import RefundState
from galla.sandbox.terminal import Action
from galla.service import ledgers, tasks
from tests.service.card_shop import CardShop, answer, open_card_shop
from tests.service.shop import AMOUNT, FIRST, SECOND
from tests.service.upi_shop import said

EVENING = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)  # 23:30 in India
TO_CUTOFF = 35 * 60 + 1
DAY = 24 * 3600


async def test_f14_c22_accepted_is_not_voided_until_the_machine_says_so(database_url: str) -> None:
    """Accepted by Paytm is pending; accepted on the machine is proof: voided once, booked once, all given back."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        assert (payment["is_voided"], payment["void_until"]) == (False, "2026-01-05T18:35:00.000Z")
        void = await shop.give_back(payment)
        assert answer(void) == ("void", "pending", False)
        assert void["choice"] == (
            "The whole sale is taken back on Counter 1. That is possible until 12:05 am on 6 Jan."
        )
        await shop.pass_time(120)
        assert (await shop.see_refund(void))["status"] == "pending"
        assert (await shop.see(payment))["is_voided"] is False
        assert await _entries(shop, void) == []
        shop.accept_void()
        done = await shop.refund_ended(void)
        assert (answer(done), done["amount"]) == (("void", "done", False), AMOUNT)
        after = await shop.see(payment)
        assert (after["status"], after["is_voided"], after["void_until"]) == ("paid", True, None)
        assert (after["amount_refunded"], after["amount_refundable"]) == (AMOUNT, 0)
        (entry,) = await _entries(shop, void)
        assert entry["description"].startswith("Void of ")
        await shop.pass_time(5 * DAY)
        assert len(await _entries(shop, void)) == 1
        assert shop.calls("void") == 1
        with pytest.raises(AmountNotAllowed):
            await shop.give_back(payment)


async def test_f14_refused_on_the_machine_the_sale_stands_and_can_be_refunded(database_url: str) -> None:
    """Accepted by Paytm, rejected on the machine: nothing is reversed; the refund that is offered goes back once."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        void = await shop.give_back(payment)
        shop.act(Action.REJECT)
        failed = await shop.refund_ended(void)
        assert (answer(failed), failed["trouble"]["paytm_code"]) == (("void", "failed", False), "0090")
        assert "refund instead" in failed["trouble"]["hint"]
        stands = await shop.see(payment)
        assert (stands["is_voided"], stands["amount_refundable"]) == (False, AMOUNT)
        assert await _entries(shop, void) == []
        refund = await shop.give_back(payment)
        assert (refund["kind"], refund["choice"]) == (
            "refund",
            "A void of this sale has failed already. So it is refunded.",
        )
        assert (await shop.refund_ended(refund))["status"] == "done"
        (call,) = shop.box.wire.calls(operation="refund")
        assert (call.body["orderId"], call.body["refundAmount"]) == (payment["paytm"]["id"], "2500.00")
        assert call.body["txnId"] == payment["paytm"]["transaction_id"] == shop.charge(payment).acquirement_id


async def test_f14_a_second_void_after_a_refused_one_is_followed_by_itself(database_url: str) -> None:
    """Asked for by name, a refused void is tried once more; only the second is asked about, and it alone is done."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        first = await shop.give_back(payment)
        shop.act(Action.REJECT)
        await shop.refund_ended(first)
        shop.act(Action.CLEAR)
        second = await shop.give_back(payment, kind="void")
        assert answer(second) == ("void", "pending", False)
        shop.accept_void()
        assert (await shop.refund_ended(second))["status"] == "done"
        asked = shop.void_questions(payment)
        await shop.pass_time(5 * DAY)
        assert shop.void_questions(payment) == asked, "a void that is over is asked about no more"
        assert answer(await shop.see_refund(first)) == ("void", "failed", False)
        assert (await shop.see(payment))["amount_refunded"] == AMOUNT


async def test_f15_c19_a_lost_answer_is_asked_about_and_never_sent_again(database_url: str) -> None:
    """The void arrives and its answer does not: in doubt, asked, done; the same click is the same void."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        shop.fault(Kind.DROP_AFTER, operation="void")
        void = await shop.give_back(payment, idempotency_key="click", fingerprint="f")
        assert (void["status"], void["trouble"]["code"]) == ("in_doubt", "lost_reply")
        again = await shop.give_back(payment, idempotency_key="click", fingerprint="f")
        assert again == void
        shop.accept_void()
        assert (await shop.refund_ended(void))["status"] == "done"
        assert shop.calls("void") == 1


async def test_c19_a_lost_refund_of_a_card_sale_keeps_its_reference(database_url: str) -> None:
    """The answer to a refund is lost and it is clicked again: one reference, one refund."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        shop.fault(Kind.DROP_AFTER, operation="refund")
        refund = await shop.give_back(payment, 50_000, idempotency_key="click", fingerprint="f")
        again = await shop.give_back(payment, 50_000, idempotency_key="click", fingerprint="f")
        assert again["paytm"]["ref_id"] == refund["paytm"]["ref_id"]
        assert (await shop.refund_ended(refund))["status"] == "done"
        assert shop.references() == [refund["paytm"]["ref_id"]]


@pytest.mark.parametrize("times", [1, 2])
async def test_f15_a_lost_request_is_sent_once_more(database_url: str, times: int) -> None:
    """Never arrived: after a grace the same void goes out once more, and never a third time."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        shop.fault(Kind.DROP_BEFORE, operation="void", times=times)
        void = await shop.give_back(payment)
        await shop.pass_time(600)
        assert shop.calls("void") == 2
        if times == 1:
            assert (await shop.see_refund(void))["status"] == "pending"
            shop.accept_void()
            assert (await shop.refund_ended(void))["status"] == "done"
        else:
            after = await shop.see_refund(void)
            assert (after["status"], after["trouble"]["code"]) == ("failed", "never_sent")
            assert "refund instead" in after["trouble"]["hint"]


async def test_f11_a_duplicate_answer_means_that_it_arrived(fresh_sqlite_url: str) -> None:
    """0233 for a void: ours arrived before; it is followed by questions to its end and not sent again."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        payment = await shop.sold()
        _answering(shop, "void", _edc("F", "FAIL", "0233"), is_done=True)
        void = await shop.give_back(payment)
        assert (void["status"], void["trouble"]["code"]) == ("pending", "already_raised")
        shop.accept_void()
        assert (await shop.refund_ended(void))["status"] == "done"
        assert shop.calls("void") == 1


@pytest.mark.parametrize("code", ["0090", "0180", "0007", "0330"])
async def test_a_void_that_paytm_refuses_has_failed_and_says_why(fresh_sqlite_url: str, code: str) -> None:
    """A no to the void is a failed void with its code; the sale stands, and the next step is named."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        payment = await shop.sold()
        _answering(shop, "void", _edc("F", "FAIL", code))
        void = await shop.give_back(payment)
        assert (answer(void), void["trouble"]["paytm_code"]) == (("void", "failed", False), code)
        assert "refund instead" in void["trouble"]["hint"]
        assert (await shop.see(payment))["amount_refundable"] == AMOUNT


async def test_0180_just_after_acceptance_is_not_believed_at_once(fresh_sqlite_url: str) -> None:
    """A void that Paytm has accepted and does not know yet is asked about for a while before it counts as failed."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        payment = await shop.sold()
        void = await shop.give_back(payment)
        _answering(shop, "status", *(_edc("F", "FAIL", "0180"),) * 3)
        await shop.pass_time(16)
        assert answer(await shop.see_refund(void)) == ("void", "pending", False)
        _answering(shop, "status", *(_edc("F", "FAIL", "0180"),) * 60)
        await shop.pass_time(300)
        assert answer(await shop.see_refund(void)) == ("void", "failed", False)
        shop.line.answer_with(shop.box.ahandle)
        shop.act(Action.REJECT)


async def test_a_busy_machine_lets_the_void_wait(fresh_sqlite_url: str) -> None:
    """0333: somebody else's request is on the machine; the void goes out by itself when it is free."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        payment = await shop.sold()
        _answering(shop, "void", *(_edc("F", "FAIL", "0333"),) * 2)
        void = await shop.give_back(payment)
        assert (void["status"], void["trouble"]["code"]) == ("created", "terminal_busy")
        await shop.pass_time(30)
        assert (await shop.see_refund(void))["status"] == "pending"
        shop.accept_void()
        assert (await shop.refund_ended(void))["status"] == "done"


async def test_f12_a_void_needs_the_machine_and_says_who_has_it(database_url: str) -> None:
    """A live payment on the machine refuses the void by name, and a void that waits refuses the next payment."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        other = await shop.start(70_000)
        with pytest.raises(TerminalBusy) as busy:
            await shop.give_back(payment)
        assert (busy.value.blocker, shop.calls("void")) == (other["id"], 0)
        assert (await shop.see(payment))["amount_refundable"] == AMOUNT
        shop.pay_by_card()
        await shop.check(other)
        shop.act(Action.CLEAR)
        void = await shop.give_back(payment)
        with pytest.raises(TerminalBusy) as taken:
            await shop.start(10_000)
        assert taken.value.blocker == payment["id"]
        aside = await shop.start(10_000, tid=SECOND)
        shop.pay_by_card(SECOND)
        await shop.check(aside)
        shop.accept_void()
        assert (await shop.refund_ended(void))["status"] == "done"


async def test_c21_a_part_of_an_unsettled_sale_is_never_a_silent_void(database_url: str) -> None:
    """A part on the day of the sale is refunded as that part; the machine is not asked, and a void is refused."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        with pytest.raises(IllegalTransition) as no:
            await shop.give_back(payment, 100_000, kind="void")
        assert (no.value.code, no.value.param) == ("void_not_possible", "kind")
        assert "not a part of it" in str(no.value)
        refund = await shop.give_back(payment, 100_000)
        assert (refund["kind"], refund["amount"]) == ("refund", 100_000)
        assert refund["choice"].startswith("A void takes back the whole sale of ₹2,500.00, not a part of it.")
        assert (await shop.refund_ended(refund))["status"] == "done"
        rest = await shop.give_back(payment)
        assert (rest["kind"], rest["amount"]) == ("refund", 150_000)
        assert (await shop.refund_ended(rest))["status"] == "done"
        other = await shop.sold(tid=SECOND)
        part = await shop.give_back(other, 50_000)
        with pytest.raises(IllegalTransition, match="A void takes back the whole sale"):
            await shop.give_back(other, kind="void")
        assert (await shop.refund_ended(part))["status"] == "done"
        assert shop.calls("void") == 0
        assert shop.charge(payment).void is VoidState.NONE


async def test_f16_a_refund_that_fails_in_the_end_can_be_tried_again(database_url: str) -> None:
    """Taken in, and failed hours later: the amount is free again, and the next refund has a reference of its own."""
    async with open_card_shop(database_url) as shop:
        payment = await shop.sold()
        await shop.pass_time(DAY)
        shop.box.refund_delay_s = DAY // 3
        shop.fault(Kind.REFUND_FAILS)
        refund = await shop.give_back(payment)
        assert refund["choice"] == (
            "This sale could be voided until 12:05 am on 6 Jan, and that time is over. So it is refunded."
        )
        failed = await shop.refund_ended(refund, within_s=4 * DAY)
        assert (failed["status"], failed["trouble"]["paytm_code"]) == ("failed", "600")
        again = await shop.give_back(payment)
        assert (await shop.refund_ended(again, within_s=4 * DAY))["status"] == "done"
        assert len(set(shop.references())) == 2
        assert [each.state for each in shop.box.refunds.values()].count(RefundState.DONE) == 1


@pytest.mark.parametrize("kind", [Kind.WRONG_AMOUNT, Kind.WRONG_ID, Kind.WRONG_MID])
async def test_a_success_about_something_else_is_flagged_and_never_done(fresh_sqlite_url: str, kind: Kind) -> None:
    """Another amount, id or MID in an answer about a void proves nothing: a person must look, whatever follows."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        payment = await shop.sold()
        void = await shop.give_back(payment)
        shop.fault(kind, operation="status", times=3)
        shop.accept_void()
        await shop.pass_time(12)
        held = await shop.see_refund(void)
        assert (answer(held), held["trouble"]["code"]) == (("void", "pending", True), "mismatch")
        assert await _entries(shop, void) == []
        assert answer(await shop.refund_ended(void)) == ("void", "done", True)


@pytest.mark.parametrize(
    "kind",
    [Kind.HTTP_500, Kind.HTML, Kind.TRUNCATED_JSON, Kind.RATE_LIMITED, Kind.INTERNAL_0012, Kind.UNKNOWN_STATUS],
)
@pytest.mark.parametrize("operation", ["void", "status"])
async def test_an_answer_that_says_nothing_ends_nothing(fresh_sqlite_url: str, kind: Kind, operation: str) -> None:
    """Unreadable or unknown answers leave the void open and the sale unreversed; it is done once, by proof."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        payment = await shop.sold()
        shop.fault(kind, operation=operation)
        void = await shop.give_back(payment)
        await shop.pass_time(6)
        assert (await shop.see_refund(void))["status"] in ("created", "pending", "in_doubt")
        await shop.pass_time(400)
        shop.accept_void()
        assert (await shop.refund_ended(void))["status"] == "done"
        assert shop.charge(payment).void is VoidState.DONE
        assert shop.calls("void") <= 2


async def test_a_void_nobody_answers_is_flagged_at_the_cutoff_and_asked_about_on(database_url: str) -> None:
    """Past the cut-off it needs a person, with the refund as the next step; a late proof still makes it done."""
    async with open_card_shop(database_url, at=EVENING) as shop:
        payment = await shop.sold()
        void = await shop.give_back(payment)
        await shop.pass_time(TO_CUTOFF - 60)
        assert answer(await shop.see_refund(void)) == ("void", "pending", False)
        await shop.pass_time(60)
        held = await shop.see_refund(void)
        assert (answer(held), held["trouble"]["code"]) == (("void", "pending", True), "void_unanswered")
        assert "refund instead" in held["trouble"]["hint"]
        assert await tasks.unexplained(shop.till, shop.principal) == 1
        asked = shop.void_questions(payment)
        await shop.pass_time(3600)
        assert shop.void_questions(payment) > asked
        assert len(await _events(shop, void)) == 3, "it is flagged once, not at every question"
        shop.accept_void()
        assert answer(await shop.refund_ended(void, within_s=2 * 3600)) == ("void", "done", False)
        assert await tasks.unexplained(shop.till, shop.principal) == 0


async def test_two_people_may_give_an_unanswered_void_up_for_a_refund(database_url: str) -> None:
    """One alone may not; silence from Paytm is not enough; with a second person the refund takes the void's place."""
    async with open_card_shop(database_url, at=EVENING) as shop:
        supervisor = await shop.colleague("refund")
        payment = await shop.sold()
        void = await shop.give_back(payment)
        await shop.pass_time(TO_CUTOFF)
        with pytest.raises(Exception, match="second person") as alone:
            await shop.give_back(payment, kind="refund")
        assert alone.value.code == "approval_needed"
        shop.act(Action.REJECT)  # meanwhile: Paytm takes no refund of a sale that its machine may still reverse
        refund = await shop.give_back(payment, kind="refund", approver=supervisor)
        assert (refund["kind"], refund["approver"]) == ("refund", "key Supervisor")
        ended = await shop.see_refund(void)
        assert (answer(ended), ended["trouble"]["code"]) == (("void", "failed", False), "void_given_up")
        assert (await shop.refund_ended(refund))["status"] == "done"
        await shop.pass_time(5 * DAY)
        assert (await shop.see(payment))["amount_refunded"] == AMOUNT


async def test_an_unanswered_void_is_not_given_up_while_paytm_is_silent(fresh_sqlite_url: str) -> None:
    """Nobody knows whether it was accepted in time: the amount stays set aside, and a refund is refused."""
    async with open_card_shop(fresh_sqlite_url, at=EVENING) as shop:
        supervisor = await shop.colleague("refund")
        payment = await shop.sold()
        void = await shop.give_back(payment)
        shop.fault(Kind.HTTP_500, operation="status", times=400)
        await shop.pass_time(TO_CUTOFF + 300)
        assert answer(await shop.see_refund(void)) == ("void", "pending", True)
        with pytest.raises(AmountNotAllowed):
            await shop.give_back(payment, kind="refund", approver=supervisor)
        shop.box.clear_faults()
        shop.accept_void()
        assert (await shop.refund_ended(void, within_s=2 * 3600))["status"] == "done"


async def test_a_void_that_never_left_does_not_leave_after_the_cutoff(database_url: str) -> None:
    """No connection until midnight is over: the void has failed and says so; the machine is never surprised by it."""
    async with open_card_shop(database_url, at=EVENING + timedelta(minutes=25)) as shop:
        payment = await shop.sold()
        shop.fault(Kind.REFUSE_CONNECTION, operation="void", times=9999)
        void = await shop.give_back(payment)
        await shop.pass_time(TO_CUTOFF - 25 * 60 + 120)
        after = await shop.see_refund(void)
        assert (answer(after), after["trouble"]["code"]) == (("void", "failed", False), "void_too_late")
        shop.box.clear_faults()
        await shop.pass_time(DAY)
        assert shop.charge(payment).void is VoidState.NONE
        assert (await shop.give_back(payment))["kind"] == "refund"


async def test_the_void_goes_to_the_dialects_own_path(fresh_sqlite_url: str) -> None:
    """Where a void is sent follows the setting, and it carries the sale's own id and nothing of money."""
    async with open_card_shop(fresh_sqlite_url, edc_void_path="/ecr/ext/void") as shop:
        payment = await shop.sold()
        void = await shop.give_back(payment)
        (call,) = shop.box.wire.calls(operation="void")
        assert call.path == "/ecr/ext/void"
        assert set(call.body) == {"paytmMid", "paytmTid", "merchantTransactionId", "transactionDateTime"}
        assert (call.body["merchantTransactionId"], call.body["paytmTid"]) == (payment["paytm"]["id"], FIRST)
        shop.accept_void()
        await shop.refund_ended(void)


def _answering(shop: CardShop, operation: str, *answers: Response, is_done: bool = False) -> None:
    left = list(answers)

    async def carry(request: Request) -> Response:
        is_meant = request.operation == operation and (operation != "status" or b'"event"' in request.body)
        if not (is_meant and left):
            return await shop.box.ahandle(request)
        if is_done:
            await shop.box.ahandle(request)
        return left.pop(0)

    shop.line.answer_with(carry)


def _edc(letter: str, word: str, code: str) -> Response:
    """Return an answer of the card machine API with this result."""
    made = said(word, letter)
    body = made.body.replace(b'"resultMsg"', f'"resultCodeId":"{code}","resultMsg"'.encode())
    return Response(status=200, body=body)


async def _entries(shop: CardShop, refund: Any) -> list[Any]:
    return list((await ledgers.entries(shop.till, shop.principal, object_id=refund["id"]))["data"])


async def _events(shop: CardShop, refund: Any) -> list[str]:
    from galla.store import journal

    found = await shop.till.database.read(
        journal.events_after, shop.principal.merchant_id, 0, 500, object_id=refund["id"]
    )
    return [row.type for row in found]
