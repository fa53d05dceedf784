"""Bringing a database to the present schema, in one transaction where the engine allows it."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from galla.errors import ConfigError

_HERE = Path(__file__).parent / "migrations"
ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it works on in module globals, so one process migrates one database at a time."""


def migrate(engine: Engine) -> None:
    """Run every migration the database has not seen yet. Running it again changes nothing."""
    with ONE_AT_A_TIME, engine.connect() as connection, connection.begin():
        upgrade(connection)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Upgrade over an open connection, inside its transaction; the caller holds `ONE_AT_A_TIME`.

    Raises:
        ConfigError: a newer galla has migrated this database.
    """
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise ConfigError(
            f"A newer galla has changed this database ({error}), so this one leaves it alone. "
            "Install the newer version, or restore the backup made before the upgrade.",
            setting="GALLA_DATABASE_URL",
        ) from error
