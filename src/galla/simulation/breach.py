"""What a simulated run ends with when something is not as it must be."""

from __future__ import annotations


class Breach(AssertionError):
    """An invariant is broken, or the service has answered otherwise than the model of it allows."""


def must(is_so: bool, otherwise: str) -> None:
    """See that something is so.

    Raises:
        Breach: it is not; the text says what is the case.
    """
    if not is_so:
        raise Breach(otherwise)
