"""A customer's own page and addresses: the full name there alone, and forgotten by an admin."""

from __future__ import annotations

from tests.web.shop import Shop
from tests.web.staff import hire, session_of, signed_in
from tests.web.test_web_openapi import check_shape

NASTY = "<img src=x onerror=alert(1)>"


async def test_a_customer_has_one_page_and_an_admin_forgets_them(small_shop: Shop) -> None:
    """Staff see the full name there alone; an admin erases it once nothing is due; answers are as described."""
    line = {"description": "Cream", "unit_amount": 100}
    async with small_shop.client() as client:
        document = (await client.get("/openapi.json")).json()
        who = {"name": f"Ramesh {NASTY}", "phone": "98765 43210", "external_id": NASTY}
        bill = (await client.post("/v1/bills", json={"lines": [line], "customer": who})).json()
        customer_id = bill["customer"]["id"]
        for path, schema in (
            ("/v1/customers?q=rame", "/v1/customers"),
            ("/v1/customers?limit=1", "/v1/customers"),
            (f"/v1/customers/{customer_id}", "/v1/customers/{customer_id}"),
        ):
            answer = await client.get(path)
            check_shape(document, schema, "get", answer)
            assert NASTY in answer.text.replace("\\", "")
        early = await client.post(f"/v1/customers/{customer_id}/erase")
        assert (early.status_code, early.json()["code"]) == (409, "customer_has_open_money")
        assert (await client.get("/v1/customers/cust_none")).status_code == 404
    await hire(small_shop, "cashier")
    await hire(small_shop, "admin")
    page = f"/customers/{customer_id}"
    async with signed_in(small_shop, await session_of(small_shop, "cashier")) as cashier:
        text = (await cashier.get(page)).text
        assert "Ramesh &lt;img src=x onerror=alert(1)&gt;" in text
        assert (NASTY in text, "Erase this customer" in text) == (False, False)
        for elsewhere in (f"/counter?bill={bill['id']}", "/counter?q=ramesh", "/counter/customers?name=rame"):
            seen = (await cashier.get(elsewhere)).text
            assert ("onerror" in seen, customer_id in seen) == (False, True), elsewhere
    session = await session_of(small_shop, "admin")
    async with signed_in(small_shop, session) as admin:
        refused = await admin.post(f"{page}/erase", data={"csrf": session.csrf})
        assert (refused.status_code, "₹1.00 is still due" in refused.text) == (409, True)
        async with small_shop.client() as client:
            await client.post(f"/v1/bills/{bill['id']}/cancel")
        done = await admin.post(f"{page}/erase", data={"csrf": session.csrf})
        text = (await admin.get(done.headers["location"])).text
        assert ("Erased customer" in text, "onerror" in text, "98765" in text) == (True, False, False)
