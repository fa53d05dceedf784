"""The audit chain: looking through it, and checking that nobody has changed or removed a row."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla.clock import from_millis, rfc3339
from galla.service.till import Principal, Till
from galla.store import audit as stored
from galla.store import journal, merchants
from galla.store.audit import Trail

__all__ = ["Trail", "find", "verify", "verify_own"]


async def find(
    till: Till, principal: Principal, wanted: Trail, *, limit: int = 50, cursor: int | None = None
) -> dict[str, Any]:
    """Return a page of the merchant's trail, newest first; `cursor` is the last position of the page before."""
    rows = await till.database.read(stored.find, principal.merchant_id, wanted, limit=limit + 1, before=cursor)
    return {
        "data": [_view(row) for row in rows[:limit]],
        "next_cursor": rows[limit - 1].position if len(rows) > limit else None,
    }


async def verify(till: Till) -> dict[str, Any]:
    """Walk every merchant's chain.

    Returns:
        `rows` walked, and `first_bad`: None, or the merchant and position of the first row that does not fit.
    """
    total = 0
    for merchant in await till.database.read(merchants.all_merchants):
        rows, broken = await till.database.read(journal.first_broken, merchant.id)
        total += rows
        if broken is not None:
            return {"rows": total, "first_bad": {"merchant": merchant.id, "position": broken}}
    return {"rows": total, "first_bad": None}


async def verify_own(till: Till, principal: Principal) -> dict[str, Any]:
    """Walk one merchant's chain.

    Returns:
        `rows` that fit, counted from the first; `first_bad`, the position of the one that does not (None: all do); and
        `row`, that row as it stands now (None: it is not there any more).
    """
    return await till.database.read(_verify, principal.merchant_id)


def _verify(connection: Connection, merchant_id: str) -> dict[str, Any]:
    rows, broken = journal.first_broken(connection, merchant_id)
    row = stored.row_at(connection, merchant_id, broken) if broken is not None else None
    return {"rows": rows, "first_bad": broken, "row": _view(row) if row is not None else None}


def _view(row: Row[Any]) -> dict[str, Any]:
    return {
        "position": row.position,
        "at": rfc3339(from_millis(row.at)),
        "actor": row.actor,
        "origin": row.origin,
        "action": row.action,
        "object": row.object_id,
        "detail": _detail(row.detail),
        "hash": row.hash,
    }


def _detail(text: str) -> Any:
    """Return what was noted; a row that somebody has changed may hold anything, and is still shown."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {"unreadable": text[:2000]}
