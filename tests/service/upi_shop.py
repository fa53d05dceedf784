"""A shop that takes UPI: customers with phones, callbacks that arrive or are lost, and refunds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from galla.clock import ManualClock
from galla.protocol.message import Request, Response
from galla.sandbox.order import Order, TryState
from galla.sandbox.sandbox import DEMO_MID, DEMO_VPA, Sandbox
from galla.sandbox.world import SandboxMerchant
from galla.service import access, callbacks, payments, refunds
from galla.service.till import ACCOUNT_LIFE_S, Till
from galla.store.claims import next_due_at
from galla.store.tables import merchants
from galla.store.tables import refunds as refund_rows
from tests.service.shop import AMOUNT, API_KEY, TEN_TWENTY_IST, Line, Shop, settings_for

PUBLIC = "https://pay.clinic.example"
CLIENT = "C11"
OVER = ("paid", "not_paid")
AFTER_COLLECT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


class UpiLine(Line):
    """A line on which a refund and a question about its payment are two conversations."""

    async def send(self, request: Request) -> Response:
        """Send one request."""
        if "refund" in request.operation:
            ref_id = msgspec.json.decode(request.body)["body"]["refId"]
            return await super().send(msgspec.structs.replace(request, paytm_id=ref_id))
        return await super().send(request)


class UpiShop(Shop):
    """A shop, its customers' phones, and what Paytm tells it. Callbacks are lost unless `hears`."""

    hears = False

    async def begin(self, method: str = "upi_intent", amount: int = AMOUNT, **more: Any) -> Any:
        """Start a payment by UPI and return its view after the first step."""
        if method == "upi_collect":
            more = {"vpa": DEMO_VPA, **more}
        new = payments.NewPayment(amount_paise=amount, method=method, **more)
        return (await payments.start(self.till, self.principal, new)).payment

    async def paid(self, amount: int = AMOUNT, **more: Any) -> Any:
        """Take a payment by UPI to its end."""
        payment = await self.begin(amount=amount, **more)
        self.approve(payment)
        await self.check(payment)
        done = await self.see(payment)
        assert done["status"] == "paid"
        return done

    def order(self, payment: Any) -> Order:
        """Return Paytm's order of a payment."""
        return self.box.orders[DEMO_MID, payment["paytm"]["id"]]

    def prompt(self, payment: Any, vpa: str = DEMO_VPA) -> str:
        """Let the payer open the link or the QR in their app; return the request's number there."""
        if payment["method"] == "upi_collect":
            return next(each.id for each in self.order(payment).tries if each.is_open)
        return self.box.open_link(payment["next_action"]["upi_link"], vpa=vpa).id

    def tap(self, payment: Any, *taps: str, vpa: str = DEMO_VPA) -> str:
        """Let the payer open the request and tap."""
        number = self.prompt(payment, vpa)
        for tap in taps:
            self.box.tap(number, tap)
        return number

    def approve(self, payment: Any, vpa: str = DEMO_VPA) -> str:
        """Let the payer approve with the right PIN."""
        return self.tap(payment, "approve", "pin_right", vpa=vpa)

    def is_paid(self, payment: Any) -> bool:
        """Whether the payer's money has truly moved."""
        return any(each.state is TryState.PAID for each in self.order(payment).tries)

    async def give_back(self, payment: Any, amount: int | None = None, **more: Any) -> Any:
        """Start a refund and return its view after the first step."""
        new = refunds.NewRefund(reason="returned", amount_paise=amount)
        return (await refunds.start(self.till, self.principal, payment["id"], new, **more)).refund

    async def see_refund(self, refund: Any) -> Any:
        """Look at a refund as it stands."""
        return await refunds.get(self.till, self.principal, refund["id"])

    async def token(self) -> str:
        """Return the token in the merchant's callback address."""
        account = await self.till.account(self.principal.merchant_id)
        assert account.callback_url is not None
        return account.callback_url.rpartition("/")[2]

    async def tell(self, content_type: str, body: bytes) -> callbacks.Received:
        """Let a message arrive at the merchant's callback address."""
        return await callbacks.receive(self.till, await self.token(), content_type, body)

    async def deliver(self) -> int:
        """Deliver the callbacks that are due, in their order, and return how many."""
        posts = self.box.due_posts()
        for post in posts:
            await self.tell(post.content_type, post.body)
            self.box.posted(post.number, 200)
        return len(posts)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass with a worker; each payment, refund and callback in its moment."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while True:
            if self.hears:
                await self.deliver()
            await self.drain()
            moments = [at for at in await self._moments() if at <= end]
            if not moments:
                break
            self.clock.advance(max(0.001, (min(moments) - self.clock.now()).total_seconds()))
        self.clock.advance(max(0.0, (end - self.clock.now()).total_seconds()))
        if self.hears:
            await self.deliver()
        await self.drain()

    async def ended(self, payment: Any, *, within_s: float = 1200.0) -> Any:
        """Let time pass until a payment is final, and return it."""
        return await self._until(payment, self.see, OVER, within_s)

    async def refund_ended(self, refund: Any, *, within_s: float = 3600.0) -> Any:
        """Let time pass until a refund is final, and return it."""
        return await self._until(refund, self.see_refund, ("done", "failed"), within_s)

    async def _until(self, thing: Any, look: Any, over: tuple[str, ...], within_s: float) -> Any:
        end = self.clock.now() + timedelta(seconds=within_s)
        while True:
            view = await look(thing)
            if view["status"] in over or self.clock.now() >= end:
                return view
            left_s = (end - self.clock.now()).total_seconds()
            moments = [(at - self.clock.now()).total_seconds() for at in await self._moments()]
            await self.pass_time(min([left_s, *(max(0.001, moment) for moment in moments)]))

    async def _moments(self) -> list[datetime]:
        found = [await self.till.database.read(next_due_at), await self.till.database.read(next_refund_at)]
        if self.hears and self.box.outbox.waiting:
            found.append(self.box.outbox.waiting[0].due_at)
        return [at for at in found if at is not None]


@asynccontextmanager
async def open_upi_shop(
    url: str,
    *,
    at: datetime = TEN_TWENTY_IST,
    mcc: str | None = None,
    hears: bool = False,
    box: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[UpiShop]:
    """Open a shop on an empty database; on leaving, its books are compared with the truth.

    `mcc` is the merchant's category, `box` changes what Paytm thinks of the merchant.
    """
    clock = ManualClock(at)
    sandbox = Sandbox(clock, seed=1)
    change_merchant(sandbox, **(box or {}))
    line = UpiLine(sandbox.ahandle)
    settings = settings_for(url, client_id=CLIENT, public_url=PUBLIC, **more)
    till = await Till.open(settings, send=line.send, clock=clock)
    try:
        principal = await access.principal_for_key(till, API_KEY)
        assert principal is not None
        if mcc is not None:
            await till.database.write(_set_category, principal.merchant_id, mcc)
            clock.advance(ACCOUNT_LIFE_S + 1)
        shop = UpiShop(till, sandbox, clock, principal, line)
        shop.hears = hears
        account = await till.account(principal.merchant_id)
        change_merchant(sandbox, callback_url=account.callback_url)
        yield shop
        await shop.assert_whole()
    finally:
        await till.close()


def change_merchant(box: Sandbox, **changes: Any) -> SandboxMerchant:
    """Change what Paytm thinks of the demo merchant."""
    box.merchants[DEMO_MID] = msgspec.structs.replace(box.merchants[DEMO_MID], **changes)
    return box.merchants[DEMO_MID]


def said(status: str, code: str, **fields: str) -> Response:
    """Return an answer of Paytm's with this result, unsigned as a no often is."""
    info = {"resultStatus": status, "resultCode": code, "resultMsg": f"Result {code}"}
    return Response(status=200, body=msgspec.json.encode({"head": {}, "body": {"resultInfo": info, **fields}}))


def answering(shop: UpiShop, operation: str, *answers: Response, is_done: bool = False) -> None:
    """Give these answers to the next calls of an operation; `is_done`: Paytm does what was asked all the same."""
    left = list(answers)

    async def carry(request: Request) -> Response:
        if request.operation != operation or not left:
            return await shop.box.ahandle(request)
        if is_done:
            await shop.box.ahandle(request)
        return left.pop(0)

    shop.line.answer_with(carry)


def _set_category(connection: Connection, merchant_id: str, mcc: str) -> None:
    connection.execute(update(merchants).where(merchants.c.id == merchant_id).values(mcc=mcc))


def next_refund_at(connection: Connection) -> datetime | None:
    """Return when the next refund falls due, or None."""
    due = connection.scalar(select(refund_rows.c.due_at).where(refund_rows.c.due_at.is_not(None)).order_by("due_at"))
    return datetime.fromtimestamp(due / 1000, UTC) if due is not None else None
