"""The page of the audit trail: what narrows it, who may see it, and the first row that does not fit, by its number."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Connection, text

from tests.web.shop import FIRST, Shop
from tests.web.staff import hire, session_of, signed_in


def forge(connection: Connection, position: int) -> None:
    """Change a row as somebody with the database in hand would: past the guards, its hash left as it was."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    else:
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
    connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE position = :position"), {"position": position})


async def test_the_trail_is_narrowed_and_its_first_bad_row_is_named(shop: Shop) -> None:
    """By who, about what, id and day, on either engine; whole at first, and after a forgery broken at that very row."""
    for role in ("accountant", "cashier"):
        await hire(shop, role)
    async with shop.client() as client:
        sale = {"amount": 5000, "method": "cash", "reference": "INV-1"}
        payment = (await client.post("/v1/payments", json=sale)).json()["id"]
        await client.patch(f"/v1/terminals/{FIRST}", json={"label": "<b>Desk</b>"})
    async with signed_in(shop, await session_of(shop, "accountant")) as client:

        async def found(query: str) -> set[str]:
            page = (await client.get(f"/audit?{query}")).text
            return set(re.findall(r"<td>(\w+: [\w ]+)</td>", page))

        assert {"Payment: created", "Payment: paid", "Machine: changed", "User: created"} <= await found("")
        assert await found("about=terminal") == {"Machine: created", "Machine: changed"}
        assert await found(f"object={payment}&about=payment") == {"Payment: created", "Payment: paid"}
        assert await found("who=GALLA_API&about=payment") == {"Payment: created"}
        assert await found("since=2001-01-01&until=2001-01-02") == set()
        assert "<b>Desk</b>" not in (await client.get("/audit?about=terminal")).text
        assert (await client.get("/audit?since=never")).status_code == 422
        whole = (await client.get("/audit?verify=1")).text
        assert re.search(r"All \d+ rows fit", whole)
        await shop.till.database.write(forge, 3)
        broken = (await client.get("/audit?verify=1")).text
    assert "Row 3 is the first that does not fit." in broken
    assert "It now says: nobody," in broken
    assert "The 2 rows before it are as they were written." in broken


@pytest.mark.parametrize("role", ["cashier", "lead"])
async def test_who_takes_money_does_not_read_the_trail(small_shop: Shop, role: str) -> None:
    """A cashier and a lead are told whose it is, and are not offered it."""
    await hire(small_shop, role)
    async with signed_in(small_shop, await session_of(small_shop, role)) as client:
        refused = await client.get("/audit")
        office = (await client.get("/payments")).text
    assert refused.status_code == 403
    assert f"This is for an accountant or an admin. You are signed in as {role.title()}, a {role}." in refused.text
    assert 'href="/audit"' not in office
