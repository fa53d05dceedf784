"""A shift beside Paytm's own list: what is on one side only, amounts that differ, and a list that cannot be had."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from galla.config import Secret
from galla.errors import Forbidden, IllegalTransition, InvalidField, NoReply
from galla.protocol.message import Request, Response
from galla.sandbox.faults import Kind
from galla.sandbox.sandbox import DEMO_MID
from galla.service import comparing, shift_paper, shifts
from galla.service.till import Principal
from tests.service.card_shop import CardShop, open_card_shop
from tests.service.shop import FIRST

COUNTER = "Counter 1"


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[CardShop]:
    """A card shop on each database, standing at one counter."""
    async with open_card_shop(database_url) as opened:
        opened.principal = _at(opened, COUNTER)
        yield opened


def _at(shop: CardShop, counter: str) -> Principal:
    return msgspec.structs.replace(shop.principal, counter=counter)


async def _silence(request: Request) -> Response:
    raise NoReply("Paytm did not answer in time.", operation=request.operation)


async def test_what_agrees_closes_with_any_two(shop: CardShop) -> None:
    """Sales on a machine and in an app stand in the list with their amounts; another counter's are not this one's."""
    cashier = await shop.colleague("collect", label="Meena")
    shift = await shifts.open_shift(shop.till, shop.principal, COUNTER, 0)
    await shop.sold(250_000, tid=FIRST)
    await shop.paid(40_000)
    shop.principal = _at(shop, "Counter 2")
    await shop.sold(9_900, tid=FIRST)
    shop.principal = _at(shop, COUNTER)
    seen = await comparing.compare(shop.till, shop.principal, shift["id"])
    machines = [(line["name"], line["count"], line["ours"], line["theirs"]) for line in seen["by_machine"]]
    assert (seen["status"], machines) == ("agrees", [("", 1, 40_000, 40_000), (FIRST, 1, 250_000, 250_000)])
    here = msgspec.structs.replace(shop.principal, scopes=frozenset({"read", "collect"}))
    closed = await shifts.close_shift(shop.till, here, shift["id"], 0, Secret(cashier))
    assert closed["report"]["paytm"]["status"] == "agrees"
    with pytest.raises(IllegalTransition, match="Its Z report holds"):
        await comparing.compare(shop.till, here, shift["id"])


async def test_each_difference_is_named_and_needs_a_leads_word(shop: CardShop) -> None:
    """A sale keyed into the machine, one that Paytm does not list and an amount that differs: named, and held back."""
    cashier, lead = await shop.colleague("collect", label="Meena"), await shop.colleague("refund", label="Rao")
    here = msgspec.structs.replace(shop.principal, scopes=frozenset({"read", "collect"}))
    shift = await shifts.open_shift(shop.till, here, COUNTER, 0)
    gone, other = await shop.sold(10_000, tid=FIRST), await shop.sold(20_000, tid=FIRST)
    truth = dict(shop.box.charges)
    hidden = shop.box.charges.pop((DEMO_MID, gone["paytm"]["id"]))
    shop.box.charges[DEMO_MID, "KEYEDIN000001"] = msgspec.structs.replace(hidden, id="KEYEDIN000001")
    key = DEMO_MID, other["paytm"]["id"]
    shop.box.charges[key] = msgspec.structs.replace(truth[key], amount_paise=20_001)
    try:
        with pytest.raises(InvalidField) as held:
            await shifts.close_shift(shop.till, here, shift["id"], 0, Secret(cashier))
        assert (held.value.code, held.value.param) == ("paytm_differs", "paytm_reason")
        seen = await comparing.compare(shop.till, here, shift["id"])
        assert [each["payment"] for each in seen["only_ours"]] == [gone["id"]]
        assert [(each["payment"], each["paytm_id"]) for each in seen["only_theirs"]] == [(None, "KEYEDIN000001")]
        assert [(each["payment"], each["amount"], each["theirs"]) for each in seen["differ"]] == [
            (other["id"], 20_000, 20_001)
        ]
        with pytest.raises(Forbidden):
            await shifts.close_shift(
                shop.till, here, shift["id"], 0, Secret(cashier), paytm_reason="Slips are in the book."
            )
        closed = await shifts.close_shift(
            shop.till, here, shift["id"], 0, Secret(lead), paytm_reason="Slips are in the book."
        )
    finally:
        shop.box.charges.clear()
        shop.box.charges.update(truth)
    frozen = closed["report"]["paytm"]
    assert (frozen["status"], frozen["by"], frozen["reason"]) == ("differs", "key Rao", "Slips are in the book.")
    said = (await shift_paper.tally(shop.till, here, shift["id"])).sentences
    assert "key Rao said to Paytm's list: Slips are in the book." in said


async def test_what_the_list_shows_as_paid_is_asked_about_at_once(shop: CardShop) -> None:
    """A payment that failed and that Paytm lists as paid: the list proves nothing, the question it leads to does."""
    shift = await shifts.open_shift(shop.till, shop.principal, COUNTER, 0)
    shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=60_000)
    payment = await shop.start(30_000)
    shop.pay_by_card()
    assert (await shop.ended(payment))["status"] == "not_paid"
    shop.clock.advance(120)
    await shop.pass_time(1)
    assert (await shop.see(payment))["status"] == "not_paid", "nobody had a reason to ask"
    seen = await comparing.compare(shop.till, shop.principal, shift["id"])
    assert [(each["payment"], each["amount"]) for each in seen["only_theirs"]] == [(payment["id"], 30_000)]
    assert (await shop.see(payment))["status"] == "not_paid", "a list is no proof"
    await shop.pass_time(1)
    assert (await shop.see(payment))["status"] == "paid"
    assert (await comparing.compare(shop.till, shop.principal, shift["id"]))["status"] == "agrees"


async def test_a_list_that_cannot_be_had_is_said_and_a_lead_may_close(shop: CardShop) -> None:
    """When Paytm does not answer, the close says so and nothing is closed; with a lead's word it is, and that stays."""
    lead = await shop.colleague("refund", label="Rao")
    shift = await shifts.open_shift(shop.till, shop.principal, COUNTER, 0)
    await shop.sold(10_000, tid=FIRST)
    shop.line.answer_with(_silence)
    with pytest.raises(InvalidField, match="could not be had") as held:
        await shifts.close_shift(shop.till, shop.principal, shift["id"], 0, Secret(lead))
    assert held.value.code == "paytm_not_asked"
    assert (await shifts.get(shop.till, shop.principal, shift["id"]))["status"] == "open"
    closed = await shifts.close_shift(
        shop.till, shop.principal, shift["id"], 0, Secret(lead), paytm_reason="Paytm is down since noon."
    )
    assert (closed["report"]["paytm"]["status"], closed["report"]["collected"]) == ("not_asked", 10_000)
