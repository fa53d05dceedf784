"""The tables of bills: their lines, the series their numbers come from, and the customers they are for."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from galla.money import MAX_PAISE
from galla.store.schema import key, metadata, partial, truth, whole, words

MOST_LETTERS, MOST_NUMBERS = 3, 999_999
"""What a series may use: with its year a number then has the sixteen characters that GST allows: MAI/26-27/000123."""
DUE = "paid_paise < total_paise AND is_cancelled = 0"
"""What makes a bill one that is still to be paid, in the words that its index has."""

bills = Table(
    "bills",
    metadata,
    words("merchant_id"),
    words("id"),
    words("number"),
    key("number_key"),
    words("branch", null=True),
    words("customer_id", null=True),
    words("customer_name", null=True),
    words("customer_phone", null=True),
    key("name_key", null=True),
    key("phone_key", null=True),
    whole("total_paise"),
    whole("tax_paise"),
    whole("discount_paise", default="0"),
    words("place_of_supply", null=True),
    whole("is_interstate", default="0"),
    whole("paid_paise", default="0"),
    whole("live_paise", default="0"),
    whole("is_overcommitted", default="0"),
    whole("is_cancelled", default="0"),
    words("metadata"),
    words("actor"),
    whole("created_at"),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "number"),
    CheckConstraint(f"total_paise BETWEEN 1 AND {MAX_PAISE}", name="total"),
    CheckConstraint("tax_paise BETWEEN 0 AND total_paise", name="tax"),
    CheckConstraint("discount_paise >= 0", name="discount"),
    CheckConstraint("paid_paise BETWEEN 0 AND total_paise", name="paid"),
    CheckConstraint("live_paise >= 0", name="live"),
    CheckConstraint("paid_paise + live_paise <= total_paise OR is_overcommitted = 1", name="reserved"),
    truth("is_overcommitted"),
    truth("is_interstate"),
    CheckConstraint("is_interstate = 0 OR place_of_supply IS NOT NULL", name="place"),
    truth("is_cancelled"),
    ForeignKeyConstraint(["merchant_id", "customer_id"], ["customers.merchant_id", "customers.id"]),
    Index(None, "merchant_id", "created_at"),
    Index(None, "merchant_id", "number_key", "id"),  # the newest that begin with a text are found in the index alone
    Index(None, "merchant_id", "name_key", "id"),
    Index(None, "merchant_id", "phone_key", "id"),
    Index(None, "merchant_id", "customer_id"),
    partial("ix_bills_due", "merchant_id", "id", where=DUE),
    sqlite_strict=True,
)

bill_lines = Table(
    "bill_lines",
    metadata,
    words("merchant_id"),
    words("bill_id"),
    whole("position"),
    words("description"),
    words("hsn", null=True),
    whole("quantity_milli"),
    whole("unit_paise"),
    whole("gross_paise"),
    whole("discount_paise"),
    whole("share_paise"),
    whole("tax_bp"),
    whole("taxable_paise"),
    whole("tax_paise"),
    whole("amount_paise"),
    PrimaryKeyConstraint("merchant_id", "bill_id", "position"),
    ForeignKeyConstraint(["merchant_id", "bill_id"], ["bills.merchant_id", "bills.id"]),
    CheckConstraint("quantity_milli > 0 AND unit_paise >= 0 AND tax_bp >= 0", name="signs"),
    CheckConstraint("discount_paise >= 0 AND share_paise >= 0 AND taxable_paise >= 0 AND tax_paise >= 0", name="parts"),
    CheckConstraint("gross_paise = (quantity_milli * unit_paise + 500) / 1000", name="gross"),
    CheckConstraint("amount_paise = taxable_paise + tax_paise", name="amount"),
    # What the discounts leave is the amount where the rate includes GST, and the taxable part where it does not.
    CheckConstraint("gross_paise - discount_paise - share_paise IN (amount_paise, taxable_paise)", name="net"),
    sqlite_strict=True,
)

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
    CheckConstraint(f"last BETWEEN 1 AND {MOST_NUMBERS}", name="last"),
    CheckConstraint(f"length(prefix) BETWEEN 1 AND {MOST_LETTERS} AND length(year) = 5", name="length"),
    sqlite_strict=True,
)

customers = Table(
    "customers",
    metadata,
    words("merchant_id"),
    words("id"),
    words("name", null=True),
    words("phone", null=True),
    words("external_id", null=True),
    key("name_key", null=True),
    key("phone_key", null=True),
    whole("created_at"),
    whole("erased_at", null=True),
    PrimaryKeyConstraint("merchant_id", "id"),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "external_id"),
    CheckConstraint(
        "erased_at IS NULL OR (name IS NULL AND phone IS NULL AND external_id IS NULL"
        " AND name_key IS NULL AND phone_key IS NULL)",
        name="erased",
    ),
    # Whoever has no id of the caller's own is known by name and phone together, and is there once.
    partial(
        "uq_customers_known", "merchant_id", "phone_key", "name_key", where="external_id IS NULL", is_unique=True
    ),
    Index(None, "merchant_id", "name_key"),
    Index(None, "merchant_id", "phone_key"),
    sqlite_strict=True,
)
