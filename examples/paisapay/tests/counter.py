"""Run by the test in a process that has the package: take payments by PaisaPay over galla's HTTP API, as a billing
system would, and print what became of them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from typing import Any

import aiohttp
from pretend import PretendPaisaPay, running

from galla.config import Secret, load
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID
from galla.service.till import Till
from galla.web.app import make_app, server

API_KEY = "gk_test_12345"


async def take(api: aiohttp.ClientSession, provider: PretendPaisaPay, paid_as: str | None) -> dict[str, Any]:
    """Take ₹2,500.00 and let the customer pay it, or something else, at PaisaPay."""
    async with api.post("/v1/payments", json={"amount": 250_000, "method": "paisapay"}) as answer:
        view = await answer.json()
        begun = {"answer": answer.status, "status": view["status"], "phase": view["phase"]}
    begun["link"] = view["next_action"]["link"]
    provider.pay(view["paytm"]["id"], amount=paid_as)
    for _ in range(200):
        view = await get(api, f"/v1/payments/{view['id']}")
        if view["status"] == "paid" or view["needs_review"]:
            break
        await asyncio.sleep(0.05)
    return {"begun": begun, "end": view}


async def get(api: aiohttp.ClientSession, path: str) -> Any:
    """Ask the API."""
    async with api.get(path) as answer:
        return await answer.json()


async def sell(till: Till, provider: PretendPaisaPay) -> dict[str, Any]:
    """Serve the till on a free port; take an honest payment, one that PaisaPay lies about, and one by nobody's way."""
    served, door = server(make_app(till), "127.0.0.1", 0), socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(served.serve(sockets=[door]))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    try:
        async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {API_KEY}"}) as api:
            async with api.post("/v1/payments", json={"amount": 250_000, "method": "rupeepay"}) as answer:
                refused = await answer.json()
            document = await get(api, "/openapi.json")
            return {
                "methods": document["components"]["schemas"]["PaymentBody"]["properties"]["method"]["enum"],
                "refused": refused,
                "honest": await take(api, provider, None),
                "lying": await take(api, provider, "250001"),
                "found": await get(api, "/v1/payments?method=paisapay"),
                "books": await get(api, "/v1/ledger/trial_balance"),
                "calls": sorted(set(provider.calls)),
            }
    finally:
        served.should_exit = True
        await serving


async def main(database: str) -> dict[str, Any]:
    """Open a till with a worker on real HTTP, and sell."""
    settings = load(
        {},
        database_url=database,
        mid=DEMO_MID,
        key=Secret(DEMO_KEY),
        secret_key=Secret("x" * 40),
        api_key=Secret(API_KEY),
        ladder_scale=0.02,
    )
    with running("a shop's secret") as provider:
        os.environ["PAISAPAY_URL"], os.environ["PAISAPAY_SECRET"] = provider.url, "a shop's secret"
        till = await Till.open(settings)
        try:
            return await sell(till, provider)
        finally:
            await till.close()


print(json.dumps(asyncio.run(main(sys.argv[1]))))
