"""The feed for many listeners of one process: nothing missed, nothing twice, and one reader for all."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection

from galla.service import channel, feed, payments
from galla.store import journal
from tests.till import Counter

LISTENERS = 20


async def _started(counter: Counter, number: int) -> str:
    new = payments.NewPayment(amount_paise=5_000 + number, method="cash", reference=f"R-{number}")
    return str((await payments.start(counter.till, counter.principal, new)).payment["id"])


async def _take(events: AsyncIterator[dict[str, Any] | None], count: int) -> list[int]:
    taken: list[int] = []
    async with asyncio.timeout(20):
        async for event in events:
            if event is not None:
                taken.append(int(event["id"]))
            if len(taken) == count:
                break
    return taken


async def test_many_listeners_hear_everything_once_and_one_asks(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty listeners hear each event once and in order, and the database is asked about as often as for one."""
    asked: list[int] = []
    real = journal.events_after

    def counted(connection: Connection, *args: Any, **given: Any) -> Any:
        asked.append(1)
        return real(connection, *args, **given)

    monkeypatch.setattr(journal, "events_after", counted)
    first = await _started(counter, 0)
    seen = await feed.last(counter.till, counter.principal)
    following = [feed.follow(counter.till, counter.principal, after=0) for _ in range(LISTENERS)]
    of_one = feed.follow(counter.till, counter.principal, after=0, payment=first)
    hearing = [asyncio.create_task(_take(each, seen + 10)) for each in following]
    hearing_one = asyncio.create_task(_take(of_one, 2))
    for number in range(1, 6):
        await _started(counter, number)
    for task in hearing:
        assert await task == list(range(1, seen + 11))
    assert await hearing_one == [1, 2]
    assert len(asked) < 3 * LISTENERS, "each listener reads what is new by itself"
    for each in [*following, of_one]:
        await each.aclose()


async def test_a_slow_listener_loses_nothing(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose inbox overflows reads on from the database, in order and without a gap."""
    monkeypatch.setattr(channel, "BACKLOG_MAX", 3)
    events = feed.follow(counter.till, counter.principal, after=0)
    await _started(counter, 0)
    heard = await _take(events, 1)
    for number in range(1, 8):
        await _started(counter, number)
    last = await feed.last(counter.till, counter.principal)
    await asyncio.sleep(0.1)  # the reader hands round more than fits
    assert heard + await _take(events, last - 1) == list(range(1, last + 1))
    await events.aclose()


async def test_who_leaves_before_it_has_begun_is_forgotten(counter: Counter) -> None:
    """A listener that goes away while the reader is only starting leaves no reader behind."""
    hearing = asyncio.ensure_future(anext(feed.follow(counter.till, counter.principal, after=0)))
    heard = counter.till.channel(counter.principal.merchant_id)
    while heard._reading is None:  # noqa: ASYNC110 - it says nothing when it starts
        await asyncio.sleep(0)
    hearing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hearing
    assert (heard._inboxes, heard._reading) == ({}, None)


async def test_a_screen_is_drawn_once_for_much_news(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens while a screen is drawn stirs it once more, not once for each event."""
    monkeypatch.setattr(feed, "KEEP_ALIVE_S", 1.0)
    stirs = feed.stirs(counter.till, counter.principal, 0)
    await _started(counter, 0)
    assert await anext(stirs)
    for number in range(1, 8):
        await _started(counter, number)
    drawn = 0
    async with asyncio.timeout(20):
        while await anext(stirs):
            drawn += 1
    assert 1 <= drawn <= 3, "fourteen events"
    await stirs.aclose()
