"""UPI on real sockets: galla's own server, a worker, a sandbox on HTTP that calls back, or calls where nobody listens.

Each way of paying comes to each of its ends, and money goes back, with every callback and again with none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from galla.sandbox.outbox import Subject
from galla.sandbox.phone import Tap
from galla.sandbox.sandbox import DEMO_VPA
from tests.service.books import assert_books_equal_truth
from tests.service.upi_shop import change_merchant
from tests.web.shop import Shop, eventually
from tests.web.upi_shop import free_port, open_upi_shop

WAYS = ("upi_intent", "upi_qr", "upi_collect")
ENDS: dict[str, tuple[Tap, ...]] = {
    "paid": (Tap.APPROVE, Tap.PIN_RIGHT),
    "declined": (Tap.DECLINE,),
    "expired": (Tap.APPROVE, Tap.TIME_OUT),
}
CODES = {"declined": "227", "expired": "810"}
AMOUNT, PART = 250_000, 100_050
SILENT = "2h:1h 72h:24h"
"""A ladder that asks once and then not for a long time: whoever learns an end in time has heard a callback."""

Payments = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(params=["callbacks arrive", "callbacks lost"])
def hears(request: pytest.FixtureRequest) -> bool:
    """Whether what Paytm posts reaches galla."""
    return bool(request.param == "callbacks arrive")


@pytest.fixture
async def shop(database_url: str, hears: bool) -> AsyncIterator[Shop]:
    """A shop on each engine whose Paytm calls back where it listens, or where nobody does."""
    more: dict[str, Any] = {"ladder_upi": SILENT} if hears else {"public_url": f"http://127.0.0.1:{free_port()}"}
    async with open_upi_shop(database_url, mcc="6012", collect_allowed=True, **more) as opened:
        account = await opened.till.account(await opened.merchant())
        assert account.callback_url is not None
        change_merchant(opened.sandbox, collect_allowed=True, callback_url=account.callback_url)
        yield opened


async def begin(client: httpx2.AsyncClient, way: str, end: str) -> dict[str, Any]:
    """Start a payment over HTTP."""
    asked = {"amount": AMOUNT, "method": way, "reference": f"{way}-{end}"}
    if way == "upi_collect":
        asked["vpa"] = DEMO_VPA
    answer = await client.post("/v1/payments", json=asked)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert (made["status"], made["phase"]) == ("pending", "awaiting_payer")
    return made


def act(shop: Shop, payment: dict[str, Any], taps: tuple[Tap, ...]) -> None:
    """Let the customer find the request, the link or the QR, and answer it."""
    if payment["method"] == "upi_collect":
        mine = [each.id for each in shop.sandbox.prompts.values() if each.order[1] == payment["paytm"]["id"]]
        (number,) = mine
    else:
        number = shop.sandbox.open_link(payment["next_action"]["upi_link"]).id
    for tap in taps:
        shop.sandbox.tap(number, tap)


async def over(client: httpx2.AsyncClient, path: str, words: tuple[str, ...]) -> dict[str, Any]:
    """Wait until a payment or refund has come to its end."""
    seen: dict[str, Any] = {}

    async def is_over() -> bool:
        seen.update((await client.get(path)).json())
        return seen["status"] in words

    await eventually(is_over)
    return seen


async def is_asked_once(client: httpx2.AsyncClient, payment: dict[str, Any]) -> None:
    """Wait until galla's first own question about a payment has passed."""

    async def asked() -> bool:
        return bool((await client.get(f"/v1/payments/{payment['id']}")).json()["checks"] >= 1)

    await eventually(asked)


@pytest.mark.timeout(120)
async def test_every_way_comes_to_every_end_on_real_sockets(shop: Shop, hears: bool) -> None:
    """Intent, QR and Collect, each paid, declined and run out, and a part of each paid one given back to done."""
    async with shop.client() as client:
        begun: Payments = {(way, end): await begin(client, way, end) for way in WAYS for end in ENDS}
        await asyncio.gather(*(is_asked_once(client, payment) for payment in begun.values()))
        for (_, end), payment in begun.items():
            act(shop, payment, ENDS[end])
        for (way, end), payment in begun.items():
            after = await over(client, f"/v1/payments/{payment['id']}", ("paid", "not_paid"))
            assert after["needs_review"] is False, (way, end)
            if end == "paid":
                assert (after["status"], after["proof"]["source"]) == ("paid", "status"), way
                assert after["payment_detail"]["upi_amount"] == AMOUNT
            else:
                assert (after["status"], after["reason"]["paytm_code"]) == ("not_paid", CODES[end]), (way, end)
        for way in WAYS:
            await give_back(client, begun[way, "paid"])
    await assert_books_equal_truth(shop.till, shop.sandbox)
    if hears:

        async def is_told() -> bool:  # galla may have asked, and know, before the last callback has arrived
            return taken(shop).count(Subject.REFUND_DONE) >= len(WAYS)

        await eventually(is_told)
        assert taken(shop).count(Subject.PAYMENT) == len(begun)
        assert taken(shop).count(Subject.REFUND_DONE) == len(WAYS)
    else:
        assert taken(shop) == []
        assert len(shop.sandbox.outbox) >= len(begun), "they were posted, and nobody was there"


def taken(shop: Shop) -> list[Subject]:
    """Return what the callbacks were about that galla has taken."""
    return [post.subject for post in shop.sandbox.outbox.ended if post.ended == "taken"]


async def give_back(client: httpx2.AsyncClient, payment: dict[str, Any]) -> None:
    """Give a part back and follow it to done."""
    asked = {"amount": PART, "reason": "Cream returned"}
    made = (await client.post(f"/v1/payments/{payment['id']}/refunds", json=asked)).json()
    assert (made["status"], made["amount"]) == ("pending", PART)
    done = await over(client, f"/v1/refunds/{made['id']}", ("done", "failed"))
    assert (done["status"], done["needs_review"]) == ("done", False)
    after = (await client.get(f"/v1/payments/{payment['id']}")).json()
    assert (after["amount_refunded"], after["amount_refundable"]) == (PART, AMOUNT - PART)
