"""A playhouse whose runs are on a PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from galla.simulation.playhouse import Playhouse
from tests.database import sql


class PostgresHouse(Playhouse):
    """One event loop for all runs, and a database that is ready to be copied for each, in a running server."""

    def __init__(self, folder: Path, postgres_url: str) -> None:
        super().__init__(folder)
        self._url = postgres_url

    def fresh(self) -> str:
        """Return the URL of a database with the demo shop in it and nothing else."""
        if not self.count:
            sql(self._url, 'CREATE DATABASE "run_ready"')
            self.prepare(self._url.replace("/postgres?", "/run_ready?"))
        else:
            sql(self._url, f'DROP DATABASE IF EXISTS "run_{self.count}" WITH (FORCE)')
        self.count += 1
        sql(self._url, f'CREATE DATABASE "run_{self.count}" TEMPLATE "run_ready"')
        return self._url.replace("/postgres?", f"/run_{self.count}?")
