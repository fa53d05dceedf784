"""The people and the machine: busy, offline, rejected, walked away from, cancelled."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, update

from galla.errors import BillHasLivePayment, TerminalBusy
from galla.sandbox.faults import Kind
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, Sandbox
from galla.sandbox.terminal import Action
from galla.service import payments, tasks, terminals
from galla.store import tables
from tests.service.shop import AMOUNT, FIRST, SECOND, open_shop


async def test_f12_c27_a_busy_machine_is_refused_and_names_who_holds_it(database_url: str) -> None:
    """A second payment for a machine in use is refused, naming the first one; nothing is sent or queued."""
    async with open_shop(database_url) as shop:
        first = await shop.start(reference="INV-1")
        with pytest.raises(TerminalBusy) as busy:
            await shop.start(99_00, reference="INV-2")
        assert busy.value.blocker == first["id"]
        assert busy.value.code == "terminal_busy"
        for word in ("₹2,500.00", "INV-1", "Counter 1", "choose another machine"):
            assert word in str(busy.value)
        assert shop.calls("sale") == 1
        shop.pay_by_card()
        await shop.ended(first)
        second = await shop.start(99_00, reference="INV-2")
        shop.pay_by_card()
        assert (await shop.ended(second))["status"] == "paid"


async def test_f12_c27_a_machine_paytm_calls_busy_is_not_paid_with_a_sentence(database_url: str) -> None:
    """When Paytm itself answers 0333 (another system has the machine), nothing was charged; staff hear what to do."""
    async with open_shop(database_url) as shop:
        other = await shop.start()
        await shop.till.database.write(_forget_holder)
        payment = await shop.start(reference="INV-2")
        assert (payment["status"], payment["reason"]["code"]) == ("not_paid", "terminal_busy")
        assert payment["reason"]["paytm_code"] == "0333"
        assert "busy" in payment["reason"]["message"]
        assert "another machine" in payment["reason"]["hint"]
        shop.pay_by_card()
        assert (await shop.ended(other))["status"] == "paid"


@pytest.mark.parametrize("code", ["0007", "0330", "0022", "9001"])
async def test_f12_a_refused_request_says_in_a_sentence_what_to_do(database_url: str, code: str) -> None:
    """Machine inactive, wrong key, merchant blocked or unknown: not paid, nothing charged, one next step."""
    async with open_shop(database_url) as shop:
        _spoil(shop.box, code)
        payment = await shop.start()
        assert payment["status"] == "not_paid"
        reason = payment["reason"]
        assert (reason["code"], reason["paytm_code"]) == ("refused", code)
        assert reason["message"].endswith("Nothing was charged by this request.")
        assert reason["hint"].endswith(".")
        assert shop.box.charges == {}


async def test_f12_an_offline_machine_pays_when_it_is_back(database_url: str) -> None:
    """A request for a machine without network waits, stays pending, and is paid once when it is back."""
    async with open_shop(database_url) as shop:
        shop.act(Action.NETWORK_OFF)
        payment = await shop.start()
        await shop.pass_time(120)
        assert (await shop.see(payment))["status"] == "pending"
        shop.act(Action.NETWORK_ON)
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        assert shop.calls("sale") == 1


async def test_f12_a_upi_payment_the_machine_never_saw_is_paid(database_url: str) -> None:
    """The phone paid while the machine lost its network: Paytm knows, so the bill is paid."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.act(Action.ACCEPT, Action.SHOW_QR, Action.SCAN, Action.NETWORK_OFF, Action.APPROVE)
        after = await shop.ended(payment)
        assert (after["status"], after["payment_detail"]["upi_amount"]) == ("paid", AMOUNT)
        shop.act(Action.NETWORK_ON)


@pytest.mark.parametrize(
    "actions",
    [
        (Action.REJECT,),
        (Action.ACCEPT, Action.RED_KEY),
        (Action.ACCEPT, Action.INSERT, *[Action.PIN_WRONG] * 3),
        (Action.ACCEPT, Action.SHOW_QR, Action.SCAN, Action.DECLINE),
    ],
)
async def test_f12_a_rejected_payment_is_not_paid_and_frees_the_machine(
    database_url: str, actions: tuple[Action, ...]
) -> None:
    """Rejected, cancelled, wrong PIN or declined in the app: not paid, nothing booked, bill and machine free."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        payment = await shop.start(bill=bill["id"])
        shop.act(*actions)
        after = await shop.ended(payment)
        assert (after["status"], after["reason"]["code"]) == ("not_paid", "declined")
        again = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        assert (await shop.ended(again))["status"] == "paid"


async def test_c28_a_customer_who_walks_away_ends_with_the_machine(database_url: str) -> None:
    """Nobody pays: the payment is watched until the machine gives up, then it is not paid, with the reason."""
    async with open_shop(database_url) as shop:
        shop.box.operator_expiry_s = 90
        payment = await shop.start()
        shop.act(Action.ACCEPT, Action.INSERT, Action.WALK_AWAY)
        await shop.pass_time(80)
        assert (await shop.see(payment))["status"] == "pending"
        after = await shop.ended(payment)
        assert after["status"] == "not_paid"
        assert "in time" in after["reason"]["paytm_message"]


async def test_c28_a_payment_nobody_ends_lets_go_of_the_machine_and_needs_a_person(database_url: str) -> None:
    """Without an end from Paytm: after half an hour the machine is free, after a day a person is called."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.act(Action.ACCEPT, Action.WALK_AWAY)
        await shop.pass_time(31 * 60)
        other = await shop.start(10_00, tid=FIRST, reference="INV-9")
        assert other["reason"]["code"] == "terminal_busy"  # so says Paytm: the old request is still on the screen
        await shop.pass_time(24 * 3600)
        assert (await shop.see(payment))["status"] == "pending"
        assert await tasks.unexplained(shop.till, shop.principal) == 1
        shop.act(Action.INSERT, Action.PIN_RIGHT)
        assert (await shop.ended(payment, within_s=7200))["status"] == "paid"
        assert await tasks.unexplained(shop.till, shop.principal) == 0


async def test_f12_a_stale_hold_dies_and_the_machine_is_shown_free(database_url: str) -> None:
    """After half an hour a machine is free whatever becomes of its payment; of sixteen counters exactly one gets it."""
    async with open_shop(database_url) as shop:
        old = await shop.start(reference="OLD")
        assert (await terminals.get(shop.till, shop.principal, FIRST))["is_free"] is False
        shop.clock.advance(30 * 60 + 1)
        held = await terminals.get(shop.till, shop.principal, FIRST)
        assert (held["is_free"], held["live_payment"]["id"]) == (True, old["id"])
        shop.pay_by_card()
        answers = await asyncio.gather(
            *(shop.start(100 + number, reference=f"R{number}") for number in range(16)), return_exceptions=True
        )
        (won,) = [answer for answer in answers if isinstance(answer, dict)]
        assert sum(isinstance(answer, TerminalBusy) for answer in answers) == 15
        assert (await shop.see(old))["status"] == "pending"  # letting go of the machine decides nothing about it
        assert (await terminals.get(shop.till, shop.principal, FIRST))["live_payment"]["id"] == won["id"]
        shop.pay_by_card()
        for each in (old, won):
            assert (await shop.ended(each, within_s=600))["status"] == "paid"


async def test_f13_c10_cancel_while_the_customer_approves_ends_as_paid(database_url: str) -> None:
    """F13, C10: Cancel is a request: the customer who approves all the same has paid, and the books say so."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.act(Action.ACCEPT, Action.INSERT)
        asked = await payments.cancel(shop.till, shop.principal, payment["id"], "wrong patient")
        assert (asked["status"], asked["cancel_requested_at"] is not None) == ("pending", True)
        assert "red key" in asked["next_action"]["text"]
        shop.act(Action.PIN_RIGHT)
        after = await shop.ended(payment)
        assert after["status"] == "paid"


async def test_f13_cancel_is_asked_about_at_once_and_ends_at_the_machine(database_url: str) -> None:
    """F13: After cancel and the red key the payment is not paid within a moment, and the bill is free."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        payment = await shop.start(bill=bill["id"])
        shop.act(Action.RED_KEY)
        await payments.cancel(shop.till, shop.principal, payment["id"])
        await shop.pass_time(1)
        assert (await shop.see(payment))["status"] == "not_paid"
        await shop.start(bill=bill["id"], tid=SECOND)
        shop.pay_by_card(SECOND)
        await shop.pass_time(30)


async def test_f13_cancel_before_anything_was_sent_sends_nothing(database_url: str) -> None:
    """F13: Cancelled while the network is down, a request that never left never leaves."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.REFUSE_CONNECTION, operation="sale")
        payment = await shop.start()
        await payments.cancel(shop.till, shop.principal, payment["id"])
        after = await shop.ended(payment)
        assert (after["status"], after["reason"]["code"]) == ("not_paid", "never_sent")
        assert shop.calls("sale") == 1
        assert shop.box.charges == {}


async def test_f13_cancel_during_the_doubt_stops_the_second_sending(database_url: str) -> None:
    """F13: A payment cancelled while Paytm does not know it is not sent again, even when the cancel comes last."""
    async with open_shop(database_url) as shop:
        shop.fault(Kind.DROP_BEFORE, operation="sale")
        payment = await shop.start()
        await shop.pass_time(175)
        shop.line.hold()
        shop.clock.advance(12)
        asking = asyncio.create_task(shop.drain())
        await shop.line.held()
        await payments.cancel(shop.till, shop.principal, payment["id"])
        shop.line.let_go()
        await asking
        after = await shop.ended(payment, within_s=600)
        assert (after["status"], after["reason"]["code"]) == ("not_paid", "never_sent")
        assert shop.calls("sale") == 1


async def test_c09_two_machines_and_two_bills_do_not_mix(database_url: str) -> None:
    """Two sales side by side each end as their own machine ended."""
    async with open_shop(database_url) as shop:
        one, two = await shop.bill(11_100), await shop.bill(22_200)
        first = await shop.start(11_100, tid=FIRST, bill=one["id"])
        second = await shop.start(22_200, tid=SECOND, bill=two["id"])
        shop.pay_by_card(SECOND)
        shop.act(Action.REJECT, tid=FIRST)
        assert (await shop.ended(first))["status"] == "not_paid"
        paid = await shop.ended(second)
        assert (paid["status"], paid["amount"], paid["paytm"]["tid"]) == ("paid", 22_200, SECOND)
        await shop.start(11_100, tid=FIRST, bill=one["id"])
        with pytest.raises(BillHasLivePayment):
            await shop.start(11_100, tid=SECOND, bill=one["id"])
        shop.pay_by_card(FIRST)
        await shop.pass_time(30)


async def test_c12_an_old_answer_after_a_new_sale_changes_nothing_of_it(database_url: str) -> None:
    """A question about an old payment that comes back after a new sale began touches only the old one."""
    async with open_shop(database_url) as shop:
        old = await shop.start(10_000)
        shop.act(Action.REJECT)
        shop.line.hold()
        shop.clock.advance(3)
        asking = asyncio.create_task(shop.drain())
        await shop.line.held()
        starting = asyncio.create_task(shop.start(20_000, tid=SECOND))
        await asyncio.sleep(0.05)
        shop.line.let_go()
        new = await starting
        await asking
        assert (await shop.see(old))["status"] == "not_paid"
        assert (await shop.see(new))["status"] == "pending"
        shop.pay_by_card(SECOND)
        assert (await shop.ended(new))["amount"] == 20_000


async def test_c13_the_payment_goes_on_when_the_caller_leaves(database_url: str) -> None:
    """A caller who closes the page while the sale is being sent changes nothing: it is sent once, and paid."""
    async with open_shop(database_url) as shop:
        shop.line.hold()
        caller = asyncio.create_task(shop.start(key="k"))
        await shop.line.held()
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        shop.line.let_go()
        shop.box.play(after_s=1, outcome="card")
        await asyncio.sleep(0.05)
        (open_now,) = await payments.unfinished(shop.till, shop.principal)
        assert (await shop.ended(open_now))["status"] == "paid"
        assert shop.calls("sale") == 1


def _forget_holder(connection: Connection) -> None:
    """Let galla believe that the machine is free, as if another system had pushed the sale."""
    connection.execute(update(tables.payments).values(holds_terminal=0))


def _spoil(box: Sandbox, code: str) -> None:
    """Let Paytm have this reason to refuse."""
    match code:
        case "0007":
            box.add_terminal(FIRST, DEMO_MID, is_active=False)
        case "0330":
            box.add_merchant(DEMO_MID, "another_key_here")
        case "0022":
            box.add_merchant(DEMO_MID, DEMO_KEY, is_blocked=True)
        case _:
            del box.merchants[DEMO_MID]
