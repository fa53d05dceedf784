"""Nudges between processes on one PostgreSQL: LISTEN and NOTIFY, on one connection of their own.

A nudge says no more than that somebody has committed something. It is sent after the commit and in no transaction
with it, because commits that carry a NOTIFY wait for each other across the whole server. Whoever misses one, or loses
the connection, finds the same news half a second later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger("galla.store")

CHANNEL = "galla"
GAP_S = 0.05  # at most twenty nudges a second leave a process, however much it commits
LOOK_EVERY_S = 15.0  # a connection that has died without a word is found out
ANSWER_S = 5.0
AGAIN_S = 1.0


class Nudges:
    """Tells the other processes that something was committed, and hears when one of them has."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._hear: Callable[[], None] | None = None
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def listen(self, hear: Callable[[], None]) -> None:
        """Call `hear` from now on whenever another process may have committed something."""
        self._hear = hear
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="galla-nudges")

    def tell(self) -> None:
        """Nudge the others soon; many calls in a row become one nudge. Nothing is sent by who does not listen."""
        self._wanted.set()

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._talk()
            except Exception as error:  # without nudges everything goes on, a little later
                log.warning("nudges_lost", detail=f"{type(error).__name__}: {error}")
            await asyncio.sleep(AGAIN_S)

    async def _talk(self) -> None:
        """Listen and tell on one connection until it breaks."""
        async with self._engine.connect() as connection:
            pooled = await connection.get_raw_connection()
            driver: Any = pooled.driver_connection
            pooled.detach()  # the pool is for work that comes back
            await driver.execute("SET application_name = 'galla nudges'")
            driver.add_termination_listener(lambda _: self._wanted.set())
            await driver.add_listener(CHANNEL, self._heard)
            self._heard(driver, None)  # whatever was told while nobody listened
            while True:
                statement = f"NOTIFY {CHANNEL}" if await self._is_wanted() else "SELECT 1"
                await driver.execute(statement, timeout=ANSWER_S)
                await asyncio.sleep(GAP_S)

    async def _is_wanted(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._wanted.wait()
        except TimeoutError:
            return False
        self._wanted.clear()
        return True

    def _heard(self, driver: Any, sender: int | None, *_: str) -> None:
        if self._hear is not None and sender != driver.get_server_pid():
            self._hear()
