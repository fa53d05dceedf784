"""A shift: what its counter took and gave back, what stops its closing, and who signs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from galla.config import Secret
from galla.errors import Forbidden, IllegalTransition, InvalidField, NotFound, PaymentError
from galla.service import bills, ledgers, payments, refunds, shifts
from galla.service.till import Principal
from tests.service.card_shop import CardShop, open_card_shop
from tests.service.shop import API_KEY, FIRST

COUNTER = "Counter 1"


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[CardShop]:
    """A card shop on each database."""
    async with open_card_shop(database_url) as opened:
        yield opened


async def test_c23_a_shift_adds_up_and_closes_over_nothing_unfinished(shop: CardShop) -> None:
    """C23: refunds, old dues and a stuck sale: the totals are right, the close is blocked until the sale has ended."""
    here, other = _at(shop), await shop.colleague("collect", label="Meena")
    old = await shop.bill(100_000)
    shop.clock.advance(3600)
    shift = await shifts.open_shift(shop.till, here, COUNTER, 50_000)
    card = await shop.sold(250_000, tid=FIRST)
    cash = await _cash(shop, here, 30_000, reference="INV-9")
    await _cash(shop, here, 100_000, bill=old["id"])
    await _give_back(shop, here, cash, 10_000)
    back = await shop.give_back(card, 50_000, kind="refund", by=here)
    assert (await shop.refund_ended(back, within_s=7 * 86_400))["status"] == "done"
    stuck = await shop.start(40_000, tid=FIRST)

    blocked = await _refused(shifts.close_shift(shop.till, here, shift["id"], 170_000, Secret(other)))
    assert (type(blocked), blocked.code, blocked.blocker) == (IllegalTransition, "shift_unfinished", stuck["id"])
    shop.pay_by_card()
    await shop.check(stuck)
    seen = (await shifts.get(shop.till, here, shift["id"]))["report"]

    assert (seen["payments"], seen["collected"], seen["given_back"], seen["net"]) == (4, 420_000, -60_000, 360_000)
    assert (seen["old_dues"], seen["cash_expected"], seen["unfinished"]) == (100_000, 170_000, [])
    modes = {line["name"]: (line["count"], line["collected"], line["given_back"]) for line in seen["by_mode"]}
    assert modes == {"CASH": (2, 130_000, -10_000), "CREDIT_CARD": (2, 290_000, -50_000)}
    assert [(line["name"], line["net"]) for line in seen["by_machine"]] == [(FIRST, 240_000)]
    closed = await shifts.close_shift(shop.till, here, shift["id"], 170_000, Secret(other))
    assert (closed["status"], closed["difference"], closed["witness"]) == ("closed", 0, "key Meena")
    assert closed["report"] == {**seen, "paytm": closed["report"]["paytm"]}
    await _cash(shop, here, 7_700, reference="INV-10")
    assert (await shifts.get(shop.till, here, shift["id"])) == closed  # what came later is the next shift's


async def test_a_difference_has_a_reason_and_is_booked(shop: CardShop) -> None:
    """₹10.00 too little in the drawer is refused without a reason, and booked to cash over and short with one."""
    here, other = _at(shop), await shop.colleague("collect")
    shift = await shifts.open_shift(shop.till, here, COUNTER, 50_000)
    await _cash(shop, here, 20_000, reference="INV-1")
    silent = await _refused(shifts.close_shift(shop.till, here, shift["id"], 69_000, Secret(other)))
    assert (type(silent), silent.code, silent.param) == (InvalidField, "difference_unexplained", "reason")
    told = await shifts.close_shift(shop.till, here, shift["id"], 69_000, Secret(other), "A note was torn.")
    assert (told["difference"], told["difference_reason"]) == (-1_000, "A note was torn.")
    trial = await ledgers.trial_balance(shop.till, shop.principal)
    stands = {account["name"]: account["balance"] for account in trial["accounts"]}
    assert (stands["Cash drawer"], stands["Cash over and short"]) == (19_000, 1_000)
    again = await _refused(shifts.close_shift(shop.till, here, shift["id"], 69_000, Secret(other), "Again."))
    assert again.code == "shift_closed"


async def test_two_people_close_a_shift(shop: CardShop) -> None:
    """Neither alone nor with a stranger can a shift be closed; another merchant's or no shift is not found."""
    here = _at(shop)
    shift = await shifts.open_shift(shop.till, here, COUNTER, 0)
    for credential, code in ((API_KEY, "approver_same_person"), ("gk_nobody_at_all", "approver_unknown")):
        refused = await _refused(shifts.close_shift(shop.till, here, shift["id"], 0, Secret(credential)))
        assert (type(refused), refused.code) == (Forbidden, code)
    other = await shop.colleague("collect")
    with pytest.raises(NotFound):
        await shifts.close_shift(shop.till, here, "shf_none", 0, Secret(other))
    assert (await shifts.get(shop.till, here, shift["id"]))["status"] == "open"


async def test_a_counter_has_one_open_shift(shop: CardShop) -> None:
    """Eight at once open one shift at a counter; the others are told whose it is, and another counter is free."""
    here = _at(shop)
    asked = [shifts.open_shift(shop.till, here, COUNTER, 100) for _ in range(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    made = [answer for answer in answers if isinstance(answer, dict)]
    refused = [answer for answer in answers if isinstance(answer, IllegalTransition)]
    assert (len(made), len(refused)) == (1, 7)
    assert {(error.code, error.blocker) for error in refused} == {("shift_open", made[0]["id"])}
    await shifts.open_shift(shop.till, here, "Counter 2", 0)
    listed = await shifts.find(shop.till, here, limit=1)
    assert [row["counter"] for row in listed["data"]] == ["Counter 2"]
    rest = await shifts.find(shop.till, here, cursor=listed["next_cursor"])
    assert [(row["counter"], row["report"]) for row in rest["data"]] == [(COUNTER, None)]


async def test_a_payment_that_ends_after_the_close_is_the_next_shifts(shop: CardShop) -> None:
    """Money proven after a shift was closed counts in the shift in which it was proven, and in no other."""
    here, other = _at(shop), await shop.colleague("collect")
    first = await shifts.open_shift(shop.till, here, COUNTER, 0)
    await shifts.close_shift(shop.till, here, first["id"], 0, Secret(other))
    shop.clock.advance(60)
    second = await shifts.open_shift(shop.till, here, COUNTER, 0)
    await shop.sold(12_300, tid=FIRST)
    sums = [(await shifts.get(shop.till, here, each["id"]))["report"]["collected"] for each in (first, second)]
    assert sums == [0, 12_300]


async def test_money_at_the_border_of_two_shifts_is_in_one(shop: CardShop) -> None:
    """Proven in the millisecond of a close is in that shift alone; between two shifts it is the next one's."""
    here, other = _at(shop), await shop.colleague("collect")
    first = await shifts.open_shift(shop.till, here, COUNTER, 0)
    await _cash(shop, here, 5_000, reference="INV-1")
    closed = await shifts.close_shift(shop.till, here, first["id"], 5_000, Secret(other))
    second = await shifts.open_shift(shop.till, here, COUNTER, 5_000)
    assert second["opened_at"] == closed["closed_at"]
    assert (closed["report"]["collected"], second["report"]["collected"]) == (5_000, 0)
    await shifts.close_shift(shop.till, here, second["id"], 5_000, Secret(other))
    shop.clock.advance(60)
    await _cash(shop, here, 7_000, reference="INV-2")
    shop.clock.advance(60)
    third = (await shifts.open_shift(shop.till, here, COUNTER, 12_000))["report"]
    assert (third["collected"], third["before_opening"], third["cash_expected"]) == (7_000, 7_000, 12_000)


async def test_a_refund_under_way_at_paytm_is_named_and_does_not_hold_anybody_back(shop: CardShop) -> None:
    """What Paytm has taken in to give back is named as on its way; the shift closes, and it counts once it is done."""
    here, other = _at(shop), await shop.colleague("collect")
    first = await shifts.open_shift(shop.till, here, COUNTER, 0)
    card = await shop.sold(250_000, tid=FIRST)
    back = await shop.give_back(card, 50_000, kind="refund", by=here)
    assert back["status"] == "pending"
    report = (await shifts.close_shift(shop.till, here, first["id"], 0, Secret(other)))["report"]
    assert (report["given_back"], report["refunds_on_their_way"], report["on_its_way_back"]) == (0, 1, -50_000)
    second = await shifts.open_shift(shop.till, here, COUNTER, 0)
    assert (await shop.refund_ended(back, within_s=7 * 86_400))["status"] == "done"
    later = (await shifts.get(shop.till, here, second["id"]))["report"]
    assert (later["given_back"], later["refunds_on_their_way"]) == (-50_000, 0)


def _at(shop: CardShop) -> Principal:
    return msgspec.structs.replace(shop.principal, counter=COUNTER)


async def _cash(shop: CardShop, here: Principal, amount: int, **more: Any) -> Any:
    new = payments.NewPayment(amount_paise=amount, method="cash", **more)
    payment = (await payments.start(shop.till, here, new)).payment
    assert payment["status"] == "paid"
    bill = payment["bill"]
    assert bill is None or (await bills.get(shop.till, here, bill))["status"] == "paid"
    return payment


async def _give_back(shop: CardShop, here: Principal, payment: Any, amount: int) -> None:
    new = refunds.NewRefund(reason="returned", amount_paise=amount)
    refund = (await refunds.start(shop.till, here, payment["id"], new)).refund
    assert refund["status"] == "done"


async def _refused(work: Any) -> PaymentError:
    with pytest.raises(PaymentError) as refused:
        await work
    return refused.value
