"""The days a page of the office is about: as typed, and those most asked for. India time. Pure."""

from __future__ import annotations

from datetime import date, timedelta

_FIRST = date(2000, 1, 1)
_LAST = date(2199, 12, 31)

Days = tuple[str, date | None, date | None]
_KEYS = ("today", "yesterday", "week", "month", "all")
"""What the days most asked for are called in an address, where they are to stay the same ones tomorrow."""


def offered_days(today: date, *, has_all: bool = False) -> list[Days]:
    """Return the days most asked for, each with its name, its first day and its last."""
    days: list[Days] = [
        ("Today", today, today),
        ("Yesterday", today - timedelta(days=1), today - timedelta(days=1)),
        ("Last 7 days", today - timedelta(days=6), today),
        ("This month", today.replace(day=1), today),
    ]
    return [*days, ("All", None, None)] if has_all else days


def days_called(name: str, today: date) -> tuple[date | None, date | None] | None:
    """Return the days of one of galla's words for them, or None for any other word."""
    named = dict(zip(_KEYS, offered_days(today, has_all=True), strict=True))
    return named[name][1:] if name in named else None


def name_of_days(since: str, until: str, today: date) -> str | None:
    """Return galla's word for these days as they are today, or None for days that have none."""
    for name, (_, first, last) in zip(_KEYS, offered_days(today, has_all=True), strict=True):
        if (since, until) == (first.isoformat() if first else "", last.isoformat() if last else ""):
            return name
    return None


def days_of(since: str, until: str, wrong: dict[str, str]) -> tuple[date | None, date | None]:
    """Read the first and the last day; None where nothing is typed. What cannot be read is added to `wrong`."""
    first, last = _day(since, "since", wrong), _day(until, "until", wrong)
    if first and last and first > last:
        wrong["until"] = "The last day is before the first."
    return first, last


def after(day: date) -> date:
    """Return the next day, at whose beginning this one has ended."""
    return day + timedelta(days=1)


def _day(text: str, name: str, wrong: dict[str, str]) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not _FIRST <= day <= _LAST:
        wrong[name] = "Write the day like 2026-11-21."
        return None
    return day
