"""What every committed change leaves behind: an event for listeners, and a row in the audit chain.

Both are numbered without gaps per merchant, from one row that is locked until the commit; so a listener that
has read position n has seen everything before it, on either engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Connection,
    Insert,
    Row,
    Select,
    String,
    Table,
    Update,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)

from galla.clock import to_millis
from galla.store.gathered import gathered
from galla.store.one_statement import one_statement
from galla.store.record_tables import audit, events, heads
from galla.store.rows import text

GENESIS = "0" * 64
PATIENCE = "5s"
"""How long PostgreSQL lets somebody wait for what must be waited for: a shop's numbers, a row that is held."""
_HELD = "galla_journal"

_h, _e, _a = heads.c, events.c, audit.c
# What every change runs is put together here, once: that takes longer than to run it.
_NEXT = (
    update(heads)
    .where(_h.merchant_id == bindparam("merchant"))
    .values(
        event_position=_h.event_position + bindparam("more", type_=BigInteger()),
        audit_position=_h.audit_position + bindparam("rows", type_=BigInteger()),
    )
    .returning(_h.event_position, _h.audit_position, _h.audit_hash)
)
_PATIENCE = select(
    func.set_config("lock_timeout", PATIENCE, literal_column("true")), bindparam("merchant", type_=String()).label("of")
).subquery("patience")
_NEXT_IN_LINE = _NEXT.where(_h.merchant_id == _PATIENCE.c.of)
"""The same on PostgreSQL, where everybody waits in one line for the numbers, and whoever has them goes on to commit."""
_SEAL = update(heads).where(_h.merchant_id == bindparam("merchant")).values(audit_hash=bindparam("sealed"))
_ADD_AUDIT, _ADD_EVENT = insert(audit), insert(events)
_PLACE = _e.position + literal_column("0")
"""The position, written so that a database that knows nothing yet of a young shop's tables does not walk along it: the
few events of one payment or bill are found by its id, and then put in order."""
_TRAIL = (
    select(events).where(_e.merchant_id == bindparam("merchant"), _e.object_id == bindparam("named")).order_by(_PLACE),
    select(audit)
    .where(_a.merchant_id == bindparam("merchant"), _a.object_id == bindparam("named"))
    .order_by(_a.position + literal_column("0")),
)
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
    """Write the audit row of a change, and its events, with the next numbers: now, or where `held_back` ends."""
    change = _Change(merchant_id=merchant_id, at=to_millis(now), note=note, happened=happened)
    held = connection.info.get(_HELD)
    if held is None:
        _write(connection, merchant_id, [change], {})
    else:
        held.append(change)


def enclose(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Write a row that belongs to what is recorded: with it, which saves a journey, so nobody may read it before.

    `row` has every column of the table, its `merchant_id` among them.
    """
    held = connection.info.get(_HELD)
    if held is None:
        connection.execute(_enclosed(table), row)
    else:
        held.append(_Enclosure(table=table, row=row))


@lru_cache
def _enclosed(table: Table) -> Insert:
    return insert(table)


class _Change(msgspec.Struct, frozen=True, kw_only=True):
    merchant_id: str
    at: int
    note: Note
    happened: tuple[Event, ...]


class _Enclosure(msgspec.Struct, frozen=True, kw_only=True):
    table: Table
    row: dict[str, Any]


_Held = list[_Change | _Enclosure]
_Rows = dict[Table, list[dict[str, Any]]]


@contextmanager
def held_back(connection: Connection) -> Iterator[_Held]:
    """Write what is recorded inside the block when it ends, each merchant's together; give what is held so far.

    A merchant's numbers are locked from their use to the commit. So they are used last: for a moment only, and never
    by a transaction that has yet to wait for a row of somebody who waits for these numbers.
    """
    with gathered(connection, _HELD) as held:
        yield held
    changes: dict[str, list[_Change]] = {}
    rows: dict[str, _Rows] = {}
    for each in held:
        if isinstance(each, _Change):
            changes.setdefault(each.merchant_id, []).append(each)
        else:
            rows.setdefault(each.row["merchant_id"], {}).setdefault(each.table, []).append(each.row)
    for merchant_id in sorted(rows.keys() - changes.keys()):
        _add(connection, rows[merchant_id])
    for merchant_id in sorted(changes):
        _write(connection, merchant_id, changes[merchant_id], rows.get(merchant_id, {}))


def _add(connection: Connection, rows: _Rows) -> None:
    for table, more in rows.items():
        connection.execute(_enclosed(table), more)


def _write(connection: Connection, merchant_id: str, changes: list[_Change], enclosed: _Rows) -> None:
    """Number the changes of one merchant and write them, and what is enclosed with them."""
    more = sum(len(each.happened) for each in changes)
    given = {"merchant": merchant_id, "more": more, "rows": len(changes)}
    is_shared = connection.dialect.name == "postgresql"
    head = connection.execute(_NEXT_IN_LINE if is_shared else _NEXT, given).one()
    noted, happened = [], []
    position, previous = head.audit_position - len(changes), head.audit_hash
    place = head.event_position - more
    for change in changes:
        position += 1
        row = _audit_row(change, position, previous)
        previous = row["hash"]
        noted.append(row)
        for event in change.happened:
            place += 1
            happened.append(_event_row(change, event, place))
    if is_shared:  # one journey for all of them, while everybody waits for these numbers
        tables: _Rows = {audit: noted, events: happened, **enclosed}
        given = {"merchant": merchant_id, "sealed": previous}
        for table, rows in tables.items():
            given.update(_columns(table, rows))
        connection.execute(_at_once(tuple(tables)), given)
        return
    connection.execute(_ADD_AUDIT, noted)
    connection.execute(_SEAL, {"merchant": merchant_id, "sealed": previous})
    if happened:
        connection.execute(_ADD_EVENT, happened)
    _add(connection, enclosed)


def _audit_row(change: _Change, position: int, previous: str) -> dict[str, Any]:
    note = change.note
    row = {
        "merchant_id": change.merchant_id,
        "position": position,
        "at": change.at,
        "actor": note.actor,
        "origin": note.origin,
        "action": note.action,
        "object_id": note.object_id,
        "detail": text(note.detail),
        "previous": previous,
    }
    return {**row, "hash": link(row)}


def _event_row(change: _Change, event: Event, position: int) -> dict[str, Any]:
    return {
        "merchant_id": change.merchant_id,
        "position": position,
        "type": event.type,
        "object_id": event.object_id,
        "bill_id": event.bill_id,
        "sequence": event.sequence,
        "data": event.data,
        "at": change.at,
    }


def _columns(table: Table, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as columns, under the names that `_at_once` gives them."""
    return {f"{table.name}_of_{each.name}": [row[each.name] for row in rows] for each in table.columns}


@lru_cache(maxsize=16)
def _at_once(tables: tuple[Table, ...]) -> Update:
    """Return the statement that writes rows of these tables from columns of them, and seals the chain."""

    def added(table: Table) -> CTE:
        columns = [bindparam(f"{table.name}_of_{each.name}", type_=ARRAY(each.type)) for each in table.columns]
        names = [each.name for each in table.columns]
        rows = func.unnest(*columns).table_valued(*table.columns, name=f"{table.name}_rows").render_derived()
        return insert(table).from_select(names, select(*(rows.c[name] for name in names))).cte(f"{table.name}_added")

    return _SEAL.add_cte(*(added(table) for table in tables))


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


@one_statement
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
    place = _PLACE if "object_id" in narrowed or "bill_id" in narrowed else _e.position
    where = [_e.merchant_id == bindparam("merchant"), place > bindparam("after", type_=BigInteger())]
    order: Any = place
    for name in narrowed:
        if name == "before":
            where.append(place < bindparam("before", type_=BigInteger()))
            order = place.desc()
        else:
            where.append(_e[name] == bindparam(name))
    return select(events).where(and_(*where)).order_by(order).limit(bindparam("most", type_=BigInteger()))


@one_statement
def last_position(connection: Connection, merchant_id: str) -> int:
    """Return the position of the newest event."""
    found = connection.execute(_LAST, {"merchant": merchant_id}).scalar_one_or_none()
    return found or 0


def trail(connection: Connection, merchant_id: str, object_id: str) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """Return the events and the audit rows of one object, oldest first."""
    happened, noted = (
        connection.execute(each, {"merchant": merchant_id, "named": object_id}) for each in _TRAIL
    )
    return list(happened), list(noted)
