"""One planted bug: what it is, and how it is switched on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from galla.simulation.stand_in import stand_in


class Bug(NamedTuple):
    """The naive version of something, in the place of the real one.

    `fault` is the row of the fault model it gets wrong; `naive` is given what stands at `place.name` and returns what
    stands there while the bug is planted.
    """

    fault: str
    sentence: str
    place: Any
    name: str
    naive: Callable[[Any], Any]

    def planted(self) -> AbstractContextManager[Any]:
        """Plant the bug until the block ends."""
        return stand_in(self.place, self.name, self.naive(getattr(self.place, self.name)))
