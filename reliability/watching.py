"""galla's SQLite store on a watched disk: after each commit, what is now durable and may be told to callers."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite  # type: ignore[import-not-found]

from galla.store.sqlite import SQLiteDatabase
from reliability.disk import Disk

SUMS = "SELECT " + ", ".join(
    [
        "(SELECT COUNT(*) FROM payments)",
        "(SELECT TOTAL(fence) FROM payments)",
        "(SELECT TOTAL(checks) FROM payments)",
        "(SELECT TOTAL(sends) FROM payments)",
        "(SELECT TOTAL(sequence) FROM payments)",
        "(SELECT COUNT(*) FROM payments WHERE session IS NOT NULL)",
        "(SELECT TOTAL(fence) FROM refunds)",
        "(SELECT TOTAL(sends) FROM refunds)",
        "(SELECT TOTAL(sequence) FROM refunds)",
        "(SELECT COUNT(*) FROM idempotency_keys)",
        "(SELECT COUNT(answer) FROM idempotency_keys)",
        "(SELECT COUNT(*) FROM audit)",
        "(SELECT COUNT(*) FROM events)",
        "(SELECT COUNT(*) FROM exchanges)",
        "(SELECT COUNT(*) FROM proofs)",
        "(SELECT COUNT(*) FROM entries)",
        "(SELECT COUNT(*) FROM postings)",
        "(SELECT COUNT(*) FROM tasks)",
        "(SELECT COUNT(*) FROM bills)",
        "(SELECT TOTAL(paid_paise + live_paise) FROM bills)",
    ]
)
"""What tells one committed state of a trial from every other: counts and sums over whatever a step writes."""

State = tuple[Any, ...]


class WatchedDatabase(SQLiteDatabase):
    """The store as it is, which notes on its disk what each commit has made durable, before anybody is answered."""

    disk: Disk | None = None

    def _run(self, group: Any) -> Any:
        answers = super()._run(group)
        if self.disk is not None:
            self.disk.acknowledge(self.state())
        return answers

    def state(self) -> State:
        """Return what is committed, as the writer sees it."""
        connection = self._writer.raw_connection().driver_connection
        return tuple(connection.execute(SUMS).fetchone())


class Found:
    """What a database file holds after a power cut; `state` is None where it cannot be read at all."""

    def __init__(self, path: Path) -> None:
        self.state: State | None = None
        self.wrong: list[str] = []
        with closing(sqlite.connect(str(path), isolation_level=None)) as connection:
            try:
                self.state = tuple(connection.execute(SUMS).fetchone())
                self._check(connection)
            except sqlite.Error as error:
                self.wrong.append(f"it cannot be read: {error}")

    def _check(self, connection: Any) -> None:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        if said != ["ok"]:
            self.wrong.append(f"its integrity is lost: {said[0]}")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            self.wrong.append("a row points at one that is gone")
        if connection.execute("SELECT TOTAL(amount_paise) FROM postings").fetchone() != (0,):
            self.wrong.append("the ledger does not sum to zero")
