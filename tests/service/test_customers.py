"""Customers: met by an id or by name and phone, shown short, and found with all that was paid."""

from __future__ import annotations

import asyncio

import pytest

from galla.errors import IllegalTransition, InvalidField
from galla.service import bills, customers, feed, ledgers, patient, payments
from galla.service.bills import NewBill
from tests.service.shop import open_shop

CREAM = {"description": "Cream", "unit_amount": 250_000}


async def test_a_customer_is_met_once(database_url: str) -> None:
    """An id of the caller's own, or name and phone however they are written, are one customer; a name alone is none."""
    async with open_shop(database_url) as shop:

        async def whose(**who: str) -> str | None:
            bill = await bills.create(shop.till, shop.principal, NewBill(lines=[CREAM], customer=who))
            return str(bill["customer"]["id"]) if bill["customer"]["id"] else None

        ways = ("98123 45678", "+919812345678", "09812345678")
        same = await asyncio.gather(*(whose(name=" Sita  DEVI", phone=phone) for phone in ways * 4))
        assert len(set(same)) == 1
        assert same[0] is not None
        assert await whose(id=same[0]) == same[0]
        assert await whose(name="Sita Devi", phone="9812345679") != same[0]
        assert await whose(name="Sita Devi") is None
        assert await whose(name="Sita Devi", phone="- - -") is None
        mine = await asyncio.gather(*(whose(external_id="P-1", name="Asha") for _ in range(4)))
        assert len(set(mine)) == 1
        with pytest.raises(InvalidField, match="no customer"):
            await whose(id="cust_none")
        found = await customers.find(shop.till, shop.principal, "sita")
        assert {each["id"] for each in found} > {same[0]}
        assert len(found) == 2
        assert await customers.find(shop.till, shop.principal, "98123") == found
        assert await customers.find(shop.till, shop.principal, " ") == []


async def test_a_history_goes_on(database_url: str) -> None:
    """Older and older pages show every bill and every payment of a customer once, each list by itself."""
    async with open_shop(database_url) as shop:
        who = {"name": "Ramesh Kumar", "phone": "9876543210"}
        for _ in range(5):
            bill = await bills.create(shop.till, shop.principal, NewBill(lines=[CREAM], customer=who))
            new = payments.NewPayment(amount_paise=250_000, method="cash", bill=bill["id"])
            await payments.start(shop.till, shop.principal, new)
        seen: dict[str, list[str]] = {"bills": [], "payments": []}
        since = patient.Since()
        for size in (2, 2, 1):
            found = await patient.history(shop.till, shop.principal, bill["customer"]["id"], since, limit=2)
            for name, ids in seen.items():
                assert len(found[name]) == size
                ids += [each["id"] for each in found[name]]
            since = patient.Since(bill=found["older_bills"], payment=found["older_payments"])
        assert since == patient.Since()
        for ids in seen.values():
            assert ids == sorted(set(ids), reverse=True)
            assert len(ids) == 5


async def test_a_name_is_short_where_others_read_it(database_url: str) -> None:
    """Bills, payments and events say `Ramesh K.`; no event, which is kept for ever, holds a phone number."""
    async with open_shop(database_url) as shop:
        who = {"name": "Ramesh Kumar", "phone": "9876543210"}
        bill = await bills.create(shop.till, shop.principal, NewBill(lines=[CREAM], customer=who))
        assert bill["customer"]["name"] == "Ramesh K."
        payment = await shop.start(bill=bill["id"])
        shop.pay_by_card()
        paid = await shop.ended(payment)
        for q in (paid["proof"]["card_last4"], paid["proof"]["rrn"], paid["paytm"]["id"], paid["id"]):
            found = await payments.find(shop.till, shop.principal, {"q": q})
            assert [each["id"] for each in found["data"]] == [paid["id"]], q
        told = str(await feed.page(shop.till, shop.principal, limit=200))
    assert "Ramesh K." in told
    assert "Kumar" not in told
    assert "9876543210" not in told


async def test_a_customer_is_forgotten_and_the_books_stay(database_url: str) -> None:
    """While money is due, on its way or stands as an advance they stay known; then name and phone are nowhere left."""
    async with open_shop(database_url) as shop:
        who = {"name": "Ramesh Kumar", "phone": "9876543210"}
        bill = await bills.create(shop.till, shop.principal, NewBill(lines=[CREAM], customer=who))
        customer_id = bill["customer"]["id"]

        async def refused(because: str) -> None:
            with pytest.raises(IllegalTransition, match=because):
                await patient.erase(shop.till, shop.principal, customer_id)

        await refused("₹2,500.00 is still due")
        payment = await shop.start(bill=bill["id"])
        await refused("is still due")
        shop.pay_by_card()
        await shop.ended(payment)
        seen = await patient.history(shop.till, shop.principal, customer_id)
        assert (seen["name"], seen["phone"]) == ("Ramesh Kumar", "9876543210")
        assert [seen[word] for word in ("billed", "paid", "due", "advance")] == [250_000, 250_000, 0, 0]
        assert [each["id"] for each in seen["payments"]] == [payment["id"]]
        before = await ledgers.trial_balance(shop.till, shop.principal)

        gone = await patient.erase(shop.till, shop.principal, customer_id)
        assert (gone["name"], gone["phone"], gone["billed"]) == (None, None, 250_000)
        assert gone["erased_at"] is not None
        assert await patient.erase(shop.till, shop.principal, customer_id) == gone
        assert await ledgers.trial_balance(shop.till, shop.principal) == before
        for q in ("ramesh", "98765"):
            assert (await bills.find(shop.till, shop.principal, q=q))["data"] == []
            assert await customers.find(shop.till, shop.principal, q) == []
        shown = await bills.get(shop.till, shop.principal, bill["id"])
        assert (shown["customer"]["name"], shown["payments"][0]["customer"]["name"]) == (None, None)
        with pytest.raises(InvalidField, match="no customer"):
            await bills.create(shop.till, shop.principal, NewBill(lines=[CREAM], customer={"id": customer_id}))
        again = await bills.create(shop.till, shop.principal, NewBill(lines=[CREAM], customer=who))
        assert again["customer"]["id"] != customer_id
