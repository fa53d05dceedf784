"""The first schema: frozen DDL, one file per engine, so that a later change of the tables does not change it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
oldest_reader = "0001"


def upgrade() -> None:
    """Apply the change."""
    connection = op.get_bind()
    ddl = Path(__file__).with_name(f"0001_first.{connection.dialect.name}.sql").read_text(encoding="utf-8")
    _, *statements = ddl.strip().split("\n\n")  # the first paragraph is the file's heading
    for statement in statements:
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    """Going back would lose money's history; restore a backup instead."""
    raise RuntimeError("galla's migrations only go forward. Restore a backup made before the upgrade.")
