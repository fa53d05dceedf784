"""Card machines: which there are, and which payment holds each."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import from_millis, rfc3339, to_millis
from galla.errors import InvalidField, NotFound
from galla.payments.model import Payment
from galla.service.till import Principal, Till
from galla.service.words import clean
from galla.store import merchants as stored
from galla.store import payments
from galla.store.journal import Note, record

_TID = re.compile(r"[0-9]{1,8}", re.ASCII)


async def create(
    till: Till, principal: Principal, tid: str, label: str, branch: str = "Main", is_active: bool = True
) -> dict[str, Any]:
    """Add a machine.

    Raises:
        InvalidField: the TID is malformed or known already.
    """
    if _TID.fullmatch(tid) is None:
        raise InvalidField("`tid` is the machine's terminal id: up to eight digits.", param="tid")
    values = {
        "tid": tid,
        "label": clean(label, "label", limit=40, is_required=True),
        "branch": clean(branch, "branch", limit=40) or "Main",
        "is_active": int(is_active),
    }
    made = await till.database.write(_create, till, principal, values)
    till.forget(principal.merchant_id)
    return made


async def find(till: Till, principal: Principal) -> list[dict[str, Any]]:
    """Return every machine of the merchant, by label, with the payment that holds it."""
    return await till.database.read(_find, till, principal.merchant_id)


def is_let_go(till: Till, holder: Payment, now: datetime) -> bool:
    """Whether a payment has held its machine for so long that another may have it, whatever becomes of this one."""
    return (now - holder.created_at).total_seconds() > till.ladder(holder.method).hold_s


async def get(till: Till, principal: Principal, name: str) -> dict[str, Any]:
    """Return one machine by id or TID.

    Raises:
        NotFound: no such machine for this merchant.
    """
    return await till.database.read(_get, till, principal.merchant_id, name)


async def update(till: Till, principal: Principal, name: str, **changes: Any) -> dict[str, Any]:
    """Change the label, the branch, or whether a machine is in use.

    Raises:
        NotFound: no such machine for this merchant.
        InvalidField: a change cannot be made.
    """
    values: dict[str, Any] = {}
    if changes.get("label") is not None:
        values["label"] = clean(changes["label"], "label", limit=40, is_required=True)
    if changes.get("branch") is not None:
        values["branch"] = clean(changes["branch"], "branch", limit=40, is_required=True)
    if changes.get("is_active") is not None:
        values["is_active"] = int(bool(changes["is_active"]))
    changed = await till.database.write(_update, till, principal, name, values)
    till.forget(principal.merchant_id)
    return changed


def _create(connection: Connection, till: Till, principal: Principal, values: dict[str, Any]) -> dict[str, Any]:
    if stored.get_terminal(connection, principal.merchant_id, values["tid"]) is not None:
        raise InvalidField(f"The machine {values['tid']} is there already.", param="tid", code="terminal_exists")
    now = till.clock.now()
    row = {
        "merchant_id": principal.merchant_id,
        "id": ids.new_id("term", now),
        "created_at": to_millis(now),
        **values,
    }
    stored.insert_terminal(connection, row)
    _note(connection, till, principal, "terminal.created", row["id"], values)
    return _get(connection, till, principal.merchant_id, row["id"])


def _update(
    connection: Connection, till: Till, principal: Principal, name: str, values: dict[str, Any]
) -> dict[str, Any]:
    before = _get(connection, till, principal.merchant_id, name)
    if values:
        stored.change_terminal(connection, principal.merchant_id, before["id"], values)
        _note(connection, till, principal, "terminal.changed", before["id"], values)
    return _get(connection, till, principal.merchant_id, before["id"])


def _note(
    connection: Connection, till: Till, principal: Principal, action: str, object_id: str, detail: dict[str, Any]
) -> None:
    note = Note(actor=principal.actor, origin=principal.origin, action=action, object_id=object_id, detail=detail)
    record(connection, principal.merchant_id, till.clock.now(), note)


def _find(connection: Connection, till: Till, merchant_id: str) -> list[dict[str, Any]]:
    holders = {payment.terminal_id: payment for payment in payments.holders(connection, merchant_id)}
    machines = stored.terminals_of(connection, merchant_id)
    seen = {row.id: stored.last_paid_at(connection, merchant_id, row.id) for row in machines}
    return [_view(row, till, holders.get(row.id), seen[row.id]) for row in machines]


def _get(connection: Connection, till: Till, merchant_id: str, name: str) -> dict[str, Any]:
    row = stored.get_terminal(connection, merchant_id, name)
    if row is None:
        raise NotFound(f"There is no machine {name[:60]}.")
    holder = payments.holder_of_terminal(connection, merchant_id, row.id)
    return _view(row, till, holder, stored.last_paid_at(connection, merchant_id, row.id))


def _view(row: Row[Any], till: Till, holder: Payment | None, seen_at: int | None) -> dict[str, Any]:
    live = None
    if holder is not None:
        live = {
            "id": holder.id,
            "amount": holder.amount_paise,
            "reference": holder.reference,
            "counter": holder.counter,
            "actor": holder.actor,
            "status": holder.status.value,
            "phase": holder.phase.value,
            "created_at": rfc3339(holder.created_at),
        }
    return {
        "id": row.id,
        "object": "terminal",
        "tid": row.tid,
        "label": row.label,
        "branch": row.branch,
        "is_active": row.is_active == 1,
        "live_payment": live,
        "is_free": row.is_active == 1 and (holder is None or is_let_go(till, holder, till.clock.now())),
        "last_seen_at": rfc3339(from_millis(seen_at)) if seen_at else None,
        "created_at": rfc3339(from_millis(row.created_at)),
    }
