"""The OpenAPI document says what the answers are, and /docs shows all of it from here."""

import re
from typing import Any

import jsonschema_rs  # schemathesis brings it

from tests.web.shop import FIRST, Shop

SALE: dict[str, Any] = {"amount": 5000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}


def check_shape(document: dict[str, Any], path: str, method: str, answer: Any) -> None:
    """Compare an answer with what the document says of it."""
    described = document["paths"][path][method]["responses"]
    status = str(answer.status_code)
    assert status in described, f"{method} {path} answered {status}"
    content = described[status].get("content")
    if "$ref" in described[status]:
        content = document["components"]["responses"][status]["content"]
    if not content:
        return
    kind = answer.headers["content-type"].split(";")[0]
    assert kind in content
    schema = {**content[kind]["schema"], "components": document["components"]}
    jsonschema_rs.validate(schema, answer.json())


async def test_answers_are_as_described(shop: Shop) -> None:
    """Each call's real answers fit their schemas, refusals too."""
    line = {"description": "Cream", "unit_amount": 5000}
    async with shop.client() as client:
        document = (await client.get("/openapi.json")).json()
        assert document["openapi"].startswith("3.1")

        async def call(method: str, path: str, body: Any = None, **names: str) -> Any:
            answer = await client.request(method, path.format(**names), json=body)
            check_shape(document, path, method.lower(), answer)
            return answer.json() if answer.content else None

        bill = await call("POST", "/v1/bills", {"lines": [line], "customer": {"name": "Ramesh Kumar"}})
        payment = await call("POST", "/v1/payments", {**SALE, "bill": bill["id"]})
        await call("POST", "/v1/payments", {**SALE, "bill": bill["id"]})
        await call("POST", "/v1/payments", {"amount": 1})
        for path in ("/v1/payments/{id}", "/v1/payments/{id}?expand=timeline"):
            answer = await client.get(path.format(id=payment["id"]))
            check_shape(document, "/v1/payments/{payment_id}", "get", answer)
        await call("POST", "/v1/payments/{payment_id}/cancel", {"reason": "left"}, payment_id=payment["id"])
        shop.pay()
        for path in (
            "/v1/payments",
            "/v1/bills",
            "/v1/terminals",
            "/v1/events",
            "/v1/merchants",
            "/v1/api_keys",
            "/v1/ledger/accounts",
            "/v1/ledger/entries",
            "/v1/ledger/trial_balance",
            "/v1/reports/summary",
            "/healthz",
            "/readyz",
        ):
            await call("GET", path)
        await call("GET", "/v1/bills/{bill_id}", bill_id=bill["id"])
        await call("GET", "/v1/terminals/{terminal_id}", terminal_id=FIRST)
        await call("GET", "/v1/terminals/{terminal_id}", terminal_id="none")
        await call("POST", "/v1/payments/{payment_id}/check", payment_id=payment["id"])
        await call("POST", "/v1/api_keys", {"scopes": ["read"], "label": "x"})


async def test_every_call_names_its_scope_and_its_errors(small_shop: Shop) -> None:
    """Each operation has a summary, a scope, a tag and the problems it may answer with."""
    async with small_shop.client(None) as client:
        document = (await client.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["x-galla-scope"], path
            assert operation["description"].endswith("."), path
            assert operation["tags"], path
            assert "422" in operation["responses"], (method, path)
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_the_docs_page_shows_every_call_and_every_code(small_shop: Shop) -> None:
    """/docs lists each call and each error code, and loads nothing from elsewhere."""
    async with small_shop.client(None) as client:
        document = (await client.get("/openapi.json")).json()
        page = (await client.get("/docs")).text
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    for code in document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]:
        assert f'id="{code}"' in page
    assert re.findall(r'(?:src|href)="(?!/|#)[^"]*"', page) == []
