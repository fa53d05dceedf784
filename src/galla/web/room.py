"""How many live streams of one kind may be open at once. A page that finds no room goes on by reloading.

What is bounded is what strangers can open: a pay page's address travels by messenger, a customer's screen stands in
the shop. Counts live in the process, as the streams do.
"""

from __future__ import annotations

from collections import Counter

from galla.web.problem import Problem

PER_KEY = 8
IN_ALL = 500
RETRY_S = 10


class Room:
    """Places for streams: so many for one key (a token, a session), and so many in this process."""

    def __init__(self, *, per_key: int = PER_KEY, in_all: int = IN_ALL) -> None:
        self._per_key = per_key
        self._in_all = in_all
        self._open: Counter[str] = Counter()

    def enter(self, key: str) -> None:
        """Take a place; whoever got one gives it back with `leave`.

        Raises:
            Problem: 429 when this key has all of its places, 503 when the process has none; with `Retry-After`.
        """
        headers = {"Retry-After": str(RETRY_S)}
        if self._open[key] >= self._per_key:
            said = f"This page is open {self._per_key} times already. Close one of them; this one reloads by itself."
            raise Problem(429, "too_many_requests", said, headers=headers)
        if self._open.total() >= self._in_all:
            said = "Too many pages are being followed at the moment. Nothing was changed; the page reloads by itself."
            raise Problem(503, "unavailable", said, headers=headers)
        self._open[key] += 1

    def leave(self, key: str) -> None:
        """Give a place back."""
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
