"""Looking through the audit trail, which `journal.py` writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from galla.clock import to_millis
from galla.store.record_tables import audit

_a = audit.c


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: `about` is the kind of object that an action names first, `actor` a part of a name.

    Instants are aware, `until` itself left out.
    """

    actor: str | None = None
    about: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def find(
    connection: Connection, merchant_id: str, wanted: Trail, *, limit: int, before: int | None = None
) -> list[Row[Any]]:
    """Return a page of the trail, newest first; `before` is the last position of the page before."""
    query = select(audit).where(_a.merchant_id == merchant_id)
    if wanted.actor is not None:
        query = query.where(_a.actor.icontains(wanted.actor, autoescape=True))
    if wanted.about is not None:
        query = query.where(_a.action.startswith(f"{wanted.about}.", autoescape=True))
    if wanted.object_id is not None:
        query = query.where(_a.object_id == wanted.object_id)
    if wanted.since is not None:
        query = query.where(_a.at >= to_millis(wanted.since))
    if wanted.until is not None:
        query = query.where(_a.at < to_millis(wanted.until))
    if before is not None:
        query = query.where(_a.position < before)
    return list(connection.execute(query.order_by(_a.position.desc()).limit(limit)))


def row_at(connection: Connection, merchant_id: str, position: int) -> Row[Any] | None:
    """Return the row at a position, or None where there is none."""
    query = select(audit).where(_a.merchant_id == merchant_id, _a.position == position)
    return connection.execute(query).one_or_none()
