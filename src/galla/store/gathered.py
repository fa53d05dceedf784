"""What a transaction gathers while its functions run, to be dealt with when they have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection


@contextmanager
def gathered(connection: Connection, name: str) -> Iterator[list[Any]]:
    """Give a list that stands under a name in the connection's `info` for as long as the block lasts."""
    info, found = connection.info, list[Any]()  # kept here: a connection that breaks meanwhile gives its `info` no more
    info[name] = found
    try:
        yield found
    finally:
        info.pop(name, None)
