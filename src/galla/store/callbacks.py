"""What Paytm told us without being asked: kept once, and used only as a reason to ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from galla.store.claims import hint
from galla.store.one_statement import one_statement
from galla.store.record_tables import callbacks
from galla.store.tables import merchants, payments

_c, _p = callbacks.c, payments.c
# What every message runs is put together here, once: that takes longer than to run it.
_MERCHANT = select(merchants).where(merchants.c.callback_token == bindparam("token"))
_KNOWN = select(_c.id).where(_c.merchant_id == bindparam("merchant"), _c.digest == bindparam("said"))
_NAMED = select(_p.merchant_id, _p.id).where(_p.mid == bindparam("of"), _p.paytm_id == bindparam("named"))
_KEEP = insert(callbacks)


@one_statement
def merchant_with_token(connection: Connection, token: str) -> Row[Any] | None:
    """Return the merchant whose callback address holds this token."""
    return connection.execute(_MERCHANT, {"token": token}).one_or_none()


def is_known(connection: Connection, merchant_id: str, digest: str) -> bool:
    """Whether exactly this message was kept before."""
    return connection.execute(_KNOWN, {"merchant": merchant_id, "said": digest}).first() is not None


def keep(connection: Connection, values: dict[str, Any]) -> None:
    """Keep a verified message."""
    connection.execute(_KEEP, values)


def nudge(connection: Connection, mid: str, paytm_id: str, now: datetime) -> str | None:
    """Let a payment that is not paid fall due now; return its id."""
    row = connection.execute(_NAMED, {"of": mid, "named": paytm_id}).one_or_none()
    if row is None:
        return None
    hint(connection, row.merchant_id, row.id, now)
    return str(row.id)


def of_payment(connection: Connection, merchant_id: str, paytm_id: str) -> list[Row[Any]]:
    """Return the messages about one Paytm id, oldest first."""
    return list(
        connection.execute(
            select(callbacks)
            .where(_c.merchant_id == merchant_id, _c.paytm_id == paytm_id)
            .order_by(_c.at, _c.id)
        )
    )
