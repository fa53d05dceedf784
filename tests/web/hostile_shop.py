"""A shop in which every text is hostile: what people type, what callers send, and what Paytm answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
from msgspec.structs import replace

from galla.protocol.checksum import sign
from galla.protocol.message import MerchantKey, Request, Response, join_envelope
from galla.sandbox.phone import Tap
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, Sandbox
from galla.service.till import Till
from tests.corpus import MARK, is_kept
from tests.web.shop import FIRST, SECOND, Shop, eventually, serving, settings_for
from tests.web.staff import PASSWORD, hire, session_of, signed_in
from tests.web.written import Written

THIRD = "12345673"
"""The machine whose customer never comes."""
_ITS_WORDS = (
    *("issuingBankName", "bankResponseMessage", "bankResponseCode", "cardScheme", "cardType", "authCode"),
    *("retrievalReferenceNo", "acquiringBank", "payMethod", "issuerMaskCardNo", "aid"),
    *("bankName", "gatewayName", "paymentMode", "maskedVpa", "vpa", "payerVpa", "rrn", "bankTxnId", "authRefId"),
    *("merchantUniqueReference", "posId", "source", "acquirer"),
)


class Texts:
    """The corpus, dealt out: each asking gets the next text, so that every field meets other texts each round."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._texts = texts
        self._dealt = 0

    def whole(self) -> str:
        """Return the next text, whatever it holds and however long it is."""
        self._dealt += 1
        return self._texts[self._dealt % len(self._texts)]

    def typed(self, limit: int = 40) -> str:
        """Return as much of the next text as a field takes; every one of them holds the mark."""
        text = self.whole()
        return text[:limit] if is_kept(text) and MARK in text[:limit] else MARK


class Liar:
    """The sandbox, with a text in every field of its answers that is Paytm's own words. Money and ids stay true."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.texts = Texts(("Approved",))

    async def ahandle(self, request: Request) -> Response:
        """Answer one request."""
        response = await self.sandbox.ahandle(request)
        envelope = msgspec.json.decode(response.body)
        head, body = envelope["head"], envelope["body"]
        body["resultInfo"]["resultMsg"] = self.texts.whole()
        body.update({name: self.texts.whole() for name in _ITS_WORDS if name in body})
        words = json.dumps(body).encode()
        if "signature" in head:
            head["signature"] = sign(words.decode(), MerchantKey(DEMO_KEY))
        return replace(response, body=join_envelope(msgspec.json.encode(head), words))


class Traces:
    """Where the hostile texts went: addresses of pages, what has a paper, and which fields of the API took one."""

    def __init__(self, written: Written) -> None:
        self.written = written
        self.payments: list[str] = []
        self.customers: list[str] = []
        self.bills: list[str] = []
        self.pay_pages: list[str] = []
        self.papers: list[str] = []
        self.machines: dict[str, str] = {}
        self.shift = ""


@asynccontextmanager
async def open_hostile_shop(database_url: str) -> AsyncIterator[tuple[Shop, Liar]]:
    """Open a shop whose Paytm can be made to say anything, and which calls a person after three seconds."""
    sandbox = Sandbox(seed=7)
    sandbox.add_terminal(THIRD, DEMO_MID, label="Counter 3")
    liar = Liar(sandbox)
    given = {"shop_name": "<b>zqx</b> & Sons", "client_id": "C11", "tids": (FIRST, SECOND, THIRD)}
    settings = settings_for(database_url, ladder_edc="150s:3s", **given)
    async with serving(await Till.open(settings, send=liar.ahandle), sandbox) as shop:
        yield shop, liar


async def fill(shop: Shop, liar: Liar, texts: tuple[str, ...], rounds: int) -> Traces:
    """Write texts wherever a person, a caller or Paytm can write one, some rounds of it."""
    traces, typed = Traces(Written(shop.app)), Texts(texts)
    liar.texts = Texts(texts)
    async with shop.client(event_hooks={"response": [traces.written.note]}) as client:
        opened = await send(client, "/v1/shifts", counter="zqx'\"><b>", float=10_000)
        traces.shift = opened["id"]
        traces.machines = {each["tid"]: each["id"] for each in (await client.get("/v1/terminals")).json()["data"]}
        for text in texts:
            if not is_kept(text) or len(text) > 200:
                await send(client, "/v1/bills", status=422, lines=[{"description": text, "unit_amount": 100}])
        forgotten = {"amount": 70_000, "method": "edc", "terminal": THIRD}
        alone = await send(client, "/v1/payments", description=typed.typed(120), **forgotten)
        for number in range(rounds):
            machine = {"label": typed.typed(), "branch": typed.typed()}
            await send(client, f"/v1/terminals/{traces.machines[FIRST]}", verb="PATCH", status=200, **machine)
            await _furnish(client, traces, typed, number)
            await _sell(shop, client, traces, typed)
        await _sell_by_upi(shop, client, traces, typed)
        await _decide(client, traces, typed, alone["id"])
        await _judge(shop, client, typed)
        await _set_up(client, typed)
        await _close(shop, client, traces, typed)
    return traces


async def send(
    client: httpx2.AsyncClient, path: str, *, verb: str = "POST", status: int = 201, **body: Any
) -> dict[str, Any]:
    """Send a body, with every half character written out, and return the answer."""
    headers = {"Content-Type": "application/json"}
    answer = await client.request(verb, path, content=json.dumps(body), headers=headers)
    assert answer.status_code == status, (answer.text, path, body)
    return dict(answer.json())


async def _furnish(client: httpx2.AsyncClient, traces: Traces, texts: Texts, number: int) -> None:
    """Keys, people and the drawer."""
    await send(client, "/v1/api_keys", scopes=["read"], label=texts.typed())
    named = {"display_name": f"{texts.typed(36)} {number}", "branch": texts.typed()}
    user = await send(client, "/v1/users", role="cashier", name=f"user-{number}", **named)
    renamed = {"display_name": f"{texts.typed(36)} {number}", "branch": texts.typed()}
    await send(client, f"/v1/users/{user['id']}", verb="PATCH", status=200, **renamed)
    await send(client, f"/v1/shifts/{traces.shift}/movements", kind="pay_in", amount=100, reason=texts.typed(120))


async def _sell(shop: Shop, client: httpx2.AsyncClient, traces: Traces, texts: Texts) -> None:
    """A bill paid by card after somebody had stopped, and partly given back; a sale that was declined; and cash."""

    def noted() -> dict[str, Any]:
        phone = f"98{len(traces.payments):08}"  # with a name and a phone number a customer has a page
        return {"metadata": {texts.typed(): texts.typed(120)}, "customer": {"name": texts.typed(), "phone": phone}}

    def started(tid: str) -> dict[str, Any]:
        said = {"description": texts.typed(120), "metadata": noted()["metadata"]}
        return {"amount": 50_000, "method": "edc", "terminal": tid, **said}

    lines = [{"description": texts.typed(120), "unit_amount": 50_000, "tax_rate": "18", "hsn": "9993"}]
    count = len(traces.payments)
    whose = noted()
    whose["customer"]["external_id"] = f"{texts.typed(50)} {count}"
    await send(client, "/v1/bills", status=422, lines=lines, number=f"<{MARK}>")  # it takes few characters
    named = {"number": f"{MARK}-{count}", "branch": texts.typed(), **whose}
    bill = await send(client, "/v1/bills", lines=lines, **named)
    link = await send(client, f"/v1/bills/{bill['id']}/pay_link")
    paid = await send(client, "/v1/payments", bill=bill["id"], **started(FIRST))
    lost = await send(client, "/v1/payments", reference=texts.typed(), **started(SECOND))
    await shop.until_on_machine(FIRST)
    await shop.until_on_machine(SECOND)
    await send(client, f"/v1/payments/{paid['id']}/cancel", status=200, reason=texts.typed(120))
    shop.pay()
    shop.pay(SECOND, card="no_funds")
    await _until(client, paid["id"], "paid")
    await _until(client, lost["id"], "not_paid")
    cash = await send(client, "/v1/payments", amount=9_900, method="cash", reference=texts.typed(), **noted())
    back = await send(client, f"/v1/payments/{paid['id']}/refunds", amount=100, reason=texts.typed(120))
    traces.payments += [paid["id"], lost["id"], cash["id"]]
    traces.papers += [f"bills/{bill['id']}/receipt", f"payments/{cash['id']}/receipt", f"refunds/{back['id']}/receipt"]
    traces.bills.append(bill["number"])
    traces.customers.append(bill["customer"]["id"])
    traces.pay_pages.append(link["url"].removeprefix(shop.url))


async def _sell_by_upi(shop: Shop, client: httpx2.AsyncClient, traces: Traces, texts: Texts) -> None:
    """A code that is paid by phone and partly given back, one that is declined; and one of a bill with only a total."""
    told = {"method": "upi_qr", "terminal": FIRST}
    for taps, status in (((Tap.APPROVE, Tap.PIN_RIGHT), "paid"), ((Tap.DECLINE,), "not_paid")):
        shown = await send(client, "/v1/payments", amount=30_000, reference=texts.typed(), **told)
        await _until(client, shown["id"], "pending")
        asked = (await client.get(f"/v1/payments/{shown['id']}")).json()["next_action"]
        prompt = shop.sandbox.open_link(asked["upi_link"])
        for tap in taps:
            shop.sandbox.tap(prompt.id, tap)
        await _until(client, shown["id"], status)
        traces.payments.append(shown["id"])
        if status == "paid":
            traces.papers.append(f"payments/{shown['id']}/receipt")
            await send(client, f"/v1/payments/{shown['id']}/refunds", amount=100, reason=texts.typed(120))
    bare = await send(client, "/v1/bills", total=4_000, description=texts.typed(120))
    waiting = await send(client, "/v1/payments", amount=4_000, bill=bare["id"], **told)
    traces.bills.append(bare["number"])
    traces.payments.append(waiting["id"])


async def _until(client: httpx2.AsyncClient, payment_id: str, status: str) -> None:
    async def ended() -> bool:
        return bool((await client.get(f"/v1/payments/{payment_id}")).json()["status"] == status)

    await eventually(ended)


async def _decide(client: httpx2.AsyncClient, traces: Traces, texts: Texts, payment_id: str) -> None:
    """What a person found who looked at money that came late, and what two saw of a payment that nobody decided."""
    await send(client, f"/v1/payments/{traces.payments[0]}/review", status=200, note=texts.typed(120))

    async def is_past() -> bool:
        return bool((await client.get(f"/v1/payments/{payment_id}")).json()["needs_review"])

    await eventually(is_past)
    second = (await send(client, "/v1/api_keys", scopes=["refund"], label=texts.typed()))["key"]
    seen = {"outcome": "paid", "evidence": texts.typed(120), "approver": second}
    await send(client, f"/v1/payments/{payment_id}/resolve", status=200, **seen)
    traces.payments.append(payment_id)
    traces.papers.append(f"payments/{payment_id}/receipt")


async def _judge(shop: Shop, client: httpx2.AsyncClient, texts: Texts) -> None:
    """What people with hostile names say to the tasks that came of it, to all but one of them."""
    tasks = (await client.get("/v1/tasks?limit=200&status=open")).json()["data"]
    async with signed_in(shop, await session_of(shop, "user-0")) as person:
        for task in tasks[1:]:
            await send(person, f"/v1/tasks/{task['id']}/take", status=200)
            answer = await client.post(f"/v1/tasks/{task['id']}/close", json={"note": texts.typed(120)})
            assert answer.status_code in (200, 409), answer.text
        if tasks:
            await send(person, f"/v1/tasks/{tasks[0]['id']}/take", status=200)


async def _set_up(client: httpx2.AsyncClient, texts: Texts) -> None:
    """A shop and a machine more, with everything that has a name; a webhook that leads nowhere: nothing is sent."""
    online = {"website": texts.typed(30), "client_id": texts.typed(20), "channel_id": texts.typed(30)}
    other = await send(client, "/v1/merchants", name=texts.typed(), mid="OTHER000000000000001", key="k" * 16, **online)
    await send(client, f"/v1/merchants/{other['id']}", verb="PATCH", status=200, name=texts.typed(), **online)
    await send(client, "/v1/terminals", tid="99990001", label=texts.typed(), branch=texts.typed())
    address = "https://hooks.example/" + quote(texts.typed())
    hook = await send(client, "/v1/webhook_endpoints", url=address, description=texts.typed())
    changed = {"url": address, "description": texts.typed()}
    await send(client, f"/v1/webhook_endpoints/{hook['id']}", verb="PATCH", status=200, **changed)
    await send(client, f"/v1/webhook_endpoints/{hook['id']}/replay", status=422, since=texts.typed())
    await send(client, "/v1/users", status=422, name=f"<{MARK}>", display_name=MARK, role="cashier")


async def _close(shop: Shop, client: httpx2.AsyncClient, traces: Traces, texts: Texts) -> None:
    """The drawer holds less than it should, Paytm lists what galla never took, and two people say why."""
    charge = next(iter(shop.sandbox.charges.values()))
    keyed = replace(charge, id="KEYEDIN000001", amount_paise=90_000)
    shop.sandbox.charges[charge.mid, keyed.id] = keyed
    await hire(shop, "lead", display_name=f"{MARK}'\"><i>", password=PASSWORD)
    said = {"reason": texts.typed(120), "paytm_reason": texts.typed(120), "approver": f"lead:{PASSWORD}"}
    await send(client, f"/v1/shifts/{traces.shift}/close", status=200, counted=5_000, **said)
    traces.papers.append(f"shifts/{traces.shift}/report")
