"""The only source of time.

Instants are aware UTC datetimes; Paytm speaks India time, so the conversions to and from its text
forms live here too. Nothing else in galla may ask the operating system what time it is.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as time_of_day
from typing import Protocol

IST = timezone(timedelta(hours=5, minutes=30), "IST")


class Clock(Protocol):
    """What the rest of galla may ask about time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a scale that never jumps, for measuring waits."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking others."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait, blocking the calling thread."""
        ...


class SystemClock:
    """The computer's own clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some fixed point."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Wait, blocking the calling thread."""
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to: for tests, the sandbox and simulation.

    Example:
        >>> clock = ManualClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC))
        >>> clock.advance(60)
        >>> ist_text(clock.now())
        '2026-01-05 10:21:00'
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("A ManualClock starts at an aware instant.")
        self._start = start.astimezone(UTC)
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """Return the instant the clock was moved to."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        self._elapsed_s += seconds

    async def sleep(self, seconds: float) -> None:
        """Move time forward at once and let others run."""
        self.advance(seconds)
        await asyncio.sleep(0)

    def pause(self, seconds: float) -> None:
        """Move time forward at once."""
        self.advance(seconds)


SYSTEM = SystemClock()


def ist_text(instant: datetime) -> str:
    """Write an instant as Paytm's EDC and QR APIs do: `yyyy-MM-dd HH:mm:ss`, India time."""
    return (_EPOCH_IN_INDIA + (instant - _EPOCH)).isoformat(" ", "seconds")


def parse_ist(text: str) -> datetime:
    """Read `yyyy-MM-dd HH:mm:ss`, with or without a fraction, as India time.

    The space may be missing (seen once in a callback). Returns an aware UTC instant.

    Raises:
        ValueError: the text is not such a time.
    """
    compact = text.strip()
    if len(compact) >= 18 and compact[10:11].isdigit():
        compact = compact[:10] + " " + compact[10:]
    return datetime.fromisoformat(compact[:19].replace("T", " ")).replace(tzinfo=IST).astimezone(UTC)


def business_date(instant: datetime) -> date:
    """Return the India calendar date of an instant."""
    return instant.astimezone(IST).date()


def financial_year(on: date) -> str:
    """Return the Indian financial year of a business date, April to March.

    Example:
        >>> financial_year(date(2027, 3, 31))
        '26-27'
    """
    first = on.year if on.month >= 4 else on.year - 1
    return f"{first % 100:02d}-{(first + 1) % 100:02d}"


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins in India."""
    return datetime.combine(day, time_of_day(), IST)


def rfc3339(instant: datetime) -> str:
    """Write an instant for the API: UTC, milliseconds, `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_millis(instant: datetime) -> int:
    """Return whole milliseconds since 1970, how the database keeps instants."""
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_millis(millis: int) -> datetime:
    """Read an instant kept by `to_millis`."""
    return _EPOCH + millis * _MILLI


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_IN_INDIA = datetime(1970, 1, 1, 5, 30)
_MILLI = timedelta(milliseconds=1)
