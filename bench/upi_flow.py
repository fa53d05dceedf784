"""A whole UPI payment over HTTP — order, payment begun, status — beside a client that only carries the same bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from statistics import median

import aiohttp
import msgspec

from bench.report import Figure, Part, at_most, say
from bench.upi_order import KEY, MID, NOW, SHOP, UPI, order, payment, requests
from bench.upi_pretend import PretendOnline
from galla.client.address import addresses
from galla.client.flows import arun
from galla.client.online import intent_flow, status_flow
from galla.client.transport import AsyncTransport
from galla.clock import SYSTEM
from galla.connectors.connector import begin, inquire
from galla.payments.model import Captured, Waiting
from galla.protocol.codes import Kind
from galla.protocol.order import OrderStatusRequest

TOGETHER = 64
COUNT = {1: 60, TOGETHER: 256}
MOST = 1.3

Bytes = list[tuple[str, bytes]]


class Seen(msgspec.Struct, frozen=True):
    """One round: CPU of this process in microseconds a flow, and flows a second."""

    cpu_us: float
    flows_s: float


async def measure(rounds: int) -> Part:
    """Measure the clients, one at a time and 64 at once."""
    figures: list[Figure] = []
    with closing(PretendOnline()) as paytm:
        for width, what in ((1, "one at a time"), (TOGETHER, f"{TOGETHER} at once")):
            say(f"  {COUNT[width]} UPI payments of three calls, {what}")
            figures += await _compare(paytm.url, width, what, rounds)
    return Part(
        title="UPI over HTTP",
        how=(
            "initiateTransaction, processTransaction and the order's status on loopback, answered and signed by "
            "another process. galla: the client's flows over `AsyncTransport`, with every check of theirs. Connector: "
            "the same as the service does it, with what is checked around every connector as well. Bare: aiohttp's "
            "`ClientSession` as it comes, posting bytes written beforehand and reading the answers as JSON, with no "
            f"signature and no check. CPU of this process alone. They take turns, {rounds} rounds each."
        ),
        figures=figures,
    )


async def _compare(url: str, width: int, what: str, rounds: int) -> list[Figure]:
    count = COUNT[width]
    messages = [_written(url, number) for number in range(count)]
    places = addresses("sandbox", pg=url)
    async with AsyncTransport(places) as transport, aiohttp.ClientSession() as session:
        ways: list[Callable[[int], Awaitable[None]]] = [
            lambda number: _galla(transport, number),
            lambda number: _connector(transport, number),
            lambda number: _bare(session, messages[number]),
        ]
        for way in ways:
            await _round(way, 2 * width, width)
        seen = [[await _round(way, count, width) for way in ways] for _ in range(rounds)]
    cpu = [median(each.cpu_us for each in column) for column in zip(*seen, strict=True)]
    speed = [median(each.flows_s for each in column) for column in zip(*seen, strict=True)]
    ratios = [median(row[at].cpu_us / row[-1].cpu_us for row in seen) for at in (0, 1)]
    return [
        Figure(what=f"CPU of a payment, {what}: galla", value=f"{cpu[0]:,.0f} µs"),
        Figure(what=f"CPU of a payment, {what}: bare", value=f"{cpu[2]:,.0f} µs"),
        at_most(f"CPU of a payment, {what}: galla to bare", ratios[0], MOST, "×"),
        Figure(what=f"CPU of a payment, {what}: connector to bare", value=f"{ratios[1]:.3g} ×"),
        Figure(what=f"payments a second, {what}: galla, bare", value=f"{speed[0]:,.0f}, {speed[2]:,.0f}"),
    ]


async def _galla(transport: AsyncTransport, number: int) -> None:
    """Take one payment as a program with galla's client does."""
    asked = order(number)
    intent = await arun(intent_flow(asked, KEY, clock=SYSTEM), transport.send)
    assert intent.link
    question = OrderStatusRequest(mid=MID, order_id=asked.order_id, client_id=SHOP.client_id)
    found = await arun(status_flow(question, KEY), transport.send)
    assert found.kind is Kind.SUCCESS


async def _connector(transport: AsyncTransport, number: int) -> None:
    """Take one payment as the service does, without its database."""
    paid = payment(number)
    begun = await arun(begin(UPI, paid, SHOP, NOW), transport.send, write_down=_forget)
    assert isinstance(begun, Waiting)
    found = await arun(inquire(UPI, paid, SHOP, NOW), transport.send)
    assert isinstance(found, Captured)


async def _bare(session: aiohttp.ClientSession, messages: Bytes) -> None:
    """Carry three messages and read three answers."""
    for url, body in messages:
        async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as reply:
            assert (await reply.json())["body"]["resultInfo"]["resultCode"] in ("0000", "01")


def _written(url: str, number: int) -> Bytes:
    """Return the addresses and the bytes of the three calls of an order."""
    return [
        (f"{url}{each.path}{'?' if each.query else ''}{each.query}", each.body) for each in requests(number)
    ]


async def _round(take: Callable[[int], Awaitable[None]], count: int, width: int) -> Seen:
    """Take this many payments, so many at once."""
    left: Iterator[int] = iter(range(count))

    async def counter() -> None:
        for number in left:
            await take(number)

    wall, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*[counter() for _ in range(width)])
    took, used = time.monotonic() - wall, time.process_time() - cpu
    return Seen(used / count * 1e6, count / took)


async def _forget(text: str) -> None:
    """Keep the order's token nowhere: that is the database's work."""
