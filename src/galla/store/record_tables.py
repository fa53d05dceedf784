"""The tables that record: events, audit, ledger, idempotency keys, who may ask, and what has changed the schema."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from galla.store.schema import metadata, partial, whole, words

heads = Table(
    "heads",
    metadata,
    words("merchant_id"),
    whole("event_position"),
    whole("audit_position"),
    words("audit_hash"),
    PrimaryKeyConstraint("merchant_id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    sqlite_strict=True,
)

events = Table(
    "events",
    metadata,
    words("merchant_id"),
    whole("position"),
    words("type"),
    words("object_id"),
    words("bill_id", null=True),
    whole("sequence"),
    words("data"),
    whole("at"),
    PrimaryKeyConstraint("merchant_id", "position"),
    UniqueConstraint("merchant_id", "object_id", "sequence"),
    Index(None, "merchant_id", "type", "position"),
    Index(None, "merchant_id", "bill_id"),
    sqlite_strict=True,
)

audit = Table(
    "audit",
    metadata,
    words("merchant_id"),
    whole("position"),
    whole("at"),
    words("actor"),
    words("origin"),
    words("action"),
    words("object_id"),
    words("detail"),
    words("previous"),
    words("hash"),
    PrimaryKeyConstraint("merchant_id", "position"),
    Index(None, "merchant_id", "object_id"),
    sqlite_strict=True,
)

accounts = Table(
    "accounts",
    metadata,
    words("merchant_id"),
    words("code"),
    words("name"),
    words("kind"),
    PrimaryKeyConstraint("merchant_id", "code"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    sqlite_strict=True,
)

entries = Table(
    "entries",
    metadata,
    words("merchant_id"),
    words("id"),
    words("object_id"),
    words("event"),
    words("on"),
    words("description"),
    whole("at"),
    PrimaryKeyConstraint("merchant_id", "id"),
    UniqueConstraint("merchant_id", "object_id", "event"),
    sqlite_strict=True,
)

postings = Table(
    "postings",
    metadata,
    words("merchant_id"),
    words("entry_id"),
    whole("line"),
    words("account"),
    whole("amount_paise"),
    PrimaryKeyConstraint("merchant_id", "entry_id", "line"),
    # Lines are written before their entry; the entry's trigger then weighs them. No line commits without it.
    ForeignKeyConstraint(
        ["merchant_id", "entry_id"],
        ["entries.merchant_id", "entries.id"],
        deferrable=True,
        initially="DEFERRED",
    ),
    ForeignKeyConstraint(["merchant_id", "account"], ["accounts.merchant_id", "accounts.code"]),
    CheckConstraint("amount_paise <> 0", name="amount"),
    Index(None, "merchant_id", "account"),
    sqlite_strict=True,
)

tasks = Table(
    "tasks",
    metadata,
    words("merchant_id"),
    words("id"),
    words("kind"),
    words("object_id"),
    words("payment_id", null=True),
    words("bill_id", null=True),
    words("message"),
    words("next_step"),
    whole("amount_paise", null=True),
    words("owner", null=True),
    whole("sequence"),
    whole("created_at"),
    whole("closed_at", null=True),
    words("closed_by", null=True),
    words("note", null=True),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed"),
    partial(
        "uq_tasks_open", "merchant_id", "object_id", "kind", where="closed_at IS NULL", is_unique=True
    ),
    Index(None, "merchant_id", "created_at"),
    Index(None, "merchant_id", "object_id"),
    Index(None, "merchant_id", "payment_id"),
    sqlite_strict=True,
)

shifts = Table(
    "shifts",
    metadata,
    words("merchant_id"),
    words("id"),
    words("counter"),
    words("opened_by"),
    whole("opened_at"),
    whole("float_paise"),
    words("closed_by", null=True),
    words("witness", null=True),
    whole("closed_at", null=True),
    whole("counted_paise", null=True),
    whole("expected_paise", null=True),
    words("difference_reason", null=True),
    words("report", null=True),
    whole("number", null=True),
    whole("sequence"),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    CheckConstraint("float_paise >= 0", name="float"),
    CheckConstraint("counted_paise IS NULL OR counted_paise >= 0", name="counted"),
    CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed"),
    CheckConstraint("(closed_at IS NULL) = (number IS NULL)", name="numbered"),
    UniqueConstraint("merchant_id", "counter", "number"),
    partial("uq_shifts_open", "merchant_id", "counter", where="closed_at IS NULL", is_unique=True),
    Index(None, "merchant_id", "opened_at"),
    sqlite_strict=True,
)

callbacks = Table(
    "callbacks",
    metadata,
    words("merchant_id"),
    words("id"),
    words("digest"),
    words("kind"),
    words("paytm_id", null=True),
    words("said", null=True),
    words("data"),
    whole("at"),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "digest"),
    Index(None, "merchant_id", "paytm_id"),
    sqlite_strict=True,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    words("merchant_id"),
    words("key"),
    words("fingerprint"),
    words("object_id"),
    words("answer", null=True),
    whole("lease_until"),
    whole("claimed_by", null=True),
    whole("created_at"),
    PrimaryKeyConstraint("merchant_id", "key"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    partial("ix_idempotency_keys_open", "lease_until", where="answer IS NULL"),
    sqlite_strict=True,
)

api_keys = Table(
    "api_keys",
    metadata,
    words("merchant_id"),
    words("id"),
    words("digest"),
    words("prefix"),
    words("label"),
    words("scopes"),
    whole("created_at"),
    whole("revoked_at", null=True),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("digest"),
    sqlite_strict=True,
)

sessions = Table(
    "sessions",
    metadata,
    words("merchant_id"),
    words("digest"),
    words("id"),
    words("kind"),
    words("person", null=True),
    words("actor"),
    words("counter", null=True),
    words("scopes"),
    words("csrf"),
    whole("created_at"),
    whole("seen_at"),
    whole("idle_ms"),
    whole("expires_at"),
    PrimaryKeyConstraint("digest"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    CheckConstraint("kind IN ('session', 'ticket', 'invitation', 'setup')", name="kind"),
    Index(None, "merchant_id", "person"),
    sqlite_strict=True,
)

users = Table(
    "users",
    metadata,
    words("merchant_id"),
    words("id"),
    words("name"),
    words("display_name"),
    words("role"),
    words("branch", null=True),
    words("password_hash", null=True),
    whole("created_at"),
    whole("signed_in_at", null=True),
    whole("disabled_at", null=True),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "name"),
    UniqueConstraint("merchant_id", "display_name"),
    CheckConstraint("role IN ('cashier', 'lead', 'accountant', 'admin')", name="role"),
    sqlite_strict=True,
)

saved_views = Table(
    "saved_views",
    metadata,
    words("merchant_id"),
    words("person"),
    words("name"),
    words("query"),
    whole("created_at"),
    PrimaryKeyConstraint("merchant_id", "person", "name"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    sqlite_strict=True,
)

migrations = Table(
    "migrations",
    metadata,
    words("revision"),
    words("oldest_reader"),
    PrimaryKeyConstraint("revision"),
    sqlite_strict=True,
)
