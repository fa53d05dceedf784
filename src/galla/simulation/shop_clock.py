"""The till's own clock, which somebody may set wrong while true time goes on."""

from __future__ import annotations

from datetime import datetime, timedelta

from galla.clock import ManualClock


class ShopClock:
    """The till's clock: it runs with true time, and may be set wrong."""

    def __init__(self, true: ManualClock) -> None:
        self._true = true
        self._most_s = 0.0
        self.wrong_by_s = 0.0

    @property
    def set_back_ms(self) -> int:
        """By how much it has been set back since it was furthest ahead."""
        return round((self._most_s - self.wrong_by_s) * 1000)

    def set_wrong(self, by_s: float) -> None:
        """Set it wrong by so much, or right again."""
        self._most_s, self.wrong_by_s = max(self._most_s, by_s), by_s

    def now(self) -> datetime:
        """Return what this computer takes for the present instant."""
        return self._true.now() + timedelta(seconds=self.wrong_by_s)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return self._true.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self._true.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self._true.pause(seconds)
