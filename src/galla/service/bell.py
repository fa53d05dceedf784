"""A bell that rings after a commit, so that screens and workers look at once: here, and in every other process.

It is only a nudge: whoever listens reads the database to learn what happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Bell:
    """Wakes everybody who waits for it; `tell` lets the other processes know."""

    def __init__(self, tell: Callable[[], None] | None = None) -> None:
        self._tell = tell
        self._waiters: set[asyncio.Future[None]] = set()
        self.count = 0

    def ring(self) -> None:
        """Wake every waiter, here and elsewhere: this process has committed something."""
        self.echo()
        if self._tell is not None:
            self._tell()

    def echo(self) -> None:
        """Wake every waiter of this process."""
        self.count += 1
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, timeout_s: float, since: int | None = None) -> bool:
        """Wait for the next ring, at most `timeout_s` seconds; whether it rang.

        With `since`, a ring after that count is enough: nothing between looking and waiting is missed.
        """
        if since is not None and self.count != since:
            return True
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
            return True
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
