"""Races on giving money back: however many ask at once, on many connections, at most what was paid goes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from galla.sandbox.charge import VoidState
from galla.sandbox.refund import RefundState
from galla.service.till import Till
from galla.web.app import make_app, server
from tests.service.card_shop import CardShop, open_card_shop
from tests.service.shop import AMOUNT, API_KEY, settings_for
from tests.service.storm import Hit, Shot, storm
from tests.service.upi_shop import CLIENT, PUBLIC
from tests.web.shop import running


@pytest.mark.parametrize("connections", [2, 64])
async def test_f30_c18_void_and_refund_at_once_give_back_what_was_paid(database_url: str, connections: int) -> None:
    """Half ask for a void, half for a refund of the whole: one begins, and no more goes back than was captured."""
    async with open_card_shop(database_url) as shop, processes(shop, database_url) as addresses:
        payment = await shop.sold()
        kinds = ("void", "refund")
        hits = await storm(addresses, [_shot(payment, kind=kinds[each % 2]) for each in range(connections)])
        (begun,) = [hit.body for hit in hits if hit.status == 201]
        assert _refusals(hits) == {"over_refund"}
        if begun["kind"] == "void":
            shop.accept_void()
        assert (await shop.refund_ended(begun))["status"] == "done"
        assert _returned(shop, payment) == (await shop.see(payment))["amount_refunded"] == AMOUNT


async def test_f30_thirty_full_refunds_at_once_go_back_once(database_url: str) -> None:
    """Thirty connections ask for all of it in the same instant: one refund, and twenty-nine refusals in words."""
    async with open_card_shop(database_url) as shop, processes(shop, database_url) as addresses:
        payment = await shop.sold()
        hits = await storm(addresses, [_shot(payment, kind="refund")] * 30)
        assert Counter(hit.status for hit in hits) == {201: 1, 409: 29}
        assert _refusals(hits) == {"over_refund"}
        (begun,) = [hit.body for hit in hits if hit.status == 201]
        assert (await shop.refund_ended(begun))["status"] == "done"
        assert _returned(shop, payment) == AMOUNT
        assert len(shop.references()) == 1


async def test_f30_parts_and_a_void_at_once_never_exceed_the_sale(database_url: str) -> None:
    """Forty different parts and eight voids: whatever wins, the sum of what goes back is at most the sale."""
    async with open_card_shop(database_url) as shop, processes(shop, database_url) as addresses:
        shop.box.refund_delay_s = 0
        payment = await shop.sold()
        shots = [_shot(payment, amount=AMOUNT // 10 + each) for each in range(40)]
        shots += [_shot(payment, kind="void")] * 8
        hits = await storm(addresses, shots[::2] + shots[1::2])
        begun = [hit.body for hit in hits if hit.status == 201]
        assert sum(each["amount"] for each in begun) <= AMOUNT
        assert _refusals(hits) <= {"over_refund", "void_not_possible"}
        for each in begun:
            if each["kind"] == "void":
                shop.accept_void()
            assert (await shop.refund_ended(each, within_s=24 * 3600))["status"] == "done"
        assert _returned(shop, payment) == (await shop.see(payment))["amount_refunded"] <= AMOUNT


async def test_c19_one_key_on_many_connections_is_one_void(database_url: str) -> None:
    """The same request with the same key, sixteen times at once: one void with one reference, sent once."""
    async with open_card_shop(database_url) as shop, processes(shop, database_url) as addresses:
        payment = await shop.sold()
        shot = _shot(payment, headers={"Idempotency-Key": "click-1"})
        hits = await storm(addresses, [shot] * 16)
        assert {hit.status for hit in hits} <= {201, 409}
        assert _refusals(hits) <= {"idempotency_in_progress"}
        begun = [hit.body for hit in hits if hit.status == 201]
        assert len({each["id"] for each in begun}) == 1
        assert shop.calls("void") == 1
        shop.accept_void()
        assert (await shop.refund_ended(begun[0]))["status"] == "done"


def _shot(payment: Any, *, headers: dict[str, str] | None = None, **body: Any) -> Shot:
    path = f"/v1/payments/{payment['id']}/refunds"
    return Shot(path=path, body={"reason": "returned", **body}, key=API_KEY, headers=headers or {})


def _refusals(hits: list[Hit]) -> set[str | None]:
    return {hit.code for hit in hits if hit.status != 201}


def _returned(shop: CardShop, payment: Any) -> int:
    """Return what has truly gone back of a sale, by a void and by refunds, in paise."""
    voided = AMOUNT if shop.charge(payment).void is VoidState.DONE else 0
    return voided + sum(each.amount_paise for each in shop.box.refunds.values() if each.state is RefundState.DONE)


@asynccontextmanager
async def processes(shop: CardShop, url: str) -> AsyncIterator[list[str]]:
    """Serve a shop from as many tills as the engine allows, one on SQLite and three on PostgreSQL; give addresses."""
    settings = settings_for(url, client_id=CLIENT, public_url=PUBLIC)
    async with AsyncExitStack() as stack:
        tills = [shop.till]
        for _ in range(2 if url.startswith("postgresql") else 0):
            till = await Till.open(settings, send=shop.line.send, clock=shop.clock)
            stack.push_async_callback(till.close)
            tills.append(till)
        yield [await stack.enter_async_context(running(server(make_app(till), "127.0.0.1", 0))) for till in tills]
