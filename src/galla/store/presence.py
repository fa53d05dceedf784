"""Which processes live: each stands under a number beside what it claims, and holds a lock for as long as it lives.

On PostgreSQL every connection of a process takes that lock, shared, when it is opened. The server lets go of it when
the last of them has ended, however the process died; no clock is asked. SQLite's file is one process's alone: there,
nobody else lives.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event, text

from galla import ids

PROCESS = "galla_process"
"""The execution option of an engine that holds its process's number."""

ALONE = 1
_KIND = 73011  # tells these locks from all other advisory ones
_LIVING = text(
    "SELECT DISTINCT CAST(objid AS bigint) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND classid = :kind AND objsubid = 2"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(kind=_KIND)


def new_number() -> int:
    """Return a number for a process that nobody else has, as far as chance goes: 1 to 2³¹ - 1."""
    return (int.from_bytes(ids.random_bytes(4), "big") >> 1) or 1


def hold(engine: Engine, number: int) -> None:
    """Let every connection of a PostgreSQL engine say that this process lives."""

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.run_async(lambda driver: driver.execute(f"SELECT pg_advisory_lock_shared({_KIND}, {number})"))


def number_of(connection: Connection) -> int:
    """Return the number of the process that a connection belongs to."""
    return int(connection.get_execution_options().get(PROCESS, ALONE))


def living(connection: Connection) -> frozenset[int]:
    """Return the numbers of the processes that have this PostgreSQL database open; none on SQLite."""
    if connection.dialect.name != "postgresql":
        return frozenset()
    return frozenset(connection.execute(_LIVING).scalars())
