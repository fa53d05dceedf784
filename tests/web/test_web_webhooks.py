"""Webhooks over the API and over real sockets, from a running service to a billing system that verifies them."""

from __future__ import annotations

from typing import Any

import pytest

from galla.sandbox.terminal import Action
from tests.web.receiving import billing
from tests.web.shop import FIRST, Shop, eventually, open_shop

SALE = {"amount": 5000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}


async def test_a_billing_system_is_told_and_verifies_what_happened(database_url: str) -> None:
    """From the sale to the proof in order; failed, sent again under the same id; a new secret; gone, and back."""
    async with open_shop(database_url, webhooks_to_private=True) as shop, billing() as system, shop.client() as client:
        body = {"url": system.url, "events": ["payment.*"], "description": "Billing"}
        made = (await client.post("/v1/webhook_endpoints", json=body)).json()
        system.secrets.append(made["secret"])
        one = f"/v1/webhook_endpoints/{made['id']}"
        sale = (await client.post("/v1/payments", json=SALE)).json()
        await shop.until_on_machine()
        shop.act(Action.ACCEPT, Action.INSERT, Action.PIN_RIGHT)
        await eventually(lambda: _has(system.types, "payment.paid"))
        assert system.types == ["payment.created", "payment.pending", "payment.paid"]
        assert {event["data"]["id"] for event in system.events} == {sale["id"]}
        assert [event["sequence"] for event in system.events] == [1, 2, 3]

        async def settled() -> bool:
            found = (await client.get(f"{one}/deliveries")).json()["data"]
            return [each["status"] for each in found] == ["delivered"] * 3

        await eventually(settled)
        system.secrets.append((await client.post(f"{one}/rotate")).json()["secret"])
        system.secrets.pop(0)
        await client.post(f"/v1/deliveries/{system.ids[2]}/replay")
        await eventually(lambda: _has(system.ids[3:], system.ids[2]))
        system.status = 410
        assert (await client.post(f"{one}/test")).status_code == 200

        async def is_off() -> bool:
            return (await client.get(one)).json()["disabled_reason"] == "gone"

        await eventually(is_off)
        refused = await client.post(f"{one}/test")
        assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
        system.status = 204
        assert (await client.patch(one, json={"is_enabled": True})).json()["is_enabled"] is True
        await eventually(lambda: _has(system.types[5:], "webhook.tested"))
        assert (await client.delete(one)).status_code == 204
        assert (await client.get(one)).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {}, "url"),
        ("", {"url": "http://billing.example/"}, "url"),
        ("", {"url": "https://127.0.0.1/"}, "url"),
        ("", {"url": "https://billing.example/", "events": ["payment.payed"]}, "events"),
        ("", {"url": "https://billing.example/", "secret": "mine"}, "secret"),
        ("/rotate", {"overlap_h": 169}, "overlap_h"),
        ("/replay", {"since": "yesterday"}, "since"),
    ],
)
async def test_what_cannot_be_used_is_named(small_shop: Shop, path: str, body: dict[str, Any], param: str) -> None:
    """The field at fault is in the answer, and nothing was made."""
    async with small_shop.client() as client:
        good = {"url": "https://billing.example/hook"}
        made = (await client.post("/v1/webhook_endpoints", json=good)).json()
        address = f"/v1/webhook_endpoints/{made['id']}{path}" if path else "/v1/webhook_endpoints"
        answer = await client.post(address, json=body)
        assert (answer.status_code, answer.json()["param"]) == (422, param)
        listed = (await client.get("/v1/webhook_endpoints")).json()["data"]
        assert [{**each, "secret": made["secret"]} for each in listed] == [made]


async def _has(found: list[str], wanted: str) -> bool:
    return wanted in found
