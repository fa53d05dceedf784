"""Refunds: asked for under a stored reference, followed to their end, never more than was paid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from galla.errors import AmountNotAllowed, IdempotencyMismatch, IllegalTransition
from galla.sandbox.faults import Kind
from galla.sandbox.refund import RefundState
from galla.service import refunds
from galla.service.till import Till
from tests.service.shop import AMOUNT, settings_for
from tests.service.upi_shop import CLIENT, PUBLIC, UpiShop, answering, open_upi_shop, said

HEARING = pytest.mark.parametrize("hears", [True, False], ids=["webhooks arrive", "webhooks lost"])
DAYS = 86_400.0


@HEARING
async def test_a_part_goes_back_then_the_rest(database_url: str, hears: bool) -> None:
    """Taken in is not done: pending until Paytm says 10; then booked, and the rest can still be given back."""
    async with open_upi_shop(database_url, hears=hears) as shop:
        shop.box.refund_delay_s = 3 * 3600
        bill = await shop.bill()
        payment = await shop.paid(bill=bill["id"])
        first = await shop.give_back(payment, 100_000)
        assert (first["status"], first["rrn"]) == ("pending", None)
        waiting = await shop.see(payment)
        assert (waiting["amount_refunded"], waiting["amount_refundable"]) == (0, AMOUNT - 100_000)
        done = await shop.refund_ended(first, within_s=2 * DAYS)
        assert done["status"] == "done"
        assert done["rrn"] is not None
        assert done["paytm"]["refund_id"] is not None
        rest = await shop.give_back(payment)
        assert rest["amount"] == AMOUNT - 100_000
        assert (await shop.refund_ended(rest, within_s=2 * DAYS))["status"] == "done"
        assert (await shop.see(payment))["amount_refunded"] == AMOUNT
        with pytest.raises(AmountNotAllowed) as raised:
            await shop.give_back(payment, 100)
        assert raised.value.code == "over_refund"
        assert bool(shop.box.outbox.ended) is hears


async def test_a_webhook_ends_a_refund_at_once(fresh_sqlite_url: str) -> None:
    """A refund that is done after days is known within a second when its webhook arrives, and only by asking."""
    async with open_upi_shop(fresh_sqlite_url, hears=True) as shop:
        shop.box.refund_delay_s = 3 * DAYS
        payment = await shop.paid()
        refund = await shop.give_back(payment)
        await shop.pass_time(3 * DAYS - 60)
        assert (await shop.see_refund(refund))["status"] == "pending"
        asked = shop.calls("refund_status")
        await shop.pass_time(61)
        assert (await shop.see_refund(refund))["status"] == "done"
        assert shop.calls("refund_status") == asked + 1


async def test_a_lost_reply_is_asked_about_by_its_reference(database_url: str) -> None:
    """The request arrives and its answer does not: in doubt, asked by the same reference, never sent again."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.paid()
        shop.fault(Kind.DROP_AFTER, operation="refund")
        refund = await shop.give_back(payment, 50_000)
        assert (refund["status"], refund["trouble"]["code"]) == ("in_doubt", "lost_reply")
        assert "Do not refund again" in refund["trouble"]["hint"]
        assert (await shop.refund_ended(refund))["status"] == "done"
        assert _references(shop) == [refund["paytm"]["ref_id"]]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_lost_request_is_sent_once_more(database_url: str, times: int) -> None:
    """Never arrived: after three questions the same reference goes out once more, and never a third time."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.paid()
        shop.fault(Kind.DROP_BEFORE, operation="refund", times=times)
        refund = await shop.give_back(payment)
        after = await shop.refund_ended(refund)
        assert _references(shop) == [refund["paytm"]["ref_id"]] * 2
        if times == 1:
            assert after["status"] == "done"
        else:
            assert (after["status"], after["trouble"]["code"]) == ("failed", "never_sent")
            assert (await shop.see(payment))["amount_refundable"] == AMOUNT
            assert (await shop.refund_ended(await shop.give_back(payment)))["status"] == "done"


async def test_a_request_that_never_left_goes_out_later(fresh_sqlite_url: str) -> None:
    """No connection: nothing was sent, and the same reference leaves when there is one."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.paid()
        shop.fault(Kind.REFUSE_CONNECTION, operation="refund", times=3)
        refund = await shop.give_back(payment)
        assert (await shop.refund_ended(refund))["status"] == "done"
        assert set(_references(shop)) == {refund["paytm"]["ref_id"]}


async def test_two_refunds_at_once_wait_for_each_other(database_url: str) -> None:
    """626, another refund of the order in progress: nothing is lost, the second goes when the first is done."""
    async with open_upi_shop(database_url) as shop:
        shop.box.refund_delay_s = 1800
        payment = await shop.paid()
        first = await shop.give_back(payment, 100_000)
        second = await shop.give_back(payment, 60_000)
        assert (second["status"], second["trouble"]["paytm_code"]) == ("created", "626")
        assert (await shop.refund_ended(first, within_s=DAYS))["status"] == "done"
        assert (await shop.refund_ended(second, within_s=DAYS))["status"] == "done"
        assert set(_references(shop)) == {first["paytm"]["ref_id"], second["paytm"]["ref_id"]}


async def test_two_equal_parts_both_go_back(database_url: str) -> None:
    """617 for an equal part within ten minutes is not this refund: asked, then sent again when Paytm will take it."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.paid()
        first = await shop.give_back(payment, 100_000)
        assert (await shop.refund_ended(first))["status"] == "done"
        second = await shop.give_back(payment, 100_000)
        after = await shop.refund_ended(second, within_s=3600)
        assert (after["status"], after["needs_review"]) == ("done", False)
        assert _references(shop).count(second["paytm"]["ref_id"]) == 2


async def test_617_for_our_own_reference_is_followed(fresh_sqlite_url: str) -> None:
    """The first request did arrive and the answer says so in its way (617): followed by questions to done."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.paid()
        answering(shop, "refund", said("TXN_FAILURE", "617"), is_done=True)
        refund = await shop.give_back(payment)
        assert refund["status"] == "pending"
        after = await shop.refund_ended(refund)
        assert (after["status"], shop.calls("refund")) == ("done", 1)
        assert after["paytm"]["refund_id"] is not None


async def test_628_is_followed_to_its_end(fresh_sqlite_url: str) -> None:
    """Pending at the bank is pending: no second refund, done when the bank is."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.paid()
        answering(shop, "refund", said("PENDING", "628"), is_done=True)
        refund = await shop.give_back(payment)
        assert refund["status"] == "pending"
        assert (await shop.refund_ended(refund))["status"] == "done"
        assert shop.calls("refund") == 1


@pytest.mark.parametrize("code", ["627", "635", "619", "620", "600", "607"])
async def test_a_refused_refund_has_failed_and_says_why(fresh_sqlite_url: str, code: str) -> None:
    """A no from Paytm is a failed refund with its code; nothing went back, and all of it can be tried again."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.paid()
        answering(shop, "refund", said("TXN_FAILURE", code))
        refund = await shop.give_back(payment, 100_000)
        assert (refund["status"], refund["trouble"]["paytm_code"]) == ("failed", code)
        assert "not" in refund["trouble"]["message"].lower() or "at least" in refund["trouble"]["message"]
        assert (await shop.see(payment))["amount_refundable"] == AMOUNT
        again = await shop.give_back(payment, 100_000)
        assert again["paytm"]["ref_id"] != refund["paytm"]["ref_id"]
        assert (await shop.refund_ended(again))["status"] == "done"


async def test_629_without_a_refund_of_ours_needs_a_person(fresh_sqlite_url: str) -> None:
    """Refunded already, says Paytm, and does not know our reference: held for a person, never called done."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.paid()
        answering(shop, "refund", *(said("TXN_FAILURE", "629"),) * 9)
        refund = await shop.give_back(payment)
        await shop.pass_time(2 * DAYS)
        after = await shop.see_refund(refund)
        assert (after["status"], after["needs_review"]) == ("pending", True)
        with pytest.raises(AmountNotAllowed):
            await shop.give_back(payment)


async def test_paytm_takes_no_part_below_a_rupee(fresh_sqlite_url: str) -> None:
    """Below one rupee only the whole goes back; a smaller part is refused before anything is sent."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.paid()
        with pytest.raises(AmountNotAllowed) as raised:
            await shop.give_back(payment, 99)
        assert raised.value.code == "amount_below_minimum"
        assert shop.calls("refund") == 0
        small = await shop.paid(amount=50)
        assert (await shop.refund_ended(await shop.give_back(small)))["status"] == "done"


async def test_a_bank_that_rejects_it_in_the_end(database_url: str) -> None:
    """Taken in, and failed days later: failed, the money counts as kept, and a new refund may begin."""
    async with open_upi_shop(database_url) as shop:
        shop.box.refund_delay_s = 2 * DAYS
        payment = await shop.paid()
        shop.fault(Kind.REFUND_FAILS)
        refund = await shop.give_back(payment)
        after = await shop.refund_ended(refund, within_s=4 * DAYS)
        assert (after["status"], after["trouble"]["paytm_code"]) == ("failed", "600")
        again = await shop.give_back(payment)
        assert (await shop.refund_ended(again, within_s=4 * DAYS))["status"] == "done"


WRONG = [
    Kind.WRONG_AMOUNT, Kind.WRONG_ID, Kind.WRONG_MID, Kind.BAD_SIGNATURE, Kind.NO_CHECKSUM, Kind.SYSTEM_501,
    Kind.UNKNOWN_STATUS, Kind.HTTP_500, Kind.HTML, Kind.TRUNCATED_JSON, Kind.RATE_LIMITED, Kind.DROP_AFTER,
]  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
async def test_an_answer_that_proves_nothing_ends_nothing(fresh_sqlite_url: str, kind: Kind) -> None:
    """Wrong, unsigned, unreadable or unknown answers about a refund never make it done; the right one later does."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        shop.box.refund_delay_s = 0
        payment = await shop.paid()
        shop.fault(kind, operation="refund_status", times=3)
        refund = await shop.give_back(payment)
        await shop.pass_time(12)
        held = await shop.see_refund(refund)
        assert held["status"] == "pending"
        after = await shop.refund_ended(refund)
        assert after["status"] == "done"
        is_other = kind in (Kind.WRONG_AMOUNT, Kind.WRONG_ID, Kind.WRONG_MID)
        assert held["needs_review"] is (is_other or kind is Kind.UNKNOWN_STATUS)
        assert after["needs_review"] is is_other, "another refund's answer stays flagged, anything else is forgotten"


@pytest.mark.parametrize("kind", [Kind.SYSTEM_501, Kind.HTTP_500, Kind.BAD_SIGNATURE, Kind.HTML, Kind.TRUNCATED_JSON])
async def test_an_answer_to_the_request_that_says_nothing(fresh_sqlite_url: str, kind: Kind) -> None:
    """It may have been taken in: asked by the same reference before anything else, and done once."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.paid()
        shop.fault(kind, operation="refund")
        refund = await shop.give_back(payment)
        assert refund["status"] == "in_doubt"
        assert (await shop.refund_ended(refund))["status"] == "done"
        assert shop.calls("refund") == 1


async def test_the_same_key_gives_back_once(database_url: str) -> None:
    """A repeated request hears the first answer; another amount under the same key is refused."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.paid()
        first = await shop.give_back(payment, 100_000, idempotency_key="k", fingerprint="a")
        again = await shop.give_back(payment, 100_000, idempotency_key="k", fingerprint="a")
        assert again == first
        with pytest.raises(IdempotencyMismatch):
            await shop.give_back(payment, 50_000, idempotency_key="k", fingerprint="b")
        assert (await shop.refund_ended(first))["status"] == "done"
        assert len(shop.box.refunds) == 1


async def test_only_a_paid_payment_goes_back(fresh_sqlite_url: str) -> None:
    """Pending or declined: refused in words, and nothing is sent."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin()
        for status in ("pending", "not_paid"):
            assert (await shop.see(payment))["status"] == status
            with pytest.raises(IllegalTransition) as raised:
                await shop.give_back(payment)
            assert raised.value.code == "payment_not_paid"
            if status == "pending":
                shop.tap(payment, "decline")
                await shop.ended(payment)
        assert shop.calls("refund") == 0


async def test_i05_thirty_full_refunds_at_once(database_url: str) -> None:
    """Thirty people press Refund at the same moment, in three processes on PostgreSQL: it goes back once."""
    async with open_upi_shop(database_url) as shop:
        payment = await shop.paid()
        async with _processes(shop, database_url) as tills:
            outcomes = await asyncio.gather(
                *(_try(till, shop, payment, None) for till in tills for _ in range(30 // len(tills)))
            )
            begun = [refund for refund in outcomes if refund is not None]
            assert len(begun) == 1
        assert (await shop.refund_ended(begun[0]))["status"] == "done"
        assert (await shop.see(payment))["amount_refunded"] == AMOUNT
        assert len(shop.box.refunds) == 1


async def test_i05_thirty_parts_at_once_never_exceed_the_payment(database_url: str) -> None:
    """Thirty different parts, together far more than was paid: what goes back is at most the payment, and booked."""
    async with open_upi_shop(database_url) as shop:
        shop.box.refund_delay_s = 0
        payment = await shop.paid()
        parts = [AMOUNT // 10 + number for number in range(30)]
        async with _processes(shop, database_url) as tills:
            outcomes = await asyncio.gather(
                *(_try(tills[number % len(tills)], shop, payment, part) for number, part in enumerate(parts))
            )
        begun = [refund for refund in outcomes if refund is not None]
        assert len(begun) == 9
        for refund in begun:
            assert (await shop.refund_ended(refund, within_s=DAYS))["status"] == "done"
        given = sum(each.amount_paise for each in shop.box.refunds.values() if each.state is RefundState.DONE)
        assert given == (await shop.see(payment))["amount_refunded"] <= AMOUNT


async def _try(till: Till, shop: UpiShop, payment: Any, amount: int | None) -> Any | None:
    """Start a refund; None when the cap refused it."""
    new = refunds.NewRefund(reason="returned", amount_paise=amount)
    try:
        return (await refunds.start(till, shop.principal, payment["id"], new)).refund
    except AmountNotAllowed as error:
        if error.code != "over_refund":
            raise
        return None


@asynccontextmanager
async def _processes(shop: UpiShop, url: str) -> AsyncIterator[list[Till]]:
    """Open the tills of as many processes as the engine allows: one on SQLite, three on PostgreSQL."""
    settings = settings_for(url, client_id=CLIENT, public_url=PUBLIC)
    count = 2 if url.startswith("postgresql") else 0
    more = [await Till.open(settings, send=shop.line.send, clock=shop.clock) for _ in range(count)]
    try:
        yield [shop.till, *more]
    finally:
        for till in more:
            await till.close()


def _references(shop: UpiShop) -> list[str]:
    """Return the reference of every refund request that left for Paytm, in order."""
    return [call.body["refId"] for call in shop.box.wire.calls(operation="refund")]
