"""The sandbox itself: takes requests, lets faults strike, answers or loses the answer, and logs it.

`Sandbox.handle` is a complete Paytm in one call, without a network. What an endpoint does belongs in
`edc.py`, `upi.py` and the desks, what is true in `world.py`, `online.py` and `phones.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from galla.clock import SYSTEM, Clock
from galla.errors import NoReply, NotSent, RemoteProtocolError
from galla.protocol.message import MerchantKey, Request, Response, after_no_reply, field, read_json, section
from galla.sandbox import edc, order_desk, qr_desk, queue, refund_desk, upi
from galla.sandbox.charge import Charge
from galla.sandbox.entry import Entry
from galla.sandbox.faults import UNPROCESSED, Fault, FaultPlan, Kind, spoil
from galla.sandbox.order import Order
from galla.sandbox.outbox import Post
from galla.sandbox.phones import DEMO_VPA as DEMO_VPA
from galla.sandbox.phones import Phones
from galla.sandbox.terminal import Terminal
from galla.sandbox.wire import Call, Wire
from galla.sandbox.world import DEMO_KEY as DEMO_KEY
from galla.sandbox.world import DEMO_MID as DEMO_MID
from galla.sandbox.world import DEMO_TIDS as DEMO_TIDS
from galla.sandbox.world import SandboxMerchant as SandboxMerchant

ROUTES = {**edc.ROUTES, **queue.ROUTES, **upi.ROUTES, **qr_desk.ROUTES, **order_desk.ROUTES, **refund_desk.ROUTES}
"""Path to operation and handler. Another Paytm product adds its own table here."""


class Cut(StrEnum):
    """How a reply fails to arrive."""

    REFUSED = "refused"
    LOST = "lost"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one request: a response after `delay_ms`, or none.

    `is_dripping` spreads the response over the delay.
    """

    response: Response | None = None
    cut: Cut | None = None
    delay_ms: int = 0
    is_dripping: bool = False


class Sandbox(Phones):
    """A pretend Paytm.

    Args:
        clock: the time it lives by; it can be moved ahead with `sandbox.clock.advance`.
        seed: makes transaction numbers replayable; without it they are random.
        has_demo: start with the demo merchant, its two machines and two customers' phones.

    `reply_timeout_s`: in process, a reply later than this is a lost reply.

    Example:
        >>> from datetime import UTC, datetime
        >>> from galla.clock import ManualClock
        >>> sandbox = Sandbox(ManualClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC)), seed=1)
        >>> sandbox.terminals["12345671"].screen.value
        'idle'
    """

    def __init__(
        self, clock: Clock = SYSTEM, seed: int | str | None = None, *, has_demo: bool = True
    ) -> None:
        super().__init__(clock, seed)
        self.wire = Wire()
        self.reply_timeout_s = 30.0
        if has_demo:
            self.add_merchant(DEMO_MID, DEMO_KEY, name="Sandbox Skin Clinic")
            for number, tid in enumerate(DEMO_TIDS, 1):
                self.add_terminal(tid, DEMO_MID, label=f"Counter {number}")
            self.add_phone(DEMO_VPA, name="Ramesh K.", bank="State Bank of India")
            self.add_phone("neha@okhdfcbank", name="Neha S.", bank="HDFC Bank")

    def handle(self, request: Request) -> Response:
        """Answer one request, blocking for as long as a delay says.

        Raises:
            NotSent: a fault refuses the connection.
            NoReply: a fault loses the request or the reply, or the reply is later than `reply_timeout_s`.
        """
        answer = self.answer(request)
        self.clock.pause(min(answer.delay_ms / 1000, self.reply_timeout_s))
        return self._deliver(answer, request)

    async def ahandle(self, request: Request) -> Response:
        """Answer one request without blocking the event loop; raises as `handle` does."""
        answer = self.answer(request)
        if answer.delay_ms:
            await self.clock.sleep(min(answer.delay_ms / 1000, self.reply_timeout_s))
        return self._deliver(answer, request)

    def answer(self, request: Request) -> Answer:
        """Do what one request asks and say what becomes of its answer, without waiting."""
        with self.lock:
            now = self.clock.now()
            self.settle(now)
            route = queue.route_of(request, ROUTES)
            if route is None or request.method not in route.methods:
                answer = Answer(response=no_such_route(request.path))
                self._log(request, _Glimpse(), "unknown", answer, (), now)
                return answer
            glimpse = _glimpse(self, request, route.operation)
            struck = self.faults.strike(route.operation, tid=glimpse.tid, paytm_id=glimpse.paytm_id)
            response: Response | None = None
            if not any(fault.kind in UNPROCESSED for fault in struck):
                response = route.handle(self, request, now)
                if any(fault.kind is Kind.DUPLICATE for fault in struck):
                    response = route.handle(self, request, now)
                self._mark(glimpse, struck, now)
                struck += self.faults.strike(
                    route.operation, tid=glimpse.tid, paytm_id=glimpse.paytm_id, answer=response
                )
            merchant = self.merchants.get(glimpse.mid or "")
            answer = _struck(response, struck, merchant.key if merchant is not None else None)
            self._log(request, glimpse, route.operation, answer, struck, now, response)
            return answer

    def add_fault(self, fault: Fault) -> Fault:
        """Put a fault in force and return it with its number.

        Raises:
            InvalidField: it can never strike, or it needs a length of time.
        """
        with self.lock:
            self.version += 1
            return self.faults.add(fault)

    def clear_faults(self, number: int | None = None) -> None:
        """Take one fault out of force, or all of them."""
        with self.lock:
            self.version += 1
            self.faults.remove(number)

    def due_posts(self) -> tuple[Post, ...]:
        """Return the callbacks to be delivered now; tell what came of each with `posted`."""
        with self.lock:
            now = self.clock.now()
            self.settle(now)
            return self.outbox.due(now)

    def posted(self, number: int, status: int | None) -> Post | None:
        """Note the HTTP status a callback was answered with (None: no answer), and return it as it is now."""
        with self.lock:
            self.version += 1
            return self.outbox.answered(number, status, self.clock.now())

    def drop_post(self, number: int, why: str) -> None:
        """Give a callback up without sending it."""
        with self.lock:
            self.version += 1
            self.outbox.drop(number, why)

    def reset(self) -> None:
        """Forget every sale, order, fault, callback and call, and put the clock right.

        Merchants, machines and phones stay; the machines are idle again.
        """
        with self.lock:
            self._forget()
            self.faults = FaultPlan()
            self.wire.clear()
            self.autoplay = None
            self.operator_expiry_s = None
            self.clock.reset()
            now = self.clock.now()
            for tid, old in self.terminals.items():
                self.terminals[tid] = Terminal(
                    tid=tid, mid=old.mid, label=old.label, is_active=old.is_active, changed_at=now
                )
            self.version += 1

    def _mark(self, glimpse: _Glimpse, struck: tuple[Fault, ...], now: datetime) -> None:
        """Put the faults that last beyond a call on the payment or refund it began."""
        key = (glimpse.mid or "", glimpse.paytm_id or "")
        for fault in struck:
            if key in self.charges:
                self.charges[key] = _marked(self.charges[key], fault, now)
            elif key in self.orders:
                self.orders[key] = _marked(self.orders[key], fault, now)
            elif (entry := self.entry_of(*key)) is not None:
                self.entries[entry.key] = _marked(entry, fault, now)
            refund = self.refunds.get((glimpse.mid or "", glimpse.ref_id or ""))
            if fault.kind is Kind.REFUND_FAILS and refund is not None:
                self.refunds[refund.mid, refund.ref_id] = replace(refund, will_fail=True)

    def _deliver(self, answer: Answer, request: Request) -> Response:
        about = {"operation": request.operation, "paytm_id": request.paytm_id}
        if answer.cut is Cut.REFUSED:
            raise NotSent("The sandbox refused the connection: nothing was sent.", **about)
        if answer.response is None or answer.delay_ms / 1000 > self.reply_timeout_s:
            raise NoReply(f"The sandbox lost the reply. {after_no_reply(request.operation)}", **about)
        return answer.response

    def _log(
        self,
        request: Request,
        glimpse: _Glimpse,
        operation: str,
        answer: Answer,
        struck: tuple[Fault, ...],
        now: datetime,
        truth: Response | None = None,
    ) -> None:
        self.version += 1
        call = Call(
            number=self.wire.next_number(),
            at=now,
            operation=operation,
            path=request.path,
            paytm_id=glimpse.paytm_id,
            mid=glimpse.mid,
            tid=glimpse.tid,
            answer=_summary(answer),
            was_processed=truth is not None,
            was_answered=answer.response is not None,
            faults=tuple(fault.kind.value for fault in struck),
            body=glimpse.body,
        )
        self.wire.add(call)


class _Glimpse(msgspec.Struct, frozen=True, kw_only=True):
    mid: str | None = None
    tid: str | None = None
    paytm_id: str | None = None
    ref_id: str | None = None
    body: dict[str, Any] = {}


def _glimpse(world: Phones, request: Request, operation: str) -> _Glimpse:
    """Look at whom and what a request is about, whatever its checksum."""
    if operation.startswith("queue"):
        mid, paytm_id = queue.subject(world, request)
        return _Glimpse(mid=mid, paytm_id=paytm_id, body=queue.fields_of(request))
    try:
        body = section(read_json(request.body, operation=operation), "body")
    except RemoteProtocolError:
        return _Glimpse()
    return _Glimpse(
        mid=field(body, "paytmMid", "mid"),
        tid=field(body, "paytmTid"),
        paytm_id=field(body, "merchantTransactionId", "orderId"),
        ref_id=field(body, "refId"),
        body=body,
    )


T = TypeVar("T", Charge, Order, Entry)


def _marked(thing: T, fault: Fault, at: datetime) -> T:
    """Return a sale, order or queue entry with a fault on it that lasts beyond its first call."""
    match fault.kind:
        case Kind.NOT_FOUND_WINDOW:
            return replace(thing, hidden_until=at + timedelta(milliseconds=fault.after_ms))
        case Kind.LATE_SUCCESS:
            return replace(thing, told_late_ms=fault.after_ms, told_meanwhile="P")
        case Kind.LATE_SUCCESS_AFTER_FAILURE:
            return replace(thing, told_late_ms=fault.after_ms, told_meanwhile="F")
        case _:
            return thing


def _struck(response: Response | None, struck: tuple[Fault, ...], key: MerchantKey | None) -> Answer:
    delay_ms = sum(fault.after_ms for fault in struck if fault.kind in (Kind.DELAY, Kind.SLOW_DRIP))
    kinds = {fault.kind for fault in struck}
    if Kind.REFUSE_CONNECTION in kinds:
        return Answer(cut=Cut.REFUSED)
    if kinds & {Kind.DROP_BEFORE, Kind.DROP_AFTER}:
        return Answer(cut=Cut.LOST, delay_ms=delay_ms)
    told = response if response is not None else Response(status=429, body=b"")
    for fault in struck:
        told = spoil(told, fault.kind, retry_after_s=fault.retry_after_s, key=key)
    return Answer(response=told, delay_ms=delay_ms, is_dripping=Kind.SLOW_DRIP in kinds)


def _summary(answer: Answer) -> str:
    if answer.cut is not None:
        return "connection refused" if answer.cut is Cut.REFUSED else "no reply"
    if answer.response is None or answer.response.status != 200:
        return f"HTTP {answer.response.status}" if answer.response is not None else "no reply"
    try:
        body = section(read_json(answer.response.body, operation="log"), "body")
    except RemoteProtocolError:
        return "unreadable"
    result = section(body, "resultInfo") or body
    code, code_id = field(result, "resultCode") or "?", field(result, "resultCodeId")
    return f"{field(result, 'resultStatus') or '?'} {code}" if code_id is None else f"{code} {code_id}"


def no_such_route(path: str) -> Response:
    """Return Paytm's gateway's answer for a path it does not know: JSON, or a page under `/theia/`."""
    if path.startswith("/theia/"):
        page = b"<!doctype html><html><head><title>404</title></head><body><h1>404</h1></body></html>"
        return Response(status=404, body=page, headers={"content-type": "text/html"})
    body = {
        "errorDetails": {
            "code": 404,
            "errorCode": "SVE-003",
            "errorMessage": f"No route matches {path[:200]}",
            "timestamp": "",
        }
    }
    return Response(status=404, body=msgspec.json.encode(body), headers={"content-type": "application/json"})
