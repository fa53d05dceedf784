"""Cash in the drawer: written down, booked and given back like every other payment, and guarded like one."""

from __future__ import annotations

from typing import Any

import pytest

from galla.errors import (
    AmountNotAllowed,
    BillHasLivePayment,
    IllegalTransition,
    InvalidField,
    PaymentError,
    ReferenceHasLivePayment,
)
from galla.sandbox.terminal import Action
from galla.service import audit, bills, ledgers, payments, refunds, tasks
from galla.service.till import Till
from galla.simulation.dying import DyingDatabase, Fate, Killed, put_at_risk
from galla.store import claims
from galla.store.database import Database
from tests.service.shop import AMOUNT, FIRST, SECOND, Shop, open_shop

_REJECTED = (Action.REJECT,)


async def test_cash_is_paid_at_once_and_says_the_change(database_url: str) -> None:
    """₹3,000 handed over for ₹2,500: paid, ₹500 change, in the drawer, the bill settled, and nobody was asked."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        payment = await _cash(shop, bill=bill["id"], tendered_paise=300_000)
        assert (payment["status"], payment["amount"]) == ("paid", AMOUNT)
        assert (payment["tendered"], payment["change"]) == (300_000, 50_000)
        assert payment["next_action"]["text"] == "Paid in cash. Give ₹500.00 change."
        assert (payment["proof"]["source"], payment["proof"]["mode"]) == ("cash", "CASH")
        detail = payment["payment_detail"]
        assert (detail["cash_amount"], detail["other_amount"]) == (AMOUNT, 0)
        assert (await bills.get(shop.till, shop.principal, bill["id"]))["status"] == "paid"
        assert await _balances(shop) == {"Cash drawer": AMOUNT, "Sales": -(AMOUNT - 38_136), "GST collected": -38_136}
        assert shop.box.wire.calls() == ()
        said = [item["text"] for item in await shop.timeline(payment) if item["kind"] == "event"]
        assert said == ["Cash taken.", "Booked: the cash is in the drawer."]


async def test_cash_without_more_handed_over_is_the_amount_itself(database_url: str) -> None:
    """Nothing said about what was handed over: it was the amount, and there is no change."""
    async with open_shop(database_url) as shop:
        payment = await _cash(shop, 12_345, reference="INV-7")
        assert (payment["status"], payment["tendered"], payment["change"]) == ("paid", 12_345, 0)
        assert await _balances(shop) == {"Cash drawer": 12_345, "Receivable in the billing system": -12_345}
        card = await shop.start(500)
        shop.pay_by_card()
        after = await shop.ended(card)
        assert (after["tendered"], after["change"]) == (None, None)


@pytest.mark.parametrize(
    ("asked", "kind", "param"),
    [
        ({"method": "cash", "tendered_paise": AMOUNT - 1}, AmountNotAllowed, "tendered"),
        ({"method": "cash", "tendered_paise": 0}, AmountNotAllowed, "tendered"),
        ({"method": "cash", "tendered_paise": 3000.0}, AmountNotAllowed, "tendered"),
        ({"method": "cash", "terminal": FIRST}, InvalidField, "terminal"),
        ({"method": "edc", "terminal": FIRST, "tendered_paise": AMOUNT}, InvalidField, "tendered"),
    ],
)
async def test_cash_that_cannot_be_is_refused_with_its_field(
    database_url: str, asked: dict[str, Any], kind: type[PaymentError], param: str
) -> None:
    """Too little handed over, a machine named, or cash handed over for a card: refused, and nothing is written."""
    async with open_shop(database_url) as shop:
        with pytest.raises(kind) as refused:
            await payments.start(shop.till, shop.principal, payments.NewPayment(amount_paise=AMOUNT, **asked))
        assert refused.value.param == param
        assert (await payments.find(shop.till, shop.principal, {}))["data"] == []


async def test_c11_cash_while_a_card_may_still_pay_is_refused(database_url: str) -> None:
    """A switch to cash with a live card payment hears "check that one first"; when the card failed, cash is taken."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        card = await shop.start(bill=bill["id"])
        with pytest.raises(BillHasLivePayment) as refused:
            await _cash(shop, bill=bill["id"])
        assert refused.value.blocker == card["id"]
        for words in ("Check that one first", "₹2,500.00", "started 0 s ago by", "at Counter 1"):
            assert words in str(refused.value)
        await payments.cancel(shop.till, shop.principal, card["id"])
        with pytest.raises(BillHasLivePayment):  # a cancel is a wish: the machine may still take the card
            await _cash(shop, bill=bill["id"])
        shop.pay_by_card()
        assert (await shop.ended(card))["status"] == "paid"
        with pytest.raises(AmountNotAllowed) as late:
            await _cash(shop, bill=bill["id"])
        assert late.value.code == "amount_exceeds_due"


async def test_c11_f29_a_supervisor_takes_cash_beside_a_card_and_both_succeed(database_url: str) -> None:
    """The override is in the audit with the payment it stands beside; the second success is an advance, flagged."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        card = await shop.start(bill=bill["id"])
        cash = await _cash(shop, bill=bill["id"], allow_parallel=True)
        assert (cash["status"], cash["is_exclusive"]) == ("paid", False)
        (made,) = [item["data"] for item in await shop.timeline(cash) if item["kind"] == "audit"]
        assert (made["parallel"], made["beside"]) == (True, card["id"])
        shop.pay_by_card()
        after = await shop.ended(card)
        assert (after["status"], after["needs_review"], after["reason"]["code"]) == ("paid", True, "excess")
        assert "₹2,500.00" in after["reason"]["message"]
        assert "Put it on another bill of this customer, or give it back." in after["reason"]["hint"]
        assert await tasks.unexplained(shop.till, shop.principal) == 1
        balances = await _balances(shop)
        assert (balances["Customer advances"], balances["Cash drawer"]) == (-AMOUNT, AMOUNT)
        back = await _give_back(shop, cash)
        assert back["status"] == "done"


async def test_f29_an_override_without_the_right_is_refused(database_url: str) -> None:
    """A cashier cannot take a second payment beside an unfinished one; a supervisor can."""
    async with open_shop(database_url) as shop:
        cashier = type(shop.principal)(
            merchant_id=shop.principal.merchant_id, actor="cashier", scopes=frozenset({"collect"})
        )
        new = payments.NewPayment(amount_paise=AMOUNT, method="cash", allow_parallel=True)
        with pytest.raises(IllegalTransition) as refused:
            await payments.start(shop.till, cashier, new)
        assert refused.value.code == "supervisor_needed"


async def test_f29_one_bill_by_card_qr_and_cash_in_parts(database_url: str) -> None:
    """Parts may stand beside each other as long as they fit; the refusal says what still fits, and the rest is due."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        card = await shop.start(150_000, bill=bill["id"])
        with pytest.raises(BillHasLivePayment, match=r"At most ₹1,000\.00 can be taken beside it"):
            await _cash(shop, 100_001, bill=bill["id"])
        await _cash(shop, 60_000, bill=bill["id"], tendered_paise=100_000)
        other = await shop.start(40_000, tid=SECOND, bill=bill["id"])
        with pytest.raises(BillHasLivePayment):
            await _cash(shop, 1, bill=bill["id"])
        shop.pay_by_card(FIRST)
        shop.pay_by_card(SECOND)
        for each in (card, other):
            assert (await shop.ended(each))["status"] == "paid"
        shown = await bills.get(shop.till, shop.principal, bill["id"])
        assert (shown["status"], shown["paid"], shown["live"], shown["due"]) == ("paid", AMOUNT, 0, 0)
        assert sorted(each["method"] for each in shown["payments"]) == ["cash", "edc", "edc"]


async def test_f29_a_bills_number_as_reference_is_the_same_money(database_url: str) -> None:
    """Typed as a reference, a bill's number is guarded with the bill itself, whichever of the two came first."""
    async with open_shop(database_url) as shop:
        bill = await shop.bill()
        on_bill = await shop.start(bill=bill["id"])
        with pytest.raises(ReferenceHasLivePayment) as refused:
            await _cash(shop, reference=bill["number"])
        assert refused.value.blocker == on_bill["id"]
        shop.pay_by_card()
        await shop.ended(on_bill)
        other = await shop.bill()
        by_number = await shop.start(reference=other["number"])
        with pytest.raises(ReferenceHasLivePayment) as refused:
            await _cash(shop, bill=other["id"])
        assert refused.value.blocker == by_number["id"]
        shop.pay_by_card()
        await shop.ended(by_number)


async def test_f29_an_override_guards_what_comes_after_it(database_url: str) -> None:
    """A payment taken beside another goes on guarding its reference when the other has failed."""
    async with open_shop(database_url) as shop:
        first = await shop.start(reference="INV-9")
        beside = await shop.start(tid=SECOND, reference="INV-9", allow_parallel=True)
        shop.act(*_REJECTED)
        assert (await shop.ended(first))["status"] == "not_paid"
        with pytest.raises(ReferenceHasLivePayment) as refused:
            await _cash(shop, reference="INV-9")
        assert refused.value.blocker == beside["id"]
        shop.pay_by_card(SECOND)
        await shop.ended(beside)


async def test_cash_is_given_back_from_the_drawer_at_once(database_url: str) -> None:
    """In parts and to the last paisa: done at once, the drawer credited, never more than was taken; no void."""
    async with open_shop(database_url) as shop:
        payment = await _cash(shop, 10_000)
        with pytest.raises(IllegalTransition) as refused:
            await _give_back(shop, payment, kind="void")
        assert refused.value.code == "void_not_possible"
        first = await _give_back(shop, payment, 9_950)
        assert (first["kind"], first["status"], first["amount"]) == ("refund", "done", 9_950)
        assert (await _balances(shop))["Cash drawer"] == 50
        with pytest.raises(AmountNotAllowed) as over:
            await _give_back(shop, payment, 51)
        assert over.value.code == "over_refund"
        assert (await _give_back(shop, payment))["amount"] == 50
        after = await shop.see(payment)
        assert (after["amount_refunded"], after["amount_refundable"]) == (10_000, 0)
        assert "Cash drawer" not in await _balances(shop)
        assert shop.box.wire.calls() == ()


async def test_the_same_cash_again_is_the_same_payment(database_url: str) -> None:
    """C26: a repeated form hears the first answer; other cash handed over under the same key is refused."""
    async with open_shop(database_url) as shop:
        first = await _cash(shop, reference="A", tendered_paise=300_000, key="k")
        again = await _cash(shop, reference="A", tendered_paise=300_000, key="k")
        assert again == first
        with pytest.raises(PaymentError) as refused:
            await _cash(shop, reference="A", tendered_paise=400_000, key="k")
        assert refused.value.code == "idempotency_mismatch"
        assert (await _balances(shop))["Cash drawer"] == AMOUNT


@pytest.mark.parametrize("back", [False, True], ids=["taken", "given back"])
async def test_f35_cash_killed_at_any_boundary_is_booked_exactly_once(database_url: str, back: bool) -> None:
    """Whenever the process dies between the press and the proof, the next one finishes it, and nothing is doubled."""
    async with open_shop(database_url) as shop:
        safe = shop.till.database
        deaths = 0
        while True:
            bill = await shop.bill()
            payment = await _cash(shop, bill=bill["id"]) if back else None
            fate = Fate(deaths + 1)
            dying = await _lived(shop, safe, fate, bill, payment)
            shop.till.database = safe
            if not dying:
                break
            deaths += 1
            shop.clock.advance(61)
            await shop.drain()
            await _asked_again(shop, bill, payment)
            (taken,) = (await bills.get(shop.till, shop.principal, bill["id"]))["payments"]
            assert (taken["status"], taken["amount_refunded"]) == ("paid", AMOUNT if back else 0), fate.crossed[-1]
        assert deaths >= 6
        assert (await audit.verify(shop.till))["first_bad"] is None


async def _lived(shop: Shop, safe: Database, fate: Fate, bill: Any, payment: Any) -> bool:
    """Ask once in a process that may die; return whether it died."""
    carry = shop.till.carry
    put_at_risk(shop.till, fate)
    try:
        await _asked(shop, bill, payment)
    except Killed:
        return True
    finally:
        shop.till.carry = carry
        await _finished(shop.till)
    return fate.is_dead


async def _asked(shop: Shop, bill: Any, payment: Any) -> Any:
    key = f"click-{bill['id']}"
    if payment is None:
        return await _cash(shop, bill=bill["id"], key=key)
    return await _give_back(shop, payment, key=key)


async def _asked_again(shop: Shop, bill: Any, payment: Any) -> None:
    await _asked(shop, bill, payment)
    assert await shop.till.database.read(claims.next_due_at) is None


async def _finished(till: Till) -> None:
    """Let the steps of a dead process end: they can reach nothing any more."""
    assert isinstance(till.database, DyingDatabase)
    while till._tasks:
        await till.clock.sleep(0)
        for task in list(till._tasks):
            if task.done():
                till._tasks.discard(task)
                task.exception()


async def _cash(shop: Shop, amount: int = AMOUNT, *, key: str | None = None, **more: Any) -> Any:
    new = payments.NewPayment(amount_paise=amount, method="cash", **more)
    started = await payments.start(shop.till, shop.principal, new, idempotency_key=key, fingerprint=repr(new))
    return started.payment


async def _give_back(shop: Shop, payment: Any, amount: int | None = None, **more: Any) -> Any:
    key = more.pop("key", None)
    new = refunds.NewRefund(reason="returned", amount_paise=amount, **more)
    begun = await refunds.start(
        shop.till, shop.principal, payment["id"], new, idempotency_key=key, fingerprint=repr(new)
    )
    return begun.refund


async def _balances(shop: Shop) -> dict[str, int]:
    """Return every account that does not stand at zero, having seen that all of them sum to zero."""
    trial = await ledgers.trial_balance(shop.till, shop.principal)
    assert sum(account["balance"] for account in trial["accounts"]) == 0
    assert trial["debit"] == trial["credit"]
    return {account["name"]: account["balance"] for account in trial["accounts"] if account["balance"]}
