"""One delivery of an event to one endpoint: taken from the events, posted, and written down. At least once each.

The events are the outbox: `take` gives an endpoint its deliveries from where it stopped, moves that place, and claims
what is due, in one commit. No transaction is open while something is posted; an answer that is lost means another try,
under the same `webhook-id`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.client.outward import Posted, post
from galla.clock import to_millis
from galla.payments.task import TaskKind
from galla.service import webhook_tasks
from galla.service.redacted import redacted
from galla.service.tasking import Closing
from galla.service.till import Till
from galla.service.views import event_view
from galla.store import deliveries, webhooks
from galla.store.journal import Note, events_after, record
from galla.webhooks import sign

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Posted]]

WAITS_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long after each failed try the next one comes: ten tries over three days and more."""
LEASE_MS = 20_000
"""How long a claim holds a delivery: longer than any post takes."""
PAGE = 200
TESTED = "webhook.tested"
_SAID_MAX = 200
_DAY_MS = 86_400_000
_GONE, _BUSY = 410, (429, 503)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that this process may post now, and to whom."""

    merchant_id: str
    id: str
    endpoint_id: str
    url: str
    object_id: str
    attempts: int
    fence: int
    sealed_secrets: tuple[str, ...]
    body: bytes

    def __repr__(self) -> str:
        return f"Claim({self.id!r}, to {self.endpoint_id!r})"


def take(connection: Connection, till: Till, merchant_id: str, endpoint_id: str, room: int) -> list[Claim]:
    """Write the deliveries of an endpoint's new events, and claim up to `room` that are due."""
    endpoint = webhooks.get(connection, merchant_id, endpoint_id, lock=True)
    if endpoint is None or endpoint.is_enabled == 0:
        return []
    now = till.clock.now()
    at = to_millis(now)
    _spread(connection, endpoint, now)
    rows = deliveries.claim(connection, merchant_id, endpoint_id, at, LEASE_MS, room)
    sealed = [endpoint.sealed_secret]
    if endpoint.previous_secret is not None and endpoint.previous_until > at:
        sealed.append(endpoint.previous_secret)
    return [
        Claim(
            merchant_id=merchant_id,
            id=row.id,
            endpoint_id=endpoint_id,
            url=endpoint.url,
            object_id=row.object_id,
            attempts=row.attempts,
            fence=row.fence,
            sealed_secrets=tuple(sealed),
            body=_body(row),
        )
        for row in rows
    ]


async def deliver(till: Till, claim: Claim, send: Post | None = None) -> None:
    """Post one claim, signed for this attempt, and write down what came of it."""
    at_s = to_millis(till.clock.now()) // 1000
    secrets = [till.vault.open_text(sealed) for sealed in claim.sealed_secrets]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": claim.id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(sign(secret, claim.id, at_s, claim.body) for secret in secrets),
    }
    if send is not None:
        posted = await send(claim.url, headers, claim.body)
    else:
        posted = await post(claim.url, headers, claim.body, to_private=till.settings.webhooks_to_private)
    await till.database.write(_settle, till, claim, posted)


def wants(kinds: list[str], kind: str) -> bool:
    """Whether an endpoint that named these kinds of event is to hear of one: `payment.paid`, or all of `payment.*`."""
    return not kinds or kind in kinds or f"{kind.partition('.')[0]}.*" in kinds


def _spread(connection: Connection, endpoint: Row[Any], now: datetime) -> None:
    """Write a delivery for each new event that the endpoint wants, and move its place in the feed behind them."""
    found = events_after(connection, endpoint.merchant_id, endpoint.position, PAGE)
    if not found:
        return
    kinds = msgspec.json.decode(endpoint.events)
    at = to_millis(now)
    rows = [
        {
            "merchant_id": event.merchant_id,
            "id": ids.new_id("dlv", now),
            "endpoint_id": endpoint.id,
            "position": event.position,
            "type": event.type,
            "object_id": event.object_id,
            "created_at": at,
        }
        for event in found
        if (event.object_id == endpoint.id if event.type == TESTED else wants(kinds, event.type))
    ]
    if rows:
        deliveries.add(connection, rows)
        objects = {str(row["object_id"]) for row in rows}
        deliveries.release(connection, endpoint.merchant_id, endpoint.id, at, objects)
    webhooks.change(connection, endpoint.merchant_id, endpoint.id, {"position": found[-1].position})


def _body(row: Row[Any]) -> bytes:
    """Return the event as the API shows it. What was written is never changed, so each attempt has the same bytes."""
    return msgspec.json.encode({**event_view(row), "data": msgspec.Raw(row.data.encode())})


def _settle(connection: Connection, till: Till, claim: Claim, posted: Posted) -> None:
    endpoint = webhooks.get(connection, claim.merchant_id, claim.endpoint_id, lock=True)
    if endpoint is None:
        return
    now = till.clock.now()
    at, attempts, status = to_millis(now), claim.attempts + 1, posted.status
    is_taken = status is not None and 200 <= status < 300
    is_over = is_taken or (attempts > len(WAITS_S) and status != _GONE)
    values: dict[str, Any] = {
        "attempts": attempts,
        "answer_status": status,
        "answer": redacted(posted.said.encode())[:_SAID_MAX] or None,
        "tried_at": at,
        "state": ("delivered" if is_taken else "failed") if is_over else "waiting",
        "ended_at": at if is_over else None,
        "due_at": None if is_over else at + _wait_ms(till, attempts, posted, now),
    }
    if not deliveries.settle(connection, claim.merchant_id, claim.id, claim.fence, values):
        return  # it was taken by somebody else, who has had an answer of their own
    if is_over:
        deliveries.release(connection, claim.merchant_id, claim.endpoint_id, at, [claim.object_id])
    if status == _GONE:
        _switch_off(connection, till, endpoint, now)
    elif is_taken:
        _have_recovered(connection, till, endpoint)
    elif is_over:
        webhook_tasks.failed(connection, till, endpoint, attempts)


def _wait_ms(till: Till, attempts: int, posted: Posted, now: datetime) -> int:
    """Return how long to wait: the ladder's time and up to a tenth more, and never less than the receiver asked for."""
    usual = WAITS_S[min(attempts, len(WAITS_S)) - 1] * 1000
    scaled = round(usual * till.settings.ladder_scale)
    waited = scaled + scaled * ids.fraction() // 10_000
    return max(waited, _asked_ms(posted, now)) if posted.status in _BUSY else waited


def _asked_ms(posted: Posted, now: datetime) -> int:
    """Return what `Retry-After` asks for, at most a day."""
    text = (posted.retry_after or "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return min(int(text) * 1000, _DAY_MS)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0
    aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0, min(to_millis(aware.astimezone(UTC)) - to_millis(now), _DAY_MS))


def _switch_off(connection: Connection, till: Till, endpoint: Row[Any], now: datetime) -> None:
    if endpoint.is_enabled == 0:
        return
    values = {"is_enabled": 0, "disabled_at": to_millis(now), "disabled_reason": "gone"}
    webhooks.change(connection, endpoint.merchant_id, endpoint.id, values)
    note = Note(
        actor="galla", origin="webhook", action="webhook.disabled", object_id=endpoint.id, detail={"answer": _GONE}
    )
    record(connection, endpoint.merchant_id, now, note)
    webhook_tasks.gone(connection, till, endpoint)


def _have_recovered(connection: Connection, till: Till, endpoint: Row[Any]) -> None:
    """Close the task about what had been given up, once all of it has been taken."""
    if not deliveries.has_failed(connection, endpoint.merchant_id, endpoint.id):
        said = Closing(actor="galla", origin="webhook", note="All that had failed has been taken since.")
        webhook_tasks.settled(connection, till, endpoint, TaskKind.WEBHOOK_FAILED, said)
