"""Bringing a database to the present schema, in one transaction where the engine allows it.

Alembic does it, and is imported only when there is something to do: that takes longer than all else at a start.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select

from galla.errors import ConfigError
from galla.store.record_tables import migrations

_HERE = Path(__file__).parent / "migrations"
HEAD = "0001"
"""The last migration there is."""

ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it works on in module globals, so one process migrates one database at a time."""


def migrate(engine: Engine) -> None:
    """Run every migration the database has not seen yet. Running it again changes nothing."""
    with ONE_AT_A_TIME, engine.connect() as connection, connection.begin():
        upgrade(connection)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Upgrade over an open connection, inside its transaction; the caller holds `ONE_AT_A_TIME`.

    A database that a newer galla has migrated is left as it is, and used if that galla says that this one may.

    Raises:
        ConfigError: a newer galla has migrated this database, and this one would not understand it.
    """
    theirs = _stands_at(connection)
    if theirs == HEAD and revision == "head":
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        if theirs is not None and _suits(connection, theirs):
            return
        raise ConfigError(
            f"A newer galla has changed this database ({error}), so this one leaves it alone. "
            "Install the newer version, or restore the backup made before the upgrade.",
            setting="GALLA_DATABASE_URL",
        ) from error


def _stands_at(connection: Connection) -> str | None:
    """Return the last migration that a database has seen, or None."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return found


def _suits(connection: Connection, theirs: str) -> bool:
    """Whether the last migration of a database says that a galla of our age may use it."""
    if not inspect(connection).has_table(migrations.name):
        return False
    query = select(migrations.c.oldest_reader).where(migrations.c.revision == theirs)
    oldest_reader = connection.execute(query).scalar_one_or_none()
    return oldest_reader is not None and oldest_reader <= HEAD
