"""The people who sign in by name: one row each, with the hash of their password and nothing else of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from galla.store.record_tables import users
from galla.store.tables import merchants

_u = users.c


def insert_user(connection: Connection, values: dict[str, Any]) -> None:
    """Write a user."""
    connection.execute(insert(users), values)


def change_user(connection: Connection, merchant_id: str, user_id: str, values: dict[str, Any]) -> None:
    """Change columns of a user."""
    connection.execute(update(users).where(_u.merchant_id == merchant_id, _u.id == user_id).values(values))


def get_user(connection: Connection, merchant_id: str, name: str) -> Row[Any] | None:
    """Return a user by id or sign-in name, disabled ones too."""
    return connection.execute(
        select(users).where(_u.merchant_id == merchant_id, or_(_u.id == name, _u.name == name))
    ).first()


def user_called(connection: Connection, merchant_id: str, display_name: str) -> Row[Any] | None:
    """Return the user whom the others see under this name."""
    return connection.execute(
        select(users).where(_u.merchant_id == merchant_id, _u.display_name == display_name)
    ).first()


def users_of(connection: Connection, merchant_id: str) -> list[Row[Any]]:
    """Return the users of a merchant by the names others see, disabled ones last."""
    order = (_u.disabled_at.is_not(None), _u.display_name, _u.id)
    return list(connection.execute(select(users).where(_u.merchant_id == merchant_id).order_by(*order)))


def count_users(connection: Connection, merchant_id: str, *, role: str | None = None) -> int:
    """Return how many users a merchant has, disabled ones too; with a role, those in it who are not disabled."""
    where = [_u.merchant_id == merchant_id]
    if role is not None:
        where += [_u.role == role, _u.disabled_at.is_(None)]
    return int(connection.execute(select(func.count()).select_from(users).where(*where)).scalar_one())


def merchants_without_users(connection: Connection, environment: str) -> list[Row[Any]]:
    """Return the merchants of an environment whose first user is still to be made, oldest first."""
    has_users = select(_u.id).where(_u.merchant_id == merchants.c.id).exists()
    return list(
        connection.execute(
            select(merchants).where(merchants.c.environment == environment, ~has_users).order_by(merchants.c.id)
        )
    )
