"""Endpoints of webhooks: who wants to hear of what. A secret is shown once; only the worker opens it again.

What is sent to them is in `delivering.py`, what became of it in `deliveries.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.client.outward import check_url
from galla.clock import from_millis, rfc3339, to_millis
from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.payments.task import TaskKind
from galla.service import webhook_tasks
from galla.service.delivering import LEASE_MS, TESTED
from galla.service.tasking import Closing
from galla.service.till import Principal, Till
from galla.service.views import View
from galla.service.words import clean
from galla.store import deliveries, webhooks
from galla.store.journal import Event, Note, last_position, record
from galla.webhooks import new_secret

MOST = 20
OVERLAP_H = 24
"""For how many hours the secret before still signs beside a new one, if nobody says otherwise."""
OVERLAP_MAX_H = 168

_KINDS = {
    "payment": "created pending confirmed in_doubt paid paid_late not_paid cancel_requested needs_review reviewed "
    "attached",
    "refund": "created pending in_doubt needs_review done failed",
    "bill": "created cancelled",
    "shift": "opened closed",
    "task": "opened taken changed closed",
}
EVENTS = tuple(f"{noun}.{verb}" for noun, verbs in _KINDS.items() for verb in ("*", *verbs.split()))
"""What an endpoint may name: each kind of event, and `payment.*` for all of a noun."""


async def create(
    till: Till, principal: Principal, url: str, *, events: list[str] | None = None, description: str | None = None
) -> View:
    """Add an endpoint. It hears of what happens from now on; the answer alone shows its secret.

    Raises:
        InvalidField: the address or a kind of event cannot be used, or there are too many endpoints.
    """
    values = _checked(till, {"url": url, "events": events or [], "description": description})
    secret = new_secret()
    made = await till.database.write(_create, till, principal, values, till.vault.seal_text(secret))
    return {**made, "secret": secret}


async def find(till: Till, principal: Principal) -> list[View]:
    """Return the merchant's endpoints, oldest first, with how much waits for each and how much has failed."""
    return await till.database.read(_find, principal.merchant_id)


async def get(till: Till, principal: Principal, endpoint_id: str) -> View:
    """Return one endpoint.

    Raises:
        NotFound: no such endpoint for this merchant.
    """
    return await till.database.read(_get, principal.merchant_id, endpoint_id)


async def update(till: Till, principal: Principal, endpoint_id: str, **changes: Any) -> View:
    """Change `url`, `events`, `description` or `is_enabled`.

    An endpoint that is switched on again gets all that happened meanwhile, in order.

    Raises:
        NotFound: no such endpoint for this merchant.
        InvalidField: a change cannot be made.
    """
    values = _checked(till, changes)
    changed = await till.database.write(_update, till, principal, endpoint_id, values)
    till.bell.ring()
    return changed


async def remove(till: Till, principal: Principal, endpoint_id: str) -> None:
    """Forget an endpoint and what waits for it.

    Raises:
        NotFound: no such endpoint for this merchant.
    """
    await till.database.write(_remove, till, principal, endpoint_id)


async def rotate(till: Till, principal: Principal, endpoint_id: str, *, overlap_h: int = OVERLAP_H) -> View:
    """Give an endpoint a new secret, shown in this answer alone. The one before signs too for `overlap_h` hours.

    Raises:
        NotFound: no such endpoint for this merchant.
        InvalidField: `overlap_h` is not a number of hours from 0 to a week.
    """
    if not 0 <= overlap_h <= OVERLAP_MAX_H:
        raise InvalidField(f"`overlap_h` must be a number of hours from 0 to {OVERLAP_MAX_H}.", param="overlap_h")
    secret = new_secret()
    sealed = till.vault.seal_text(secret)
    changed = await till.database.write(_rotate, till, principal, endpoint_id, sealed, overlap_h)
    return {**changed, "secret": secret}


async def test(till: Till, principal: Principal, endpoint_id: str) -> View:
    """Let something happen that only this endpoint hears of: the event `webhook.tested`, sent like every other.

    Raises:
        NotFound: no such endpoint for this merchant.
        IllegalTransition: it is switched off.
    """
    tested = await till.database.write(_test, till, principal, endpoint_id)
    till.bell.ring()
    return tested


def endpoint_row(connection: Connection, merchant_id: str, endpoint_id: str, *, lock: bool = False) -> Row[Any]:
    """Return an endpoint inside a transaction.

    Raises:
        NotFound: no such endpoint for this merchant.
    """
    row = webhooks.get(connection, merchant_id, endpoint_id, lock=lock)
    if row is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id[:60]}.")
    return row


def note(
    connection: Connection,
    till: Till,
    principal: Principal,
    action: str,
    endpoint_id: str,
    detail: dict[str, Any],
    *happened: Event,
) -> None:
    """Write down what somebody did to an endpoint or to what is sent to it."""
    row = Note(actor=principal.actor, origin=principal.origin, action=action, object_id=endpoint_id, detail=detail)
    record(connection, principal.merchant_id, till.clock.now(), row, *happened)


def _checked(till: Till, given: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if given.get("url") is not None:
        check_url(given["url"], to_private=till.settings.webhooks_to_private)
        values["url"] = given["url"]
    if given.get("events") is not None:
        values["events"] = msgspec.json.encode(_kinds(given["events"])).decode()
    if "description" in given:
        values["description"] = clean(given["description"], "description", limit=80)
    if given.get("is_enabled") is not None:
        values["is_enabled"] = int(bool(given["is_enabled"]))
    return values


def _kinds(named: list[str]) -> list[str]:
    wanted = [] if "*" in named else list(dict.fromkeys(named))
    if unknown := next((kind for kind in wanted if kind not in EVENTS), None):
        raise InvalidField(
            f"`events` names `{unknown[:40]}`, which never happens. There are: {', '.join(EVENTS)}.", param="events"
        )
    return wanted


def _create(connection: Connection, till: Till, principal: Principal, values: dict[str, Any], sealed: str) -> View:
    merchant_id, now = principal.merchant_id, till.clock.now()
    if len(webhooks.find(connection, merchant_id)) >= MOST:
        raise InvalidField(f"There are {MOST} endpoints already: remove one first.", param="url")
    row = {
        "merchant_id": merchant_id,
        "id": ids.new_id("whe", now),
        "sealed_secret": sealed,
        "position": last_position(connection, merchant_id),
        "is_enabled": 1,
        "sequence": 0,
        "created_at": to_millis(now),
        **values,
    }
    webhooks.add(connection, row)
    note(connection, till, principal, "webhook.created", row["id"], {"url": row["url"], "events": row["events"]})
    return _get(connection, merchant_id, row["id"])


def _update(
    connection: Connection, till: Till, principal: Principal, endpoint_id: str, values: dict[str, Any]
) -> View:
    merchant_id, now = principal.merchant_id, till.clock.now()
    before = endpoint_row(connection, merchant_id, endpoint_id, lock=True)
    changed = {name: value for name, value in values.items() if getattr(before, name) != value}
    if not changed:
        return _get(connection, merchant_id, endpoint_id)
    more: dict[str, Any] = {}
    if changed.get("is_enabled") == 0:
        more = {"disabled_at": to_millis(now), "disabled_reason": "switched_off"}
    elif changed.get("is_enabled") == 1:
        more = {"disabled_at": None, "disabled_reason": None}
        deliveries.hurry(connection, merchant_id, endpoint_id, to_millis(now), LEASE_MS)
        said = Closing(actor=principal.actor, origin=principal.origin, note="The endpoint was switched on again.")
        webhook_tasks.settled(connection, till, before, TaskKind.WEBHOOK_GONE, said)
    webhooks.change(connection, merchant_id, endpoint_id, {**changed, **more})
    note(connection, till, principal, "webhook.changed", endpoint_id, changed)
    return _get(connection, merchant_id, endpoint_id)


def _remove(connection: Connection, till: Till, principal: Principal, endpoint_id: str) -> None:
    row = endpoint_row(connection, principal.merchant_id, endpoint_id, lock=True)
    said = Closing(actor=principal.actor, origin=principal.origin, note="The endpoint was removed.")
    for kind in (TaskKind.WEBHOOK_GONE, TaskKind.WEBHOOK_FAILED):
        webhook_tasks.settled(connection, till, row, kind, said)
    webhooks.remove(connection, principal.merchant_id, endpoint_id)
    note(connection, till, principal, "webhook.removed", endpoint_id, {"url": row.url})


def _rotate(
    connection: Connection, till: Till, principal: Principal, endpoint_id: str, sealed: str, overlap_h: int
) -> View:
    row = endpoint_row(connection, principal.merchant_id, endpoint_id, lock=True)
    until = to_millis(till.clock.now() + timedelta(hours=overlap_h)) if overlap_h else None
    values = {
        "sealed_secret": sealed,
        "previous_secret": row.sealed_secret if until is not None else None,
        "previous_until": until,
    }
    webhooks.change(connection, principal.merchant_id, endpoint_id, values)
    note(connection, till, principal, "webhook.rotated", endpoint_id, {"overlap_h": overlap_h})
    return _get(connection, principal.merchant_id, endpoint_id)


def _test(connection: Connection, till: Till, principal: Principal, endpoint_id: str) -> View:
    row = endpoint_row(connection, principal.merchant_id, endpoint_id, lock=True)
    if row.is_enabled == 0:
        raise IllegalTransition("This endpoint is switched off, so nothing is sent to it.", code="webhook_disabled")
    webhooks.change(connection, principal.merchant_id, endpoint_id, {"sequence": row.sequence + 1})
    view = _get(connection, principal.merchant_id, endpoint_id)
    data = msgspec.json.encode(view).decode()
    happened = Event(type=TESTED, object_id=endpoint_id, sequence=row.sequence + 1, data=data)
    note(connection, till, principal, TESTED, endpoint_id, {}, happened)
    return view


def _find(connection: Connection, merchant_id: str) -> list[View]:
    return [_counted(connection, row) for row in webhooks.find(connection, merchant_id)]


def _get(connection: Connection, merchant_id: str, endpoint_id: str) -> View:
    return _counted(connection, endpoint_row(connection, merchant_id, endpoint_id))


def _counted(connection: Connection, row: Row[Any]) -> View:
    counts = (deliveries.count(connection, row.merchant_id, row.id, state) for state in ("waiting", "failed"))
    return _view(row, *counts)


def _view(row: Row[Any], waiting: int, failed: int) -> View:
    return {
        "id": row.id,
        "object": "webhook_endpoint",
        "url": row.url,
        "description": row.description,
        "events": msgspec.json.decode(row.events),
        "is_enabled": row.is_enabled == 1,
        "disabled_reason": row.disabled_reason,
        "disabled_at": _instant(row.disabled_at),
        "previous_secret_until": _instant(row.previous_until),
        "waiting": waiting,
        "failed": failed,
        "created_at": rfc3339(from_millis(row.created_at)),
    }


def _instant(millis: int | None) -> str | None:
    return rfc3339(from_millis(millis)) if millis is not None else None
