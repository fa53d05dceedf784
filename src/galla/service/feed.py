"""The change feed: committed events, in order, for screens and for other systems."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from sqlalchemy import Row

from galla.clock import from_millis, rfc3339
from galla.service.till import Principal, Till
from galla.store import journal

LOOK_EVERY_S = 0.5
KEEP_ALIVE_S = 15.0
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

    Args:
        after: the position already seen; None starts at the present.
    """
    position = await last(till, principal) if after is None else after
    quiet_s = 0.0
    while True:
        count = till.bell.count
        found = await page(till, principal, after=position, limit=PAGE, payment=payment, bill=bill)
        for event in found:
            position = int(event["id"])
            yield event
        if found:
            quiet_s = 0.0
            continue
        await till.bell.wait(LOOK_EVERY_S, count)
        quiet_s += LOOK_EVERY_S
        if quiet_s >= KEEP_ALIVE_S:
            quiet_s = 0.0
            yield None


def event_view(row: Row[Any]) -> dict[str, Any]:
    """Return an event as the API shows it."""
    return {
        "id": str(row.position),
        "object": "event",
        "type": row.type,
        "sequence": row.sequence,
        "created_at": rfc3339(from_millis(row.at)),
        "data": msgspec.json.decode(row.data),
    }
