"""Faults of the road on real sockets: a running worker, real HTTP, a sandbox that truly cuts connections."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from galla.sandbox.faults import Fault, Kind
from galla.sandbox.sandbox import DEMO_MID, Sandbox
from galla.service import access, payments
from galla.service.till import Principal, Till
from tests.sandbox.pretend import served
from tests.service.books import assert_books_equal_truth
from tests.service.shop import API_KEY, settings_for

# What strikes, what it strikes, and how many requests to sell may reach the sandbox for the one charge.
ROADS: list[tuple[Kind, str, int, int]] = [
    (Kind.DROP_AFTER, "sale", 0, 1),
    (Kind.DROP_BEFORE, "sale", 0, 2),
    (Kind.DELAY, "sale", 2500, 1),
    (Kind.SLOW_DRIP, "sale", 2500, 1),
    (Kind.HTTP_500, "sale", 0, 1),
    (Kind.HTML, "sale", 0, 1),
    (Kind.TRUNCATED_JSON, "sale", 0, 1),
    (Kind.TRAILING_COMMA, "sale", 0, 1),
    (Kind.RATE_LIMITED, "sale", 0, 2),
    (Kind.DUPLICATE, "sale", 0, 1),
    (Kind.NOT_FOUND_WINDOW, "sale", 1500, 1),
    (Kind.DROP_AFTER, "status", 0, 1),
    (Kind.DELAY, "status", 2500, 1),
    (Kind.SLOW_DRIP, "status", 2500, 1),
    (Kind.HTML, "status", 0, 1),
    (Kind.TRUNCATED_JSON, "status", 0, 1),
]
TIDS = tuple(str(71_000_000 + number) for number in range(len(ROADS)))
QUICK: dict[str, Any] = {"ladder_scale": 0.02, "inquiry_timeout_s": 2.0, "send_timeout_s": 1.0}


@pytest.mark.timeout(90)
async def test_f01_f02_f04_f11_every_fault_of_the_road_at_once_on_real_sockets(database_url: str) -> None:
    """Sixteen counters, each with another fault on its line: every one is paid once, and the books are the truth."""
    box = Sandbox()
    for tid, (kind, operation, after_ms, _) in zip(TIDS, ROADS, strict=True):
        box.add_terminal(tid, DEMO_MID)
        box.add_fault(Fault(kind=kind, operation=operation, after_ms=after_ms, tid=tid))
    box.play(after_s=0.3, outcome="card")
    with served(box) as url:
        till = await Till.open(settings_for(database_url, tids=TIDS, edc_url=url, **QUICK))
        principal = await _principal(till)
        stop = asyncio.Event()
        working = asyncio.create_task(till.worker().run(stop))
        try:
            begun = await asyncio.gather(*(_start(till, principal, tid) for tid in TIDS))
            await _all_final(till, principal, 30)
            for payment, tid, (kind, operation, _, most) in zip(begun, TIDS, ROADS, strict=True):
                after = await payments.get(till, principal, payment["id"])
                name = f"{kind} on {operation}"
                assert after["status"] == "paid", f"{name}: {after['status']} {after['reason']}"
                sales = [call for call in box.wire.calls(operation="sale") if call.tid == tid]
                assert len(sales) == most, f"{name}: {[call.answer for call in sales]}"
            assert len(box.charges) == len(ROADS)
            assert box.faults.waiting == ()
            await assert_books_equal_truth(till, box)
        finally:
            stop.set()
            await working
            await till.close()


@pytest.mark.timeout(60)
async def test_f02_nobody_listens_and_then_somebody_does(database_url: str) -> None:
    """With Paytm's port closed nothing is sent and staff are told so; once it is open the same bill is paid."""
    box = Sandbox()
    with served(box) as url:
        closed = url
    till = await Till.open(settings_for(database_url, edc_url=closed, **QUICK))
    stop = asyncio.Event()
    working = asyncio.create_task(till.worker().run(stop))
    try:
        principal = await _principal(till)
        payment = await _start(till, principal, None)
        await _all_final(till, principal, 10)
        after = await payments.get(till, principal, payment["id"])
        assert (after["status"], after["reason"]["code"]) == ("not_paid", "never_sent")
        assert "Nothing was charged" in after["reason"]["hint"]
    finally:
        stop.set()
        await working
        await till.close()
    box.play(after_s=0.1, outcome="card")
    with served(box) as url:
        till = await Till.open(settings_for(database_url, edc_url=url, **QUICK))
        working = asyncio.create_task(till.worker().run(stop := asyncio.Event()))
        try:
            again = await _start(till, await _principal(till), None)
            await _all_final(till, principal, 10)
            assert (await payments.get(till, principal, again["id"]))["status"] == "paid"
            await assert_books_equal_truth(till, box)
        finally:
            stop.set()
            await working
            await till.close()


async def _start(till: Till, principal: Principal, tid: str | None) -> Any:
    new = payments.NewPayment(amount_paise=12_345, terminal=tid or "12345671", reference=f"R{tid}")
    return (await payments.start(till, principal, new, wait_s=0.2)).payment


async def _all_final(till: Till, principal: Principal, within_s: float) -> None:
    end = time.monotonic() + within_s
    while await payments.unfinished(till, principal) and time.monotonic() < end:
        await till.bell.wait(0.2)


async def _principal(till: Till) -> Principal:
    principal = await access.principal_for_key(till, API_KEY)
    assert principal is not None
    return principal
