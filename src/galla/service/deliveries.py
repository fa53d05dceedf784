"""What was sent to an endpoint and what came of it, and sending it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from galla.clock import from_millis, rfc3339, to_millis
from galla.errors import InvalidField, NotFound
from galla.service.delivering import LEASE_MS
from galla.service.till import Principal, Till
from galla.service.views import View
from galla.service.webhooks import endpoint_row, note
from galla.store import deliveries

STATES = ("waiting", "delivered", "failed")


async def find(
    till: Till,
    principal: Principal,
    endpoint_id: str,
    *,
    status: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> View:
    """Return a page of what was sent to an endpoint, the newest event first.

    Raises:
        NotFound: no such endpoint for this merchant.
        InvalidField: `status` or `cursor` cannot be used.
    """
    if status not in (None, *STATES):
        raise InvalidField(f"`status` must be one of {', '.join(STATES)}.", param="status")
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise InvalidField("`cursor` must be the `next_cursor` of the page before.", param="cursor")
    before = int(cursor) if cursor is not None else None
    size = min(max(limit, 1), 200)
    rows = await till.database.read(_find, principal.merchant_id, endpoint_id, size + 1, before, status)
    page = rows[:size]
    next_cursor = str(page[-1].position) if len(rows) > size else None
    return {"data": [_view(row) for row in page], "next_cursor": next_cursor}


async def replay(till: Till, principal: Principal, delivery_id: str, *, endpoint_id: str | None = None) -> View:
    """Send one again, now: with the same `webhook-id`, so that a receiver who had it does nothing twice.

    Raises:
        NotFound: no such delivery for this merchant, or not to this endpoint.
    """
    view = await till.database.write(_replay, till, principal, delivery_id, endpoint_id)
    till.bell.ring()
    return view


async def replay_failed(till: Till, principal: Principal, endpoint_id: str, *, since: datetime | None = None) -> int:
    """Send again all that failed, and let what waits for its next try go now; return how many.

    Args:
        till: the open till.
        principal: who asks.
        endpoint_id: to which endpoint.
        since: an aware instant; of what failed, only what was written down since then.

    Raises:
        NotFound: no such endpoint for this merchant.
    """
    at = to_millis(since) if since is not None else None
    count = await till.database.write(_replay_failed, till, principal, endpoint_id, at)
    till.bell.ring()
    return count


def _find(
    connection: Connection, merchant_id: str, endpoint_id: str, limit: int, before: int | None, state: str | None
) -> list[Row[Any]]:
    endpoint_row(connection, merchant_id, endpoint_id)
    return deliveries.find(connection, merchant_id, endpoint_id, limit=limit, before=before, state=state)


def _replay(
    connection: Connection, till: Till, principal: Principal, delivery_id: str, endpoint_id: str | None
) -> View:
    merchant_id, at = principal.merchant_id, to_millis(till.clock.now())
    row = deliveries.get(connection, merchant_id, delivery_id)
    if row is None or endpoint_id not in (None, row.endpoint_id):
        raise NotFound(f"There is no delivery {delivery_id[:60]}.")
    endpoint_row(connection, merchant_id, row.endpoint_id, lock=True)
    again = deliveries.replay(connection, merchant_id, row.endpoint_id, delivery_id=delivery_id)
    if again:
        deliveries.line_up(connection, merchant_id, row.endpoint_id, at, again)
    else:
        deliveries.hurry(connection, merchant_id, row.endpoint_id, at, LEASE_MS, delivery_id=delivery_id)
    note(connection, till, principal, "webhook.replayed", row.endpoint_id, {"delivery": delivery_id})
    after = deliveries.get(connection, merchant_id, delivery_id)
    return _view(after if after is not None else row)


def _replay_failed(
    connection: Connection, till: Till, principal: Principal, endpoint_id: str, since: int | None
) -> int:
    merchant_id, at = principal.merchant_id, to_millis(till.clock.now())
    endpoint_row(connection, merchant_id, endpoint_id, lock=True)
    again = deliveries.replay(connection, merchant_id, endpoint_id, since=since)
    if again:
        deliveries.line_up(connection, merchant_id, endpoint_id, at)
    hurried = deliveries.hurry(connection, merchant_id, endpoint_id, at, LEASE_MS)
    count = len(again) + hurried
    note(connection, till, principal, "webhook.replayed", endpoint_id, {"deliveries": count})
    return count


def _view(row: Row[Any]) -> View:
    return {
        "id": row.id,
        "object": "delivery",
        "endpoint": row.endpoint_id,
        "event": str(row.position),
        "type": row.type,
        "about": row.object_id,
        "status": row.state,
        "attempts": row.attempts,
        "answer_status": row.answer_status,
        "answer": row.answer,
        "created_at": rfc3339(from_millis(row.created_at)),
        "tried_at": _instant(row.tried_at),
        "ended_at": _instant(row.ended_at),
        "next_try_at": _instant(row.due_at),
    }


def _instant(millis: int | None) -> str | None:
    return rfc3339(from_millis(millis)) if millis is not None else None
