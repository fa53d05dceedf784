"""The tables beside `shifts`: which money a closed shift has counted, and cash put into and taken out of a drawer."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from galla.store.schema import metadata, whole, words

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

drawer_movements = Table(
    "drawer_movements",
    metadata,
    words("merchant_id"),
    words("id"),
    words("shift_id"),
    words("kind"),
    whole("amount_paise"),
    words("reason"),
    words("actor"),
    words("attempt", null=True),
    whole("at"),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id", "shift_id"], ["shifts.merchant_id", "shifts.id"]),
    UniqueConstraint("merchant_id", "attempt"),
    CheckConstraint("kind IN ('pay_in', 'pay_out')", name="kind"),
    CheckConstraint("amount_paise > 0", name="amount"),
    Index(None, "merchant_id", "shift_id"),
    sqlite_strict=True,
)
