"""The office's list of payments: a page of it, what all of it comes to, and the whole of it for a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Connection

from galla.payments.model import Payment
from galla.service.till import Principal, Till
from galla.service.views import View, payment_view
from galla.store import listing as stored
from galla.store.listing import Listing, Sums

__all__ = ["Listing", "Sums", "every", "find", "takers"]

_BATCH = 500


async def find(
    till: Till, principal: Principal, wanted: Listing, *, limit: int = 50, cursor: str | None = None
) -> dict[str, Any]:
    """Return a page of the list, newest first, with the `sums` of all of it, read at one moment."""
    found, sums = await till.database.read(_page, principal.merchant_id, wanted, limit + 1, cursor)
    now = till.clock.now()
    return {
        "data": [payment_view(payment, now) for payment in found[:limit]],
        "next_cursor": found[limit - 1].id if len(found) > limit else None,
        "sums": sums,
    }


async def every(till: Till, principal: Principal, wanted: Listing) -> AsyncIterator[View]:
    """Yield the whole list, newest first, without ever holding all of it."""
    cursor: str | None = None
    while True:
        found = await till.database.read(stored.find, principal.merchant_id, wanted, limit=_BATCH, before=cursor)
        now = till.clock.now()
        for payment in found:
            yield payment_view(payment, now)
        if len(found) < _BATCH:
            return
        cursor = found[-1].id


async def takers(till: Till, principal: Principal) -> list[str]:
    """Return the names of all who ever took a payment."""
    return await till.database.read(stored.takers, principal.merchant_id)


def _page(
    connection: Connection, merchant_id: str, wanted: Listing, limit: int, before: str | None
) -> tuple[list[Payment], Sums]:
    found = stored.find(connection, merchant_id, wanted, limit=limit, before=before)
    return found, stored.sums(connection, merchant_id, wanted)
