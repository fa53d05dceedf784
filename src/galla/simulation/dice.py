"""Small numbers that follow from a seed: what decides everything in a run, and knows nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

from galla import ids

T = TypeVar("T")
_DRAWN = 32


class Dice:
    """Draws from a stream of its own, so that what the service draws for its ids changes none of it."""

    def __init__(self, seed: str) -> None:
        self._stream = ids.Stream(seed)
        self._bytes = b""
        self._at = 0

    def below(self, count: int) -> int:
        """Return a whole number from 0 to `count` - 1, for counts far below 65,536."""
        if self._at >= len(self._bytes):
            self._bytes, self._at = self._stream(_DRAWN), 0
        number = int.from_bytes(self._bytes[self._at : self._at + 2], "big")
        self._at += 2
        return number % count

    def one_of(self, things: Sequence[T]) -> T:
        """Choose one."""
        return things[self.below(len(things))]


class Choice:
    """Chooses among names by their weights."""

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._names = list(weights)
        self._until = list(accumulate(weights.values()))

    def draw(self, dice: Dice) -> str:
        """Choose one."""
        number = dice.below(self._until[-1])
        return next(name for name, until in zip(self._names, self._until, strict=True) if number < until)
