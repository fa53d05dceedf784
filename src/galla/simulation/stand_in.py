"""Something of a module's stands back for something else, for a while: how a simulation changes what it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stand_in(place: Any, name: str, other: Any) -> Iterator[Any]:
    """Put `other` in the place of a module's or a class's own `name` until the block ends, and give that one.

    Raises:
        AttributeError: there is nothing of that name.
    """
    real = getattr(place, name)
    setattr(place, name, other)
    try:
        yield real
    finally:
        setattr(place, name, real)
