"""Bills of another billing system, sent many at a time and sent again."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.web.shop import Shop
from tests.web.test_web_openapi import check_shape

LINE = {"description": "Cream", "unit_amount": 11_800, "tax_rate": "18"}


async def test_an_import_takes_in_each_bill_once(shop: Shop) -> None:
    """A row that cannot be used holds up no other; sent again, and twice at once, every bill is there once."""
    rows: list[dict[str, Any]] = [{"number": f"H-{n}", "total": 100 + n, "description": "Physio"} for n in range(60)]
    rows += [
        {"number": "H-60", "lines": [LINE], "customer": {"external_id": "P-9", "name": "Ramesh Kumar"}},
        {"number": "H-61", "lines": [{**LINE, "quantity": 0}]},
        {"number": "H-62", "lines": [LINE], "colour": "red"},
        {"lines": [LINE]},
        {"number": "INV/26-27/000001", "total": 5},
        {"number": "H-0", "total": 99, "description": "Physio"},
        {"number": 7},
    ]
    async with shop.client() as client:
        document = (await client.get("/openapi.json")).json()
        first = await client.post("/v1/bills/import", json={"bills": rows})
        again = await asyncio.gather(*(client.post("/v1/bills/import", json={"bills": rows}) for _ in range(2)))
        listed = (await client.get("/v1/bills?limit=200")).json()["data"]
        too_many = await client.post("/v1/bills/import", json={"bills": [{}] * 501})
    check_shape(document, "/v1/bills/import", "post", first)
    made = first.json()
    assert [made[word] for word in ("created", "known", "refused")] == [61, 0, 6]
    refused = [(row["error"]["code"], row["error"]["param"]) for row in made["data"] if row["error"]]
    assert refused == [
        ("invalid_field", "lines[0].quantity"),
        ("unknown_field", "colour"),
        ("missing_field", "number"),
        ("number_reserved", "number"),
        ("bill_exists", "number"),
        ("invalid_field", "number"),
    ]
    for answer in again:
        assert [answer.json()[word] for word in ("created", "known", "refused")] == [0, 61, 6]
        assert [row["bill"] for row in answer.json()["data"]] == [row["bill"] for row in made["data"]]
    assert len(listed) == 61
    assert too_many.status_code == 422
