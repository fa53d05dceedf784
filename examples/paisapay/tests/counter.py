"""Run by the test in a process that has the package: take payments by PaisaPay and print what became of them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from pretend import PretendPaisaPay, running

from galla.config import Secret, load
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID
from galla.service import access, ledgers, payments
from galla.service.till import Principal, Till

API_KEY = "gk_test_12345"


async def take(till: Till, principal: Principal, server: PretendPaisaPay, paid_as: str | None) -> dict[str, Any]:
    """Take ₹2,500.00 and let the customer pay it, or something else, at PaisaPay."""
    new = payments.NewPayment(amount_paise=250_000, method="paisapay")
    view = (await payments.start(till, principal, new)).payment
    begun = {"status": view["status"], "phase": view["phase"], "link": view["next_action"]["link"]}
    server.pay(view["paytm"]["id"], amount=paid_as)
    for _ in range(200):
        view = await payments.get(till, principal, view["id"])
        if view["status"] == "paid" or view["needs_review"]:
            break
        await asyncio.sleep(0.05)
    return {"begun": begun, "end": view}


async def main(database: str) -> dict[str, Any]:
    """Open a till with a worker on real HTTP, and take an honest payment and one that PaisaPay lies about."""
    settings = load(
        {},
        database_url=database,
        mid=DEMO_MID,
        key=Secret(DEMO_KEY),
        secret_key=Secret("x" * 40),
        api_key=Secret(API_KEY),
        ladder_scale=0.02,
    )
    with running("a shop's secret") as server:
        os.environ["PAISAPAY_URL"], os.environ["PAISAPAY_SECRET"] = server.url, "a shop's secret"
        till = await Till.open(settings)
        stop = asyncio.Event()
        worker = asyncio.create_task(till.worker().run(stop))
        try:
            principal = await access.principal_for_key(till, API_KEY)
            assert principal is not None
            return {
                "methods": sorted(till.connectors),
                "honest": await take(till, principal, server, None),
                "lying": await take(till, principal, server, "250001"),
                "books": await ledgers.trial_balance(till, principal),
                "calls": sorted(set(server.calls)),
            }
        finally:
            stop.set()
            await worker
            await till.close()


print(json.dumps(asyncio.run(main(sys.argv[1]))))
