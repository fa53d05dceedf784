"""What PostgreSQL knows about tables that are still young.

It plans by what it has counted, and counts by itself once a minute at most. A shop's first thousand payments may come
within that minute, and a plan made for an empty table walks through all of them to find one. So whoever has written
twice as much as before has those tables counted that have doubled meanwhile; a grown one is PostgreSQL's own care.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

FIRST = 100  # writes of this process
YOUNG = 20_000  # rows when it was counted last; from there on, a minute changes little

_DOUBLED = text(
    "SELECT format('ANALYZE (SKIP_LOCKED) %I.%I', s.schemaname, s.relname) FROM pg_stat_user_tables s "
    "JOIN pg_class c ON c.oid = s.relid WHERE s.schemaname = current_schema() "
    "AND c.reltuples < :young AND s.n_live_tup > 20 AND s.n_live_tup > 2 * c.reltuples"
)


class Statistics:
    """Has young tables counted, each time this process has written twice as much as before."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._written = 0
        self._next = FIRST

    def is_due(self, written: int) -> bool:
        """Note that so many writes were committed, and say whether it is time to `refresh`."""
        self._written += written
        if self._written < self._next:
            return False
        self._next = 2 * self._written
        return True

    async def refresh(self) -> None:
        """Have the tables counted that have doubled. What fails is done another time, or by PostgreSQL itself."""
        with suppress(OSError, SQLAlchemyError):
            async with self._engine.connect() as connection:
                for each in (await connection.execute(_DOUBLED, {"young": YOUNG})).scalars().all():
                    await connection.exec_driver_sql(each)
