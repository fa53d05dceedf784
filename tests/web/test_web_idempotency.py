"""The same Idempotency-Key never charges twice, whatever the client does (C26, F21 to F25)."""

import asyncio
from typing import Any

import httpx2
import pytest

from galla.sandbox.faults import Fault, Kind
from tests.web.shop import FIRST, SECOND, Shop, eventually

SALE: dict[str, Any] = {"amount": 99900, "method": "edc", "terminal": FIRST, "reference": "INV-9"}


async def post(client: httpx2.AsyncClient, key: str, body: dict[str, Any], query: str = "") -> httpx2.Response:
    """Start a payment under a key."""
    return await client.post(f"/v1/payments{query}", json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("query", ["", "?wait=0"])
async def test_the_same_request_hears_the_first_answer(shop: Shop, query: str) -> None:
    """A repeated request hears the first answer's bytes and status, marked as replayed; also if nobody waited."""
    async with shop.client() as client:
        first = await post(client, "k-1", SALE, query)

        async def is_on_the_machine() -> bool:
            return bool((await client.get(f"/v1/payments/{first.json()['id']}")).json()["phase"] == "on_device")

        await eventually(is_on_the_machine)
        shop.pay()
        await asyncio.sleep(0.3)
        again = await post(client, "k-1", dict(reversed(SALE.items())), query)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(shop.sandbox.wire.calls(operation="sale")) == 1


async def test_another_request_under_the_key_is_refused(shop: Shop) -> None:
    """The same key with another amount does nothing and says so."""
    async with shop.client() as client:
        await post(client, "k-2", SALE)
        other = await post(client, "k-2", {**SALE, "amount": 100000})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert other.json()["param"] == "Idempotency-Key"
    assert len(shop.sandbox.wire.calls(operation="sale")) == 1


async def test_twins_make_one_payment(shop: Shop) -> None:
    """Ten of the same at the same instant make one payment; who comes too soon is told to come back."""
    shop.sandbox.add_fault(Fault(kind=Kind.DELAY, operation="sale", after_ms=400))
    async with shop.client() as client:
        answers = await asyncio.gather(*(post(client, "k-3", SALE) for _ in range(10)))
        later = await post(client, "k-3", SALE)
    codes = {answer.status_code for answer in answers}
    assert codes <= {201, 409}
    refused = [answer for answer in answers if answer.status_code == 409]
    assert {"idempotency_in_progress"} >= {answer.json()["code"] for answer in refused}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    made = {answer.json()["id"] for answer in [*answers, later] if answer.status_code == 201}
    assert len(made) == 1
    assert len(shop.sandbox.wire.calls(operation="sale")) == 1


async def test_a_refused_request_is_not_remembered(shop: Shop) -> None:
    """A key whose request was refused may be used again once the request is right."""
    async with shop.client() as client:
        wrong = await post(client, "k-4", {**SALE, "amount": 0})
        right = await post(client, "k-4", SALE)
    assert (wrong.status_code, right.status_code) == (422, 201)


async def test_a_busy_machine_does_not_use_up_the_key(shop: Shop) -> None:
    """A key refused with 409 `terminal_busy` works on a free machine."""
    async with shop.client() as client:
        holder = (await post(client, "k-5", SALE)).json()
        busy = await post(client, "k-6", {**SALE, "reference": "INV-10"})
        free = await post(client, "k-6", {**SALE, "reference": "INV-10", "terminal": SECOND})
    assert (409, "terminal_busy", holder["id"]) == (busy.status_code, busy.json()["code"], busy.json()["blocker"])
    assert free.status_code == 201


async def test_a_key_belongs_to_its_merchant(shop: Shop) -> None:
    """Another merchant's same key finds nothing of ours: keys live in the merchant's own space."""
    async with shop.client() as ours:
        first = (await post(ours, "k-7", SALE)).json()
        body = {"name": "Other", "mid": "OTHER000000000000001", "key": "0123456789abcdef"}
        other = (await ours.post("/v1/merchants", json=body)).json()
    async with shop.client(await shop.key("collect", merchant=other["id"])) as theirs:
        answer = await post(theirs, "k-7", SALE)
    assert answer.status_code == 422  # they have no machine of that TID
    assert first["id"] not in answer.text


async def test_a_key_must_be_visible_ascii(small_shop: Shop) -> None:
    """Spaces, letters beyond ASCII, an empty key or 256 characters are refused by name."""
    async with small_shop.client() as client:
        for key in ("", "a b", "k" * 256, b"\xe0\xa4\x95"):
            answer = await client.post("/v1/payments", json=SALE, headers=[(b"Idempotency-Key", key)])  # type: ignore[list-item]
            assert (answer.status_code, answer.json()["param"]) == (422, "Idempotency-Key"), key
        longest = await post(client, "~" * 255, SALE)
    assert longest.status_code == 201
