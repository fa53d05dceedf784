"""The tables around bills: the series their numbers come from."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint

from galla.store.schema import metadata, whole, words

series = Table(
    "series",
    metadata,
    words("merchant_id"),
    words("branch"),
    words("year"),
    words("prefix"),
    whole("last"),
    PrimaryKeyConstraint("merchant_id", "branch", "year"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "year", "prefix"),
    CheckConstraint("last BETWEEN 1 AND 999999", name="last"),
    sqlite_strict=True,
)
