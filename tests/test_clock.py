"""Time: India's calendar, Paytm's texts, and the database's milliseconds."""

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galla.clock import (
    IST,
    SYSTEM,
    ManualClock,
    business_date,
    from_millis,
    ist_text,
    parse_ist,
    rfc3339,
    to_millis,
)

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 1, 5, 18, 29, 59, 999999, tzinfo=UTC), date(2026, 1, 5)),
        (datetime(2026, 1, 5, 18, 30, tzinfo=UTC), date(2026, 1, 6)),
        (datetime(2026, 3, 31, 18, 30, tzinfo=UTC), date(2026, 4, 1)),
        (datetime(2028, 2, 28, 18, 30, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2026, 1, 5, 23, 50, tzinfo=IST), date(2026, 1, 5)),
        (datetime(2026, 1, 5, 8, 0, tzinfo=timezone(timedelta(hours=-5))), date(2026, 1, 5)),
    ],
)
def test_the_business_day_is_indias(instant: datetime, day: date) -> None:
    """F43: the day turns at 18:30 UTC, in every month and year, wherever the computer stands."""
    assert business_date(instant) == day


@given(INSTANTS)
def test_paytms_texts_round_trip(instant: datetime) -> None:
    """An instant written for Paytm and read back is the same second, in India time."""
    assert parse_ist(ist_text(instant)) == instant.replace(microsecond=0)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05 10:20:00",
        "2026-01-05 10:20:00.0",
        "2026-01-0510:20:00",
        " 2026-01-05 10:20:00 ",
        "2026-01-05T10:20:00",
    ],
)
def test_every_spelling_seen_is_read(text: str) -> None:
    """Paytm's times are read with a fraction, without the space, or with a T."""
    assert parse_ist(text) == datetime(2026, 1, 5, 4, 50, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "05-01-2026 10:20:00", "2026-13-05 10:20:00", "2026-01-05 25:20:00"])
def test_nonsense_is_refused(text: str) -> None:
    """What is no such time is a ValueError, never a guess."""
    with pytest.raises(ValueError, match=r".+"):
        parse_ist(text)


@given(INSTANTS)
def test_milliseconds_round_trip(instant: datetime) -> None:
    """The database keeps whole milliseconds: nothing is lost but what is smaller."""
    kept = from_millis(to_millis(instant))
    assert timedelta(0) <= instant - kept < timedelta(milliseconds=1)
    assert to_millis(kept) == to_millis(instant)
    assert to_millis(instant.astimezone(IST)) == to_millis(instant)


def test_the_api_writes_utc() -> None:
    """The API speaks UTC with milliseconds and a Z."""
    assert rfc3339(datetime(2026, 1, 5, 10, 20, 0, 123456, tzinfo=IST)) == "2026-01-05T04:50:00.123Z"


async def test_a_manual_clock_moves_when_told() -> None:
    """A manual clock stands still, moves by what it is told, and a sleep on it takes no time."""
    clock = ManualClock(datetime(2026, 1, 5, 10, 20, tzinfo=IST))
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 1, 5, 4, 50, tzinfo=UTC), 0)
    clock.advance(60)
    clock.pause(1.5)
    await asyncio.wait_for(clock.sleep(86_400), 1)
    assert clock.now() == datetime(2026, 1, 6, 4, 51, 1, 500_000, tzinfo=UTC)
    assert clock.monotonic() == 86_461.5
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 5))


async def test_the_system_clock_is_aware() -> None:
    """The computer's clock gives aware UTC, and its waits are waits."""
    assert SYSTEM.now().utcoffset() == timedelta(0)
    before = SYSTEM.monotonic()
    SYSTEM.pause(0.01)
    await SYSTEM.sleep(0.01)
    assert SYSTEM.monotonic() - before >= 0.02
