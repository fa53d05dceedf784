"""Reading functions that run one statement, which sees one moment by itself and is over in a moment.

Nothing need be begun and ended around such a function: on PostgreSQL that saves two of three journeys to the server.
On SQLite it runs where it is called, since handing it to a thread would take longer than the work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Work = TypeVar("Work", bound=Callable[..., Any])

_MARKED: set[Callable[..., Any]] = set()


def one_statement(work: Work) -> Work:
    """Mark a reading function that runs one SELECT, whatever it is asked."""
    _MARKED.add(work)
    return work


def is_one_statement(work: Callable[..., Any]) -> bool:
    """Whether a function is marked."""
    return work in _MARKED
