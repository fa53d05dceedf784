"""Receipts of a real shop: what may be printed, what it says beside the books, and who may check it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from galla.errors import IllegalTransition, NotFound
from galla.receipts.paper import paper_of
from galla.receipts.text import text
from galla.sandbox.terminal import Action
from galla.service import audit, ledgers, payments, receipts
from galla.service.till import Principal
from tests.service.card_shop import open_card_shop
from tests.service.shop import AMOUNT, SECOND, Shop, open_shop

ADDRESS = "https://shop.example"


async def test_a_bill_paid_in_parts_has_one_receipt(database_url: str) -> None:
    """Card and cash on one bill: one number, both tenders, and the totals of the books."""
    async with open_card_shop(database_url) as shop:
        bill = await shop.bill()
        card = await shop.sold(200_000, bill=bill["id"])
        first = await _printed(shop, card["id"])
        assert (first.copy, first.receipt.stamp.number) == (1, 1)
        assert "Due                    Rs.500.00" in text(paper_of(first.receipt))
        new = payments.NewPayment(amount_paise=50_000, method="cash", bill=bill["id"], tendered_paise=100_000)
        cash = (await payments.start(shop.till, shop.principal, new)).payment
        second = await _printed(shop, cash["id"])
        assert second.id == first.id
        printed = text(paper_of(second.receipt), 48)
        assert "* DUPLICATE 1 *" in printed
        assert "Change: Rs.500.00" in printed
        assert _amounts(printed, "Total", "Paid", "Due") == [AMOUNT, AMOUNT, 0]
        books = await ledgers.trial_balance(shop.till, shop.principal, None)
        held = sum(row["balance"] for row in books["accounts"] if row["name"].startswith(("Clearing", "Cash")))
        tax = -sum(row["balance"] for row in books["accounts"] if row["name"] == "GST collected")
        assert second.receipt.paid_paise == held
        assert sum(_amounts(printed, r"CGST 9 % on [\d,.]+", "SGST 9 %")) == tax
        await shop.assert_whole()


async def test_prints_are_counted_and_audited(database_url: str) -> None:
    """Ten prints at once are ten copies, each with its audit row; looking at a copy again is none."""
    async with open_card_shop(database_url) as shop:
        sale = await shop.sold()
        printed = await asyncio.gather(*(_printed(shop, sale["id"]) for _ in range(10)))
        assert sorted(each.copy for each in printed) == list(range(1, 11))
        assert len({each.id for each in printed}) == len({each.receipt.stamp.code for each in printed}) == 1
        for _ in range(3):
            seen = await receipts.again(shop.till, shop.principal, printed[0].id, 4, ADDRESS)
            assert paper_of(seen.receipt).mark == "DUPLICATE 3"
        with pytest.raises(NotFound):
            await receipts.again(shop.till, shop.principal, printed[0].id, 11, ADDRESS)
        said = [item["data"] for item in await shop.timeline(sale) if "copy" in (item["data"] or {})]
        assert sorted(each["copy"] for each in said) == list(range(1, 11))
        assert (await audit.verify(shop.till))["first_bad"] is None


async def test_numbers_have_no_gap(database_url: str) -> None:
    """Receipts given out at once for different payments are numbered one after the other."""
    async with open_card_shop(database_url) as shop:
        sales = [await shop.sold(reference=f"R{number}") for number in range(4)]
        printed = await asyncio.gather(*(_printed(shop, sale["id"]) for sale in sales))
        assert sorted(each.receipt.stamp.number for each in printed) == [1, 2, 3, 4]


async def test_what_is_not_proven_has_no_receipt(database_url: str) -> None:
    """A payment on its way or declined prints nothing, uses no number, and the refusal says why."""
    async with open_shop(database_url) as shop:
        waiting = await shop.start()
        with pytest.raises(IllegalTransition, match="Nothing is proven paid here"):
            await _printed(shop, waiting["id"])
        shop.act(Action.REJECT)
        await shop.check(waiting)
        with pytest.raises(IllegalTransition) as refused:
            await _printed(shop, waiting["id"])
        assert refused.value.code == "nothing_to_print"
        other = await shop.start(tid=SECOND)
        shop.pay_by_card(SECOND)
        await shop.check(other)
        assert (await _printed(shop, other["id"])).receipt.stamp.number == 1


async def test_slips_follow_the_money(database_url: str) -> None:
    """A void slip says that nothing is voided until it is; the sale's receipt then says voided as well."""
    async with open_card_shop(database_url) as shop:
        sale = await shop.sold()
        void = await shop.give_back(sale)
        early = await _printed(shop, void["id"])
        assert "Not voided yet" in text(paper_of(early.receipt), 48)
        checked = await receipts.verify(shop.till, early.receipt.stamp.code)
        assert checked is not None
        assert not checked.is_done
        shop.accept_void()
        await shop.pass_time(60)
        late = await _printed(shop, void["id"])
        printed = text(paper_of(late.receipt), 48)
        assert "* DUPLICATE 1 *" in printed
        assert "Not voided yet" not in printed
        assert _amounts(printed, "Voided") == [AMOUNT]
        assert "Voided: Rs.2,500.00" in text(paper_of((await _printed(shop, sale["id"])).receipt), 48)
        whole = await receipts.verify(shop.till, (await _printed(shop, sale["id"])).receipt.stamp.code)
        assert whole is not None
        assert (whole.is_voided, whole.back_paise) == (True, AMOUNT)


async def test_anybody_may_check_a_code_and_learns_little(database_url: str) -> None:
    """A genuine code gives shop, day and amount; a wrong or mistyped one gives nothing, in the same time."""
    async with open_card_shop(database_url) as shop:
        sale = await shop.sold(customer={"name": "Ramesh Kumar"})
        code = (await _printed(shop, sale["id"])).receipt.stamp.code
        spent = []
        for typed in (code, code.lower(), f"{code[:4]}-{code[4:]}", "0" * 17, "x", code[:-1] + "!", "é" * 17):
            began = shop.clock.monotonic()
            found = await receipts.verify(shop.till, typed)
            spent.append(shop.clock.monotonic() - began)
            assert (found is not None) == (typed.upper().replace("-", "") == code)
            assert "Ramesh" not in repr(found)
            assert "1234" not in repr(found)
        assert spent == [pytest.approx(receipts.ANSWER_S)] * len(spent)


async def test_another_shop_prints_nothing_of_ours(database_url: str) -> None:
    """A stranger's principal finds neither the payment nor the copy."""
    async with open_card_shop(database_url) as shop:
        sale = await shop.sold()
        ours = await _printed(shop, sale["id"])
        stranger = Principal(merchant_id="mer_other", actor="stranger", scopes=frozenset({"admin"}))
        with pytest.raises(NotFound):
            await receipts.hand_out(shop.till, stranger, sale["id"], ADDRESS)
        with pytest.raises(NotFound):
            await receipts.again(shop.till, stranger, ours.id, 1, ADDRESS)


async def _printed(shop: Shop, name: str) -> receipts.Printed:
    return await receipts.hand_out(shop.till, shop.principal, name, ADDRESS)


def _amounts(printed: str, *labels: str) -> list[Any]:
    """Return the amounts beside these words, in paise."""
    found = [re.search(rf"^{label} +(?:Rs\.)?([\d,.]+)$", printed, re.MULTILINE) for label in labels]
    return [int(re.sub(r"\D", "", match[1])) if match else None for match in found]
