"""Merchants and their terminals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from galla.store.one_statement import one_statement
from galla.store.tables import merchants, payments, terminals

_m, _t, _p = merchants.c, terminals.c, payments.c
TERMINAL = select(terminals).where(
    _t.merchant_id == bindparam("merchant"), or_(_t.id == bindparam("named"), _t.tid == bindparam("named"))
)
_HOLD = select(_m.id).where(_m.id == bindparam("merchant")).with_for_update(key_share=True)


def insert_merchant(connection: Connection, values: dict[str, Any]) -> None:
    """Write a merchant; its key is sealed already."""
    connection.execute(insert(merchants), values)


def change_merchant(connection: Connection, merchant_id: str, values: dict[str, Any]) -> None:
    """Change columns of a merchant."""
    connection.execute(update(merchants).where(_m.id == merchant_id).values(values))


def hold(connection: Connection, merchant_id: str) -> None:
    """Let nobody else who holds this merchant go on before the commit: for what may be decided only one by one."""
    connection.execute(_HOLD, {"merchant": merchant_id})


@one_statement
def get_merchant(connection: Connection, merchant_id: str) -> Row[Any] | None:
    """Return a merchant by id."""
    return connection.execute(select(merchants).where(_m.id == merchant_id)).one_or_none()


def merchant_with_mid(connection: Connection, mid: str, environment: str) -> Row[Any] | None:
    """Return a merchant by its Paytm MID."""
    return connection.execute(
        select(merchants).where(_m.mid == mid, _m.environment == environment)
    ).one_or_none()


def all_merchants(connection: Connection) -> list[Row[Any]]:
    """Return every merchant, oldest first."""
    return list(connection.execute(select(merchants).order_by(_m.id)))


def insert_terminal(connection: Connection, values: dict[str, Any]) -> None:
    """Write a terminal."""
    connection.execute(insert(terminals), values)


def change_terminal(connection: Connection, merchant_id: str, terminal_id: str, values: dict[str, Any]) -> None:
    """Change columns of a terminal."""
    connection.execute(
        update(terminals).where(_t.merchant_id == merchant_id, _t.id == terminal_id).values(values)
    )


def get_terminal(connection: Connection, merchant_id: str, name: str) -> Row[Any] | None:
    """Return a terminal by its id or TID."""
    return connection.execute(TERMINAL, {"merchant": merchant_id, "named": name}).first()


@one_statement
def terminals_of(connection: Connection, merchant_id: str) -> list[Row[Any]]:
    """Return the terminals of a merchant, by label."""
    return list(
        connection.execute(
            select(terminals).where(_t.merchant_id == merchant_id).order_by(_t.label, _t.tid)
        )
    )


def last_paid_at(connection: Connection, merchant_id: str, terminal_id: str) -> int | None:
    """Return when a payment on a machine was last proven paid, in ms: the latest sign of life that galla has of it."""
    query = (
        select(_p.settled_at)
        .where(_p.merchant_id == merchant_id, _p.terminal_id == terminal_id, _p.status == "paid")
        .where(_p.settled_at.is_not(None))
        .order_by(_p.settled_at.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar_one_or_none()
    return int(found) if found is not None else None
