"""Paytm's payment-request queue: create, status, cancel and waiting, by two clients over the flows of
`queue_flow.py`.

A created request has a six-digit code that anybody may type into any machine of the MID. A refusal is raised, what
became of a request is returned. Nothing here decides that money moved, or remembers anything between calls.
"""

# ruff: noqa: A002 - `id` is the word callers know

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, Self

from galla import ids
from galla.client.address import addresses
from galla.client.flows import AsyncSend, Flow, Send, arun, run
from galla.client.merchant import Merchant
from galla.client.queue_flow import cancel_flow, create_flow, status_flow, wait_flow
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
from galla.errors import ConfigError, InvalidField
from galla.money import check_amount
from galla.protocol.message import MerchantKey
from galla.protocol.queue import (
    CANCEL_PATH,
    QueueCancelReply,
    QueueCancelRequest,
    QueueCreateReply,
    QueueCreateRequest,
    QueueStatusReply,
    QueueStatusRequest,
)
from galla.protocol.req_hash import scheme_named

Accept = Literal["all", "card", "qr"]

_MODES: Final = {"all": "ALL", "card": "CARD", "qr": "QR"}


class _Line(Merchant):
    """The requests of both clients, written in the merchant's name."""

    def __init__(
        self,
        *,
        mid: str,
        key: str | MerchantKey,
        client_id: str,
        environment: str,
        clock: Clock,
        hash: str,
        cancel_path: str,
        status_method: str,
    ) -> None:
        super().__init__(mid=mid, key=key, channel_id="EDC", environment=environment, clock=clock)
        if not client_id:
            raise ConfigError("The queue needs the client id that Paytm issued with it.", setting="client_id")
        if status_method not in ("POST", "GET"):
            raise ConfigError("`status_method` must be POST or GET.", setting="status_method")
        self.client_id: Final = client_id
        self._scheme = scheme_named(hash)
        self._cancel_path = cancel_path
        self._status_method = status_method

    def _create(
        self, amount_paise: int, paytm_id: str | None, reference: str | None, accept: str, created_at: datetime | None
    ) -> QueueCreateRequest:
        if accept not in _MODES:
            raise InvalidField("`accept` must be all, card or qr.", param="accept")
        now = self._clock.now()
        return QueueCreateRequest(
            mid=self.mid,
            client_id=self.client_id,
            scheme=self._scheme,
            txn_date=ist_text(created_at or now),
            merchant_txn_id=paytm_id or ids.paytm_id(self.environment, now),
            txn_amount=str(check_amount(amount_paise, param="amount_paise")),
            merchant_reference_no=reference,
            payment_mode=_MODES[accept],
        )

    def _status(self, code: str, created_at: datetime | None) -> QueueStatusRequest:
        return QueueStatusRequest(
            mid=self.mid,
            client_id=self.client_id,
            scheme=self._scheme,
            cpay_id=code,
            txn_date=ist_text(created_at or self._clock.now()),
            method=self._status_method,
        )

    def _cancel(
        self, code: str | None, id: str | None, tid: str | None, created_at: datetime | None
    ) -> QueueCancelRequest:
        if code is None and id is None:
            raise InvalidField("Say which request: its `code`, its `id`, or both.", param="code")
        return QueueCancelRequest(
            mid=self.mid,
            client_id=self.client_id,
            scheme=self._scheme,
            cpay_id=code,
            merchant_order_id=id,
            tid=tid,
            date=ist_text(created_at or self._clock.now()),
            path=self._cancel_path,
        )

    def _wait(self, code: str, created_at: datetime | None, ends_s: float, every_s: float) -> Flow[QueueStatusReply]:
        return wait_flow(
            lambda: self._status(code, created_at), self._key, ends_s=ends_s, every_s=every_s, clock=self._clock
        )


class PaytmQueue(_Line):
    """A merchant's payment queue, blocking. Safe to share among threads.

    `client_id` is the queue's own. `hash`, `cancel_path` and `status_method` are dialects where public knowledge
    conflicts: `galla.protocol.req_hash.SCHEMES` names the hashes. The rest is as for `PaytmEDC`.

    Raises:
        ConfigError: the key, client id, environment, address or a dialect cannot be used. Found before any I/O.

    Example:
        >>> from galla import PaytmQueue
        >>> from galla.sandbox import DEMO_KEY, DEMO_MID, Sandbox
        >>> sandbox = Sandbox(seed=1)
        >>> queue = PaytmQueue(
        ...     mid=DEMO_MID, key=DEMO_KEY, client_id="C11", environment="sandbox", transport=sandbox.handle
        ... )
        >>> code = queue.create(amount_paise=250_000, reference="INV-1").cpay_id
        >>> sandbox.type_code("12345672", code).screen.value
        'present'
        >>> queue.status(code).state.value
        'PENDING'
    """

    def __init__(
        self,
        *,
        mid: str,
        key: str | MerchantKey,
        client_id: str,
        environment: str = "staging",
        base_url: str | None = None,
        hash: str = "hmac-json",
        cancel_path: str = CANCEL_PATH,
        status_method: str = "POST",
        timeout_s: float = TIMEOUT_S,
        transport: Transport | Send | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(
            mid=mid,
            key=key,
            client_id=client_id,
            environment=environment,
            clock=clock,
            hash=hash,
            cancel_path=cancel_path,
            status_method=status_method,
        )
        hosts = addresses(environment, queue=base_url)
        self._timeout_s = timeout_s
        self._own: SyncTransport | None = None
        if transport is None:
            transport = self._own = SyncTransport(hosts, timeout_s=timeout_s)
        self._transport = direct(transport)

    def create(
        self,
        *,
        amount_paise: int,
        id: str | None = None,
        reference: str | None = None,
        accept: Accept = "all",
        created_at: datetime | None = None,
    ) -> QueueCreateReply:
        """Put an amount into the queue; the reply's `.cpay_id` is the code to type into any machine.

        `id` is 8 to 32 letters and digits; without one it is made. `created_at` (aware) is the date the status is
        asked with: keep it. Nothing can be charged before somebody types the code, so after a lost reply the same
        id may be sent again: only the code you show counts.

        Raises:
            AmountNotAllowed, InvalidField, LocalProtocolError: it cannot be sent; nothing was.
            Refused: Paytm said no; `.hint` says what to do.
            NotSent, NoReply, RemoteProtocolError: no code arrived; send the same id again.
        """
        request = self._create(amount_paise, id, reference, accept, created_at)
        return run(create_flow(request, self._key), self._transport.send, self._clock)

    def status(self, code: str, *, created_at: datetime | None = None) -> QueueStatusReply:
        """Ask what became of a code; `created_at` as given to `create` (default: now). Moves no money.

        Look at `.state`. When it is `COMPLETED`, compare amount, id and MID of `.paid_by` with yours before you call
        it paid.

        Raises:
            Refused: Paytm would not answer, or does not know the code.
            NotSent, NoReply, RemoteProtocolError: no answer that can be read: ask again.
        """
        return run(status_flow(self._status(code, created_at), self._key), self._transport.send, self._clock)

    def cancel(
        self, code: str | None = None, *, id: str | None = None, tid: str | None = None,
        created_at: datetime | None = None,
    ) -> QueueCancelReply:
        """Ask for a code to be taken out of the queue, by itself or by your own `id`. Ask the status afterwards.

        `tid` is any machine's of yours: Paytm's page asks for one.

        Raises:
            InvalidField: neither code nor id is given.
            Refused: Paytm said no: perhaps somebody is paying it.
            NotSent, NoReply, RemoteProtocolError: it may have arrived: ask the status.
        """
        request = self._cancel(code, id, tid, created_at)
        return run(cancel_flow(request, self._key), self._transport.send, self._clock)

    def wait(
        self, code: str, *, timeout_s: float, every_s: float = 5.0, created_at: datetime | None = None
    ) -> QueueStatusReply:
        """Ask every few seconds until the code is over or the time is up; return the last answer.

        Time never decides: what is returned may still be in the queue, and the payment may still be made.

        Raises:
            Refused: Paytm would not answer.
            NotSent, NoReply, RemoteProtocolError: there was no answer in all that time.
        """
        ends_s = self._ends_s(timeout_s, every_s)
        return run(
            self._wait(code, created_at, ends_s, every_s),
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


class AsyncPaytmQueue(_Line):
    """A merchant's payment queue, without blocking the event loop. The verbs are those of `PaytmQueue`.

    Example:
        >>> import asyncio
        >>> from galla import AsyncPaytmQueue
        >>> async def main() -> None:
        ...     async with AsyncPaytmQueue(
        ...         mid="TESTMID0000000000001", key="unit_test_key_16", client_id="C11"
        ...     ) as queue:
        ...         print(queue)
        >>> asyncio.run(main())
        AsyncPaytmQueue(mid='TESTMID0000000000001', key='****', environment='staging')
    """

    def __init__(
        self,
        *,
        mid: str,
        key: str | MerchantKey,
        client_id: str,
        environment: str = "staging",
        base_url: str | None = None,
        hash: str = "hmac-json",
        cancel_path: str = CANCEL_PATH,
        status_method: str = "POST",
        timeout_s: float = TIMEOUT_S,
        transport: AwaitableTransport | AsyncSend | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(
            mid=mid,
            key=key,
            client_id=client_id,
            environment=environment,
            clock=clock,
            hash=hash,
            cancel_path=cancel_path,
            status_method=status_method,
        )
        hosts = addresses(environment, queue=base_url)
        self._timeout_s = timeout_s
        self._own: AsyncTransport | None = None
        if transport is None:
            transport = self._own = AsyncTransport(hosts, timeout_s=timeout_s)
        self._transport = adirect(transport)

    async def create(
        self,
        *,
        amount_paise: int,
        id: str | None = None,
        reference: str | None = None,
        accept: Accept = "all",
        created_at: datetime | None = None,
    ) -> QueueCreateReply:
        """Put an amount into the queue; as `PaytmQueue.create`."""
        request = self._create(amount_paise, id, reference, accept, created_at)
        return await arun(create_flow(request, self._key), self._transport.send, self._clock)

    async def status(self, code: str, *, created_at: datetime | None = None) -> QueueStatusReply:
        """Ask what became of a code; as `PaytmQueue.status`."""
        flow = status_flow(self._status(code, created_at), self._key)
        return await arun(flow, self._transport.send, self._clock)

    async def cancel(
        self, code: str | None = None, *, id: str | None = None, tid: str | None = None,
        created_at: datetime | None = None,
    ) -> QueueCancelReply:
        """Ask for a code to be taken out of the queue; as `PaytmQueue.cancel`."""
        request = self._cancel(code, id, tid, created_at)
        return await arun(cancel_flow(request, self._key), self._transport.send, self._clock)

    async def wait(
        self, code: str, *, timeout_s: float, every_s: float = 5.0, created_at: datetime | None = None
    ) -> QueueStatusReply:
        """Ask until the code is over or the time is up; as `PaytmQueue.wait`."""
        ends_s = self._ends_s(timeout_s, every_s)
        return await arun(
            self._wait(code, created_at, ends_s, every_s),
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
