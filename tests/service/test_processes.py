"""Several processes on one PostgreSQL, as tills in one: what one commits, the screens of the others show."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from galla.service import channel, feed
from galla.service.till import Till
from tests.service.shop import open_shop, settings_for


async def test_a_screen_of_another_process_sees_it_without_asking(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payment started by one process reaches the stream of another by a nudge, long before the stream would look."""
    monkeypatch.setattr(channel, "LOOK_EVERY_S", 3600.0)
    async with open_shop(fresh_postgres_url) as shop:
        other = await Till.open(settings_for(fresh_postgres_url), send=shop.box.ahandle, clock=shop.clock)
        try:
            seen: asyncio.Queue[Any] = asyncio.Queue()

            async def watch() -> None:
                async for event in feed.follow(other, shop.principal, after=0):
                    seen.put_nowait(event)

            watching = asyncio.create_task(watch())
            payment = await shop.start()
            types = []
            async with asyncio.timeout(30):
                while "payment.pending" not in types:
                    types.append((await seen.get())["type"])
            assert types == ["payment.created", "payment.pending"]
            shop.pay_by_card()
            await shop.pass_time(5)
            async with asyncio.timeout(30):
                event = await seen.get()
            assert (event["type"], event["data"]["id"]) == ("payment.paid", payment["id"])
            watching.cancel()
        finally:
            await other.close()
