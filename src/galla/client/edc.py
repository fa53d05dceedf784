"""Talking to a Paytm card machine: sale, status, void and waiting, as flows and as two clients over them.

A refusal is raised, what became of a payment is returned. Nothing here decides that money moved, retries a
sale, or remembers anything between calls.
"""

# ruff: noqa: A002 - `id` is the word callers know

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Self

from galla import ids
from galla.client.address import addresses
from galla.client.answer import about, refused
from galla.client.flows import AsyncSend, Flow, Send, arun, exchange, pause, run
from galla.client.merchant import Merchant
from galla.client.transport import (
    TIMEOUT_S,
    AsyncTransport,
    AwaitableTransport,
    SyncTransport,
    Transport,
    adirect,
    direct,
)
from galla.clock import SYSTEM, Clock, ist_text
from galla.errors import InvalidField, RemoteProtocolError, TransportError
from galla.money import check_amount
from galla.protocol.codes import Kind
from galla.protocol.edc import SaleReply, SaleRequest, StatusReply, StatusRequest, VoidReply, VoidRequest
from galla.protocol.message import MerchantKey

Accept = Literal["all", "card", "qr"]

_MODES: Final[Mapping[str, str]] = {"all": "ALL", "card": "CARD", "qr": "QR"}
# What is not named here is not a refusal: 0012, or parts that contradict each other, leave the outcome open.
_SALE_REFUSALS = frozenset({Kind.REFUSED, Kind.BUSY, Kind.DUPLICATE, Kind.DECLINED, Kind.VOID_FAILED})
_VOID_REFUSALS = _SALE_REFUSALS | {Kind.NOT_FOUND}
_STATUS_REFUSALS = frozenset({Kind.REFUSED})


def sale_flow(request: SaleRequest, key: MerchantKey) -> Flow[SaleReply]:
    """Push a sale to a machine and return that it was accepted, or that the outcome is open: ask the status.

    Raises (into the flow):
        Refused: Paytm said no, or that it has this id already.
        NotSent, NoReply, RemoteProtocolError: as `exchange`.
    """
    reply = yield from exchange(request, key)
    if reply.kind in _SALE_REFUSALS:
        raise refused(reply, request)
    return about(reply, request)


def status_flow(request: StatusRequest, key: MerchantKey) -> Flow[StatusReply]:
    """Ask what became of a sale, or of its void; a failed payment is an answer like any other.

    Raises (into the flow):
        Refused: Paytm would not answer the question; nothing is known about the payment.
        NotSent, NoReply, RemoteProtocolError: as `exchange`.
    """
    reply = yield from exchange(request, key)
    if reply.kind in _STATUS_REFUSALS:
        raise refused(reply, request)
    return about(reply, request)


def void_flow(request: VoidRequest, key: MerchantKey) -> Flow[VoidReply]:
    """Ask for a sale of today to be reversed. Accepted is not voided: ask the status with `event="VOID"`.

    Raises (into the flow):
        Refused: Paytm said no.
        NotSent, NoReply, RemoteProtocolError: as `exchange`.
    """
    reply = yield from exchange(request, key)
    if reply.kind in _VOID_REFUSALS:
        raise refused(reply, request)
    return about(reply, request)


def wait_flow(
    ask: Callable[[], StatusRequest], key: MerchantKey, *, ends_s: float, every_s: float, clock: Clock
) -> Flow[StatusReply]:
    """Ask until the answer is final or the clock's `monotonic()` reaches `ends_s`; return the last answer.

    Time never decides: an answer that is still pending is returned as it is. Lost and unreadable answers are
    asked for again.

    Raises (into the flow):
        Refused: Paytm would not answer the question.
        NotSent, NoReply, RemoteProtocolError: there was never an answer; the last failure is raised.
    """
    last: StatusReply | None = None
    while True:
        request = ask()
        failure: TransportError | RemoteProtocolError | None = None
        try:
            last = yield from status_flow(request, key)
        except (TransportError, RemoteProtocolError) as error:
            failure = error
        if last is not None and is_final(last, event=request.event):
            return last
        # The last question is asked shortly before the end, so that it still has time to be answered.
        left_s = min(every_s, ends_s - clock.monotonic() - min(1.0, every_s))
        if left_s > 0:
            yield from pause(left_s)
        elif last is not None:
            return last
        elif failure is not None:
            raise failure


def is_final(reply: StatusReply, *, event: str | None = None) -> bool:
    """Return whether asking again within minutes can change nothing (a late success is watched for in hours).

    `event` is what was asked about: None the sale, `VOID` its void.
    """
    return reply.kind in (Kind.SUCCESS, Kind.DECLINED) or (event == "VOID" and reply.kind is Kind.VOID_FAILED)


class _Desk(Merchant):
    """The requests of both clients, written in the merchant's name."""

    def _who(self, paytm_id: str, tid: str) -> dict[str, Any]:
        now = ist_text(self._clock.now())
        return {
            "paytm_mid": self.mid,
            "paytm_tid": tid,
            "merchant_transaction_id": paytm_id,
            "transaction_date_time": now,
            "channel_id": self.channel_id,
            "request_time_stamp": now,
        }

    def _sale(
        self, tid: str, amount_paise: int, paytm_id: str | None, accept: str, **extras: Any
    ) -> SaleRequest:
        if accept not in _MODES:
            raise InvalidField("`accept` must be all, card or qr.", param="accept")
        if paytm_id is None:
            paytm_id = ids.paytm_id(self.environment, self._clock.now())
        return SaleRequest(
            **self._who(paytm_id, tid),
            transaction_amount=str(check_amount(amount_paise, param="amount_paise")),
            payment_mode=_MODES[accept],
            **extras,
        )

    def _status(self, paytm_id: str, tid: str, event: str | None) -> StatusRequest:
        return StatusRequest(**self._who(paytm_id, tid), event=event)

    def _wait(
        self, paytm_id: str, tid: str, event: str | None, ends_s: float, every_s: float
    ) -> Flow[StatusReply]:
        return wait_flow(
            lambda: self._status(paytm_id, tid, event),
            self._key,
            ends_s=ends_s,
            every_s=every_s,
            clock=self._clock,
        )


class PaytmEDC(_Desk):
    """A merchant's card machines, blocking. Safe to share among threads.

    `environment` is `staging`, `production` or `sandbox` (galla's own, on this computer); `base_url` replaces
    its address. `timeout_s` bounds each call as a whole. `transport` replaces the network by any object with
    `send(request, timeout_s)`, yours to close, or by a function such as a sandbox's `handle`.

    Raises:
        ConfigError: the key, environment or address cannot be used. Found before any I/O.

    Example:
        >>> from galla import PaytmEDC
        >>> from galla.sandbox import DEMO_KEY, DEMO_MID, Sandbox
        >>> edc = PaytmEDC(mid=DEMO_MID, key=DEMO_KEY, environment="sandbox", transport=Sandbox().handle)
        >>> edc.sale(tid="12345671", amount_paise=250_000).kind.value
        'accepted'
    """

    def __init__(
        self,
        *,
        mid: str,
        key: str | MerchantKey,
        channel_id: str = "EDC",
        environment: str = "staging",
        base_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: Transport | Send | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(mid=mid, key=key, channel_id=channel_id, environment=environment, clock=clock)
        hosts = addresses(environment, edc=base_url)
        self._timeout_s = timeout_s
        self._own: SyncTransport | None = None
        if transport is None:
            transport = self._own = SyncTransport(hosts, timeout_s=timeout_s)
        self._transport = direct(transport)

    def sale(
        self,
        *,
        tid: str,
        amount_paise: int,
        id: str | None = None,
        reference: str | None = None,
        accept: Accept = "all",
        auto_accept: bool = False,
        display: Mapping[str, str] | None = None,
        print_info: Mapping[str, str] | None = None,
        callback_url: str | None = None,
    ) -> SaleReply:
        """Ask a machine to take this amount, once. Accepted is not paid: `wait`, or ask the `status`.

        `id` is 8 to 32 letters and digits, never used before; without one it is made, and the reply (or
        the error's `.paytm_id`) carries it. `reference` is the bill's number, up to 32 characters. `display`
        and `print_info` are up to three lines each, by name.

        Raises:
            AmountNotAllowed, InvalidField, LocalProtocolError: it cannot be sent; nothing was.
            Refused: Paytm said no; `.hint` says what to do.
            NotSent: it never left; it may be sent again.
            NoReply, RemoteProtocolError: it may have arrived: ask the status of `.paytm_id`.
        """
        request = self._sale(
            tid,
            amount_paise,
            id,
            accept,
            merchant_reference_no=reference,
            auto_accept=auto_accept,
            display_info=dict(display or {}),
            print_info=dict(print_info or {}),
            callback_url=callback_url,
        )
        return run(sale_flow(request, self._key), self._transport.send, self._clock)

    def status(self, id: str, *, tid: str, event: Literal["VOID"] | None = None) -> StatusReply:
        """Ask what became of a sale, or with `event="VOID"` of its void. Moves no money.

        A failed or pending payment is a value: look at `.kind`. Compare `.transaction_amount` with yours
        before you call it paid.

        Raises:
            Refused: Paytm would not answer, for instance because of a wrong key.
            NotSent, NoReply, RemoteProtocolError: no answer that can be read: ask again.
        """
        return run(status_flow(self._status(id, tid, event), self._key), self._transport.send, self._clock)

    def void(self, id: str, *, tid: str) -> VoidReply:
        """Ask for a sale of today to be reversed, whole. Accepted is not voided: `wait` for the `VOID`.

        Raises:
            Refused: Paytm said no.
            NotSent: it never left.
            NoReply, RemoteProtocolError: it may have arrived: ask the status with `event="VOID"`.
        """
        return run(void_flow(VoidRequest(**self._who(id, tid)), self._key), self._transport.send, self._clock)

    def wait(
        self,
        id: str,
        *,
        tid: str,
        timeout_s: float,
        every_s: float = 5.0,
        event: Literal["VOID"] | None = None,
    ) -> StatusReply:
        """Ask every few seconds until the answer is final or the time is up; return the last answer.

        Time never decides: what is returned may still be pending, and the payment may still be made.

        Raises:
            Refused: Paytm would not answer.
            NotSent, NoReply, RemoteProtocolError: there was no answer in all that time.
        """
        ends_s = self._ends_s(timeout_s, every_s)
        return run(
            self._wait(id, tid, event, ends_s, every_s),
            lambda request: self._transport.send(request, self._limit_s(ends_s, self._timeout_s)),
            self._clock,
        )

    def close(self) -> None:
        """Close the connections, unless the transport was yours."""
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncPaytmEDC(_Desk):
    """A merchant's card machines, without blocking the event loop. The verbs are those of `PaytmEDC`.

    It belongs to the loop it is first used in; a function as `transport` is a sandbox's `ahandle`.

    Example:
        >>> import asyncio
        >>> from galla import AsyncPaytmEDC
        >>> async def main() -> None:
        ...     async with AsyncPaytmEDC(mid="TESTMID0000000000001", key="unit_test_key_16") as edc:
        ...         print(edc)
        >>> asyncio.run(main())
        AsyncPaytmEDC(mid='TESTMID0000000000001', key='****', environment='staging')
    """

    def __init__(
        self,
        *,
        mid: str,
        key: str | MerchantKey,
        channel_id: str = "EDC",
        environment: str = "staging",
        base_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: AwaitableTransport | AsyncSend | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(mid=mid, key=key, channel_id=channel_id, environment=environment, clock=clock)
        hosts = addresses(environment, edc=base_url)
        self._timeout_s = timeout_s
        self._own: AsyncTransport | None = None
        if transport is None:
            transport = self._own = AsyncTransport(hosts, timeout_s=timeout_s)
        self._transport = adirect(transport)

    async def sale(
        self,
        *,
        tid: str,
        amount_paise: int,
        id: str | None = None,
        reference: str | None = None,
        accept: Accept = "all",
        auto_accept: bool = False,
        display: Mapping[str, str] | None = None,
        print_info: Mapping[str, str] | None = None,
        callback_url: str | None = None,
    ) -> SaleReply:
        """Ask a machine to take this amount, once; as `PaytmEDC.sale`."""
        request = self._sale(
            tid,
            amount_paise,
            id,
            accept,
            merchant_reference_no=reference,
            auto_accept=auto_accept,
            display_info=dict(display or {}),
            print_info=dict(print_info or {}),
            callback_url=callback_url,
        )
        return await arun(sale_flow(request, self._key), self._transport.send, self._clock)

    async def status(self, id: str, *, tid: str, event: Literal["VOID"] | None = None) -> StatusReply:
        """Ask what became of a sale or its void; as `PaytmEDC.status`."""
        flow = status_flow(self._status(id, tid, event), self._key)
        return await arun(flow, self._transport.send, self._clock)

    async def void(self, id: str, *, tid: str) -> VoidReply:
        """Ask for a sale of today to be reversed; as `PaytmEDC.void`."""
        flow = void_flow(VoidRequest(**self._who(id, tid)), self._key)
        return await arun(flow, self._transport.send, self._clock)

    async def wait(
        self,
        id: str,
        *,
        tid: str,
        timeout_s: float,
        every_s: float = 5.0,
        event: Literal["VOID"] | None = None,
    ) -> StatusReply:
        """Ask until the answer is final or the time is up; as `PaytmEDC.wait`."""
        ends_s = self._ends_s(timeout_s, every_s)
        return await arun(
            self._wait(id, tid, event, ends_s, every_s),
            lambda request: self._transport.send(request, self._limit_s(ends_s, self._timeout_s)),
            self._clock,
        )

    async def aclose(self) -> None:
        """Close the connections, unless the transport was yours."""
        if self._own is not None:
            await self._own.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
