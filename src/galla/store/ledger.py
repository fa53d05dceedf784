"""Entries and postings: written once, in balance, and read for ever."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, case, cast, func, insert, select

from galla.clock import to_millis
from galla.ids import new_id
from galla.ledger.accounts import ADVANCES, Account
from galla.ledger.posting import Entry
from galla.store.record_tables import accounts, entries, postings

_HAS_ACCOUNT = select(accounts.c.code).where(
    accounts.c.merchant_id == bindparam("merchant"), accounts.c.code == bindparam("named")
)
_ADD_POSTINGS, _ADD_ENTRY = insert(postings), insert(entries)


def add_account(connection: Connection, merchant_id: str, account: Account) -> None:
    """Add an account to a merchant's chart unless it is there."""
    found = connection.execute(_HAS_ACCOUNT, {"merchant": merchant_id, "named": account.code}).first()
    if found is None:
        connection.execute(
            insert(accounts).values(
                merchant_id=merchant_id, code=account.code, name=account.name, kind=account.kind.value
            )
        )


def book(connection: Connection, merchant_id: str, entry: Entry) -> str:
    """Write one entry; its lines first, then the row that weighs and seals them. Returns the entry's id."""
    entry_id = new_id("ent", entry.at)
    connection.execute(
        _ADD_POSTINGS,
        [
            {
                "merchant_id": merchant_id,
                "entry_id": entry_id,
                "line": number,
                "account": line.account.code,
                "amount_paise": line.amount_paise,
            }
            for number, line in enumerate(entry.postings, start=1)
        ],
    )
    connection.execute(
        _ADD_ENTRY,
        {
            "merchant_id": merchant_id,
            "id": entry_id,
            "object_id": entry.object_id,
            "event": entry.event,
            "on": entry.on.isoformat(),
            "description": entry.description,
            "at": to_millis(entry.at),
        },
    )
    return entry_id


def advance_left(connection: Connection, merchant_id: str, object_ids: list[str]) -> int:
    """Return how much of these objects (a payment and its refunds) still stands as an advance, in paise."""
    found = connection.execute(
        select(func.sum(postings.c.amount_paise))
        .join(
            entries, and_(entries.c.merchant_id == postings.c.merchant_id, entries.c.id == postings.c.entry_id)
        )
        .where(
            postings.c.merchant_id == merchant_id,
            postings.c.account == ADVANCES.code,
            entries.c.object_id.in_(object_ids),
        )
    ).scalar_one()
    return -int(found or 0)


def chart(connection: Connection, merchant_id: str) -> list[Row[Any]]:
    """Return the accounts of a merchant."""
    return list(
        connection.execute(
            select(accounts).where(accounts.c.merchant_id == merchant_id).order_by(accounts.c.code)
        )
    )


def balances(connection: Connection, merchant_id: str, on: date | None = None) -> list[Row[Any]]:
    """Return debit and credit totals per account, in paise, up to and including a business date."""
    line, entry = postings.c, entries.c
    debit = cast(func.sum(case((line.amount_paise > 0, line.amount_paise), else_=0)), line.amount_paise.type)
    credit = cast(func.sum(case((line.amount_paise < 0, -line.amount_paise), else_=0)), line.amount_paise.type)
    where = [line.merchant_id == merchant_id]
    if on is not None:
        where.append(entry.on <= on.isoformat())
    return list(
        connection.execute(
            select(line.account, debit.label("debit"), credit.label("credit"))
            .join(entries, and_(entry.merchant_id == line.merchant_id, entry.id == line.entry_id))
            .where(*where)
            .group_by(line.account)
        )
    )


def entries_of(
    connection: Connection,
    merchant_id: str,
    *,
    limit: int,
    before: str | None = None,
    object_id: str | None = None,
) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """Return a page of entries, newest first, and all their lines."""
    where = [entries.c.merchant_id == merchant_id]
    if before is not None:
        where.append(entries.c.id < before)
    if object_id is not None:
        where.append(entries.c.object_id == object_id)
    page = list(connection.execute(select(entries).where(*where).order_by(entries.c.id.desc()).limit(limit)))
    lines = connection.execute(
        select(postings)
        .where(postings.c.merchant_id == merchant_id, postings.c.entry_id.in_([row.id for row in page]))
        .order_by(postings.c.entry_id, postings.c.line)
    )
    return page, list(lines)


def count_entries(connection: Connection, merchant_id: str, since: datetime) -> int:
    """Return how many entries were booked since an instant."""
    found = connection.execute(
        select(func.count())
        .select_from(entries)
        .where(entries.c.merchant_id == merchant_id, entries.c.at >= to_millis(since))
    ).scalar_one()
    return int(found)
