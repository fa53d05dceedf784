"""Real sockets and servers that misbehave: what each transport reports, when, and after how many requests."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from galla.client import deadline
from galla.client.address import addresses
from galla.client.transport import AsyncTransport, SyncTransport
from galla.errors import NoReply, NotSent
from galla.protocol.message import MAX_BODY_BYTES, Host, Request, Response
from tests.client import servers
from tests.client.certificates import server_context

SECRET = "c2VjcmV0LWNoZWNrc3Vt"
SALE = Request(
    host=Host.EDC,
    path="/ecr/payment/request",
    body=b'{"head":{"checksum":"' + SECRET.encode() + b'"}}',
    operation="sale",
    paytm_id="STTEST0001",
    headers=(("Content-Type", "application/json"), ("reqHash", SECRET)),
)
COLOURS = ["sync", "async"]
COLOUR = pytest.mark.parametrize("colour", COLOURS)


class Both:
    """One way to call either transport."""

    def __init__(self, transport: SyncTransport | AsyncTransport) -> None:
        self.transport = transport

    async def send(self, request: Request = SALE, timeout_s: float | None = None) -> Response:
        """Carry a request by whichever transport this is."""
        if isinstance(self.transport, SyncTransport):
            return await asyncio.to_thread(self.transport.send, request, timeout_s)
        return await self.transport.send(request, timeout_s)


@asynccontextmanager
async def carrying(
    colour: str, url: str, timeout_s: float = 5.0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Both]:
    """Open a transport of a colour, and close it."""
    hosts = addresses("staging", edc=url)
    if colour == "sync":
        with SyncTransport(hosts, timeout_s=timeout_s, tls=tls) as sync:
            yield Both(sync)
    else:
        async with AsyncTransport(hosts, timeout_s=timeout_s, tls=tls) as transport:
            yield Both(transport)


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@COLOUR
async def test_a_whole_answer_comes_back(colour: str) -> None:
    """Status, lower-case headers and body arrive as they were sent; the body goes out byte for byte."""
    with servers.serving(servers.answering) as (url, seen):
        async with carrying(colour, url) as both:
            response = await both.send()

    assert (response.status, response.body) == (200, servers.OK)
    assert response.headers["content-type"] == "application/json"
    head, _, body = seen.requests[0].partition(b"\r\n\r\n")
    assert body == SALE.body
    assert head.startswith(b"POST /ecr/payment/request HTTP/1.1\r\n")
    assert f"reqHash: {SECRET}".encode() in head


@COLOUR
async def test_a_refused_port_is_not_sent(colour: str) -> None:
    """Nobody listens: certainly nothing was written."""
    async with carrying(colour, f"http://127.0.0.1:{unused_port()}") as both:
        with pytest.raises(NotSent) as caught:
            await both.send()

    assert "no money has moved" in str(caught.value)
    assert (caught.value.operation, caught.value.paytm_id) == ("sale", "STTEST0001")


@COLOUR
async def test_an_unknown_name_is_not_sent(colour: str) -> None:
    """A host name that does not resolve: certainly nothing was written."""
    async with carrying(colour, "https://nowhere.invalid", timeout_s=10) as both:
        with pytest.raises(NotSent):
            await both.send()


@COLOUR
async def test_a_connection_that_is_never_accepted_is_not_sent(colour: str) -> None:
    """A handshake that nobody completes runs out of time before anything could be written."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]  # more than the backlog holds: the next one waits
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            began = time.monotonic()
            async with carrying(colour, f"http://127.0.0.1:{port}", timeout_s=0.4) as both:
                with pytest.raises(NotSent, match="time ran out"):
                    await both.send()
            assert time.monotonic() - began < 1.5
        finally:
            for filler in fillers:
                filler.close()


@COLOUR
@pytest.mark.parametrize("losing", servers.LOSING)
async def test_a_lost_answer_is_no_reply_in_time_and_once(colour: str, losing: str) -> None:
    """However the answer is lost, it is NoReply within the total deadline, and the server saw one request."""
    with servers.serving(servers.LOSING[losing]) as (url, seen):
        async with carrying(colour, url, timeout_s=0.5) as both:
            began = time.monotonic()
            with pytest.raises(NoReply) as caught:
                await both.send()
            spent = time.monotonic() - began

    assert spent < 1.5
    assert (seen.connections, len(seen.requests)) == (1, 1)
    assert "do not send it again" in str(caught.value)
    assert (caught.value.operation, caught.value.paytm_id) == ("sale", "STTEST0001")


@COLOUR
async def test_closing_right_after_accepting_is_no_reply(colour: str) -> None:
    """The connection was made, so something may have been written: the cautious answer."""
    with servers.serving(servers.closing_at_once) as (url, seen):
        async with carrying(colour, url) as both:
            with pytest.raises(NoReply):
                await both.send()
    assert seen.connections == 1


@COLOUR
async def test_a_stale_connection_is_never_retried(colour: str) -> None:
    """A kept connection whose server reads a second POST and closes: NoReply, and no third request."""
    with servers.serving(servers.serving_once_then_closing) as (url, seen):
        async with carrying(colour, url) as both:
            await both.send()
            with pytest.raises(NoReply):
                await both.send()
            await asyncio.sleep(0.1)

    assert (seen.connections, len(seen.requests)) == (1, 2)


@COLOUR
async def test_one_connection_serves_twenty_calls(colour: str) -> None:
    """Connections are kept: twenty calls, one TCP accept."""
    with servers.serving(servers.answering) as (url, seen):
        async with carrying(colour, url) as both:
            for _ in range(20):
                await both.send()

    assert (seen.connections, len(seen.requests)) == (1, 20)


@COLOUR
async def test_a_deadline_is_for_one_call_only(colour: str) -> None:
    """A kept connection does not remember how much time an earlier call had left."""
    with servers.serving(servers.answering) as (url, seen):
        async with carrying(colour, url) as both:
            await both.send(timeout_s=0.3)
            await asyncio.sleep(0.4)
            await both.send(timeout_s=5)

    assert (seen.connections, len(seen.requests)) == (1, 2)


def test_a_connection_left_idle_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was unused for long may be gone without a word: the next call opens a new connection."""
    monkeypatch.setattr(deadline, "IDLE_S", 0.05)
    with (
        servers.serving(servers.answering) as (url, seen),
        SyncTransport(addresses("staging", edc=url)) as transport,
    ):
        transport.send(SALE)
        time.sleep(0.1)
        transport.send(SALE)

    assert (seen.connections, len(seen.requests)) == (2, 2)


@COLOUR
async def test_a_redirect_is_an_answer_not_an_order(colour: str) -> None:
    """A redirect is returned as it is: a signed request never follows one."""

    def redirecting(line: servers.Line) -> None:
        line.request()
        line.answer(b"", status="307 Temporary Redirect", headers=f"Location: {line.sock.getsockname()}\r\n")

    with servers.serving(redirecting) as (url, seen):
        async with carrying(colour, url) as both:
            response = await both.send()

    assert (response.status, len(seen.requests)) == (307, 1)


@COLOUR
async def test_a_proxy_of_the_environment_is_ignored(colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments do not follow HTTP_PROXY, which anybody who may set a variable could use to listen."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    with servers.serving(servers.answering) as (url, _):
        async with carrying(colour, url) as both:
            assert (await both.send()).status == 200


@COLOUR
@pytest.mark.parametrize("is_zipped", [False, True])
async def test_a_huge_answer_is_cut_off(colour: str, is_zipped: bool) -> None:
    """Of an endless answer, or a small one that unpacks to 64 MiB, at most one byte over 1 MiB is kept."""
    zeros = b"0" * (64 * MAX_BODY_BYTES if is_zipped else 4 * MAX_BODY_BYTES)

    def flooding(line: servers.Line) -> None:
        line.request()
        line.answer(gzip.compress(zeros), headers="Content-Encoding: gzip\r\n") if is_zipped else line.answer(
            zeros
        )

    with servers.serving(flooding) as (url, _):
        async with carrying(colour, url) as both:
            response = await both.send()

    assert len(response.body) == MAX_BODY_BYTES + 1


@COLOUR
async def test_a_compressed_answer_is_unpacked(colour: str) -> None:
    """A gateway that compresses although we asked it not to is understood all the same."""

    def zipping(line: servers.Line) -> None:
        line.request()
        line.answer(gzip.compress(servers.OK), headers="Content-Encoding: gzip\r\n")

    with servers.serving(zipping) as (url, _):
        async with carrying(colour, url) as both:
            assert (await both.send()).body == servers.OK


@COLOUR
async def test_a_chunked_answer_is_read_and_its_connection_kept(colour: str) -> None:
    """An answer in chunks is put together, and the connection serves the next call."""

    def chunking(line: servers.Line) -> None:
        while line.request() is not None:
            size = f"{len(servers.OK):x}".encode()
            line.sock.sendall(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + size + b"\r\n" + servers.OK + b"\r\n0\r\n\r\n"
            )  # fmt: skip

    with servers.serving(chunking) as (url, seen):
        async with carrying(colour, url) as both:
            assert (await both.send()).body == servers.OK
            assert (await both.send()).body == servers.OK
    assert seen.connections == 1


@COLOUR
async def test_tls_is_checked(colour: str, tmp_path: Path) -> None:
    """A certificate nobody vouches for stops the call before anything is written; a trusted one serves."""
    server, trusted = server_context(tmp_path)
    with servers.serving(servers.answering, tls=server) as (url, seen):
        async with carrying(colour, url) as both:
            with pytest.raises(NotSent):
                await both.send()
        assert seen.requests == []

        async with carrying(colour, url, tls=ssl.create_default_context(cafile=trusted)) as both:
            assert (await both.send()).status == 200
            assert (await both.send()).status == 200
    assert (seen.connections, len(seen.requests)) == (2, 2)


@COLOUR
async def test_a_dripped_answer_over_tls_keeps_to_the_deadline(colour: str, tmp_path: Path) -> None:
    """The total deadline holds through TLS as well."""
    server, trusted = server_context(tmp_path)
    with servers.serving(servers.dripping_head, tls=server) as (url, seen):
        tls = ssl.create_default_context(cafile=trusted)
        async with carrying(colour, url, timeout_s=0.5, tls=tls) as both:
            began = time.monotonic()
            with pytest.raises(NoReply, match="time ran out"):
                await both.send()
            assert time.monotonic() - began < 1.5
    assert len(seen.requests) == 1


@COLOUR
async def test_a_handshake_that_never_ends_is_not_sent(colour: str) -> None:
    """A server that accepts and then says nothing of TLS: time runs out before the request is written."""

    def mute(line: servers.Line) -> None:
        line.seen.done.wait(10)

    with servers.serving(mute) as (url, _):
        async with carrying(colour, url.replace("http:", "https:"), timeout_s=0.4) as both:
            began = time.monotonic()
            with pytest.raises(NotSent):
                await both.send()
            assert time.monotonic() - began < 1.5


@COLOUR
async def test_asking_again_is_advised_where_it_is_harmless(colour: str) -> None:
    """A lost answer to a status request says that asking moves no money."""
    ask = Request(host=Host.EDC, path="/x", body=b"{}", operation="status", paytm_id="STTEST0001")
    with servers.serving(servers.closing_after_request) as (url, _):
        async with carrying(colour, url) as both:
            with pytest.raises(NoReply, match="ask again"):
                await both.send(ask)


@COLOUR
@pytest.mark.parametrize("losing", ["close after request", "nonsense", "half a head"])
async def test_no_message_quotes_what_was_sent(colour: str, losing: str) -> None:
    """Neither body nor headers appear in an error or what it was raised from."""
    with servers.serving(servers.LOSING[losing]) as (url, _):
        async with carrying(colour, url) as both:
            with pytest.raises(NoReply) as caught:
                await both.send()

    error: BaseException | None = caught.value
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert SECRET not in f"{error!r} {error}"


def test_a_sync_transport_serves_many_threads() -> None:
    """Sixteen threads with one transport: every call is answered, none is sent twice."""
    answers: list[int] = []
    with (
        servers.serving(servers.answering) as (url, seen),
        SyncTransport(addresses("staging", edc=url)) as transport,
    ):

        def work() -> None:
            for _ in range(10):
                answers.append(transport.send(SALE).status)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert answers == [200] * 160
    assert len(seen.requests) == 160
    assert seen.connections <= 16


async def test_a_cancelled_call_is_cancelled() -> None:
    """A caller's own cancellation is passed on, not turned into an answer about the network."""
    with servers.serving(servers.hanging) as (url, seen):
        async with AsyncTransport(addresses("staging", edc=url)) as transport:
            task = asyncio.create_task(transport.send(SALE))
            await asyncio.to_thread(seen.arrived.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(seen.requests) == 1


def test_an_async_transport_belongs_to_one_loop() -> None:
    """Used from a second running loop it says so, instead of failing in the middle of a payment."""
    with servers.serving(servers.answering) as (url, seen):
        transport = AsyncTransport(addresses("staging", edc=url))

        async def elsewhere() -> None:
            with pytest.raises(RuntimeError, match="one event loop"):
                await transport.send(SALE)

        async def here() -> None:
            await transport.send(SALE)
            await asyncio.to_thread(asyncio.run, elsewhere())
            await transport.aclose()

        asyncio.run(here())
        assert len(seen.requests) == 1

        async def again() -> None:
            await transport.send(SALE)
            await transport.aclose()

        asyncio.run(again())
        assert len(seen.requests) == 2
