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

from galla.protocol.message import Request, Response, join_envelope
from galla.sandbox.sandbox import Sandbox
from galla.service.till import Till
from tests.corpus import MARK, is_kept
from tests.web.shop import FIRST, SECOND, Shop, eventually, serving, settings_for

_ITS_WORDS = (
    *("issuingBankName", "bankResponseMessage", "bankResponseCode", "cardScheme", "cardType", "authCode"),
    *("retrievalReferenceNo", "acquiringBank", "payMethod", "issuerMaskCardNo", "aid"),
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
        """Return as much of the next text as a field takes."""
        text = self.whole()
        return text[:limit] if is_kept(text) else MARK


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
        if "signature" in head:
            return response
        body["resultInfo"]["resultMsg"] = self.texts.whole()
        body.update({name: self.texts.whole() for name in _ITS_WORDS if name in body})
        words = json.dumps(body).encode()
        return replace(response, body=join_envelope(msgspec.json.encode(head), words))


class Traces:
    """Where the hostile texts went: addresses of pages, and ids of what has a paper."""

    def __init__(self) -> None:
        self.payments: list[str] = []
        self.customers: list[str] = []
        self.bills: list[str] = []
        self.pay_pages: list[str] = []
        self.papers: list[str] = []
        self.shift = ""


@asynccontextmanager
async def open_hostile_shop(database_url: str) -> AsyncIterator[tuple[Shop, Liar]]:
    """Open a shop whose Paytm can be made to say anything."""
    sandbox = Sandbox(seed=7)
    liar = Liar(sandbox)
    till = await Till.open(settings_for(database_url, shop_name="<b>zqx</b> & Sons"), send=liar.ahandle)
    async with serving(till, sandbox) as shop:
        yield shop, liar


async def fill(shop: Shop, liar: Liar, texts: tuple[str, ...], rounds: int) -> Traces:
    """Write texts wherever a person, a caller or Paytm can write one, some rounds of it."""
    traces, typed = Traces(), Texts(texts)
    liar.texts = Texts(texts)
    async with shop.client() as client:
        opened = await send(client, "/v1/shifts", counter="zqx'\"><b>", float=10_000)
        traces.shift = opened["id"]
        machines = {each["tid"]: each["id"] for each in (await client.get("/v1/terminals")).json()["data"]}
        for text in texts:
            if not is_kept(text) or len(text) > 200:
                await send(client, "/v1/bills", status=422, lines=[{"description": text, "unit_amount": 100}])
        for number in range(rounds):
            machine = {"label": typed.typed(), "branch": typed.typed()}
            answer = await client.patch(f"/v1/terminals/{machines[FIRST]}", json=machine)
            assert answer.status_code == 200, answer.text
            await _furnish(client, traces, typed, number)
            await _sell(shop, client, traces, typed)
        await _judge(client, typed)
        address = "https://hooks.example/" + quote(typed.typed())  # last, and it leads nowhere: nothing is sent
        await send(client, "/v1/webhook_endpoints", url=address, description=typed.typed())
    return traces


async def send(client: httpx2.AsyncClient, path: str, *, status: int = 201, **body: Any) -> dict[str, Any]:
    """Post a body, with every half character written out, and return the answer."""
    answer = await client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == status, (path, answer.text)
    return dict(answer.json())


async def _furnish(client: httpx2.AsyncClient, traces: Traces, texts: Texts, number: int) -> None:
    """Keys, people and the drawer."""
    await send(client, "/v1/api_keys", scopes=["read"], label=texts.typed())
    named = {"name": f"user-{number}", "display_name": f"{texts.typed(36)} {number}", "branch": texts.typed()}
    await send(client, "/v1/users", role="cashier", **named)
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
    bill = await send(client, "/v1/bills", lines=lines, branch=texts.typed(), **noted())
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
    traces.papers += [f"bills/{bill['id']}", f"payments/{cash['id']}", f"refunds/{back['id']}"]
    traces.bills.append(bill["number"])
    traces.customers.append(bill["customer"]["id"])
    traces.pay_pages.append(link["url"].removeprefix(shop.url))


async def _until(client: httpx2.AsyncClient, payment_id: str, status: str) -> None:
    async def ended() -> bool:
        return bool((await client.get(f"/v1/payments/{payment_id}")).json()["status"] == status)

    await eventually(ended)


async def _judge(client: httpx2.AsyncClient, texts: Texts) -> None:
    """What a person says to the tasks that came of it, to all but one of them."""
    tasks = (await client.get("/v1/tasks?limit=200")).json()["data"]
    for task in tasks[1:]:
        await send(client, f"/v1/tasks/{task['id']}/take", status=200)
        answer = await client.post(f"/v1/tasks/{task['id']}/close", json={"note": texts.typed(120)})
        assert answer.status_code in (200, 409), answer.text
