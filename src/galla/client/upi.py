"""A merchant's online payments at Paytm: links, QR codes, collect, status and refunds, blocking and async.

Both clients run the verbs of `desk.py`, each under one deadline for the whole verb, however many requests it
takes. Nothing here decides that money moved, retries a payment, or remembers anything between calls.
"""

# ruff: noqa: A002 - `id` is the word callers know

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, Self, TypeVar

from galla.client.address import addresses
from galla.client.desk import Desk
from galla.client.flows import AsyncSend, Flow, Send, arun, run
from galla.client.transport import (
    TIMEOUT_S,
    AsyncTransport,
    AwaitableTransport,
    SyncTransport,
    Transport,
    adirect,
    direct,
)
from galla.clock import SYSTEM, Clock
from galla.protocol.message import MerchantKey, Request, Response
from galla.protocol.order import OrderStatusReply

P = ParamSpec("P")
R = TypeVar("R")


def _blocking(verb: Callable[Concatenate[Desk, P], Flow[R]]) -> Callable[Concatenate[Paytm, P], R]:
    """Make a verb of the desk one of the blocking client."""

    def call(client: Paytm, /, *words: P.args, **named: P.kwargs) -> R:
        return client.carry(verb(client.desk, *words, **named))

    update_wrapper(call, verb)
    return call


def _awaited(
    verb: Callable[Concatenate[Desk, P], Flow[R]],
) -> Callable[Concatenate[AsyncPaytm, P], Awaitable[R]]:
    """Make a verb of the desk one of the async client."""

    async def call(client: AsyncPaytm, /, *words: P.args, **named: P.kwargs) -> R:
        return await client.carry(verb(client.desk, *words, **named))

    update_wrapper(call, verb)
    return call


class Paytm:
    """A merchant's online UPI payments, blocking. Safe to share among threads.

    `website` is the name that Paytm provisioned (else `WEBSTAGING`, in production `DEFAULT`); `client_id` came
    with the key, and a QR needs it; `channel_id` is `WEB`, or `WAP` on a phone; `collect_allowed` is for the few
    merchants whom NPCI still lets collect. `environment` is `staging`, `production` or `sandbox` (galla's own);
    `base_url` replaces its address. `timeout_s` bounds each verb as a whole. `transport` replaces the network by
    any object with `send(request, timeout_s)`, yours to close, or by a function such as a sandbox's `handle`.

    Raises:
        ConfigError: the key, environment or address cannot be used. Found before any I/O.

    Example:
        >>> paytm = Paytm(mid="TESTMID0000000000001", key="unit_test_key_16")
        >>> paytm.collect(vpa="neha@okbank", amount_paise=100, customer_id="C1")
        Traceback (most recent call last):
        galla.errors.PaymentError: Collecting from a UPI id is not permitted: NPCI ended it on 28 February 2026 ...
    """

    def __init__(
        self,
        *,
        mid: str,
        key: str | MerchantKey,
        website: str | None = None,
        client_id: str | None = None,
        channel_id: str = "WEB",
        collect_allowed: bool = False,
        environment: str = "staging",
        base_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: Transport | Send | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self.desk = Desk(
            mid=mid,
            key=key,
            website=website,
            client_id=client_id,
            channel_id=channel_id,
            collect_allowed=collect_allowed,
            environment=environment,
            clock=clock,
        )
        hosts = addresses(environment, pg=base_url)
        self._timeout_s = timeout_s
        self._clock = clock
        self._own: SyncTransport | None = None
        if transport is None:
            transport = self._own = SyncTransport(hosts, timeout_s=timeout_s)
        self._transport = direct(transport)

    initiate = _blocking(Desk.initiate)
    intent = _blocking(Desk.intent)
    collect = _blocking(Desk.collect)
    qr = _blocking(Desk.qr)
    status = _blocking(Desk.status)
    refund = _blocking(Desk.refund)
    refund_status = _blocking(Desk.refund_status)
    check_vpa = _blocking(Desk.check_vpa)
    options = _blocking(Desk.options)
    orders = _blocking(Desk.orders)

    def wait(
        self, id: str, *, timeout_s: float, amount_paise: int | None = None, every_s: float | None = None
    ) -> OrderStatusReply:
        """Ask until the answer is final or the time is up; return the last answer.

        Without `every_s` the pauses grow from 5 to 60 seconds. Time never decides: what is returned may be
        pending, or say that nobody has paid yet, and the payment may still be made.

        Raises:
            Refused: Paytm would not answer.
            NotSent, NoReply, RemoteProtocolError: there was no usable answer in all that time.
        """
        ends_s = self.desk.ends_s(timeout_s, every_s)
        return self.carry(self.desk.waiting(id, amount_paise, ends_s, every_s), ends_s)

    def carry(self, flow: Flow[R], ends_s: float | None = None) -> R:
        """Run a flow of your own in this merchant's name, each request with what is left of the time.

        `ends_s` is on the clock's monotonic scale; without it, `timeout_s` from now.
        """
        desk, timeout_s = self.desk, self._timeout_s
        until_s = self._clock.monotonic() + timeout_s if ends_s is None else ends_s

        def send(request: Request) -> Response:
            return self._transport.send(request, desk.limit_s(until_s, timeout_s))

        return run(flow, send, self._clock)

    def close(self) -> None:
        """Close the connections, unless the transport was yours."""
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self.desk).replace("Desk", "Paytm", 1)


class AsyncPaytm:
    """A merchant's online UPI payments, without blocking the event loop. The verbs are those of `Paytm`.

    Use it within the event loop it was first used in, and close it there.

    Example:
        >>> AsyncPaytm(mid="TESTMID0000000000001", key="unit_test_key_16")
        AsyncPaytm(mid='TESTMID0000000000001', key='****', environment='staging')
    """

    def __init__(
        self,
        *,
        mid: str,
        key: str | MerchantKey,
        website: str | None = None,
        client_id: str | None = None,
        channel_id: str = "WEB",
        collect_allowed: bool = False,
        environment: str = "staging",
        base_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: AwaitableTransport | AsyncSend | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self.desk = Desk(
            mid=mid,
            key=key,
            website=website,
            client_id=client_id,
            channel_id=channel_id,
            collect_allowed=collect_allowed,
            environment=environment,
            clock=clock,
        )
        hosts = addresses(environment, pg=base_url)
        self._timeout_s = timeout_s
        self._clock = clock
        self._own: AsyncTransport | None = None
        if transport is None:
            transport = self._own = AsyncTransport(hosts, timeout_s=timeout_s)
        self._transport = adirect(transport)

    initiate = _awaited(Desk.initiate)
    intent = _awaited(Desk.intent)
    collect = _awaited(Desk.collect)
    qr = _awaited(Desk.qr)
    status = _awaited(Desk.status)
    refund = _awaited(Desk.refund)
    refund_status = _awaited(Desk.refund_status)
    check_vpa = _awaited(Desk.check_vpa)
    options = _awaited(Desk.options)
    orders = _awaited(Desk.orders)

    async def wait(
        self, id: str, *, timeout_s: float, amount_paise: int | None = None, every_s: float | None = None
    ) -> OrderStatusReply:
        """Ask until the answer is final or the time is up; as `Paytm.wait`."""
        ends_s = self.desk.ends_s(timeout_s, every_s)
        return await self.carry(self.desk.waiting(id, amount_paise, ends_s, every_s), ends_s)

    async def carry(self, flow: Flow[R], ends_s: float | None = None) -> R:
        """Run a flow of your own in this merchant's name; as `Paytm.carry`."""
        desk, timeout_s = self.desk, self._timeout_s
        until_s = self._clock.monotonic() + timeout_s if ends_s is None else ends_s

        async def send(request: Request) -> Response:
            return await self._transport.send(request, desk.limit_s(until_s, timeout_s))

        return await arun(flow, send, self._clock)

    async def aclose(self) -> None:
        """Close the connections, unless the transport was yours."""
        if self._own is not None:
            await self._own.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return repr(self.desk).replace("Desk", "AsyncPaytm", 1)
