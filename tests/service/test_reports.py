"""The summary of some days: every payment counted once, sums that agree with the list, shares that say of what."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from galla.errors import InvalidField
from galla.sandbox.terminal import Action
from galla.service import listing, reports
from galla.service.listing import Listing
from tests.service.card_shop import CardShop, open_card_shop
from tests.service.shop import FIRST, SECOND

TODAY = date(2026, 1, 5)


async def sold_after(shop: CardShop, seconds: float, amount: int, tid: str = FIRST) -> Any:
    """Take a sale whose customer needs this long at the machine."""
    payment = await shop.start(amount, tid=tid)
    shop.clock.advance(seconds)
    shop.pay_by_card(tid)
    await shop.check(payment)
    return await shop.see(payment)


def lines(summary: dict[str, Any], name: str) -> dict[str, tuple[int, int, int]]:
    """Return each line of a part of the summary: how many, taken, given back."""
    return {each["name"]: (each["count"], each["paid"], each["given_back"]) for each in summary[name]}


async def test_a_days_payments_are_summed_and_judged(database_url: str) -> None:
    """By state, way, machine and cashier, with success, time-outs, voids and waits beside what they should be."""
    async with open_card_shop(database_url) as shop:
        code = await shop.start(5_000, method="upi_qr", expires_in=60)
        await shop.pass_time(1800)
        assert (await shop.see(code))["reason"]["code"] == "expired"
        voided = await sold_after(shop, 10, 250_000)
        await sold_after(shop, 20, 40_000, SECOND)
        await sold_after(shop, 45, 60_000)
        declined = await shop.start(70_000)
        shop.act(Action.REJECT)
        await shop.check(declined)
        await shop.give_back(voided)
        shop.accept_void()
        await shop.pass_time(60)
        await shop.start(80_000)
        found = await reports.summary(shop.till, shop.principal)
        listed = await listing.find(shop.till, shop.principal, Listing())
        tomorrow = await reports.summary(shop.till, shop.principal, date(2026, 1, 6))

    assert (found["from"], found["to"], found["payments"]) == ("2026-01-05", "2026-01-05", 6)
    assert (found["paid"], found["given_back"], found["net"]) == (350_000, -250_000, 100_000)
    sums = listed["sums"]
    assert (sums.count, sums.paid, sums.given_back, sums.net) == (6, 350_000, 250_000, 100_000)
    assert lines(found, "by_status") == {
        "paid": (3, 350_000, -250_000), "not_paid": (2, 0, 0), "pending": (1, 0, 0)
    }  # fmt: skip
    assert lines(found, "by_method") == {"edc": (5, 350_000, -250_000), "upi_qr": (1, 0, 0)}
    assert lines(found, "by_terminal")["Counter 2"] == (1, 40_000, 0)
    assert list(lines(found, "by_cashier").values()) == [(6, 350_000, -250_000)]
    shares = {name: found[name] for name in ("success_rate", "timeout_rate", "void_rate")}
    assert {name: (each["count"], each["of"], each["percent"], each["is_met"]) for name, each in shares.items()} == {
        "success_rate": (3, 5, "60.0", False),
        "timeout_rate": (1, 5, "20.0", False),
        "void_rate": (1, 3, "33.3", False),
    }
    wait = found["time_to_proof"]
    assert (wait["of"], wait["median_ms"] // 1000, wait["p95_ms"] // 1000, wait["is_met"]) == (3, 20, 45, True)
    assert (tomorrow["payments"], tomorrow["success_rate"]["percent"], tomorrow["by_method"]) == (0, None, [])
    assert tomorrow["time_to_proof"]["median_ms"] is None


@pytest.mark.parametrize(("first", "last"), [(TODAY, date(2026, 1, 4)), (date.min, TODAY), (TODAY, date.max)])
async def test_days_out_of_reach_are_refused(fresh_sqlite_url: str, first: date, last: date) -> None:
    """Days that cannot be reported name the one at fault."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        with pytest.raises(InvalidField) as refused:
            await reports.summary(shop.till, shop.principal, first, last)
    assert refused.value.param in ("from", "to")
