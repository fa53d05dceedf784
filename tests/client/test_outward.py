"""Posting to addresses that others have typed in: none of them leads into the shop's own network."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from galla.client.outward import Posted, check_url, is_public, post
from galla.errors import InvalidField
from tests.client import servers
from tests.client.certificates import server_context

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.88.99.1", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
    "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "localhost", "", "127.1",
)  # fmt: skip
PUBLIC = ("93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::")


class Names(AbstractResolver):
    """A resolver whose answers a test has chosen, one list for each look-up; it counts them."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
        """Answer the next look-up."""
        self.asked.append(host)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in answer
        ]

    async def close(self) -> None:
        """Hold nothing."""


def port_of(url: str) -> int:
    """Return the port of a server of this test."""
    return int(url.rpartition(":")[2])


def test_only_the_public_internet_is_public() -> None:
    """Private, local, shared, multicast and reserved ranges are not, nor an address that stands for one of them."""
    assert [address for address in PRIVATE if is_public(address)] == []
    assert [address for address in PUBLIC if not is_public(address)] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://billing.example/hook", "ftp://billing.example/", "https://", "billing.example", "https://u:p@b.example/",
        "https://b.example/#x", "https://b.example:22/", "https://localhost/", "https://127.0.0.1/", "https://[::1]/",
        "https://b.example/a b", "https://b.example/\n", "https://ब.example/", "https://b.example:99999/",
        "https://b.example\\@127.0.0.1/", "https://b.example/" + "x" * 1000,
    ],
)  # fmt: skip
def test_an_address_that_cannot_do_is_refused_at_once(url: str) -> None:
    """https, a host, a usual port, no user: whatever else is named as the fault of `url`."""
    with pytest.raises(InvalidField) as refusal:
        check_url(url)
    assert refusal.value.param == "url"


async def test_a_name_that_leads_inside_is_refused_at_every_attempt() -> None:
    """A name is looked up for each post, and one private address among its answers is enough: nothing is connected."""
    with servers.serving(servers.answering) as (url, seen):
        for answers in (["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]):
            names = Names(answers)
            posted = await post("https://billing.example:8443/hook", {}, b"{}", resolver=names)
            assert posted.status is None
            assert "public internet" in posted.said
            assert names.asked == ["billing.example"]
            assert not any(address in posted.said for address in answers)
        for literal in ("127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1"):
            refused = await post(f"https://{literal}:8443/", {}, b"{}", resolver=Names(["127.0.0.1"]))
            assert refused.status is None
        assert seen.connections == 0
    assert port_of(url)


async def test_what_was_checked_is_what_is_connected_to(tmp_path: Path) -> None:
    """There is one look-up, so a name that leads elsewhere the second time gains nothing; host and TLS name stay."""
    server, trusted = server_context(tmp_path)
    tls = ssl.create_default_context(cafile=trusted)
    with servers.serving(servers.answering) as (url, seen):
        names = Names(["127.0.0.1"], ["203.0.113.9"])
        address = f"http://billing.example:{port_of(url)}/hook?x=1"
        posted = await post(address, {"webhook-id": "dlv_1"}, b'{"a":1}', to_private=True, resolver=names)
        assert (posted.status, posted.said) == (200, servers.OK.decode())
        assert names.asked == ["billing.example"]
        head, _, body = seen.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /hook?x=1 HTTP/1.1\r\n")
        assert f"Host: billing.example:{port_of(url)}".encode() in head
        assert b"webhook-id: dlv_1" in head
        assert body == b'{"a":1}'
    with servers.serving(servers.answering, tls=server) as (url, seen):
        assert (await post(f"{url}/", {}, b"{}", to_private=True, tls=tls)).status == 200
        names = Names(["127.0.0.1"])  # its certificate is another's
        address = f"https://billing.example:{port_of(url)}/"
        named = await post(address, {}, b"{}", to_private=True, tls=tls, resolver=names)
        assert named.status is None
        assert len(seen.requests) == 1


async def test_no_redirect_no_endless_answer_no_endless_wait() -> None:
    """A 3xx is an answer like any other, of a body only the beginning is read, and time runs out for the whole."""

    def leading_on(line: servers.Line) -> None:
        line.request()
        line.answer(b"", status="302 Found", headers="Location: /elsewhere\r\nRetry-After: 7\r\n")

    def flooding(line: servers.Line) -> None:
        line.request()
        line.answer(b"x" * 300_000)

    with servers.serving(leading_on) as (url, seen):
        assert await post(f"{url}/", {}, b"{}", to_private=True) == Posted(status=302, said="", retry_after="7")
        assert len(seen.requests) == 1
    with servers.serving(flooding) as (url, seen):
        flood = await post(f"{url}/", {}, b"{}", to_private=True)
        assert flood.status == 200
        assert len(flood.said) <= 65_537
    for behaviour in (servers.hanging, servers.dripping_head, servers.closing_after_request, servers.speaking_nonsense):
        with servers.serving(behaviour) as (url, _):
            nothing = await post(f"{url}/", {}, b"{}", to_private=True, timeout_s=0.3)
            assert nothing.status is None
            assert nothing.said.startswith("No answer came")
