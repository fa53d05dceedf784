"""The books, read only: accounts, entries, trial balance."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection

from galla.clock import business_date, from_millis, rfc3339
from galla.service.till import Principal, Till
from galla.store import ledger


async def accounts(till: Till, principal: Principal) -> list[dict[str, Any]]:
    """Return the chart of accounts."""
    rows = await till.database.read(ledger.chart, principal.merchant_id)
    return [{"code": row.code, "name": row.name, "kind": row.kind} for row in rows]


async def entries(
    till: Till, principal: Principal, *, limit: int = 50, cursor: str | None = None, object_id: str | None = None
) -> dict[str, Any]:
    """Return a page of entries, newest first, each with its lines (paise, debit positive)."""
    limit = min(max(limit, 1), 200)
    found, lines = await till.database.read(
        ledger.entries_of, principal.merchant_id, limit=limit + 1, before=cursor, object_id=object_id
    )
    page = found[:limit]
    return {
        "data": [
            {
                "id": row.id,
                "object": "entry",
                "event": row.event,
                "of": row.object_id,
                "on": row.on,
                "description": row.description,
                "created_at": rfc3339(from_millis(row.at)),
                "postings": [
                    {"account": line.account, "amount": line.amount_paise}
                    for line in lines
                    if line.entry_id == row.id
                ],
            }
            for row in page
        ],
        "next_cursor": page[-1].id if len(found) > limit else None,
    }


async def trial_balance(till: Till, principal: Principal, on: date | None = None) -> dict[str, Any]:
    """Return every account's totals up to a business date; all balances sum to zero."""
    day = on or business_date(till.clock.now())
    return await till.database.read(_trial_balance, principal.merchant_id, day)


def _trial_balance(connection: Connection, merchant_id: str, on: date) -> dict[str, Any]:
    sums = {row.account: (int(row.debit), int(row.credit)) for row in ledger.balances(connection, merchant_id, on)}
    listed = []
    for row in ledger.chart(connection, merchant_id):
        debit, credit = sums.get(row.code, (0, 0))
        listed.append(
            {
                "code": row.code,
                "name": row.name,
                "kind": row.kind,
                "debit": debit,
                "credit": credit,
                "balance": debit - credit,
            }
        )
    return {
        "on": on.isoformat(),
        "accounts": listed,
        "debit": sum(account["debit"] for account in listed),
        "credit": sum(account["credit"] for account in listed),
    }
