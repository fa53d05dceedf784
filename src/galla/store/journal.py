"""What every committed change leaves behind: an event for listeners, and a row in the audit chain.

Both are numbered without gaps per merchant, from one row that is locked until the commit; so a listener that
has read position n has seen everything before it, on either engine.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Row, Select, and_, bindparam, insert, select, update

from galla.clock import to_millis
from galla.store.record_tables import audit, events, heads
from galla.store.rows import text

GENESIS = "0" * 64

_h, _e = heads.c, events.c
# What every change runs is put together here, once: that takes longer than to run it.
_NEXT = (
    update(heads)
    .where(_h.merchant_id == bindparam("merchant"))
    .values(
        event_position=_h.event_position + bindparam("more", type_=BigInteger()),
        audit_position=_h.audit_position + 1,
    )
    .returning(_h.event_position, _h.audit_position, _h.audit_hash)
)
_SEAL = update(heads).where(_h.merchant_id == bindparam("merchant")).values(audit_hash=bindparam("sealed"))
_ADD_AUDIT, _ADD_EVENT = insert(audit), insert(events)
_LAST = select(_h.event_position).where(_h.merchant_id == bindparam("merchant"))


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `data` is the object after it, as the API shows it."""

    type: str
    object_id: str
    sequence: int
    data: str
    bill_id: str | None = None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, from where, and what changed. `detail` holds no secret."""

    actor: str
    origin: str
    action: str
    object_id: str
    detail: dict[str, Any] = {}


def open_journal(connection: Connection, merchant_id: str) -> None:
    """Start the numbering of a new merchant."""
    connection.execute(
        insert(heads).values(merchant_id=merchant_id, event_position=0, audit_position=0, audit_hash=GENESIS)
    )


def record(
    connection: Connection, merchant_id: str, now: datetime, note: Note, *happened: Event
) -> None:
    """Write the audit row of a change, and its events, with the next numbers."""
    at = to_millis(now)
    head = connection.execute(_NEXT, {"merchant": merchant_id, "more": len(happened)}).one()
    row = {
        "merchant_id": merchant_id,
        "position": head.audit_position,
        "at": at,
        "actor": note.actor,
        "origin": note.origin,
        "action": note.action,
        "object_id": note.object_id,
        "detail": text(note.detail),
        "previous": head.audit_hash,
    }
    row["hash"] = link(row)
    connection.execute(_ADD_AUDIT, row)
    connection.execute(_SEAL, {"merchant": merchant_id, "sealed": row["hash"]})
    first = head.event_position - len(happened) + 1
    for offset, event in enumerate(happened):
        connection.execute(
            _ADD_EVENT,
            {
                "merchant_id": merchant_id,
                "position": first + offset,
                "type": event.type,
                "object_id": event.object_id,
                "bill_id": event.bill_id,
                "sequence": event.sequence,
                "data": event.data,
                "at": at,
            },
        )


def link(row: dict[str, Any]) -> str:
    """Return the hash of an audit row: SHA-256 over the previous hash and the row's own words."""
    names = ("merchant_id", "position", "at", "actor", "origin", "action", "object_id", "detail")
    words = text([row[name] for name in names])
    return hashlib.sha256((row["previous"] + words).encode()).hexdigest()


def first_broken(connection: Connection, merchant_id: str) -> tuple[int, int | None]:
    """Walk a merchant's audit chain.

    Returns:
        The number of rows, and the position of the first row that does not fit (None: the chain is whole).
    """
    head = connection.execute(select(heads).where(heads.c.merchant_id == merchant_id)).one_or_none()
    previous, expected = GENESIS, 1
    rows = connection.execution_options(yield_per=1000).execute(
        select(audit).where(audit.c.merchant_id == merchant_id).order_by(audit.c.position)
    )
    for row in rows:
        values = dict(row._mapping)
        if values["position"] != expected or values["previous"] != previous or link(values) != values["hash"]:
            return expected - 1, expected
        previous, expected = values["hash"], expected + 1
    is_whole = head is not None and head.audit_position == expected - 1 and head.audit_hash == previous
    return expected - 1, None if is_whole else expected


def events_after(
    connection: Connection,
    merchant_id: str,
    after: int,
    limit: int,
    *,
    object_id: str | None = None,
    bill_id: str | None = None,
    kind: str | None = None,
    before: int | None = None,
) -> list[Row[Any]]:
    """Return events past a position, oldest first; with `before`, those below that position, newest first."""
    asked = {"object_id": object_id, "bill_id": bill_id, "type": kind, "before": before}
    given = {name: value for name, value in asked.items() if value is not None}
    query = _events_after(tuple(given))
    return list(connection.execute(query, {**given, "merchant": merchant_id, "after": after, "most": limit}))


@lru_cache(maxsize=16)  # every open screen asks this, twice a second
def _events_after(narrowed: tuple[str, ...]) -> Select[Any]:
    """Return the page of events, narrowed to what is named."""
    where = [_e.merchant_id == bindparam("merchant"), _e.position > bindparam("after")]
    order: Any = _e.position
    for name in narrowed:
        if name == "before":
            where.append(_e.position < bindparam("before"))
            order = _e.position.desc()
        else:
            where.append(_e[name] == bindparam(name))
    return select(events).where(and_(*where)).order_by(order).limit(bindparam("most", type_=BigInteger()))


def last_position(connection: Connection, merchant_id: str) -> int:
    """Return the position of the newest event."""
    found = connection.execute(_LAST, {"merchant": merchant_id}).scalar_one_or_none()
    return found or 0


def trail(connection: Connection, merchant_id: str, object_id: str) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """Return the events and the audit rows of one object, oldest first."""
    happened = connection.execute(
        select(events)
        .where(events.c.merchant_id == merchant_id, events.c.object_id == object_id)
        .order_by(events.c.position)
    )
    noted = connection.execute(
        select(audit)
        .where(audit.c.merchant_id == merchant_id, audit.c.object_id == object_id)
        .order_by(audit.c.position)
    )
    return list(happened), list(noted)
