"""The first schema."""

from __future__ import annotations

from alembic import op

import galla.store.record_tables
import galla.store.tables  # noqa: F401 - fills the metadata
from galla.store.guards import statements
from galla.store.schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    connection = op.get_bind()
    metadata.create_all(connection)
    for statement in statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
