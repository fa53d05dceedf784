"""Rows to payments and back. Nothing else knows the column order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from galla.clock import from_millis, to_millis
from galla.payments.model import Payment, Proof, Reason
from galla.store.tables import payments

_INSTANTS = (
    "sent_at",
    "accepted_at",
    "asked_at",
    "settled_at",
    "cancel_requested_at",
    "created_at",
    "due_at",
    "lease_until",
    "expires_at",
)
_TRUTHS = ("needs_review", "is_late", "is_exclusive", "holds_terminal", "may_resend", "can_rebegin", "is_voided")
_PLAIN = [
    name
    for name in Payment.__struct_fields__
    if name not in {*_INSTANTS, *_TRUTHS, "metadata", "reason", "proof", "status", "phase"}
]
_reasons = msgspec.json.Decoder(Reason)
_proofs = msgspec.json.Decoder(Proof)
_metadata = msgspec.json.Decoder(dict[str, str])
_encode = msgspec.json.encode

PAYMENT_COLUMNS = tuple(payments.c)
"""What `payment_from` needs a row to hold, in this order; `proof_data` after it when the proof is wanted."""

_NAMES = tuple("".join(column.name) for column in PAYMENT_COLUMNS)  # SQLAlchemy's own are no plain texts, and slow
_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_INSTANTS, from_millis),
    **dict.fromkeys(_TRUTHS, (1).__eq__),
    "metadata": _metadata.decode,
    "reason": _reasons.decode,
}
_READERS = tuple(_READ.get(name) for name in _NAMES)


def text(value: object) -> str:
    """Return a value as JSON text for a column."""
    return _encode(value).decode()


def payment_values(payment: Payment) -> dict[str, Any]:
    """Return a payment as column values."""
    values: dict[str, Any] = {name: getattr(payment, name) for name in _PLAIN}
    for name in _INSTANTS:
        values[name] = millis(getattr(payment, name))
    for name in _TRUTHS:
        values[name] = int(getattr(payment, name))
    values["status"] = payment.status.value
    values["phase"] = payment.phase.value
    values["metadata"] = text(payment.metadata) if payment.metadata else "{}"
    values["reason"] = text(payment.reason) if payment.reason else None
    values["rrn"] = payment.proof.rrn if payment.proof else None
    values["card_last4"] = payment.proof.card_last4 if payment.proof else None
    return values


def payment_from(row: Row[Any]) -> Payment:
    """Return the payment of a row of `PAYMENT_COLUMNS`, with its proof if `proof_data` follows them."""
    values: dict[str, Any] = {}
    for name, read, value in zip(_NAMES, _READERS, row, strict=False):
        if value is not None:  # which is the field's default
            values[name] = value if read is None else read(value)
    if len(row) > len(_NAMES) and row[-1] is not None:
        values["proof"] = _proofs.decode(row[-1])
    return msgspec.convert(values, Payment)  # reads the enums, leaves out the columns that are the database's own


def millis(instant: datetime | None) -> int | None:
    """Return an instant as the database keeps it."""
    return to_millis(instant) if instant is not None else None


def instant(number: int | None) -> datetime | None:
    """Return the instant of a column."""
    return from_millis(number) if number is not None else None
