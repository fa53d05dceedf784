"""The tables beside `shifts`: which money a closed shift has counted."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table

from galla.store.schema import metadata, words

shift_lines = Table(
    "shift_lines",
    metadata,
    words("merchant_id"),
    words("object_id"),
    words("shift_id"),
    # One payment or refund stands in one shift: the database refuses the second.
    PrimaryKeyConstraint("merchant_id", "object_id"),
    ForeignKeyConstraint(["merchant_id", "shift_id"], ["shifts.merchant_id", "shifts.id"]),
    Index(None, "merchant_id", "shift_id"),
    sqlite_strict=True,
)
