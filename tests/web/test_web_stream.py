"""The event stream: in order, without gaps, resumable, and gone when its reader or galla goes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from galla.web.stream import message, open_until
from tests.web.shop import FIRST, SECOND, Shop, open_shop

SALE: dict[str, Any] = {"amount": 5000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}


@asynccontextmanager
async def listening(
    client: httpx2.AsyncClient, query: str = "", after: str | None = None
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Open the stream and give its events."""
    headers = {"Last-Event-ID": after} if after is not None else {}
    async with client.stream("GET", f"/v1/events/stream{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        async with asyncio.timeout(5):
            assert (await anext(lines)).startswith("retry:")  # it has begun: what happens from now on is told
        yield _events(lines)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    found: dict[str, Any] = {}
    async for line in lines:
        if line == "" and "data" in found:
            yield {**found, "data": json.loads(found["data"])}
            found = {}
        elif line and not line.startswith(":"):
            name, _, text = line.partition(": ")
            found[name] = text


async def take(events: AsyncIterator[dict[str, Any]], *, until: str) -> list[dict[str, Any]]:
    """Collect events up to one of a type."""
    taken = []
    async with asyncio.timeout(15):
        async for event in events:
            taken.append(event)
            if event["event"] == until:
                break
    return taken


async def test_a_payment_is_told_from_first_to_last(shop: Shop) -> None:
    """Creation, the machine and the proof arrive in order, each with the payment as it was then."""
    async with shop.client() as client, listening(client, after="0") as events:
        started = (await client.post("/v1/payments", json=SALE)).json()
        shop.pay()
        taken = await take(events, until="payment.paid")
    assert taken[0]["event"] == "payment.created"
    assert [event["id"] for event in taken] == [event["data"]["id"] for event in taken]
    sequences = [event["data"]["sequence"] for event in taken]
    assert sequences == list(range(1, len(taken) + 1))
    assert taken[-1]["data"]["data"]["status"] == "paid"
    assert started["id"] == taken[-1]["data"]["data"]["id"]


async def test_a_broken_stream_goes_on_where_it_ended(shop: Shop) -> None:
    """With Last-Event-ID nothing is missed and nothing comes twice, even what happened meanwhile."""
    async with shop.client() as client:
        async with listening(client, after="0") as events:
            await client.post("/v1/payments", json=SALE)
            first = await take(events, until="payment.created")
        shop.pay()
        async with listening(client, after=first[-1]["id"]) as events:
            rest = await take(events, until="payment.paid")
        listed = (await client.get("/v1/events?limit=200")).json()["data"]
    ids = [int(event["id"]) for event in [*first, *rest]]
    assert ids == sorted(set(ids))
    assert ids[::-1] == [int(event["id"]) for event in listed]


async def test_a_stream_can_be_narrowed(shop: Shop) -> None:
    """`?payment=` and `?bill=` tell of nothing else, and another merchant's stream is silent."""
    async with shop.client() as client:
        line = {"description": "Cream", "unit_amount": 100}
        bill = (await client.post("/v1/bills", json={"lines": [line]})).json()
        other = (await client.post("/v1/payments", json={**SALE, "terminal": SECOND, "reference": "INV-2"})).json()
        body = {"amount": 100, "method": "edc", "terminal": FIRST, "bill": bill["id"]}
        async with listening(client, f"?bill={bill['id']}", after="0") as events:
            started = (await client.post("/v1/payments", json=body)).json()
            shop.pay()
            told = await take(events, until="payment.paid")
        async with listening(client, f"?payment={other['id']}", after="0") as events:
            apart = await take(events, until="payment.pending")
    assert {started["id"], bill["id"]} == {event["data"]["data"]["id"] for event in told}
    assert {other["id"]} == {event["data"]["data"]["id"] for event in apart}


async def test_events_turn_pages_newest_first(shop: Shop) -> None:
    """The list of events goes back page by page and names a type only when asked."""
    async with shop.client() as client:
        await client.post("/v1/payments", json=SALE)
        whole = (await client.get("/v1/events")).json()["data"]
        paged, cursor = [], ""
        while True:
            page = (await client.get(f"/v1/events?limit=1{cursor}")).json()
            paged += page["data"]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        made = (await client.get("/v1/events?type=payment.created")).json()["data"]
    assert whole == paged
    assert [int(event["id"]) for event in whole] == sorted((int(event["id"]) for event in whole), reverse=True)
    assert [event["type"] for event in made] == ["payment.created"]


async def test_a_position_that_is_none_is_refused(small_shop: Shop) -> None:
    """A Last-Event-ID that galla never gave is refused by name."""
    async with small_shop.client() as client:
        for text in ("x", "-1", "1.5", "9" * 30):
            answer = await client.get("/v1/events/stream", headers={"Last-Event-ID": text})
            assert (answer.status_code, answer.json()["param"]) == (422, "Last-Event-ID")


async def test_streams_end_when_galla_stops(small_shop: Shop) -> None:
    """Stopping does not wait for open streams: they end, so that browsers reconnect elsewhere."""
    async with small_shop.client() as client, listening(client) as events:
        small_shop.app.state.closing.set()
        async with asyncio.timeout(2):
            assert [event async for event in events] == []


async def test_stopping_the_server_is_quick_with_a_screen_open(tmp_path: Path) -> None:
    """The server ends open streams by itself: stopping takes no longer for them."""
    async with open_shop(f"sqlite:///{tmp_path / 'galla.db'}") as shop:
        client = shop.client()
        opened = listening(client)
        events = await opened.__aenter__()
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 3
    assert [event async for event in events] == []
    await opened.__aexit__(None, None, None)
    await client.aclose()


async def test_a_source_is_closed_with_its_stream() -> None:
    """Whether its reader leaves or galla stops, the source's own ending runs; what it raises comes out."""
    ended: list[str] = []

    async def source(name: str) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            ended.append(name)

    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken")

    closing = asyncio.Event()
    left = open_until(source("left"), closing)
    assert await anext(left) == 1
    await left.aclose()
    stopped = open_until(source("stopped"), closing)
    assert await anext(stopped) == 1
    closing.set()
    assert [item async for item in stopped] == []
    assert ended == ["left", "stopped"]
    told = open_until(broken(), asyncio.Event())
    assert await anext(told) == 1
    with pytest.raises(ValueError, match="broken"):
        await anext(told)


def test_a_message_keeps_its_lines() -> None:
    """Line ends of any kind become data lines; U+2028 stays inside its line."""
    assert message("x\ny\r\nz", event="a", position="7") == b"id: 7\nevent: a\ndata: x\ndata: y\ndata: z\n\n"
    assert "data: a\u2028b\n\n".encode() == message("a\u2028b")
