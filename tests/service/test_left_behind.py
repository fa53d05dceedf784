"""What a dead process was about is taken up at once by whoever lives; what a living one is about never is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from galla.client.outward import Posted
from galla.clock import ManualClock
from galla.errors import IdempotencyInProgress
from galla.protocol.message import Request, Response
from galla.sandbox.terminal import Action
from galla.service import payments, refunds, webhooks
from galla.service.left_behind import Heir
from galla.service.webhook_worker import WebhookWorker
from galla.store.presence import living
from tests.service.receiver import TAKEN, URL
from tests.store.samples import sql
from tests.store.test_store_nudges import LISTENING
from tests.till import Counter, open_counter

FIRST, SECOND = "12345671", "12345672"


class Dying:
    """A process whose requests reach Paytm, and which never reads an answer after `is_deaf`."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.is_deaf = False
        self._carry = counter.till.carry
        self._tasks: list[asyncio.Task[Any]] = []
        self._left = asyncio.Event()
        counter.till.carry = self._talk

    async def _talk(self, request: Request, timeout_s: float) -> Response:
        response = await self._carry(request, timeout_s)
        if self.is_deaf:
            self._left.set()
            await asyncio.Event().wait()
        return response

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """Send an event that arrives, and never hear so."""
        self._left.set()
        await asyncio.Event().wait()
        return TAKEN

    async def begin(self, work: Any) -> None:
        """Let it begin something; return when its request has left."""
        self._left.clear()
        self._tasks.append(asyncio.create_task(work))
        await self._left.wait()

    async def die(self) -> None:
        """End it where it stands: the system closes its connections."""
        tasks = [*self._tasks, *self.counter.till._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.counter.till.database.close()


def pay(counter: Counter, tid: str) -> None:
    """Let the customer pay at a machine."""
    for action in (Action.ACCEPT, Action.INSERT, Action.PIN_RIGHT):
        counter.sandbox.act(tid, action, card="visa_credit")


async def start(counter: Counter, tid: str, key: str) -> Any:
    """Start a payment of ₹10 under a key."""
    new = payments.NewPayment(amount_paise=1_000, terminal=tid)
    return await payments.start(counter.till, counter.principal, new, idempotency_key=key, fingerprint=key)


async def test_f35_what_a_dead_process_was_about_is_taken_up_at_once(
    database_url: str, manual_clock: ManualClock
) -> None:
    """A sale, a void, a message and a key of the dead wait for no lease: only Paytm's own pauses are kept."""
    first = await open_counter(database_url, manual_clock)
    box, dying = first.sandbox, Dying(first)
    await webhooks.create(first.till, first.principal, URL, events=["payment.paid"])
    earlier = (await start(first, FIRST, "earlier")).payment
    pay(first, FIRST)
    await first.pass_time(5)
    dying.is_deaf = True
    await dying.begin(start(first, SECOND, "click"))
    wish = refunds.NewRefund(reason="returned")
    await dying.begin(refunds.start(first.till, first.principal, earlier["id"], wish))
    await dying.begin(WebhookWorker(first.till, dying.post).drain_due())
    with pytest.raises(IdempotencyInProgress):
        await start(first, SECOND, "click")
    await dying.die()
    asked = len(box.wire.calls(operation="status"))

    second = await open_counter(database_url, manual_clock, box)
    try:
        heir = Heir(second.till)
        assert [await heir.look() for _ in range(2)] == [0, 4 if second.till.database.dialect == "postgresql" else 0]
        replay = await start(second, SECOND, "click")
        assert replay.is_replay
        heard: list[str] = []

        async def hear(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
            heard.append(headers["webhook-id"])
            return TAKEN

        assert await WebhookWorker(second.till, hear).drain_due() == 1
        pay(second, SECOND)
        box.act(FIRST, Action.ACCEPT)
        await second.pass_time(2.9)
        assert len(box.wire.calls(operation="status")) == asked, "the wait after a sending was not kept"
        await second.pass_time(2.7)
        assert len(box.wire.calls(operation="status")) == asked + 2
        paid = await payments.get(second.till, second.principal, replay.payment["id"])
        given = (await refunds.find(second.till, second.principal, {}))["data"]
        assert (paid["status"], [each["status"] for each in given]) == ("paid", ["done"])
        assert len(box.wire.calls(operation="sale")) == 2
        assert await WebhookWorker(second.till, hear).drain_due() == 1
        assert len(set(heard)) == 2
    finally:
        await second.till.close()


async def test_f32_what_a_living_process_is_about_is_left_to_it(
    fresh_postgres_url: str, manual_clock: ManualClock
) -> None:
    """However often others look, and though its nudges are cut, a living process keeps its claims and commits."""
    first = await open_counter(fresh_postgres_url, manual_clock)
    second = await open_counter(fresh_postgres_url, manual_clock, first.sandbox)
    try:
        gate, left = asyncio.Event(), asyncio.Event()
        carry = first.till.carry

        async def slow(request: Request, timeout_s: float) -> Response:
            response = await carry(request, timeout_s)
            left.set()
            await gate.wait()
            return response

        first.till.carry = slow
        starting = asyncio.create_task(start(first, FIRST, "click"))
        await left.wait()
        heir = Heir(second.till)
        assert [await heir.look() for _ in range(3)] == [0, 0, 0]
        await second.till.database.write(sql, f"SELECT pg_terminate_backend(pid) FROM ({LISTENING}) AS listening")
        assert len(await second.till.database.read(living)) == 2
        assert [await heir.look() for _ in range(3)] == [0, 0, 0]
        gate.set()
        assert (await starting).payment["status"] == "pending"
    finally:
        await first.till.close()
        await second.till.close()
