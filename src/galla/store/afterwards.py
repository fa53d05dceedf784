"""What is done by itself right after a commit, since inside it it would hold a row for which somebody else waits.

Only what may be lost belongs here: a process that dies in between has committed, and has not done this.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Executable

from galla.store.gathered import gathered

Later = tuple[Executable, dict[str, Any]]

_KEPT = "galla_afterwards"


def afterwards(connection: Connection, statement: Executable, given: dict[str, Any]) -> None:
    """Run a statement right after this transaction's commit; at once, where nobody runs in parallel."""
    kept = connection.info.get(_KEPT)
    if kept is None:
        connection.execute(statement, given)
    else:
        kept.append((statement, given))


def kept(connection: Connection) -> AbstractContextManager[list[Later]]:
    """Collect what is to be run after the commit."""
    return gathered(connection, _KEPT)
