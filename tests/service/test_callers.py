"""Callers that repeat themselves, mistake themselves, race each other or die: one intent, one payment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from galla.errors import (
    BillHasLivePayment,
    IdempotencyInProgress,
    IdempotencyMismatch,
    NotFound,
    PaymentError,
    ReferenceHasLivePayment,
    TerminalBusy,
)
from galla.sandbox.sandbox import DEMO_MID
from galla.service import access, merchants, payments, terminals
from galla.service.payments import NewPayment, Started
from galla.service.till import Principal, Till
from tests.service.shop import AMOUNT, FIRST, SECOND, Shop, open_shop

OTHER_MID, OTHER_KEY, OTHER_TID = "SANDBX00000000000002", "another_demo_key", "22345671"


async def test_f21_c26_the_same_request_again_hears_the_first_answer(database_url: str) -> None:
    """Same key, same request: the very bytes of the first answer, now and after the payment has moved on."""
    async with open_shop(database_url) as shop:
        first = await _ask(shop, "k")
        again = await _ask(shop, "k")
        assert (first.is_replay, again.is_replay) == (False, True)
        shop.pay_by_card()
        assert (await shop.ended(first.payment))["status"] == "paid"
        for later_s in (60, 3600 * 24 * 30):
            await shop.pass_time(later_s)
            late = await _ask(shop, "k")
            assert late.payment == first.payment == again.payment
        assert shop.calls("sale") == 1


async def test_f22_the_same_key_for_another_request_is_refused(database_url: str) -> None:
    """A key used before for another request executes nothing, and the first payment is untouched."""
    async with open_shop(database_url) as shop:
        payment = await shop.start(key="k", reference="A")
        with pytest.raises(IdempotencyMismatch) as refused:
            await shop.start(1_00, key="k", tid=SECOND, reference="B")
        assert refused.value.blocker == payment["id"]
        assert shop.calls("sale") == 1
        assert (await shop.see(payment))["amount"] == AMOUNT


async def test_f23_c26_fifty_identical_requests_at_once_make_one_sale(database_url: str) -> None:
    """Fifty callers with one key at the same moment: one sale; each other one hears its answer, or "in progress"."""
    async with open_shop(database_url) as shop:
        answers = await asyncio.gather(*(_ask(shop, "k") for _ in range(50)), return_exceptions=True)
        heard = [answer for answer in answers if isinstance(answer, Started)]
        refused = [answer for answer in answers if not isinstance(answer, Started)]
        assert all(isinstance(error, IdempotencyInProgress) for error in refused), refused
        assert sum(not answer.is_replay for answer in heard) == 1
        ids = {answer.payment["id"] for answer in heard} | {_blocker(error) for error in refused}
        assert len(ids) == 1
        assert shop.calls("sale") == 1
        shop.pay_by_card()
        assert (await shop.ended(heard[0].payment))["status"] == "paid"


async def test_f24_a_key_whose_first_caller_died_is_not_wedged(database_url: str) -> None:
    """F24: A caller gone before its answer leaves the key "in progress" for a minute at most; then it answers."""
    async with open_shop(database_url) as shop:
        shop.line.hold()
        caller = asyncio.create_task(_ask(shop, "k"))
        await shop.line.held()
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        with pytest.raises(IdempotencyInProgress):
            await _ask(shop, "k")
        shop.line.let_go()
        await asyncio.sleep(0.05)
        await shop.pass_time(61)
        late = await _ask(shop, "k")
        assert late.is_replay
        assert shop.calls("sale") == 1
        shop.pay_by_card()
        assert (await shop.ended(late.payment))["status"] == "paid"


async def test_f25_a_key_belongs_to_its_merchant(database_url: str) -> None:
    """Two merchants may use the same key: each gets a payment of its own and sees nothing of the other's."""
    async with open_shop(database_url) as shop:
        other = await _second_merchant(shop)
        mine = await _ask(shop, "k")
        theirs = await _start_as(shop, other, key="k")
        assert not theirs.is_replay
        assert mine.payment["id"] != theirs.payment["id"]
        with pytest.raises(NotFound):
            await payments.get(shop.till, other, mine.payment["id"])
        shop.box.play(after_s=1, outcome="card")
        assert (await shop.ended(mine.payment))["status"] == "paid"


async def test_c25_two_merchants_side_by_side_do_not_bleed(database_url: str) -> None:
    """Two MIDs with keys of their own sell at the same time: each books only its own money."""
    async with open_shop(database_url) as shop:
        other = await _second_merchant(shop)
        shop.box.play(after_s=2, outcome="card")
        mine, theirs = await asyncio.gather(_ask(shop, "a", 11_100), _start_as(shop, other, 22_200))
        await shop.pass_time(30)
        assert mine.payment["paytm"]["mid"] == DEMO_MID
        paid = await payments.get(shop.till, other, theirs.payment["id"])
        assert (paid["status"], paid["amount"], paid["paytm"]["mid"]) == ("paid", 22_200, OTHER_MID)
        assert {call.mid for call in shop.box.wire.calls(paytm_id=paid["paytm"]["id"])} == {OTHER_MID}
        assert [found["id"] for found in (await payments.find(shop.till, other, {}))["data"]] == [paid["id"]]


@pytest.mark.parametrize("press", [2, 5])
async def test_f31_a_double_click_is_one_payment(database_url: str, press: int) -> None:
    """A form's one-time id makes of every further press, at once or later, the first payment."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        answers = await asyncio.gather(
            *(_ask(shop, "form-1", bill=bill["id"]) for _ in range(press)), return_exceptions=True
        )
        again = await _ask(shop, "form-1", bill=bill["id"])
        assert all(isinstance(answer, Started | IdempotencyInProgress) for answer in answers)
        assert shop.calls("sale") == 1
        shop.pay_by_card()
        assert (await shop.ended(again.payment))["status"] == "paid"


async def test_f31_a_second_tab_is_told_of_the_first_payment(database_url: str) -> None:
    """Another form for the same bill or reference is refused while the first may still be paid, and after."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        first = await shop.start(bill=bill["id"], key="tab-1")
        with pytest.raises(BillHasLivePayment) as refused:
            await shop.start(bill=bill["id"], key="tab-2", tid=SECOND)
        assert refused.value.blocker == first["id"]
        shop.pay_by_card()
        await shop.ended(first)
        loose = await shop.start(reference="R-1", key="tab-3")
        with pytest.raises(ReferenceHasLivePayment) as held:
            await shop.start(reference="R-1", key="tab-4", tid=SECOND)
        assert held.value.blocker == loose["id"]
        assert shop.calls("sale") == 2


async def test_c02_a_reload_at_each_phase_finds_the_same_payment(database_url: str) -> None:
    """Whatever the phase, asking again with the same key pushes nothing and names the same payment."""
    async with open_shop(database_url) as shop:
        first = await _ask(shop, "k")
        for seconds in (0, 2, 5, 40):
            await shop.pass_time(seconds)
            assert (await _ask(shop, "k")).payment["id"] == first.payment["id"]
        (live,) = await payments.unfinished(shop.till, shop.principal)
        assert live["id"] == first.payment["id"]
        shop.pay_by_card()
        await shop.ended(first.payment)
        assert (await _ask(shop, "k")).payment["id"] == first.payment["id"]
        assert shop.calls("sale") == 1


async def test_f12_sixteen_counters_and_one_machine(database_url: str) -> None:
    """Sixteen counters reach for one machine at the same moment: one payment is live, fifteen hear who holds it."""
    async with open_shop(database_url) as shop:
        answers = await asyncio.gather(
            *(_ask(shop, f"k{number}", 1_000 + number, reference=f"R{number}") for number in range(16)),
            return_exceptions=True,
        )
        won = [answer for answer in answers if isinstance(answer, Started)]
        lost = [answer for answer in answers if not isinstance(answer, Started)]
        assert len(won) == 1
        assert all(isinstance(error, TerminalBusy) for error in lost), lost
        assert {_blocker(error) for error in lost} == {won[0].payment["id"]}
        assert shop.calls("sale") == 1
        shop.pay_by_card()
        assert (await shop.ended(won[0].payment))["status"] == "paid"


async def test_f29_sixteen_counters_and_one_bill(database_url: str) -> None:
    """Sixteen counters with machines of their own charge one bill at the same moment: one payment is live."""
    tids = tuple(str(32345670 + number) for number in range(16))
    async with open_shop(database_url, tids=tids) as shop:
        for tid in tids:
            shop.box.add_terminal(tid, DEMO_MID)
        bill = await shop.bill()
        answers = await asyncio.gather(
            *(_ask(shop, f"k{tid}", tid=tid, bill=bill["id"]) for tid in tids), return_exceptions=True
        )
        won = [answer for answer in answers if isinstance(answer, Started)]
        lost = [answer for answer in answers if not isinstance(answer, Started)]
        assert len(won) == 1
        assert all(isinstance(error, BillHasLivePayment) for error in lost), lost
        shop.box.play(after_s=1, outcome="card")
        assert (await shop.ended(won[0].payment))["status"] == "paid"
        assert shop.calls("sale") == 1


async def test_f39_two_processes_race_for_one_machine(fresh_postgres_url: str) -> None:
    """Two tills on one PostgreSQL start sixteen payments for one machine: one wins, nobody sees a server error."""
    async with open_shop(fresh_postgres_url) as shop:
        twin = await Till.open(shop.till.settings, send=shop.line.send, clock=shop.clock)
        try:
            answers = await asyncio.gather(
                *(
                    _ask(shop, f"k{number}", reference=f"R{number}", till=(shop.till, twin)[number % 2])
                    for number in range(16)
                ),
                return_exceptions=True,
            )
        finally:
            await twin.close()
        assert sum(isinstance(answer, Started) for answer in answers) == 1
        assert sum(isinstance(answer, TerminalBusy) for answer in answers) == 15
        assert shop.calls("sale") == 1
        shop.pay_by_card()
        await shop.pass_time(30)


async def test_f23_two_processes_race_for_one_key(fresh_postgres_url: str) -> None:
    """Thirty-two requests with one key on two tills make one payment."""
    async with open_shop(fresh_postgres_url) as shop:
        twin = await Till.open(shop.till.settings, send=shop.line.send, clock=shop.clock)
        try:
            answers = await asyncio.gather(
                *(_ask(shop, "k", till=(shop.till, twin)[number % 2]) for number in range(32)), return_exceptions=True
            )
        finally:
            await twin.close()
        assert all(isinstance(answer, Started | IdempotencyInProgress) for answer in answers), answers
        assert sum(isinstance(answer, Started) and not answer.is_replay for answer in answers) == 1
        assert shop.calls("sale") == 1
        shop.pay_by_card()
        await shop.pass_time(30)


async def _ask(
    shop: Shop, key: str, amount: int = AMOUNT, *, tid: str = FIRST, till: Till | None = None, **more: Any
) -> Started:
    new = NewPayment(amount_paise=amount, terminal=tid, **more)
    return await payments.start(
        till or shop.till, shop.principal, new, idempotency_key=key, fingerprint=repr(new)
    )


def _blocker(error: BaseException) -> str | None:
    assert isinstance(error, PaymentError)
    return error.blocker


async def _second_merchant(shop: Shop) -> Principal:
    """Set up another merchant with one machine, in galla and at Paytm."""
    made = await merchants.create(
        shop.till, merchants.NewMerchant(name="Other clinic", mid=OTHER_MID, key=OTHER_KEY)
    )
    secret = await access.create_key(shop.till, made["id"], ["read", "collect"], "other")
    principal = await access.principal_for_key(shop.till, secret)
    assert principal is not None
    await terminals.create(shop.till, principal, OTHER_TID, "Their counter", "Main")
    shop.box.add_merchant(OTHER_MID, OTHER_KEY)
    shop.box.add_terminal(OTHER_TID, OTHER_MID)
    return principal


async def _start_as(shop: Shop, principal: Principal, amount: int = AMOUNT, *, key: str | None = None) -> Started:
    new = NewPayment(amount_paise=amount, terminal=OTHER_TID)
    return await payments.start(shop.till, principal, new, idempotency_key=key, fingerprint=repr(new))
