"""The wire log: every request the sandbox received and what became of the answer.

Heads are never kept: they carry checksums.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

KEPT = 5_000


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `answer` is Paytm's letter and id (`A 0009`), an HTTP status, or how it was lost."""

    number: int
    at: datetime
    operation: str
    path: str
    paytm_id: str | None
    mid: str | None
    tid: str | None
    answer: str
    was_processed: bool
    was_answered: bool
    faults: tuple[str, ...]
    body: dict[str, Any]


class Wire:
    """The latest calls, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._count = 0

    def __len__(self) -> int:
        """Return how many calls there have been, the forgotten ones included."""
        return self._count

    def next_number(self) -> int:
        """Count one more call and return its number."""
        self._count += 1
        return self._count

    def add(self, call: Call) -> None:
        """Keep a call."""
        self._calls.append(call)

    def calls(self, *, paytm_id: str | None = None, operation: str | None = None) -> tuple[Call, ...]:
        """Return the calls about one id, of one operation, or all that are kept."""
        return tuple(
            call
            for call in self._calls
            if (paytm_id is None or call.paytm_id == paytm_id)
            and (operation is None or call.operation == operation)
        )

    def latest(self, count: int) -> tuple[Call, ...]:
        """Return the last so many calls, oldest first, as far as they are kept."""
        return tuple(reversed(tuple(islice(reversed(self._calls), count))))

    def clear(self) -> None:
        """Forget everything and count from one again."""
        self._calls.clear()
        self._count = 0
