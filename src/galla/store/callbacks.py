"""What Paytm told us without being asked: kept once, and used only as a reason to ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Row, and_, bindparam, literal, or_, select

from galla.clock import to_millis
from galla.store.claims import hint
from galla.store.journal import enclose
from galla.store.one_statement import one_statement
from galla.store.record_tables import callbacks
from galla.store.tables import merchants, payments

_c, _p = callbacks.c, payments.c
# What every message runs is put together here, once: that takes longer than to run it.
_MERCHANT = select(merchants.c.id).where(merchants.c.callback_token == bindparam("token"))
_KNOWN = select(_c.id).where(_c.merchant_id == bindparam("merchant"), _c.digest == bindparam("said"))
_IS_NAMED = and_(_p.mid == bindparam("of"), _p.paytm_id == bindparam("named"))
_IS_WAITING = and_(_p.status != "paid", or_(_p.due_at.is_(None), _p.due_at > bindparam("now", type_=BigInteger())))
_HEARD = (
    select(_KNOWN.exists().label("is_known"), _p.merchant_id, _p.id, _IS_WAITING.label("is_waiting"))
    .select_from(select(literal(1).label("one")).subquery("message").outerjoin(payments, _IS_NAMED))
)  # fmt: skip
_NAMED = select(_p.merchant_id, _p.id).where(_IS_NAMED)


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a message from Paytm, and of the payment it names.

    `is_waiting`: the payment is not paid, and is not about to be asked about either, so the message is a reason to ask.
    """

    is_known: bool
    is_waiting: bool
    merchant_id: str | None
    payment_id: str | None


@one_statement
def merchant_with_token(connection: Connection, token: str) -> str | None:
    """Return the id of the merchant whose callback address holds this token; it holds it for good."""
    found: str | None = connection.execute(_MERCHANT, {"token": token}).scalar_one_or_none()
    return found


@one_statement
def heard(connection: Connection, merchant_id: str, mid: str, paytm_id: str, digest: str, now: datetime) -> Heard:
    """Return whether exactly this message was kept before, and how the payment it names stands."""
    given = {"merchant": merchant_id, "of": mid, "named": paytm_id, "said": digest, "now": to_millis(now)}
    row = connection.execute(_HEARD, given).one()
    return Heard(
        is_known=bool(row.is_known),
        is_waiting=bool(row.is_waiting),
        merchant_id=row.merchant_id,
        payment_id=row.id,
    )


def keep(connection: Connection, values: dict[str, Any]) -> None:
    """Keep a verified message, with what is recorded of it."""
    enclose(connection, callbacks, values)


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
