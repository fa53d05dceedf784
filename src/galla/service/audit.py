"""The audit chain: checking that nobody has changed or removed a row."""

from __future__ import annotations

from typing import Any

from galla.service.till import Till
from galla.store import journal
from galla.store import merchants as stored


async def verify(till: Till) -> dict[str, Any]:
    """Walk every merchant's chain.

    Returns:
        `rows` walked, and `first_bad`: None, or the merchant and position of the first row that does not fit.
    """
    total = 0
    for merchant in await till.database.read(stored.all_merchants):
        rows, broken = await till.database.read(journal.first_broken, merchant.id)
        total += rows
        if broken is not None:
            return {"rows": total, "first_bad": {"merchant": merchant.id, "position": broken}}
    return {"rows": total, "first_bad": None}
