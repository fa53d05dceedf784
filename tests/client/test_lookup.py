"""Looking up hosts: a name server that does not answer holds up nobody but who asked for that host."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from galla.client.connection import Names
from galla.client.lookup import AT_ONCE, PAYTM, Lookups
from galla.client.outward import post
from galla.errors import NotSent
from tests.client.test_transport import COLOUR, carrying


class NameServer:
    """Knows every host but those whose names begin with `lost`, about which it is silent until let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.goes_on = threading.Event()

    def __call__(self, host: str, port: int, **_: Any) -> Any:
        """Answer as `socket.getaddrinfo` does."""
        self.asked.append(host)
        if host.startswith("lost"):
            self.goes_on.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answered")
        return socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    """A name server that lets go of everybody at the test's end."""
    server = NameServer()
    yield server
    server.goes_on.set()


async def test_silence_holds_up_only_who_asked(name_server: NameServer) -> None:
    """However many hosts hang, another host is found, and the pool of threads that others work on stays free."""
    lookups = Lookups(name_server)
    hanging = [asyncio.create_task(lookups.find(f"lost{number}.example", 443)) for number in range(40)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert (await lookups.find("paytm.example", 443))[0].address == ("127.0.0.1", 443)
        assert await asyncio.to_thread(lambda: "printed") == "printed"
    assert not any(task.done() for task in hanging)
    name_server.goes_on.set()
    for found in await asyncio.gather(*hanging, return_exceptions=True):
        assert isinstance(found, socket.gaierror)


async def test_a_host_is_looked_up_once_at_a_time(name_server: NameServer) -> None:
    """Who asks for a host that is being looked up waits for the same answer, and who goes away takes it from nobody."""
    lookups = Lookups(name_server)
    first, second = (asyncio.create_task(lookups.find("lost.example", 443)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    name_server.goes_on.set()
    with pytest.raises(socket.gaierror):
        await second
    assert first.cancelled()
    assert name_server.asked == ["lost.example"]
    with pytest.raises(socket.gaierror):
        await lookups.find("lost.example", 443)  # and is looked up anew afterwards
    assert name_server.asked == ["lost.example"] * 2


async def test_too_many_at_once_are_refused(name_server: NameServer) -> None:
    """Threads are not heaped up without end."""
    lookups = Lookups(name_server)
    hanging = [lookups.start(f"lost{number}.example", 443) for number in range(AT_ONCE)]
    with pytest.raises(socket.gaierror, match="too many"):
        await lookups.find("one-more.example", 443)
    assert not any(each.done() for each in hanging)
    name_server.goes_on.set()
    assert all(isinstance(each.exception(5), socket.gaierror) for each in hanging)
    assert await lookups.find("one-more.example", 443)


async def test_a_post_gives_up_in_its_time(name_server: NameServer) -> None:
    """The time of a post counts from its look-up on."""
    posted = await post("https://lost.example/", {}, b"{}", timeout_s=0.1, resolver=Names(Lookups(name_server)))
    assert (posted.status, posted.said) == (None, "No answer came (time ran out).")


@COLOUR
async def test_a_transport_gives_up_in_its_time(
    colour: str, name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its deadline is total: what was never looked up was never sent, and it says so in time."""
    monkeypatch.setattr(PAYTM, "ask", name_server)
    async with carrying(colour, "https://lost.example", timeout_s=0.2) as both:
        with pytest.raises(NotSent):
            async with asyncio.timeout(5):
                await both.send()
    assert name_server.asked == ["lost.example"]
