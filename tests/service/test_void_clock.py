"""The void clock in India, wherever the computer stands: the same minutes decide under every time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from galla.clock import IST
from galla.errors import IllegalTransition
from tests.service.card_shop import open_card_shop
from tests.service.shop import AMOUNT

ZONES = ["UTC", "Asia/Kolkata", "America/New_York"]
SALE_2350 = datetime(2026, 1, 5, 23, 50, tzinfo=IST)
MATRIX = [
    ("23:59, sold at 23:50", SALE_2350, datetime(2026, 1, 5, 23, 59, tzinfo=IST), "void"),
    ("00:04, sold at 23:50", SALE_2350, datetime(2026, 1, 6, 0, 4, tzinfo=IST), "void"),
    ("00:06, sold at 23:50", SALE_2350, datetime(2026, 1, 6, 0, 6, tzinfo=IST), "refund"),
    ("10:00, sold at 04:00", datetime(2026, 1, 6, 4, 0, tzinfo=IST), datetime(2026, 1, 6, 10, 0, tzinfo=IST), "void"),
    ("23:59, sold at 04:00", datetime(2026, 1, 6, 4, 0, tzinfo=IST), datetime(2026, 1, 6, 23, 59, tzinfo=IST), "void"),
    ("00:06, sold at 00:01", datetime(2026, 1, 6, 0, 1, tzinfo=IST), datetime(2026, 1, 6, 0, 6, tzinfo=IST), "void"),
    ("00:05 sharp", SALE_2350, datetime(2026, 1, 6, 0, 5, tzinfo=IST), "refund"),
]


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the computer stand in a time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("sold_at", "asked_at", "kind"), [row[1:] for row in MATRIX], ids=[row[0] for row in MATRIX])
async def test_f43_c20_the_day_is_indias_under_every_zone(
    fresh_sqlite_url: str, zone: str, sold_at: datetime, asked_at: datetime, kind: str
) -> None:
    """Void before five past midnight in India, refund from then on; the sale's day is India's, too."""
    async with open_card_shop(fresh_sqlite_url, at=sold_at.astimezone(UTC)) as shop:
        payment = await shop.sold()
        shop.clock.advance((asked_at - shop.clock.now()).total_seconds())
        begun = await shop.give_back(payment)
        assert (begun["kind"], begun["amount"]) == (kind, AMOUNT)
        if kind == "void":
            assert begun["status"] == "pending", "Paytm has another midnight"
            shop.accept_void()
        assert (await shop.refund_ended(begun))["status"] == "done"
        assert shop.calls("void") == (1 if kind == "void" else 0)


async def test_f43_c20_both_engines_keep_the_same_clock(database_url: str) -> None:
    """A sale of 23:50: void at 00:04, the next one at 00:06 is refused by name and refunded by choice."""
    async with open_card_shop(database_url, at=SALE_2350.astimezone(UTC)) as shop:
        first = await shop.sold()
        second = await shop.sold(60_000)
        shop.clock.advance(14 * 60)
        void = await shop.give_back(first)
        shop.accept_void()
        assert (await shop.refund_ended(void))["kind"] == "void"
        shop.clock.advance(2 * 60)
        with pytest.raises(IllegalTransition) as late:
            await shop.give_back(second, kind="void")
        assert late.value.code == "void_not_possible"
        assert "12:05 am on 6 Jan" in str(late.value)
        refund = await shop.give_back(second)
        assert (refund["kind"], (await shop.refund_ended(refund))["status"]) == ("refund", "done")


@pytest.mark.parametrize(
    ("cutoff", "until"),
    [
        ("00:05", "2026-01-05T18:35:00.000Z"),
        ("23:00", "2026-01-05T17:30:00.000Z"),
        ("11:59", "2026-01-06T06:29:00.000Z"),
    ],
)
async def test_the_merchants_own_cutoff_counts(fresh_sqlite_url: str, cutoff: str, until: str) -> None:
    """Before noon it is the next day's, from noon on the day's of the sale; a sale keeps the one it was made by."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        await shop.set_merchant(void_cutoff=cutoff)
        payment = await shop.sold()
        assert payment["void_until"] == until
        await shop.set_merchant(void_cutoff="12:00")
        assert (await shop.see(payment))["void_until"] == until
        ends_at = datetime.fromisoformat(until)
        shop.clock.advance((ends_at - shop.clock.now() - timedelta(seconds=1)).total_seconds())
        assert (await shop.see(payment))["void_until"] == until
        shop.clock.advance(1)
        assert (await shop.give_back(payment))["kind"] == "refund"
