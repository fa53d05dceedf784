"""A person has looked: what did not fit is explained, written down, and off the list. The money is not touched."""

from __future__ import annotations

import pytest

from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.sandbox.faults import Kind
from galla.service import audit, payments, reviews, tasks
from tests.service.books import assert_books_equal_truth
from tests.service.shop import Shop, open_shop


async def _paid_late(shop: Shop) -> str:
    """A payment that Paytm first called failed and then paid."""
    shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, operation="sale", after_ms=20_000)
    payment = await shop.start()
    shop.pay_by_card()
    await shop.pass_time(700)
    return str(payment["id"])


async def test_a_late_success_is_unexplained_until_somebody_looked(database_url: str) -> None:
    """Money that arrived after all is flagged with what to do; after a look it is explained, and still paid."""
    async with open_shop(database_url) as shop:
        payment_id = await _paid_late(shop)
        before = await payments.get(shop.till, shop.principal, payment_id)
        assert (before["status"], before["is_late"], before["needs_review"]) == ("paid", True, True)
        assert before["reason"]["code"] == "late"
        assert await tasks.unexplained(shop.till, shop.principal) == 1
        after = await reviews.looked_at(shop.till, shop.principal, payment_id, "Bill was still due; kept.")
        assert (after["status"], after["needs_review"]) == ("paid", False)
        assert await tasks.unexplained(shop.till, shop.principal) == 0
        seen = await payments.get(shop.till, shop.principal, payment_id, expand=frozenset({"timeline"}))
        assert any("looked at it" in item["text"] for item in seen["timeline"])
        assert (await audit.verify(shop.till))["first_bad"] is None
        await assert_books_equal_truth(shop.till, shop.box)


async def test_only_what_is_final_and_flagged_can_be_looked_at(database_url: str) -> None:
    """A live payment is checked, not explained away; one that fits needs no look; a note is needed."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        with pytest.raises(IllegalTransition) as live:
            await reviews.looked_at(shop.till, shop.principal, payment["id"], "looks fine")
        assert live.value.code == "payment_not_final"
        shop.pay_by_card()
        await shop.ended(payment)
        with pytest.raises(IllegalTransition) as fine:
            await reviews.looked_at(shop.till, shop.principal, payment["id"], "looks fine")
        assert fine.value.code == "nothing_to_review"
        with pytest.raises(InvalidField):
            await reviews.looked_at(shop.till, shop.principal, payment["id"], "")
        with pytest.raises(NotFound):
            await reviews.looked_at(shop.till, shop.principal, "pay_none", "looks fine")
