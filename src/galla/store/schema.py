"""What every table is made of: the metadata, and the few kinds of column there are.

Money is a whole number of paise, an instant is whole milliseconds since 1970 in UTC, a truth is 0 or 1:
integers, which both engines check.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, MetaData, Text, text

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


def words(name: str, *, null: bool = False) -> Column[str]:
    """Return a text column."""
    return Column(name, Text, nullable=null)


def whole(name: str, *, null: bool = False, default: str | None = None) -> Column[int]:
    """Return a 64-bit integer column."""
    return Column(name, WHOLE, nullable=null, server_default=default)


def truth(name: str) -> CheckConstraint:
    """Return the check of a column that is 0 or 1."""
    return CheckConstraint(f"{name} IN (0, 1)", name=name)


def partial(name: str, *columns: str, where: str, is_unique: bool = False) -> Index:
    """An index over the rows that satisfy a condition, on either engine."""
    return Index(name, *columns, unique=is_unique, sqlite_where=text(where), postgresql_where=text(where))
