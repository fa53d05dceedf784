"""Whether anything may stand in the way of a new payment without a bill: one question, nearly always answered no.

A question is a journey to the database, and a customer waits for each. Only if there may be something are the questions
asked one by one, in words that say what it is. Should they come meanwhile, a second use of the key, a second payment on
the machine and a second one that may not stand beside another are refused by the tables' own indexes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    false,
    literal_column,
    or_,
    select,
)

from galla.store.bill_tables import bills
from galla.store.merchants import TERMINAL
from galla.store.payments import IS_LIVE
from galla.store.record_tables import idempotency_keys
from galla.store.refunds import IS_OPEN_VOID
from galla.store.tables import payments, refunds, terminals

_b, _i, _p, _r, _t = bills.c, idempotency_keys.c, payments.c, refunds.c, terminals.c
_MERCHANT: BindParameter[str] = bindparam("merchant")
_KEY: BindParameter[str] = bindparam("key")
_REFERENCE: BindParameter[str] = bindparam("reference")


def nothing_before(
    connection: Connection, merchant_id: str, *, key: str | None, reference: str | None, terminal: str | None
) -> tuple[bool, Row[Any] | None]:
    """Return whether nothing stands in the way, and the machine that is named by its id or TID.

    In the way are: a use of the key, a bill with the reference as its number or id or a live payment for it, a payment
    that holds the machine or a void that waits on it, and a machine that is not there or switched off.
    """
    given = {"merchant": merchant_id, "key": key, "reference": reference, "named": terminal}
    present = {name: value for name, value in given.items() if value is not None}
    if len(present) == 1:
        return True, None  # it names nothing that could be in use
    row = connection.execute(_question(tuple(present)), present).first()
    return row is not None and not row.is_in_the_way, row if terminal is not None else None


@lru_cache(maxsize=8)
def _question(given: tuple[str, ...]) -> Select[Any]:
    found: list[ColumnElement[bool]] = [false()]
    if "key" in given:
        found.append(select(_i.key).where(_i.merchant_id == _MERCHANT, _i.key == _KEY).exists())
    if "reference" in given:
        found.append(select(_b.id).where(_b.merchant_id == _MERCHANT, _b.number == _REFERENCE).exists())
        found.append(select(_b.id).where(_b.merchant_id == _MERCHANT, _b.id == _REFERENCE).exists())
        live = _p.merchant_id == _MERCHANT, _p.reference == _REFERENCE, _p.bill_id.is_(None), IS_LIVE
        found.append(select(_p.id).where(*live).exists())
    if "named" not in given:
        return select(or_(*found).label("is_in_the_way"))
    on_it = _p.merchant_id == _MERCHANT, _p.terminal_id == _t.id
    found.append(select(_p.id).where(*on_it, _p.holds_terminal == literal_column("1")).correlate(terminals).exists())
    its_payment = and_(_p.merchant_id == _r.merchant_id, _p.id == _r.payment_id)
    void = select(_r.id).join_from(refunds, payments, its_payment).where(IS_OPEN_VOID, *on_it)
    found.append(void.correlate(terminals).exists())
    return TERMINAL.add_columns(or_(*found).label("is_in_the_way")).where(_t.is_active == 1)
