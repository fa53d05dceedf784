"""Alembic's entry: runs on the connection that `store.migrating` hands over."""

from __future__ import annotations

from alembic import context

import galla.store.record_tables
import galla.store.tables  # noqa: F401 - fills the metadata
from galla.store.schema import metadata

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(73010)")  # two processes starting at once
context.configure(
    connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=False
)
context.run_migrations()
