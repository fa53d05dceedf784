"""What the payments of a time come to, added up by the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, func, or_, select

from galla.clock import to_millis
from galla.store.tables import payments

_p = payments.c
_IS_PAID = _p.status == "paid"
_RAN_OUT = or_(_p.reason.startswith('{"code":"expired"'), _p.reason.startswith('{"code":"past_ladder"'))
"""A reason is kept as JSON, its code first."""


def tallies(connection: Connection, merchant_id: str, since: datetime, until: datetime) -> list[Row[Any]]:
    """Return the payments begun in a time, `until` left out, by status, method, machine and whoever took them.

    Each row: those four, `number`, `amount`, `given_back` (paise), `voided`, `ran_out` (how many of them).
    """
    query = (
        select(
            _p.status,
            _p.method,
            _p.terminal_id,
            _p.actor,
            func.count().label("number"),
            func.sum(_p.amount_paise).label("amount"),
            func.sum(_p.refunded_paise).label("given_back"),
            func.sum(_p.is_voided).label("voided"),
            func.sum(case((_RAN_OUT & ~_IS_PAID, 1), else_=0)).label("ran_out"),
        )
        .where(*_begun(merchant_id, since, until))
        .group_by(_p.status, _p.method, _p.terminal_id, _p.actor)
    )
    return list(connection.execute(query))


def nth_wait(connection: Connection, merchant_id: str, since: datetime, until: datetime, place: int) -> int | None:
    """Return the wait for proof, in ms, at a place (from 0) among those of a time's payments, shortest first."""
    wait = (_p.settled_at - _p.created_at).label("wait")
    query = select(wait).where(*_waited(merchant_id, since, until)).order_by(wait).offset(place).limit(1)
    found = connection.execute(query).scalar_one_or_none()
    return int(found) if found is not None else None


def waits(connection: Connection, merchant_id: str, since: datetime, until: datetime) -> int:
    """Return how many payments of a time were waited for until their proof: cash is none of them."""
    query = select(func.count()).select_from(payments).where(*_waited(merchant_id, since, until))
    return int(connection.execute(query).scalar_one())


def _begun(merchant_id: str, since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    return [_p.merchant_id == merchant_id, _p.created_at >= to_millis(since), _p.created_at < to_millis(until)]


def _waited(merchant_id: str, since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    return [*_begun(merchant_id, since, until), _IS_PAID, _p.method != "cash", _p.settled_at.is_not(None)]
