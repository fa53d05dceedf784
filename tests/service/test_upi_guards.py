"""One bill, many ways to pay: what may not run side by side, what is too much, and what is never stored in the open."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, select

from galla.errors import AmountNotAllowed, BillHasLivePayment, InvalidField, PaymentError
from galla.sandbox.sandbox import DEMO_VPA
from galla.sandbox.terminal import Action
from galla.service.till import ACCOUNT_LIFE_S
from galla.store import tables
from galla.store.schema import metadata
from tests.service.shop import FIRST
from tests.service.upi_shop import change_merchant, open_upi_shop

LAKH = 1_00_000_00
COLLECT: dict[str, Any] = {"collect_allowed": True, "box": {"collect_allowed": True}}


@pytest.mark.parametrize("way", ["upi_intent", "upi_qr", "upi_collect"])
async def test_a_live_card_payment_blocks_upi_and_the_other_way_round(database_url: str, way: str) -> None:
    """One bill is on the card machine: UPI for it is refused and names the blocker; and the same mirrored."""
    async with open_upi_shop(database_url, **COLLECT) as shop:
        bill = await shop.bill()
        card = await shop.start(bill=bill["id"])
        with pytest.raises(BillHasLivePayment) as raised:
            await shop.begin(way, bill=bill["id"])
        assert raised.value.blocker == card["id"]
        assert shop.box.orders == {}
        shop.act(Action.REJECT)
        assert (await shop.ended(card))["status"] == "not_paid"
        by_upi = await shop.begin(way, bill=bill["id"])
        with pytest.raises(BillHasLivePayment) as raised:
            await shop.start(bill=bill["id"])
        assert raised.value.blocker == by_upi["id"]
        assert len(shop.box.charges) == 1
        shop.approve(by_upi)
        assert (await shop.ended(by_upi))["status"] == "paid"
        with pytest.raises(PaymentError):
            await shop.start(bill=bill["id"])


async def test_a_tender_of_each_kind_pays_one_bill(database_url: str) -> None:
    """Part by card and part by QR at the same time, together what is due: both are taken and the bill is paid."""
    async with open_upi_shop(database_url) as shop:
        bill = await shop.bill(250_000)
        card = await shop.start(150_000, bill=bill["id"])
        qr = await shop.begin("upi_qr", 100_000, bill=bill["id"])
        shop.pay_by_card()
        shop.approve(qr)
        assert (await shop.ended(card))["status"] == "paid"
        assert (await shop.ended(qr))["status"] == "paid"


async def test_thirty_ways_at_once_take_one_bill_once(database_url: str) -> None:
    """Ten card, ten QR and ten link payments for one bill in the same moment: one begins."""
    async with open_upi_shop(database_url) as shop:
        bill = await shop.bill()
        ways = [shop.start(bill=bill["id"]) for _ in range(10)]
        ways += [shop.begin(way, bill=bill["id"]) for _ in range(10) for way in ("upi_qr", "upi_intent")]
        heard = await asyncio.gather(*ways, return_exceptions=True)
        (begun,) = [each for each in heard if isinstance(each, dict)]
        assert {type(each) for each in heard if each is not begun} <= {BillHasLivePayment}
        assert len(shop.box.orders) + len(shop.box.charges) == 1


LIMITS = [
    (None, 10**12 - 1, LAKH), ("8011", 5 * LAKH, 5 * LAKH), ("8062", 10**12 - 1, 5 * LAKH), ("5812", 5 * LAKH, LAKH),
    ("8011", 50_000, 50_000), (None, LAKH, LAKH),
]  # fmt: skip


@pytest.mark.parametrize(("mcc", "setting", "most"), LIMITS)
async def test_the_limit_is_the_categorys_and_the_merchants(
    fresh_sqlite_url: str, mcc: str | None, setting: int, most: int
) -> None:
    """One lakh for shops, five for hospitals and schools, never above the merchant's setting."""
    async with open_upi_shop(fresh_sqlite_url, mcc=mcc, upi_limit_paise=setting) as shop:
        change_merchant(shop.box, upi_limit_paise=10**12)
        for way in ("upi_intent", "upi_qr"):
            with pytest.raises(AmountNotAllowed) as raised:
                await shop.begin(way, most + 1)
            assert raised.value.code == "amount_above_limit"
        assert len(shop.box.wire) == 0
        await shop.paid(amount=most)


async def test_a_qr_needs_the_client_id(fresh_sqlite_url: str) -> None:
    """Without the client id that Paytm issued no QR is asked for; a link still works."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        await shop.till.database.write(_forget_client)
        shop.clock.advance(ACCOUNT_LIFE_S + 1)
        with pytest.raises(InvalidField) as raised:
            await shop.begin("upi_qr")
        assert raised.value.code == "method_not_offered"
        assert len(shop.box.wire) == 0
        await shop.paid()


@pytest.mark.parametrize("expires_in", [0, 59, 901, -1])
async def test_a_life_that_paytm_would_not_keep_is_refused(fresh_sqlite_url: str, expires_in: int) -> None:
    """A link lives one to fifteen minutes; anything else is refused before anything is sent."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        with pytest.raises(InvalidField) as raised:
            await shop.begin("upi_qr", expires_in=expires_in)
        assert raised.value.param == "expires_in"
        assert len(shop.box.wire) == 0


async def test_a_short_lived_qr_is_given_up_after_its_time(fresh_sqlite_url: str) -> None:
    """Paytm is told the QR's end in India time, and nobody can pay it afterwards."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        payment = await shop.begin("upi_qr", expires_in=120)
        (call,) = shop.box.wire.calls(operation="qr")
        assert call.body["expiryDate"] == "2026-01-05 10:22:00"
        await shop.pass_time(119)
        assert (await shop.see(payment))["status"] == "pending"
        after = await shop.ended(payment)
        assert (after["status"], after["reason"]["code"]) == ("not_paid", "expired")


async def test_tokens_and_upi_ids_are_never_in_the_open(database_url: str) -> None:
    """Neither the order's token nor the payer's full UPI id can be read in any table, view or timeline."""
    async with open_upi_shop(database_url, **COLLECT) as shop:
        payment = await shop.begin("upi_collect")
        token = shop.order(payment).token
        assert token is not None
        shop.approve(payment)
        view = str(await shop.ended(payment)) + str(await shop.timeline(payment))
        held = await shop.till.database.read(_all_of_it)
        for secret in (token, DEMO_VPA):
            assert secret not in held
            assert secret not in view


async def test_a_terminal_may_be_named_for_a_display_and_stays_free(fresh_sqlite_url: str) -> None:
    """A QR shown at a counter names its machine for the display, and the machine takes cards meanwhile."""
    async with open_upi_shop(fresh_sqlite_url) as shop:
        qr = await shop.begin("upi_qr", terminal=FIRST, reference="A")
        card = await shop.start(reference="B")
        shop.pay_by_card()
        assert (await shop.ended(card))["status"] == "paid"
        shop.approve(qr)
        assert (await shop.ended(qr))["status"] == "paid"


def _forget_client(connection: Connection) -> None:
    connection.execute(tables.merchants.update().values(client_id=None))


def _all_of_it(connection: Connection) -> str:
    held = [connection.execute(select(table)).all() for table in metadata.sorted_tables]
    return repr(held)
