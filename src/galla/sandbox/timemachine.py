"""The sandbox's clock: another clock, moved forward, so that midnight can be rehearsed at noon."""

from __future__ import annotations

from datetime import datetime, timedelta

from galla.clock import Clock
from galla.errors import InvalidField


class ShiftedClock:
    """A clock that runs as another does, ahead by what it was told to be."""

    def __init__(self, source: Clock) -> None:
        self._source = source
        self._ahead_s = 0.0

    @property
    def ahead_s(self) -> float:
        """How many seconds it is ahead of its source."""
        return self._ahead_s

    def now(self) -> datetime:
        """Return the shifted instant, aware, in UTC."""
        return self._source.now() + timedelta(seconds=self._ahead_s)

    def monotonic(self) -> float:
        """Return shifted seconds on a scale that never goes back."""
        return self._source.monotonic() + self._ahead_s

    async def sleep(self, seconds: float) -> None:
        """Wait as the source does."""
        await self._source.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Wait as the source does, blocking the thread."""
        self._source.pause(seconds)

    def advance(self, seconds: float) -> None:
        """Move forward.

        Raises:
            InvalidField: `seconds` is negative.
        """
        if seconds < 0:
            raise InvalidField("The sandbox's clock only moves forward.", param="advance_s")
        self._ahead_s += seconds

    def move_to(self, instant: datetime) -> None:
        """Move forward to an aware instant.

        Raises:
            InvalidField: it is in the past, or not aware.
        """
        if instant.tzinfo is None:
            raise InvalidField(
                "Write the instant with its zone, such as 2026-01-05T23:59:00+05:30.", param="set"
            )
        ahead = (instant - self.now()).total_seconds()
        if ahead < 0:
            raise InvalidField("The sandbox's clock only moves forward.", param="set")
        self._ahead_s += ahead

    def reset(self) -> None:
        """Run with the source again."""
        self._ahead_s = 0.0
