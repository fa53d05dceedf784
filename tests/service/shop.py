"""A whole shop in one process: a till on a real database, a sandbox on the other side, and a clock moved by hand."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from galla.client.flows import AsyncSend
from galla.clock import ManualClock
from galla.config import Secret, Settings, load
from galla.protocol.message import Request, Response
from galla.sandbox.faults import Fault, Kind
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, Sandbox
from galla.sandbox.terminal import Action
from galla.service import access, bills, payments
from galla.service.till import Principal, Till
from galla.store.claims import next_due_at
from tests.service.books import assert_books_equal_truth

TEN_TWENTY_IST = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
API_KEY = "gk_test_12345"
FIRST, SECOND = DEMO_TIDS
AMOUNT = 250_000


def settings_for(url: str, *, tids: tuple[str, ...] = DEMO_TIDS, **more: Any) -> Settings:
    """Return the settings of the sandbox's own demo merchant on a database."""
    return load(
        {},
        database_url=url,
        mid=DEMO_MID,
        key=Secret(DEMO_KEY),
        tids=tids,
        secret_key=Secret("x" * 40),
        api_key=Secret(API_KEY),
        **more,
    )


class Line:
    """Carries requests to the sandbox, and notices when two questions about one payment overlap.

    Between `hold` and `let_go` requests that have left wait in the network.
    """

    def __init__(self, send: AsyncSend) -> None:
        self._send = send
        self._flying: Counter[str] = Counter()
        self.most_at_once = 0
        self._gate: asyncio.Event | None = None
        self._held = asyncio.Event()

    async def send(self, request: Request) -> Response:
        """Send one request."""
        name = request.paytm_id or ""
        self._flying[name] += 1
        self.most_at_once = max(self.most_at_once, self._flying[name])
        try:
            if self._gate is not None:
                self._held.set()
                await self._gate.wait()
            return await self._send(request)
        finally:
            self._flying[name] -= 1

    def hold(self) -> None:
        """Let requests wait in the network from now on."""
        self._gate = asyncio.Event()
        self._held.clear()

    async def held(self) -> None:
        """Return when a request is waiting in the network."""
        await self._held.wait()

    def let_go(self) -> None:
        """Let the waiting requests arrive, and those after them pass freely."""
        if self._gate is not None:
            self._gate.set()
            self._gate = None

    def answer_with(self, send: AsyncSend) -> None:
        """Let somebody else answer from now on."""
        self._send = send


class Shop:
    """One open till, with the verbs a test needs."""

    def __init__(self, till: Till, box: Sandbox, clock: ManualClock, principal: Principal, line: Line) -> None:
        self.till = till
        self.box = box
        self.clock = clock
        self.principal = principal
        self.line = line

    async def start(self, amount: int = AMOUNT, *, tid: str = FIRST, key: str | None = None, **more: Any) -> Any:
        """Start a payment on a machine and return its view after the first step."""
        new = payments.NewPayment(amount_paise=amount, terminal=tid, **more)
        fingerprint = repr(new)
        started = await payments.start(
            self.till, self.principal, new, idempotency_key=key, fingerprint=fingerprint
        )
        return started.payment

    async def bill(self, amount: int = AMOUNT) -> Any:
        """Write a bill of one line."""
        line = {"description": "Consultation", "quantity": 1, "unit_amount": amount, "tax_rate": "18"}
        return await bills.create(self.till, self.principal, bills.NewBill(lines=[line]))

    async def see(self, payment: Any) -> Any:
        """Look at a payment as it stands."""
        return await payments.get(self.till, self.principal, payment["id"])

    async def check(self, payment: Any) -> Any:
        """Ask Paytm about a payment now."""
        return await payments.check(self.till, self.principal, payment["id"])

    async def timeline(self, payment: Any) -> list[Any]:
        """Return everything that happened to a payment."""
        view = await payments.get(self.till, self.principal, payment["id"], expand=frozenset({"timeline"}))
        return list(view["timeline"])

    async def drain(self) -> int:
        """Let a worker do what is due at this instant."""
        return int(await self.till.worker().drain_due())

    async def pass_time(self, seconds: float) -> None:
        """Let this much time pass, with a worker that does each thing when it falls due."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while True:
            due_at = await self.till.database.read(next_due_at)
            if due_at is None or due_at > end:
                break
            self.clock.advance(max(0.001, (due_at - self.clock.now()).total_seconds()))
            await self.drain()
        self.clock.advance(max(0.0, (end - self.clock.now()).total_seconds()))
        await self.drain()

    async def ended(self, payment: Any, *, within_s: float = 60.0) -> Any:
        """Let time pass until a payment is final, and return it."""
        end = self.clock.now() + timedelta(seconds=within_s)
        while True:
            view = await self.see(payment)
            if view["status"] in ("paid", "not_paid") or self.clock.now() >= end:
                return view
            due_at = await self.till.database.read(next_due_at)
            step_s = (due_at - self.clock.now()).total_seconds() if due_at is not None else 1.0
            left_s = (end - self.clock.now()).total_seconds()
            await self.pass_time(min(max(step_s, 1.0), left_s))

    def fault(self, kind: Kind, **fields: Any) -> Fault:
        """Put a fault in force in the sandbox."""
        return self.box.add_fault(Fault(kind=kind, **fields))

    def act(self, *actions: Action, tid: str = FIRST, card: str = "visa_credit") -> None:
        """Do things at a machine."""
        for action in actions:
            self.box.act(tid, action, card=card)

    def pay_by_card(self, tid: str = FIRST) -> None:
        """Let the customer pay at the machine, now."""
        self.act(Action.ACCEPT, Action.INSERT, Action.PIN_RIGHT, tid=tid)

    def calls(self, operation: str, payment: Any | None = None) -> int:
        """Count the requests of an operation that reached Paytm, about one payment or all."""
        paytm_id = payment["paytm"]["id"] if payment is not None else None
        return len(self.box.wire.calls(operation=operation, paytm_id=paytm_id))

    async def assert_whole(self) -> None:
        """The books equal what the machines truly took, and no question overlapped another."""
        await assert_books_equal_truth(self.till, self.box)
        assert self.line.most_at_once <= 1, "two requests about one payment were in flight together"


@asynccontextmanager
async def open_shop(
    url: str, *, at: datetime = TEN_TWENTY_IST, clock: ManualClock | None = None, **more: Any
) -> AsyncIterator[Shop]:
    """Open a shop on an empty database; on leaving, its books are compared with the truth."""
    moment = clock or ManualClock(at)
    box = Sandbox(moment, seed=1)
    line = Line(box.ahandle)
    till = await Till.open(settings_for(url, **more), send=line.send, clock=moment)
    try:
        principal = await access.principal_for_key(till, API_KEY)
        assert principal is not None
        shop = Shop(till, box, moment, principal, line)
        yield shop
        await shop.assert_whole()
    finally:
        await till.close()


def only(items: list[Any]) -> Any:
    """Return the one item there must be."""
    (item,) = items
    return item
