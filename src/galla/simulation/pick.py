"""One of several things, chosen by a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def pick(things: Sequence[T], which: int) -> T:
    """Choose one, the latest first."""
    return things[-1 - which % len(things)]
