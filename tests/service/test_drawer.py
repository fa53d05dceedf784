"""Cash put into a drawer and taken out of it: with a reason, once, never more than is there, and in the books."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from galla.config import Secret
from galla.errors import IdempotencyMismatch, IllegalTransition, InvalidField
from galla.service import drawer, ledgers, shifts
from tests.service.card_shop import CardShop, open_card_shop

COUNTER = "Counter 1"


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[CardShop]:
    """A card shop on each database."""
    async with open_card_shop(database_url) as opened:
        yield opened


async def test_what_is_moved_is_expected_and_booked(shop: CardShop) -> None:
    """Put in and taken out change what must lie there and the drawer's account; the report names each and why."""
    other = await shop.colleague("collect")
    shift = await shifts.open_shift(shop.till, shop.principal, COUNTER, 50_000)
    await drawer.move(shop.till, shop.principal, shift["id"], "pay_in", 20_000, "change from the bank")
    seen = await drawer.move(shop.till, shop.principal, shift["id"], "pay_out", 5_000, "tea")
    report = seen["report"]
    assert (report["put_in"], report["taken_out"], report["cash_expected"]) == (20_000, -5_000, 65_000)
    assert [(each["amount"], each["reason"]) for each in report["movements"]] == [
        (20_000, "change from the bank"),
        (-5_000, "tea"),
    ]
    trial = await ledgers.trial_balance(shop.till, shop.principal)
    stands = {account["name"]: account["balance"] for account in trial["accounts"]}
    assert (stands["Cash drawer"], stands["Cash put in and taken out"]) == (15_000, -15_000)
    closed = await shifts.close_shift(shop.till, shop.principal, shift["id"], 65_000, Secret(other))
    assert closed["difference"] == 0
    with pytest.raises(IllegalTransition) as late:
        await drawer.move(shop.till, shop.principal, shift["id"], "pay_in", 100, "found")
    assert late.value.code == "shift_closed"


async def test_a_movement_is_made_once_and_never_empties_more_than_the_drawer(shop: CardShop) -> None:
    """The same attempt moves nothing again, with other values it is refused; more than is there cannot be taken out."""
    shift = await shifts.open_shift(shop.till, shop.principal, COUNTER, 10_000)
    for _ in range(2):
        seen = await drawer.move(shop.till, shop.principal, shift["id"], "pay_out", 4_000, "tea", attempt="a1")
    assert seen["report"]["cash_expected"] == 6_000
    with pytest.raises(IdempotencyMismatch):
        await drawer.move(shop.till, shop.principal, shift["id"], "pay_out", 4_001, "tea", attempt="a1")
    with pytest.raises(IllegalTransition) as short:
        await drawer.move(shop.till, shop.principal, shift["id"], "pay_out", 6_001, "to the bank")
    assert (short.value.code, short.value.param) == ("drawer_short", "amount")
    for kind, reason in (("borrow", "tea"), ("pay_out", " ")):
        with pytest.raises(InvalidField):
            await drawer.move(shop.till, shop.principal, shift["id"], kind, 100, reason)
