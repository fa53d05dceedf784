"""What every table is made of: the metadata, and the few kinds of column there are.

Money is a whole number of paise, an instant is whole milliseconds since 1970 in UTC, a truth is 0 or 1:
integers, which both engines check.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Dialect,
    Index,
    Integer,
    MetaData,
    Text,
    and_,
    text,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

WHOLE = BigInteger().with_variant(Integer(), "sqlite")


class Paise(TypeDecorator[int]):
    """An amount in a column. The PostgreSQL driver would cut 10.5 down to 10 without a word, so it never gets one."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return what the column is on an engine."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Return the amount as it is.

        Raises:
            TypeError: it is not a whole number of paise.
        """
        if value is not None and type(value) is not int:
            raise TypeError(f"An amount is a whole number of paise, not a {type(value).__name__}.")
        return value


def words(name: str, *, null: bool = False) -> Column[str]:
    """Return a text column."""
    return Column(name, Text, nullable=null)


def key(name: str, *, null: bool = False) -> Column[str]:
    """Return a text column that is searched by its beginning: ordered by code point on either engine."""
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=null)


def begins(column: Any, start: str) -> ColumnElement[bool]:
    """Return whether a `key` column begins with a text, as a range that its index answers."""
    return and_(column >= start, column < start + "\U0010ffff")


def whole(name: str, *, null: bool = False, default: str | None = None) -> Column[int]:
    """Return a 64-bit integer column."""
    kind = Paise() if name.endswith("_paise") else WHOLE
    return Column(name, kind, nullable=null, server_default=default)


def truth(name: str) -> CheckConstraint:
    """Return the check of a column that is 0 or 1."""
    return CheckConstraint(f"{name} IN (0, 1)", name=name)


def partial(name: str, *columns: str, where: str, is_unique: bool = False) -> Index:
    """An index over the rows that satisfy a condition, on either engine."""
    return Index(name, *columns, unique=is_unique, sqlite_where=text(where), postgresql_where=text(where))
