"""Two people decide what Paytm has not decided in time: never earlier, never alone; and Paytm is still heard."""

from __future__ import annotations

from typing import Any

import pytest

from galla.config import Secret
from galla.errors import Forbidden, IllegalTransition, InvalidField, NotFound
from galla.sandbox.faults import Kind
from galla.service import access, audit, payments, resolving, tasks
from galla.store import journal
from tests.service.shop import API_KEY, Shop, only, open_shop

DAY_S = 24 * 3600.0
SLIP = "The machine's slip 0042 and the bank's text message."


async def _colleague(shop: Shop, *scopes: str) -> Secret:
    """Return the key of somebody else in the shop."""
    key = await access.create_key(shop.till, shop.principal.merchant_id, list(scopes), "Supervisor")
    return Secret(key)


async def _resolve(shop: Shop, payment: Any, approver: Secret, *, is_paid: bool, evidence: str = SLIP) -> Any:
    return await resolving.resolve(
        shop.till, shop.principal, payment["id"], is_paid=is_paid, evidence=evidence, approver=approver
    )


async def _undecided(shop: Shop, **more: Any) -> Any:
    """A payment whose customer has paid, and of which Paytm has said nothing for longer than its ladder."""
    shop.fault(Kind.DROP_AFTER, operation="sale")
    shop.fault(Kind.HTTP_500, operation="status", times=None)
    payment = await shop.start(**more)
    shop.pay_by_card()
    await shop.pass_time(DAY_S + 7200)
    held = await shop.see(payment)
    assert (held["status"], held["needs_review"]) == ("in_doubt", True)
    return payment


async def test_two_people_say_paid_and_paytm_confirms(database_url: str) -> None:
    """Paid by two people: booked once with what they saw; Paytm's proof afterwards confirms it and books nothing."""
    async with open_shop(database_url) as shop:
        second = await _colleague(shop, "refund")
        bill = await shop.bill()
        payment = await _undecided(shop, bill=bill["id"])
        assert only((await tasks.find(shop.till, shop.principal, {"status": "open"}))["data"])["kind"] == "past_ladder"
        decided = await _resolve(shop, payment, second, is_paid=True)
        proof = decided["proof"]
        assert (decided["status"], decided["needs_review"]) == ("paid", False)
        assert (proof["source"], proof["transaction_id"], proof["evidence"]) == ("person", None, SLIP)
        done = only((await tasks.find(shop.till, shop.principal, {}))["data"])
        assert (done["status"], done["closed_by"]) == ("closed", shop.principal.actor)
        for word in (shop.principal.actor, "key Supervisor", "paid", SLIP):
            assert word in done["note"]
        shop.box.faults.remove()
        for _ in range(2):
            await shop.pass_time(5)
            after = await shop.check(payment)
            assert (after["status"], after["needs_review"], after["proof"]) == ("paid", False, proof)
        told = [item["data"].get("type") for item in await shop.timeline(payment)]
        assert told.count("payment.confirmed") == 1
        assert (await audit.verify(shop.till))["first_bad"] is None


async def test_two_people_say_not_paid_and_a_late_proof_still_pays(database_url: str) -> None:
    """Not paid by two people frees the bill; Paytm proving it paid afterwards is taken in as late, with a task."""
    async with open_shop(database_url) as shop:
        second = await _colleague(shop, "refund")
        payment = await _undecided(shop)
        decided = await _resolve(shop, payment, second, is_paid=False)
        assert (decided["status"], decided["reason"]["code"]) == ("not_paid", "resolved")
        assert await tasks.unexplained(shop.till, shop.principal) == 0
        shop.box.faults.remove()
        await shop.pass_time(2 * DAY_S)
        after = await shop.see(payment)
        assert (after["status"], after["is_late"]) == ("paid", True)
        assert only((await tasks.find(shop.till, shop.principal, {"status": "open"}))["data"])["kind"] == "late"


async def test_paytm_saying_the_opposite_of_two_people_is_a_conflict(database_url: str) -> None:
    """Called paid by two people and failed by Paytm: it stays paid, and a person is called again."""
    async with open_shop(database_url) as shop:
        second = await _colleague(shop, "admin")
        payment = await _undecided(shop)
        await _resolve(shop, payment, second, is_paid=True)
        shop.box.faults.remove()
        key, charge = next(iter(shop.box.charges.items()))
        shop.box.charges[key] = type(charge)(**{**_fields(charge), "told_late_ms": 10**9, "told_meanwhile": "F"})
        after = await shop.check(payment)
        assert (after["status"], after["needs_review"], after["reason"]["code"]) == ("paid", True, "conflict")
        shop.box.charges[key] = charge


async def test_nobody_decides_before_the_ladder_ends(database_url: str) -> None:
    """Within its ladder a payment is Paytm's to decide: the refusal says from when on people may."""
    async with open_shop(database_url) as shop:
        second = await _colleague(shop, "refund")
        payment = await shop.start()
        with pytest.raises(IllegalTransition, match="2026-01-06T04:50:00") as early:
            await _resolve(shop, payment, second, is_paid=False)
        assert early.value.code == "too_early"
        shop.pay_by_card()
        await shop.ended(payment)
        with pytest.raises(IllegalTransition) as final:
            await _resolve(shop, payment, second, is_paid=False)
        assert final.value.code == "payment_final"


async def test_one_person_alone_decides_nothing(database_url: str) -> None:
    """One's own key, a stranger's, a cashier's, no evidence, no such payment: refused, and nothing is changed."""
    async with open_shop(database_url) as shop:
        second, cashier = await _colleague(shop, "refund"), await _colleague(shop, "collect")
        payment = await _undecided(shop)
        before = await shop.see(payment)
        for credential in (Secret(API_KEY), Secret("gk_sa_nobody_holds_this_key"), cashier):
            with pytest.raises(Forbidden) as refused:
                await _resolve(shop, payment, credential, is_paid=True)
            assert refused.value.code in ("approver_same_person", "approver_unknown")
        with pytest.raises(InvalidField):
            await _resolve(shop, payment, second, is_paid=True, evidence=" ")
        with pytest.raises(NotFound):
            await _resolve(shop, {"id": "pay_none"}, second, is_paid=True)
        assert await shop.see(payment) == before
        await _resolve(shop, payment, second, is_paid=True)


async def test_an_answer_on_its_way_meets_a_decided_payment(database_url: str) -> None:
    """A question that was out while two people decided changes nothing behind their back; asked again, it confirms."""
    async with open_shop(database_url) as shop:
        second = await _colleague(shop, "refund")
        payment = await _undecided(shop)
        shop.box.faults.remove()
        shop.line.hold()
        shop.clock.advance(4000)
        asking = shop.till.spawn(shop.drain())
        await shop.line.held()
        await _resolve(shop, payment, second, is_paid=False)
        shop.line.let_go()
        await asking
        assert (await shop.see(payment))["status"] == "not_paid"
        await shop.pass_time(3 * DAY_S)
        assert (await shop.see(payment))["is_late"]


async def test_the_decision_is_in_the_audit_trail(database_url: str) -> None:
    """Who decided, with whom, from where and on what evidence stands in the chain; no key does."""
    async with open_shop(database_url) as shop:
        second = await _colleague(shop, "refund")
        payment = await _undecided(shop)
        await _resolve(shop, payment, second, is_paid=True)
        _, noted = await shop.till.database.read(journal.trail, shop.principal.merchant_id, payment["id"])
        (row,) = [each for each in noted if each.action == "payment.paid"]
        assert (row.actor, row.origin) == (shop.principal.actor, shop.principal.origin)
        assert all(word in row.detail for word in ("key Supervisor", "slip 0042"))
        assert second.reveal() not in "".join(each.detail for each in noted)
        assert (await payments.get(shop.till, shop.principal, payment["id"]))["payment_detail"]["other_amount"] > 0


def _fields(charge: Any) -> dict[str, Any]:
    return {name: getattr(charge, name) for name in charge.__struct_fields__}
