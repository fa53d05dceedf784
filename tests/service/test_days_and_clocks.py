"""Clocks that jump and days that turn at midnight in India: time alone decides nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from galla.clock import ManualClock, business_date
from galla.service import ledgers
from tests.service.shop import Shop, open_shop


class JumpyClock(ManualClock):
    """A clock whose date can be set wrong while its seconds go on."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.off_s = 0.0

    def now(self) -> datetime:
        """Return the instant it shows."""
        return super().now() + timedelta(seconds=self.off_s)


@pytest.mark.parametrize("jump_s", [3 * 3600, 30 * 24 * 3600])
async def test_f42_a_clock_that_jumps_ahead_ends_nothing(database_url: str, jump_s: float) -> None:
    """Hours or weeks lost in a moment (a laptop asleep): the payment is asked about, not given up, and is paid."""
    clock = JumpyClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC))
    async with open_shop(database_url, clock=clock) as shop:
        payment = await shop.start()
        clock.off_s += jump_s
        await shop.drain()
        assert (await shop.see(payment))["status"] == "pending"
        shop.pay_by_card()
        assert (await shop.ended(payment, within_s=7200))["status"] == "paid"
        assert shop.calls("sale") == 1


@pytest.mark.parametrize("jump_s", [1, 60, 3600])
async def test_f42_a_clock_that_jumps_back_loses_nothing(database_url: str, jump_s: float) -> None:
    """A clock set back delays the next question by as much at most; nothing is resent, doubled or negative."""
    clock = JumpyClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC))
    async with open_shop(database_url, clock=clock) as shop:
        payment = await shop.start()
        await shop.pass_time(4)
        clock.off_s -= jump_s
        shop.pay_by_card()
        after = await shop.ended(payment, within_s=jump_s + 30)
        assert after["status"] == "paid"
        assert shop.calls("sale") == 1
        assert all(item["data"].get("duration_ms", 0) >= 0 for item in await shop.timeline(payment))


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 1, 5, 18, 20, tzinfo=UTC), "2026-01-05"),  # 23:50 in India
        (datetime(2026, 1, 5, 18, 40, tzinfo=UTC), "2026-01-06"),  # 00:10 in India, the same day in UTC
        (datetime(2026, 1, 5, 22, 30, tzinfo=UTC), "2026-01-06"),  # 04:00 in India
        (datetime(2026, 3, 31, 18, 29, 30, tzinfo=UTC), "2026-03-31"),  # the last half minute of the year's books
    ],
)
async def test_f43_a_sale_is_booked_on_its_day_in_india(database_url: str, at: datetime, day: str) -> None:
    """The books know India's days, whatever UTC says, and what goes to Paytm carries India time."""
    async with open_shop(database_url, at=at) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        assert await _day_of(shop, payment) == day
        (call,) = shop.box.wire.calls(operation="sale")
        india = at + timedelta(hours=5, minutes=30)
        assert call.body["transactionDateTime"].startswith(f"{india:%Y-%m-%d %H:%M}")


async def test_f43_a_sale_learned_of_after_midnight_belongs_to_the_day_it_was_paid(database_url: str) -> None:
    """Paid at 23:59:58, asked about after midnight: the books say the day of the payment, the trial balance agrees."""
    last_moment = datetime(2026, 1, 5, 18, 29, 58, tzinfo=UTC)
    async with open_shop(database_url, at=last_moment) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        await shop.pass_time(10)
        assert business_date(shop.clock.now()).isoformat() == "2026-01-06"
        assert await _day_of(shop, payment) == "2026-01-05"
        yesterday = await ledgers.trial_balance(shop.till, shop.principal, business_date(last_moment))
        assert sum(account["balance"] for account in yesterday["accounts"]) == 0
        assert yesterday["debit"] == payment["amount"]


async def _day_of(shop: Shop, payment: Any) -> str:
    found = await ledgers.entries(shop.till, shop.principal, object_id=payment["id"])
    (entry,) = found["data"]
    return str(entry["on"])
