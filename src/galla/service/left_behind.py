"""Taking up what dead processes had claimed: at the opening, and on PostgreSQL within seconds of a death.

A process is given up for dead when two looks, a second apart, have not found it: one that lost its connections has
opened others by then. If it was alive after all, its fencing tokens are old, and what it still brings changes nothing.
"""

from __future__ import annotations

import asyncio

import structlog

from galla.errors import Unavailable
from galla.service.till import Till
from galla.store.left_behind import take_up
from galla.store.presence import living

log = structlog.get_logger("galla.worker")

LOOK_EVERY_S = 1.0
OUTAGE_S = 3.0  # after an outage of the database all come back, and not all at once


class Heir:
    """Takes up what other processes leave when they die. On SQLite there is no other."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self._seen: frozenset[int] | None = None
        self._is_anybody_gone = True  # perhaps before this process was there to see it

    async def run(self, stop: asyncio.Event) -> None:
        """Look who lives, once a second, until `stop` is set."""
        while self._till.database.dialect == "postgresql" and not stop.is_set():
            try:
                await self.look()
                rest_s = LOOK_EVERY_S
            except Unavailable as error:
                log.error("database_unavailable", detail=str(error))
                rest_s = self._forget()
            except Exception:
                log.exception("look_failed")
                rest_s = self._forget()
            try:
                async with asyncio.timeout(rest_s):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self) -> int:
        """Take up the claims of those whom neither this look nor the last one found; return how many those were."""
        till, seen, count = self._till, self._seen, 0
        alive = await till.database.read(living)
        if seen is not None and self._is_anybody_gone:
            count = await till.database.write(take_up, till.schedule, till.clock.now(), seen | alive)
        self._is_anybody_gone = seen is None or bool(seen - alive)
        self._seen = alive
        if count:
            log.warning("claims_taken_up", count=count)
            till.bell.ring()
        return count

    def _forget(self) -> float:
        """Begin anew, and return how many seconds to wait before: whoever is not seen now may only be cut off."""
        self._seen, self._is_anybody_gone = None, True
        return OUTAGE_S
