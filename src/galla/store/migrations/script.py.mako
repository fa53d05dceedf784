"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
oldest_reader = ${repr(down_revision)}  # whose code may still work on what this leaves: at least the one before it


def upgrade() -> None:
    """Apply the change."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Going back would lose money's history; restore a backup instead."""
    raise RuntimeError("galla's migrations only go forward. Restore a backup made before the upgrade.")
