"""Amounts as callers give them, and as Paytm writes them: whole paise, or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from galla.errors import AmountNotAllowed
from tests.service.shop import open_shop

NOT_AMOUNTS: list[Any] = [0, -1, 1.0, 2500.5, "2500", True, None, Decimal("1"), 10**13, "१००"]
NOT_AMOUNTS += [float("nan"), float("inf")]
ODD_AMOUNTS = ["250000.0", "2.5e5", "2,50,000", "NaN", "२५००००", "+250000", " 250000", "0x3D090", "", "-250000"]


async def test_f46_what_is_no_whole_amount_of_paise_is_refused(database_url: str) -> None:
    """Floats, texts, truths, nothing, NaN and absurd sizes are refused by name; nothing is written or sent."""
    async with open_shop(database_url) as shop:
        for amount in NOT_AMOUNTS:
            with pytest.raises(AmountNotAllowed):
                await shop.start(amount)
        assert len(shop.box.wire) == 0


@pytest.mark.parametrize("amount", [1, 99, 100, 100_001, 99_999_999])
async def test_f46_c01_the_paise_due_are_the_paise_sent_and_booked(database_url: str, amount: int) -> None:
    """One amount from the caller to the machine, the status, the proof and the books, as an integer everywhere."""
    async with open_shop(database_url) as shop:
        payment = await shop.start(amount)
        (call,) = shop.box.wire.calls(operation="sale")
        assert call.body["transactionAmount"] == str(amount)
        shop.pay_by_card()
        assert (await shop.ended(payment))["amount"] == amount
        if shop.till.database.dialect == "sqlite":
            kinds = await shop.till.database.read(
                lambda connection: set(connection.execute(text("SELECT typeof(amount_paise) FROM postings")).scalars())
            )
            assert kinds == {"integer"}


@pytest.mark.parametrize("written", ODD_AMOUNTS)
async def test_f46_an_amount_paytm_writes_oddly_never_pays(database_url: str, written: str) -> None:
    """A success whose amount is not plain ASCII paise is no proof; the plain one that follows is."""
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()

        async def odd(request: Any) -> Any:
            answer = await shop.box.ahandle(request)
            body = answer.body.replace(b'"transactionAmount":"250000"', f'"transactionAmount":"{written}"'.encode())
            return type(answer)(status=answer.status, body=body, headers=answer.headers)

        shop.line.answer_with(odd)
        await shop.pass_time(3)
        held = await shop.see(payment)
        assert held["status"] != "paid"
        assert held["proof"] is None
        shop.line.answer_with(shop.box.ahandle)
        assert (await shop.ended(payment))["status"] == "paid"
