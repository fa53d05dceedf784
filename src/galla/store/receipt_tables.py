"""The tables of papers given out: what each is for, its number and code, and each time it was printed."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint

from galla.store.schema import metadata, whole, words

receipts = Table(
    "receipts",
    metadata,
    words("merchant_id"),
    words("id"),
    words("object_id"),
    whole("number"),
    words("code"),
    whole("created_at"),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "object_id"),
    UniqueConstraint("merchant_id", "number"),
    UniqueConstraint("code"),
    CheckConstraint("number > 0", name="number"),
    sqlite_strict=True,
)

prints = Table(
    "prints",
    metadata,
    words("merchant_id"),
    words("receipt_id"),
    whole("copy"),
    words("actor"),
    whole("at"),
    PrimaryKeyConstraint("merchant_id", "receipt_id", "copy"),
    ForeignKeyConstraint(["merchant_id", "receipt_id"], ["receipts.merchant_id", "receipts.id"]),
    CheckConstraint("copy > 0", name="copy"),
    sqlite_strict=True,
)
