"""Payments over HTTP, against the real service, a real database and the sandbox as Paytm."""

import asyncio
from typing import Any

from galla.sandbox.faults import Fault, Kind
from galla.sandbox.terminal import Action
from tests.web.shop import FIRST, SECOND, Shop

SALE: dict[str, Any] = {"amount": 250000, "method": "edc", "terminal": FIRST, "reference": "INV-2024-0001"}


async def settled(client: Any, payment_id: str, *, until: tuple[str, ...] = ("paid", "not_paid")) -> dict[str, Any]:
    """Ask until a payment has come to one of these states."""
    async with asyncio.timeout(15):
        while True:
            payment: dict[str, Any] = (await client.get(f"/v1/payments/{payment_id}")).json()
            if payment["status"] in until:
                return payment
            await asyncio.sleep(0.02)


async def test_a_sale_comes_to_be_paid(shop: Shop) -> None:
    """A pushed sale answers 201 on the machine, and is paid with its proof after the card."""
    async with shop.client() as client:
        answer = await client.post("/v1/payments", json=SALE)
        started = answer.json()
        assert (answer.status_code, started["status"], started["phase"]) == (201, "pending", "on_device")
        assert answer.headers["location"] == f"/v1/payments/{started['id']}"
        assert started["next_action"]["type"] == "approve_on_terminal"
        shop.pay()
        paid = await settled(client, started["id"])
    assert (paid["status"], paid["proof"]["card_last4"], paid["proof"]["card_network"]) == ("paid", "1234", "VISA")
    assert paid["payment_detail"]["credit_card_amount"] == 250000
    assert paid["payment_detail"]["payment_reference"] == paid["proof"]["rrn"]


async def test_a_declined_sale_says_why_and_what_next(shop: Shop) -> None:
    """A sale refused at the machine is not paid, with a reason and a hint in words."""
    async with shop.client() as client:
        started = (await client.post("/v1/payments", json=SALE)).json()
        shop.act(Action.RED_KEY)
        ended = await settled(client, started["id"])
    assert ended["status"] == "not_paid"
    assert ended["reason"]["message"].endswith(".")
    assert ended["reason"]["hint"].endswith(".")


async def test_without_waiting_the_answer_is_what_is_true(shop: Shop) -> None:
    """`wait=0` answers before Paytm did, and the payment goes on by itself."""
    shop.sandbox.add_fault(Fault(kind=Kind.DELAY, operation="sale", after_ms=300))
    async with shop.client() as client:
        started = (await client.post("/v1/payments?wait=0", json=SALE)).json()
        assert started["status"] == "created"
        await shop.until_on_machine()
        shop.pay()
        assert (await settled(client, started["id"]))["status"] == "paid"


async def test_the_timeline_holds_no_secret(shop: Shop) -> None:
    """`expand=timeline` tells every exchange with Paytm, with the checksum blotted out."""
    async with shop.client() as client:
        started = (await client.post("/v1/payments", json=SALE)).json()
        shop.pay()
        await settled(client, started["id"])
        answer = await client.get(f"/v1/payments/{started['id']}?expand=timeline")
    kinds = {item["kind"] for item in answer.json()["timeline"]}
    assert {"event", "exchange"} <= kinds
    assert '"checksum\\":\\"****' in answer.text.replace("\\\\", "\\")
    assert "timeline" not in started


async def test_lists_are_newest_first_and_turn_pages(shop: Shop) -> None:
    """A list gives each payment once, newest first, page by page."""
    async with shop.client() as client:
        made = []
        for number, tid in ((1, FIRST), (2, SECOND)):
            body = {**SALE, "terminal": tid, "reference": f"INV-{number}"}
            made.append((await client.post("/v1/payments", json=body)).json()["id"])
        first = (await client.get("/v1/payments?limit=1")).json()
        second = (await client.get(f"/v1/payments?limit=1&cursor={first['next_cursor']}")).json()
        narrowed = (await client.get("/v1/payments?reference=INV-1")).json()
        none = (await client.get("/v1/payments?status=paid")).json()
    assert made[::-1] == [first["data"][0]["id"], second["data"][0]["id"]]
    assert second["next_cursor"] is None
    assert [made[0]] == [payment["id"] for payment in narrowed["data"]]
    assert none == {"data": [], "next_cursor": None}


async def test_check_asks_paytm_and_never_charges(shop: Shop) -> None:
    """`check` brings the truth at once, and the sandbox has seen one sale."""
    async with shop.client() as client:
        started = (await client.post("/v1/payments", json=SALE)).json()
        shop.pay()
        answer = await client.post(f"/v1/payments/{started['id']}/check")
        assert answer.status_code in (200, 429)
        assert (await settled(client, started["id"]))["status"] == "paid"
    assert len(shop.sandbox.wire.calls(operation="sale")) == 1


async def test_cancel_is_honest(shop: Shop) -> None:
    """Cancel keeps watching: it says so, and a card taken afterwards is paid all the same."""
    async with shop.client() as client:
        started = (await client.post("/v1/payments", json=SALE)).json()
        answer = await client.post(f"/v1/payments/{started['id']}/cancel", json={"reason": "patient left"})
        stopped = answer.json()
        assert (answer.status_code, stopped["status"]) == (200, "pending")
        assert stopped["cancel_requested_at"] is not None
        assert "red key" in stopped["next_action"]["text"]
        shop.pay()
        assert (await settled(client, started["id"]))["status"] == "paid"
        late = await client.post(f"/v1/payments/{started['id']}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "illegal_transition")


async def test_a_lost_reply_is_asked_about_and_never_sent_again(shop: Shop) -> None:
    """When Paytm's answer is lost the payment is in doubt, then paid: one sale on the wire."""
    shop.sandbox.add_fault(Fault(kind=Kind.DROP_AFTER, operation="sale"))
    shop.sandbox.add_fault(Fault(kind=Kind.HTTP_500, operation="status", times=2))
    async with shop.client() as client:
        started = (await client.post("/v1/payments", json=SALE)).json()
        assert started["status"] == "in_doubt"
        await shop.until_on_machine()
        shop.pay()
        assert (await settled(client, started["id"]))["status"] == "paid"
    assert len(shop.sandbox.wire.calls(operation="sale")) == 1


async def test_a_bill_is_paid_once(shop: Shop) -> None:
    """A bill's payment reserves it, a second one is refused by name, and a proven one pays it."""
    bill = {
        "number": "INV/24-7",
        "customer": {"name": "Ramesh Kumar", "phone": "9876543210"},
        "lines": [
            {"description": "Consultation", "quantity": 1, "unit_amount": 50000},
            {"description": "Tretinoin cream", "quantity": 2, "unit_amount": 10000, "tax_rate": "18"},
        ],
    }
    async with shop.client() as client:
        made = await client.post("/v1/bills", json=bill)
        opened = made.json()
        assert (made.status_code, opened["total"], opened["due"], opened["status"]) == (201, 70000, 70000, "open")
        sale = {"amount": 70000, "method": "edc", "terminal": FIRST, "bill": opened["id"]}
        started = (await client.post("/v1/payments", json=sale)).json()
        second = await client.post("/v1/payments", json={**sale, "terminal": SECOND})
        assert (second.status_code, second.json()["code"]) == (409, "bill_has_live_payment")
        assert second.json()["blocker"] == started["id"]
        shop.pay()
        await settled(client, started["id"])
        after = (await client.get(f"/v1/bills/{opened['id']}")).json()
        listed = (await client.get("/v1/bills?q=ramesh")).json()
        closed = await client.post(f"/v1/bills/{opened['id']}/cancel")
    assert (after["paid"], after["due"], after["status"]) == (70000, 0, "paid")
    assert [started["id"]] == [payment["id"] for payment in after["payments"]]
    assert [opened["id"]] == [found["id"] for found in listed["data"]]
    assert closed.status_code == 409


async def test_a_machine_shows_who_holds_it(shop: Shop) -> None:
    """A terminal names its live payment, can be renamed, and can be taken out of use."""
    async with shop.client() as client:
        started = (await client.post("/v1/payments", json=SALE)).json()
        held = (await client.get(f"/v1/terminals/{FIRST}")).json()
        assert started["id"] == held["live_payment"]["id"]
        changed = (await client.patch(f"/v1/terminals/{held['id']}", json={"label": "Desk"})).json()
        assert changed["label"] == "Desk"
        added = await client.post("/v1/terminals", json={"tid": "99990001", "label": "Pharmacy"})
        assert (added.status_code, added.json()["label"]) == (201, "Pharmacy")
        assert len((await client.get("/v1/terminals")).json()["data"]) == 3


async def test_the_ledger_balances(shop: Shop) -> None:
    """After a sale the trial balance sums to zero, and what Paytm owes stands in its clearing account."""
    async with shop.client() as client:
        started = (await client.post("/v1/payments", json=SALE)).json()
        shop.pay()
        await settled(client, started["id"])
        balance = (await client.get("/v1/ledger/trial_balance")).json()
        entries = (await client.get("/v1/ledger/entries")).json()
        accounts = (await client.get("/v1/ledger/accounts")).json()
        early = (await client.get("/v1/ledger/trial_balance?on=2020-01-01")).json()
    assert sum(account["balance"] for account in balance["accounts"]) == 0
    clearing = [account for account in balance["accounts"] if account["name"].startswith("Clearing Paytm ")]
    assert [account["balance"] for account in clearing] == [250000]
    assert sum(posting["amount"] for posting in entries["data"][0]["postings"]) == 0
    assert len(accounts["data"]) == len(balance["accounts"])
    assert (early["debit"], early["credit"]) == (0, 0)


async def test_health_is_open_to_all(shop: Shop) -> None:
    """Liveness, readiness and metrics answer without a key on the same computer."""
    async with shop.client(None) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).json()["status"] == "ok"
        metrics = await client.get("/metrics")
        proxied = await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "galla_payments_open" in metrics.text
    assert proxied.status_code == 401


async def test_a_dead_worker_is_not_ready(small_shop: Shop) -> None:
    """When the worker beside the pages has ended, readiness fails and says what that means."""
    async with small_shop.client(None) as client:
        assert (await client.get("/readyz")).json()["checks"]["worker"] == "ok"
        small_shop.app.state.working.cancel()
        await asyncio.sleep(0.05)
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")
    assert "no longer followed" in answer.json()["checks"]["worker"]
