"""The change feed: committed events, in order, for screens and for other systems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from galla.service.channel import Inbox
from galla.service.till import Principal, Till
from galla.service.views import event_view
from galla.store import journal

KEEP_ALIVE_S = 15.0
DRAW_EVERY_S = 0.25
PAGE = 100


async def page(
    till: Till,
    principal: Principal,
    *,
    after: int = 0,
    limit: int = 100,
    payment: str | None = None,
    bill: str | None = None,
    kind: str | None = None,
    before: int | None = None,
) -> list[dict[str, Any]]:
    """Return events past a position, oldest first; with `before`, those below that position, newest first."""
    rows = await till.database.read(
        journal.events_after,
        principal.merchant_id,
        after,
        min(max(limit, 1), 200),
        object_id=payment,
        bill_id=bill,
        kind=kind,
        before=before,
    )
    return [event_view(row) for row in rows]


async def last(till: Till, principal: Principal) -> int:
    """Return the position of the newest event."""
    return await till.database.read(journal.last_position, principal.merchant_id)


async def follow(
    till: Till,
    principal: Principal,
    *,
    after: int | None = None,
    payment: str | None = None,
    bill: str | None = None,
) -> AsyncIterator[dict[str, Any] | None]:
    """Yield events as they are committed, by any process; None every 15 seconds of silence.

    The events are shared with other listeners: read them, and change nothing in them.

    Args:
        after: the position already seen; None starts at the present.

    Raises:
        Unavailable: the database does not answer any more.
    """
    position = await last(till, principal) if after is None else after
    channel, inbox = till.channel(principal.merchant_id), Inbox(payment, bill)
    try:
        await channel.join(inbox)
        is_behind = True
        while True:
            while is_behind:
                inbox.forget()  # first: what comes from now on is not among what is read next
                found = await page(till, principal, after=position, limit=PAGE, payment=payment, bill=bill)
                for event in found:
                    position = int(event["id"])
                    yield event
                is_behind = inbox.is_behind or len(found) == PAGE
            news = await inbox.next(KEEP_ALIVE_S)
            is_behind = inbox.is_behind
            if news is None:
                if not is_behind:
                    yield None
            elif int(news["id"]) > position:
                position = int(news["id"])
                yield news
    finally:
        channel.leave(inbox)


async def stirs(till: Till, principal: Principal, after: int) -> AsyncIterator[bool]:
    """Yield True when something was committed after a position: at once, and then at most every quarter of a second.

    For screens that are drawn anew: one drawing shows all that happened meanwhile. False every 15 seconds of silence.

    Raises:
        Unavailable: the database does not answer any more.
    """
    channel, inbox = till.channel(principal.merchant_id), Inbox()
    try:
        await channel.join(inbox)
        if await last(till, principal) > after:
            yield True
        while True:
            news = await inbox.next(KEEP_ALIVE_S)
            is_news = news is not None or inbox.is_behind
            inbox.forget()
            yield is_news
            if is_news:
                await asyncio.sleep(DRAW_EVERY_S)
    finally:
        channel.leave(inbox)
