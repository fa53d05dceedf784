"""Bringing a database to the present schema, in one transaction where the engine allows it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

_HERE = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Run every migration the database has not seen yet. Running it again changes nothing."""
    with engine.connect() as connection, connection.begin():
        upgrade(connection)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Upgrade over an open connection, inside its transaction."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
