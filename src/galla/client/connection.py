"""One request and its answer over a connection of aiohttp's pool, without aiohttp's session around it.

aiohttp finds the host, makes and keeps the connections, TLS included, and reads the answer's HTTP; its session, which
costs more than both, is not used. So it is also plain when the first byte can have left: not before `connected` has
returned. What an error means for money is not decided here.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import ClientRequest, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver
from yarl import URL

from galla.client.lookup import PAYTM, Lookups
from galla.protocol.message import MAX_BODY_BYTES, Request

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Mapping

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_UNTIMED = ClientTimeout(total=None)  # the whole is timed by whoever calls
_USUAL = {"User-Agent": "galla", "Accept": "*/*", "Accept-Encoding": "identity"}
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "te", "upgrade"})
_TARGET = re.compile(r"/[!-~]*")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[ -~\t]*")
_INFORMATION = range(100, 200)


class Answer(NamedTuple):
    """An answer as it came, read to its end or to one byte past what we are willing to read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Names(AbstractResolver):
    """What aiohttp asks for addresses, in place of its own look-ups on the event loop's one pool of threads."""

    def __init__(self, lookups: Lookups = PAYTM) -> None:
        self._lookups = lookups

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
        """Return the addresses of a host, of both families."""
        return [
            {"hostname": host, "host": found.address[0], "port": port, "family": found.family, "proto": found.proto,
             "flags": _NUMERIC}
            for found in await self._lookups.find(host, port)
        ]  # fmt: skip

    async def close(self) -> None:
        """Hold nothing."""


class Pool:
    """Connections to any number of hosts, kept and used again. It belongs to one event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tls: ssl.SSLContext | None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._loop = loop
        self._connector = TCPConnector(limit=0, ssl=tls if tls is not None else True, resolver=resolver or Names())
        self._hosts: dict[str, ClientRequest] = {}

    @property
    def is_closed(self) -> bool:
        """Whether no connection is made any more."""
        return self._connector.closed

    def host(self, base_url: str) -> ClientRequest:
        """Return what aiohttp wants to know of a host, made once for each."""
        known = self._hosts.get(base_url)
        if known is None:
            known = self._hosts[base_url] = ClientRequest("POST", URL(base_url), loop=self._loop)
        return known

    async def connected(self, host: ClientRequest) -> Connection:
        """Return a connection to a host, an idle or a new one; an error here means that nothing was written."""
        return await self._connector.connect(host, [], _UNTIMED)

    async def close(self) -> None:
        """Close every connection."""
        await self._connector.close()


def written(host: ClientRequest, request: Request) -> bytes:
    """Return a request as it goes over the wire.

    Raises:
        ValueError: the target or a header is not what HTTP can carry.
    """
    target = f"{request.path}?{request.query}" if request.query else request.path
    return put_in_writing(host, request.method, target, dict(request.headers), request.body)


def put_in_writing(
    host: ClientRequest, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> bytes:
    """Return what goes over the wire for a method, a path with its query, headers of one's own, and a body.

    Raises:
        ValueError: the target or a header is not what HTTP can carry.
    """
    if _TARGET.fullmatch(target) is None or _NAME.fullmatch(method) is None:
        raise ValueError("A request's target is a path of visible ASCII characters.")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host.headers['Host']}"]
    for name, value in {**_USUAL, **headers}.items():
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise ValueError("A header is a name and a line of ASCII characters.")
        if name.lower() not in _FRAMING:
            lines.append(f"{name}: {value}")
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode("ascii") + body


async def spoken(
    connection: Connection, message: bytes, *, has_body: bool = True, most: int = MAX_BODY_BYTES
) -> Answer:
    """Write a message, read the answer, and give the connection back, or close it if it is not whole.

    `has_body` is whether an answer to such a request has one, `most` how many bytes of it we are willing to read.

    Raises:
        Exception: whatever went wrong; the message may have been received.
    """
    protocol, transport = connection.protocol, connection.transport
    try:
        if protocol is None or transport is None:
            raise ConnectionResetError
        protocol.set_response_params(read_until_eof=True, auto_decompress=False, skip_payload=not has_body)
        transport.write(message)
        answer = await _read(protocol, most)
        if transport.get_write_buffer_size():  # answered before it had heard everything
            connection.close()
    except BaseException:
        connection.close()
        raise
    connection.release()  # which closes it, unless the answer was read to its end and its other side keeps it open
    return answer


async def _read(protocol: ResponseHandler, most: int) -> Answer:
    head, payload = await protocol.read()
    while head.code in _INFORMATION:
        head, payload = await protocol.read()
    body = await payload.readany()
    while not payload.at_eof() and len(body) <= most:
        body += await payload.readany()
    return Answer(head.code, head.headers, body[: most + 1])
