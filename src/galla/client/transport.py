"""Carrying one request to Paytm and its whole answer back: blocking over urllib3, or async over aiohttp.

Never retried, never redirected, never through a proxy of the environment, never past its deadline. An error
says `NotSent` only when the connection was never established; everything else is `NoReply`. What a request or
an answer means is not known here.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from typing import TYPE_CHECKING, Any, Protocol, Self

from galla.client.address import Addresses
from galla.client.failure import no_reply, not_sent, why
from galla.protocol.message import MAX_BODY_BYTES, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from galla.client.connection import Pool
    from galla.client.flows import AsyncSend, Send

TIMEOUT_S = 15.0
_CHUNK = 65_536
_HEADERS = {"User-Agent": "galla", "Accept-Encoding": "identity"}


class Transport(Protocol):
    """Whatever can carry a request and return the answer: a network, or a sandbox in this process."""

    def send(self, request: Request, timeout_s: float | None = None) -> Response:
        """Carry one request, once, within this many seconds (None: the transport's own limit)."""
        ...


class AwaitableTransport(Protocol):
    """The same, without blocking the event loop."""

    async def send(self, request: Request, timeout_s: float | None = None) -> Response:
        """Carry one request, once, within this many seconds (None: the transport's own limit)."""
        ...


class SyncTransport:
    """HTTP to Paytm, blocking. One may serve any number of threads and merchants of one environment.

    `timeout_s` bounds connecting, sending and reading together; only the look-up of the host's name, which
    the operating system does not let us interrupt, can exceed it. `tls` replaces the computer's own trust, as
    a private certificate authority needs.

    Example:
        >>> from galla.client.address import addresses
        >>> with SyncTransport(addresses("sandbox")) as transport:
        ...     transport.timeout_s
        15.0
    """

    def __init__(
        self, addresses: Addresses, *, timeout_s: float = TIMEOUT_S, tls: ssl.SSLContext | None = None
    ) -> None:
        import urllib3

        from galla.client.deadline import POOLS

        self.addresses = addresses
        self.timeout_s = timeout_s
        self._pools = urllib3.PoolManager(
            num_pools=10, maxsize=32, block=False, retries=False, ssl_context=_trust(addresses, tls)
        )
        self._pools.pool_classes_by_scheme = POOLS

    def send(self, request: Request, timeout_s: float | None = None) -> Response:
        """Carry one request, once, and return the whole answer.

        Raises:
            NotSent: no connection could be made; nothing was written.
            NoReply: anything else; the request may have been received.
        """
        from urllib3 import Timeout

        from galla.client.deadline import NotConnected

        limit_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            reply = self._pools.urlopen(
                request.method,
                _url(self.addresses, request),
                body=request.body,
                headers={**_HEADERS, **dict(request.headers)},
                timeout=Timeout(total=limit_s),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                body = _drained(reply)
            except BaseException:
                reply.close()
                raise
            if len(body) > MAX_BODY_BYTES:
                reply.close()
            if not body and not reply.headers.keys() & {"Content-Length", "Transfer-Encoding"}:
                reply.close()
                raise EOFError  # http.client takes a head that breaks off for a whole answer
            reply.release_conn()
        except NotConnected as error:
            raise not_sent(request, why(error.error)) from None
        except Exception as error:
            raise no_reply(request, why(error)) from None
        return _response(reply.status, reply.headers, body)

    def close(self) -> None:
        """Close every idle connection."""
        self._pools.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncTransport:
    """HTTP to Paytm on an event loop. One may serve any number of tasks and merchants of one environment.

    It belongs to the loop it is first used in: close it there. `timeout_s` bounds everything, the look-up of
    the host's name included. `tls` replaces the computer's own trust.
    """

    def __init__(
        self, addresses: Addresses, *, timeout_s: float = TIMEOUT_S, tls: ssl.SSLContext | None = None
    ) -> None:
        self.addresses = addresses
        self.timeout_s = timeout_s
        self._tls = _trust(addresses, tls)
        self._pool: Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, request: Request, timeout_s: float | None = None) -> Response:
        """Carry one request, once, and return the whole answer.

        A caller that cancels this gets its `CancelledError`, and must treat the request as after `NoReply`.

        Raises:
            NotSent: no connection could be made; nothing was written.
            NoReply: anything else; the request may have been received.
        """
        from galla.client.connection import spoken, written

        pool, connection = self._pool_here(), None
        try:
            async with asyncio.timeout(self.timeout_s if timeout_s is None else timeout_s):
                host = pool.host(self.addresses.url(request.host))
                message = written(host, request)
                connection = await pool.connected(host)
                answer = await spoken(connection, message, has_body=request.method != "HEAD")
        except Exception as error:
            if connection is None:
                raise not_sent(request, why(error)) from None
            raise no_reply(request, why(error)) from None
        return _response(answer.status, answer.headers, answer.body)

    async def aclose(self) -> None:
        """Close every connection."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _pool_here(self) -> Pool:
        """Return this loop's connections."""
        loop = asyncio.get_running_loop()
        if self._pool is not None and self._loop is loop and not self._pool.is_closed:
            return self._pool
        if self._pool is not None and self._loop is not None and not self._loop.is_closed():
            raise RuntimeError("An AsyncTransport belongs to one event loop: make another for this one.")
        from galla.client.connection import Pool

        self._loop, self._pool = loop, Pool(loop, self._tls)
        return self._pool


class _Direct:
    """A function in a transport's place; it keeps its own time."""

    def __init__(self, send: Callable[[Request], Any]) -> None:
        self._send = send

    def send(self, request: Request, timeout_s: float | None = None) -> Any:
        return self._send(request)


def direct(transport: Transport | Send) -> Transport:
    """Return a transport, made of a function if it is one."""
    return transport if hasattr(transport, "send") else _Direct(transport)


def adirect(transport: AwaitableTransport | AsyncSend) -> AwaitableTransport:
    """Return an awaitable transport, made of a function if it is one."""
    return transport if hasattr(transport, "send") else _Direct(transport)


def _trust(addresses: Addresses, tls: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """Return whom to trust, TLS 1.2 at least; None when no address is https, as reading roots takes time."""
    if tls is not None or not any(
        url.startswith("https:") for url in (addresses.edc, addresses.queue, addresses.pg)
    ):
        return tls
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _url(addresses: Addresses, request: Request) -> str:
    query = f"?{request.query}" if request.query else ""
    return f"{addresses.url(request.host)}{request.path}{query}"


def _drained(reply: Any) -> bytes:
    """Read a urllib3 answer to its end, or one byte past what we are willing to read."""
    body = bytearray()
    while len(body) <= MAX_BODY_BYTES and (chunk := reply.read(_CHUNK)):
        body += chunk
    return bytes(body[: MAX_BODY_BYTES + 1])


def _response(status: int, headers: Mapping[str, str], body: bytes) -> Response:
    """Return the answer; a gateway that compresses unasked is unpacked, up to what we are willing to read."""
    lowered = {name.lower(): value for name, value in headers.items()}
    if lowered.get("content-encoding", "").lower() in ("gzip", "x-gzip", "deflate"):
        try:
            body = zlib.decompressobj(47).decompress(body, MAX_BODY_BYTES + 1)
        except zlib.error:
            body = b""  # unreadable, which is for the parser to say
    return Response(status=status, body=body, headers=lowered)
