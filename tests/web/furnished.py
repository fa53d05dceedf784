"""A shop in which every page has something to show: one of each thing an address can name, in each of its states."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx2
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import Connection, update

from galla.clock import to_millis
from galla.sandbox.terminal import Action
from galla.service import access, people, welcome
from galla.service.access import Session
from galla.store.tables import payments as payment_rows
from tests.web.role_rows import EVERYBODY, ROWS
from tests.web.shop import FIRST, SECOND, Shop, eventually
from tests.web.staff import PASSWORD, hire, session_of, signed_in
from tests.web.upi_shop import pay_page

LINE = {"description": "Consultation", "unit_amount": 250_000, "tax_rate": "18", "hsn": "9993"}

FACES: tuple[tuple[str | None, str], ...] = (
    *((None, path) for path in (
        "/sign-in?by=key", "/setup?token={set_up}", "/welcome?token={invitation}", "/nowhere", "/r/00000000000000000",
        "/display/{terminal_id}?ticket={ticket}",
    )),
    *(("lead", path) for path in (
        "/counter?new=bill", "/counter?payment={payment_id}", "/counter?payment={declined}",
        "/counter?payment={waiting}", "/counter?payment={code_shown}", "/counter?payment={queued}",
        "/counter?payment={cash}", "/counter?bill={due}", "/payments/{forgotten}", "/shift/{closed_shift}",
        "/shift/{closed_shift}/report", "{bill_paper}", "{back_paper}", "/settings", "/payments/{twice}",
        "/shift/{free_shift}",
    )),
    ("cashier", "/shift"),
)  # fmt: skip
"""Where one route has several faces: the addresses that show the others."""


class Furnished:
    """Ids by the names that addresses give them, more of them by names of this test's own, and who is signed in."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.sessions: dict[str, Session] = {}

    def filled(self, path: str) -> str:
        """Return an address with its names replaced.

        Raises:
            KeyError: it holds a name that nobody made: a new page needs its thing in `furnish`.
        """
        return re.sub(r"\{(\w+)\}", lambda found: self.ids[found[1]], path)


async def furnish(shop: Shop) -> Furnished:
    """Make one of each thing, through the API, the service, and the forms that only a person sends."""
    made = Furnished()
    made.ids["set_up"] = (await welcome.open_set_ups(shop.till))[0].token
    for role in ("admin", "lead"):
        await hire(shop, role, display_name=f"{role.title()} Venkataraman", password=PASSWORD)
        made.sessions[role] = await session_of(shop, role)
    cashier = await hire(shop, "cashier", display_name="Asha N.")
    made.sessions["cashier"] = await session_of(shop, "cashier", counter="Counter 3")  # where no shift is open
    made.ids |= {"user_id": cashier["id"], "merchant_id": await shop.merchant(), "counter": "Counter 1"}
    made.ids["invitation"] = await people.invite(shop.till, made.sessions["admin"].principal, "cashier")
    made.ids["ticket"] = await access.make_ticket(shop.till, made.ids["merchant_id"], ["display"])
    async with shop.client() as client, signed_in(shop, made.sessions["lead"]) as lead:
        await _sell(shop, client, made)
        await _surprise(shop, client, made)
        task = (await client.get(f"/v1/tasks?payment={made.ids['twice']}")).json()["data"][0]
        await _send(lead, f"/v1/tasks/{task['id']}/take")
        await _close_a_shift(lead, made)
        await _print(lead, made)
        hook = {"url": "https://billing.example/hook", "description": "Billing", "events": ["payment.*"]}
        made.ids["endpoint_id"] = (await _send(client, "/v1/webhook_endpoints", **hook))["id"]
    return made


def paths_of(app: FastAPI, method: str) -> set[str]:
    """Return every path of the application that answers to a method."""
    return {each.path for each in iter_route_contexts(app.routes) if each.path and method in (each.methods or ())}


async def pages_of(shop: Shop, made: Furnished) -> list[tuple[str, str | None]]:
    """Ask every GET route of the application, as whoever may; return the addresses that answer with a page, and who.

    A part of a page, a stream and a file are none.
    """
    found: list[tuple[str, str | None]] = []
    for path in sorted(paths_of(shop.app, "GET")):
        who = ROWS[f"GET {path}"]
        role = None if who == EVERYBODY else "lead" if "lead" in who else "admin"
        address = made.filled(path)
        async with (
            signed_in(shop, made.sessions[role] if role else None, Accept="text/html") as client,
            client.stream("GET", address) as answer,
        ):
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            text = (await answer.aread()).decode().lstrip()
            if text.startswith("<!doctype html>"):
                found.append((address, role))
    return found


async def _send(client: httpx2.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code < 300, (path, answer.text)
    return dict(answer.json())


async def _sell(shop: Shop, client: httpx2.AsyncClient, made: Furnished) -> None:
    """A bill paid by card and partly given back, a declined card, cash, and one payment that waits, of each kind."""
    bill, made.ids["token"] = await pay_page(shop)
    made.ids["token"] = made.ids["token"].removeprefix("/pay/")
    made.ids["customer_id"] = bill["customer"]["id"]
    made.ids["due"] = bill["id"]
    paid_bill = await _send(client, "/v1/bills", lines=[LINE], customer={"name": "सुनीता शर्मा"})
    made.ids["bill_id"] = paid_bill["id"]
    for name, status, card in (("payment_id", "paid", "visa_credit"), ("declined", "not_paid", "no_funds")):
        more = {"bill": paid_bill["id"]} if status == "paid" else {"reference": "INV-5"}
        sale = await _send(client, "/v1/payments", amount=250_000, method="edc", terminal=SECOND, **more)
        await shop.until_on_machine(SECOND)
        shop.pay(SECOND, card=card)
        await _until(client, sale["id"], status)
        made.ids[name] = sale["id"]
    cash = await _send(client, "/v1/payments", amount=80_000, method="cash", tendered=100_000, reference="INV-6")
    made.ids["cash"] = cash["id"]
    back = await _send(client, f"/v1/payments/{cash['id']}/refunds", amount=5_000, reason="Cream returned")
    made.ids["refund_id"] = back["id"]
    for name, method, more in (
        ("waiting", "edc", {"terminal": FIRST}),
        ("code_shown", "upi_qr", {}),
        ("queued", "queue", {"terminal": FIRST}),
    ):
        started = await _send(client, "/v1/payments", amount=90_000, method=method, reference=f"INV-{name}", **more)
        made.ids[name] = started["id"]
        made.ids["terminal_id"] = made.ids.get("terminal_id") or started["terminal"]


async def _surprise(shop: Shop, client: httpx2.AsyncClient, made: Furnished) -> None:
    """A bill that was paid twice, and a payment that Paytm has said nothing about for days."""
    bill = await _send(client, "/v1/bills", lines=[LINE])
    tender = {"amount": 250_000, "bill": bill["id"]}
    slow = await _send(client, "/v1/payments", **tender, method="edc", terminal=SECOND)
    await _send(client, "/v1/payments", **tender, method="cash", allow_parallel=True)
    await shop.until_on_machine(SECOND)
    shop.pay(SECOND)
    await _until(client, slow["id"], "paid")
    shop.act(Action.CLEAR, tid=SECOND)
    left = await _send(client, "/v1/payments", amount=70_000, method="edc", terminal=SECOND, reference="INV-8")
    await shop.until_on_machine(SECOND)
    await shop.till.database.write(_three_days_ago, shop, left["id"])

    async def is_flagged() -> bool:
        asked = await client.post(f"/v1/payments/{left['id']}/check")  # 429 while somebody else is asking
        return asked.status_code == 200 and bool(asked.json()["needs_review"])

    await eventually(is_flagged)
    made.ids |= {"twice": slow["id"], "forgotten": left["id"]}


def _three_days_ago(connection: Connection, shop: Shop, payment_id: str) -> None:
    began = to_millis(shop.till.clock.now() - timedelta(days=3))
    connection.execute(update(payment_rows).where(payment_rows.c.id == payment_id).values(created_at=began))


async def _until(client: httpx2.AsyncClient, payment_id: str, status: str) -> None:
    async def ended() -> bool:
        return bool((await client.get(f"/v1/payments/{payment_id}")).json()["status"] == status)

    await eventually(ended)


async def _close_a_shift(lead: httpx2.AsyncClient, made: Furnished) -> None:
    """A shift closed by two people with less in the drawer than it should hold, and an open one."""
    closed = await _send(lead, "/v1/shifts", counter="Pharmacy", float=200_000)
    await _send(lead, f"/v1/shifts/{closed['id']}/movements", kind="pay_out", amount=10_000, reason="tea")
    ending = {"counted": 180_000, "reason": "A note was torn.", "approver": f"admin:{PASSWORD}"}
    await _send(lead, f"/v1/shifts/{closed['id']}/close", **ending)
    made.ids["closed_shift"] = closed["id"]
    made.ids["free_shift"] = (await _send(lead, "/v1/shifts", counter="Pharmacy", float=200_000))["id"]
    made.ids["shift_id"] = (await _send(lead, "/v1/shifts", counter="Counter 1", float=200_000))["id"]


async def _print(lead: httpx2.AsyncClient, made: Furnished) -> None:
    """The papers of a bill, of a payment twice, and of money given back; and the code on the first of them."""
    for name, of in (("bill", "bill_id"), ("back", "refund_id"), ("first", "payment_id"), ("again", "payment_id")):
        answer = await lead.post("/receipts", data={"csrf": made.sessions["lead"].csrf, "of": made.ids[of]})
        made.ids[f"{name}_paper"] = answer.headers["location"].partition("#")[0]
    _, _, made.ids["receipt_id"], made.ids["copy"] = made.ids["first_paper"].split("/")
    for name, of in (("code", "payments/{payment_id}"), ("back_code", "refunds/{refund_id}")):
        printed = await lead.get(made.filled(f"/v1/{of}/receipt?format=text&width=48"))
        made.ids[name] = "".join(printed.text.rsplit("/r/", 1)[1].split())
