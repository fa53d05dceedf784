"""Testing the connection: each thing that can be wrong is told apart by what really answers, and nothing is charged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest

from galla.errors import NoReply, NotSent
from galla.protocol.message import MerchantKey, Request, Response
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID
from galla.service.probe import Finding, probe
from galla.store import journal
from tests.service.card_shop import CardShop, open_card_shop
from tests.service.upi_shop import change_merchant

OTHER_KEY = "ponmlkjihgfedcba"
MACHINES, ONLINE = "Card machines", "UPI, links and refunds"
Answerer = Callable[[Request], Awaitable[Response]]


async def words(shop: CardShop) -> dict[str, str]:
    """Test the connection and return the word for each thing that was looked at."""
    return {finding.about: finding.word for finding in await findings(shop)}


async def findings(shop: CardShop) -> list[Finding]:
    """Test the connection; no finding may show the key."""
    found = await probe(shop.till, shop.principal)
    assert all(DEMO_KEY not in repr(finding) for finding in found)
    return found


async def test_a_right_key_and_mid_are_good_and_the_test_is_audited(database_url: str) -> None:
    """Both hosts read the signature and know nothing of the id: good; nothing was charged, and the trail says who."""
    async with open_card_shop(database_url) as shop:
        before = len(shop.box.charges)
        assert await words(shop) == {MACHINES: "good", ONLINE: "good"}
        assert (len(shop.box.charges), shop.calls("sale")) == (before, 0)
        _, rows = await shop.till.database.read(journal.trail, shop.principal.merchant_id, shop.principal.merchant_id)
        assert (rows[-1].action, rows[-1].actor) == ("merchant.connection_tested", shop.principal.actor)


async def test_a_wrong_key_an_unknown_mid_and_a_block_are_told_apart(fresh_sqlite_url: str) -> None:
    """Each is named with Paytm's own word and with what to look at first, the environment among it."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        merchant = change_merchant(shop.box, key=MerchantKey(OTHER_KEY))
        wrong = await findings(shop)
        assert [each.word for each in wrong] == ["wrong_key", "wrong_key"]
        assert "(0330)" in str(wrong[0].quote)
        assert any("16 characters" in hint for hint in wrong[0].hints)
        assert any("Paytm's sandbox" in hint for hint in wrong[0].hints)
        del shop.box.merchants[DEMO_MID]
        unknown = await findings(shop)
        assert [each.word for each in unknown] == ["unknown_mid", "unknown_mid"]
        assert any(DEMO_MID in hint for hint in unknown[0].hints)
        shop.box.merchants[DEMO_MID] = merchant


async def test_a_key_that_only_one_host_refuses_is_copied_right(fresh_sqlite_url: str) -> None:
    """Where the other host takes the same key, the first hint says that copying it again will not help."""
    async with open_card_shop(fresh_sqlite_url) as shop:

        async def deaf(request: Request) -> Response:
            if request.operation == "status":
                change_merchant(shop.box, key=MerchantKey(OTHER_KEY))
            else:
                change_merchant(shop.box, key=MerchantKey(DEMO_KEY))
            return await shop.box.ahandle(request)

        shop.line.answer_with(deaf)
        machines, online = await findings(shop)
    assert (machines.word, online.word) == ("wrong_key", "good")
    assert machines.hints[0].startswith("The other one accepts this key")


async def not_sent(request: Request) -> Response:
    """No connection."""
    raise NotSent("no route")


async def no_reply(request: Request) -> Response:
    """A connection, and nothing more."""
    raise NoReply("time ran out")


async def a_proxy(request: Request) -> Response:
    """A page of somebody else's."""
    return Response(status=404, body=b"<html>Not found</html>")


async def a_gateway(request: Request) -> Response:
    """A gateway before a Paytm that is down."""
    return Response(status=503, body=b"")


@pytest.mark.parametrize(
    ("answerer", "word"),
    [(not_sent, "unreachable"), (no_reply, "silent"), (a_gateway, "silent"), (a_proxy, "not_paytm")],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_a_network_that_fails_is_told_from_paytm_that_refuses(
    fresh_sqlite_url: str, answerer: Answerer, word: str
) -> None:
    """Not reached, reached without an answer, and somebody else's answer are three different things."""
    async with open_card_shop(fresh_sqlite_url) as shop:
        shop.line.answer_with(answerer)
        assert await words(shop) == {MACHINES: word, ONLINE: word}


@pytest.mark.parametrize(("off_s", "said"), [(300, "5 min behind"), (-300, "5 min ahead of"), (60, None)])
async def test_a_clock_that_is_wrong_is_said(fresh_sqlite_url: str, off_s: int, said: str | None) -> None:
    """Two minutes away from Paytm's own date is too far; one minute is not."""
    async with open_card_shop(fresh_sqlite_url) as shop:

        async def dated(request: Request) -> Response:
            response = await shop.box.ahandle(request)
            theirs = format_datetime(shop.clock.now() + timedelta(seconds=off_s), usegmt=True)
            return Response(status=response.status, body=response.body, headers={**response.headers, "date": theirs})

        shop.line.answer_with(dated)
        clocks = [each.said for each in await findings(shop) if each.word == "clock"]
    assert len(clocks) == (said is not None)
    assert said is None or said in clocks[0]
