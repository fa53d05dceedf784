"""What goes over an awaitable transport's connections byte by byte, and which of them are used again."""

from __future__ import annotations

from itertools import count

import msgspec
import pytest

from galla.client.address import addresses
from galla.client.transport import AsyncTransport
from galla.errors import NoReply, NotSent
from galla.protocol.message import Host, Request
from tests.client import servers

SALE = Request(
    host=Host.EDC, path="/ecr/payment/request", query="mid=M1&orderId=O-1", body=b'{"head":{}}', operation="sale"
)
SIZED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 36\r\n\r\n" + servers.OK
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n24\r\n" + servers.OK + b"\r\n0\r\n\r\n"


def transport(url: str) -> AsyncTransport:
    """Return a transport to a server of this test."""
    return AsyncTransport(addresses("staging", edc=url), timeout_s=5.0)


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("answer", [SIZED, CHUNKED], ids=["sized", "chunked"])
async def test_an_answer_cut_off_at_any_byte_is_no_reply(answer: bytes, is_reset: bool) -> None:
    """Wherever the connection ends before the answer does, the request may have arrived; a whole answer counts."""
    sizes = count()

    def cutting(line: servers.Line) -> None:
        line.request()
        line.sock.sendall(answer[: next(sizes)])
        if is_reset:
            line.reset()
        else:
            line.sock.close()

    with servers.serving(cutting) as (url, seen):
        async with transport(url) as carrier:
            for _ in range(len(answer)):
                with pytest.raises(NoReply):
                    await carrier.send(SALE)
            if not is_reset:  # a reset may overtake the last bytes
                assert (await carrier.send(SALE)).body == servers.OK

    assert len(seen.requests) == seen.connections == len(answer) + (not is_reset)


async def test_the_request_is_written_as_it_is_meant() -> None:
    """The target, one host, one length, a connector's own headers; but none of those that frame a message."""
    framing = (("Host", "elsewhere.example"), ("content-length", "2"), ("Transfer-Encoding", "chunked"))
    odd = (("X-Signed", "a b"), *framing)
    with servers.serving(servers.answering) as (url, seen):
        async with transport(url) as carrier:
            await carrier.send(msgspec.structs.replace(SALE, headers=odd))

    head, _, body = seen.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /ecr/payment/request?mid=M1&orderId=O-1 HTTP/1.1"
    assert sorted(lines[1:]) == [
        "Accept-Encoding: identity",
        "Accept: */*",
        f"Content-Length: {len(SALE.body)}",
        f"Host: {url.removeprefix('http://')}",
        "User-Agent: galla",
        "X-Signed: a b",
    ]
    assert body == SALE.body


@pytest.mark.parametrize(
    "odd",
    [
        {"path": "/a b"},
        {"path": "/a\r\nX: y"},
        {"path": "a"},
        {"path": "/ä"},
        {"query": "a=b HTTP/1.1\r\nX: y"},
        {"headers": (("X", "a\r\nY: b"),)},
        {"headers": (("X: y", "z"),)},
        {"headers": (("X", "ä"),)},
        {"method": "POST /x"},
    ],
)
async def test_what_http_cannot_carry_is_never_sent(odd: dict[str, object]) -> None:
    """A target, method or header that could be read as another request is refused before a connection is made."""
    with servers.serving(servers.answering) as (url, seen):
        async with transport(url) as carrier:
            with pytest.raises(NotSent):
                await carrier.send(msgspec.structs.replace(SALE, **odd))

    assert seen.connections == 0


async def test_word_that_an_answer_will_come_is_not_the_answer() -> None:
    """Informational answers, any number of them, are passed over."""

    def patient(line: servers.Line) -> None:
        while line.request() is not None:
            line.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
            line.answer()

    with servers.serving(patient) as (url, seen):
        async with transport(url) as carrier:
            answers = [await carrier.send(SALE) for _ in range(3)]

    assert [(answer.status, answer.body) for answer in answers] == [(200, servers.OK)] * 3
    assert seen.connections == 1


@pytest.mark.parametrize("ending", ["Connection: close\r\n", "Connection: keep-alive\r\n"])
async def test_a_connection_is_used_again_only_if_the_other_side_keeps_it(ending: str) -> None:
    """After `Connection: close` the next request has a connection of its own."""

    def answering(line: servers.Line) -> None:
        while line.request() is not None:
            line.answer(headers=ending)

    with servers.serving(answering) as (url, seen):
        async with transport(url) as carrier:
            for _ in range(3):
                assert (await carrier.send(SALE)).body == servers.OK

    assert seen.connections == (3 if "close" in ending else 1)


async def test_more_than_was_asked_for_is_not_the_next_answer() -> None:
    """Bytes after an answer are of no request: the connection that brought them is not used again."""

    def generous(line: servers.Line) -> None:
        while line.request() is not None:
            line.sock.sendall(SIZED + SIZED.replace(b"200 OK", b"500 No"))

    with servers.serving(generous) as (url, seen):
        async with transport(url) as carrier:
            answers = [await carrier.send(SALE) for _ in range(3)]

    assert [answer.status for answer in answers] == [200] * 3
    assert seen.connections == 3


async def test_an_answer_before_the_whole_question_ends_the_connection() -> None:
    """Who answers without having read it all would take the rest for the next request: it gets no other."""
    large = msgspec.structs.replace(SALE, body=b"x" * 16_000_000)

    def hasty(line: servers.Line) -> None:
        line.sock.recv(100)
        line.answer()
        line.seen.done.wait(5)

    with servers.serving(hasty) as (url, seen):
        async with transport(url) as carrier:
            assert (await carrier.send(large)).body == servers.OK
            assert (await carrier.send(SALE)).body == servers.OK

    assert seen.connections == 2
