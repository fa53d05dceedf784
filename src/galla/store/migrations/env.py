"""Alembic's entry: runs on the connection that `store.migrating` hands over."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import insert

import galla.store.tables  # noqa: F401 - fills the metadata
from galla.store.record_tables import migrations
from galla.store.schema import metadata


def _note(ctx: Any, step: Any, heads: Any, run_args: Any, **_: Any) -> None:
    """Write down whom the schema suits from now on: an older galla looks here before it gives up."""
    values = {"revision": step.up_revision_id, "oldest_reader": step.up_revision.module.oldest_reader}
    connection.execute(insert(migrations), values)


connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(73010)")  # two processes starting at once
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=False,
    on_version_apply=_note,
)
context.run_migrations()
