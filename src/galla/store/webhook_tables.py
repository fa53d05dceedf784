"""The tables of outgoing webhooks: who wants to hear of what, and what became of each message.

`webhook_endpoints.position` is the last event that has its deliveries: the events themselves are the outbox.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from galla.store.schema import metadata, partial, truth, whole, words

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    words("merchant_id"),
    words("id"),
    words("url"),
    words("description", null=True),
    words("events"),
    words("sealed_secret"),
    words("previous_secret", null=True),
    whole("previous_until", null=True),
    whole("position"),
    whole("is_enabled"),
    words("disabled_reason", null=True),
    whole("disabled_at", null=True),
    whole("sequence"),
    whole("created_at"),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    truth("is_enabled"),
    CheckConstraint("(previous_secret IS NULL) = (previous_until IS NULL)", name="previous"),
    CheckConstraint("(is_enabled = 1) = (disabled_at IS NULL)", name="disabled"),
    sqlite_strict=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    words("merchant_id"),
    words("id"),
    words("endpoint_id"),
    whole("position"),
    words("type"),
    words("object_id"),
    words("state"),
    whole("attempts"),
    whole("due_at", null=True),
    whole("claimed_by", null=True),
    whole("fence"),
    whole("answer_status", null=True),
    words("answer", null=True),
    whole("tried_at", null=True),
    whole("ended_at", null=True),
    whole("created_at"),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id", "endpoint_id"], ["webhook_endpoints.merchant_id", "webhook_endpoints.id"]),
    ForeignKeyConstraint(["merchant_id", "position"], ["events.merchant_id", "events.position"]),
    UniqueConstraint("merchant_id", "endpoint_id", "position"),
    CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="state"),
    CheckConstraint("state = 'waiting' OR due_at IS NULL", name="due"),
    CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended"),
    partial("ix_deliveries_failed", "merchant_id", "endpoint_id", "position", where="state = 'failed'"),
    partial("ix_deliveries_due", "merchant_id", "endpoint_id", "due_at", where="due_at IS NOT NULL"),
    partial("ix_deliveries_claimed", "claimed_by", where="claimed_by IS NOT NULL"),
    partial("ix_deliveries_open", "merchant_id", "endpoint_id", "object_id", "position", where="state = 'waiting'"),
    sqlite_strict=True,
)
