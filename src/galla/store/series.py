"""The series of bill numbers: one for each branch and financial year, without a gap and without a twin.

The number is taken from a locked row inside the transaction that writes the bill: what is rolled back gives it back.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, insert, select, update

from galla.store.bill_tables import MOST_LETTERS, MOST_NUMBERS, series

USUAL = "INV"
_s = series.c


def take(connection: Connection, merchant_id: str, branch: str, year: str) -> str | None:
    """Return the next number of a branch in a financial year such as `26-27`.

    None when sixteen characters, which is what GST allows, have no room for another number or another branch's letters.
    """
    row = connection.execute(
        update(series)
        .where(_s.merchant_id == merchant_id, _s.branch == branch, _s.year == year, _s.last < MOST_NUMBERS)
        .values(last=_s.last + 1)
        .returning(_s.prefix, _s.last)
    ).first()
    prefix, last = (row.prefix, row.last) if row is not None else (_begin(connection, merchant_id, branch, year), 1)
    return f"{prefix}/{year}/{last:06d}" if prefix is not None else None


def _begin(connection: Connection, merchant_id: str, branch: str, year: str) -> str | None:
    """Begin a series, unless it is at its end. Whoever loses the race to begin it is run again, and finds it."""
    mine = (_s.merchant_id == merchant_id, _s.branch == branch, _s.year == year)
    if connection.execute(select(_s.last).where(*mine, _s.last >= MOST_NUMBERS)).first() is not None:
        return None
    prefix = _prefix(connection, merchant_id, branch)
    if prefix is not None:
        values = {"merchant_id": merchant_id, "branch": branch, "year": year, "prefix": prefix, "last": 1}
        connection.execute(insert(series).values(values))
    return prefix


def _prefix(connection: Connection, merchant_id: str, branch: str) -> str | None:
    """Return a branch's letters: those it has always had, else the first free ones made from its name, if any are."""
    rows = connection.execute(select(_s.branch, _s.prefix).where(_s.merchant_id == merchant_id).distinct()).all()
    own = next((row.prefix for row in rows if row.branch == branch), None)
    if own is not None:
        return str(own)
    taken = {row.prefix for row in rows} | ({USUAL} if branch else set())
    letters = re.sub(r"[^A-Z0-9]", "", branch.upper())[:MOST_LETTERS] or ("BR" if branch else USUAL)
    if not branch or letters not in taken:
        return USUAL if not branch else letters
    numbered = (f"{letters[: MOST_LETTERS - len(str(count))]}{count}" for count in range(2, 1000))
    return next((each for each in numbered if each not in taken), None)
