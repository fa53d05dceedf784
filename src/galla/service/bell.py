"""A bell that rings after a commit, so that screens and workers of this process look at once.

It is only a nudge: whoever listens reads the database to learn what happened.
"""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes everybody who waits for it."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()
        self.count = 0

    def ring(self) -> None:
        """Wake every waiter."""
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
