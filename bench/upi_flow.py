"""A whole UPI payment over HTTP — order, payment begun, status — beside a client that only carries the same bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from statistics import median
from typing import TypeVar

import aiohttp
import msgspec

from bench.report import Figure, Part, at_most, say
from bench.upi_order import NOW, SHOP, UPI, payment, requests
from bench.upi_pretend import PretendOnline
from galla.client.address import addresses
from galla.client.flows import arun
from galla.client.transport import AsyncTransport
from galla.connectors.connector import begin, inquire
from galla.payments.model import Captured, Payment, Waiting

TOGETHER = 64
COUNT = {1: 150, TOGETHER: 640}
MOST = 1.3

Bytes = list[tuple[str, bytes]]
T = TypeVar("T")


class Seen(msgspec.Struct, frozen=True):
    """One round: CPU of this process in microseconds a flow, and flows a second."""

    cpu_us: float
    flows_s: float


async def measure(rounds: int) -> Part:
    """Measure both clients, one at a time and 64 at once."""
    figures: list[Figure] = []
    with closing(PretendOnline()) as paytm:
        for width, what in ((1, "one at a time"), (TOGETHER, f"{TOGETHER} at once")):
            say(f"  {COUNT[width]} UPI payments of three calls, {what}")
            figures += await _compare(paytm.url, width, what, rounds)
    return Part(
        title="UPI over HTTP",
        how=(
            "initiateTransaction, processTransaction and the order's status on loopback, answered and signed by "
            "another process. galla: its connector with every check, its flows, `AsyncTransport`. Bare: aiohttp's "
            "`ClientSession` as it comes, posting bytes written beforehand and reading the answers as JSON, with no "
            f"signature and no check. CPU of this process alone. The two take turns, {rounds} rounds each."
        ),
        figures=figures,
    )


async def _compare(url: str, width: int, what: str, rounds: int) -> list[Figure]:
    orders = [payment(number) for number in range(COUNT[width])]
    messages = [_written(url, number) for number in range(COUNT[width])]
    places = addresses("sandbox", pg=url)
    async with AsyncTransport(places) as transport, aiohttp.ClientSession() as session:

        async def ours(order: Payment) -> None:
            await _galla(transport, order)

        async def theirs(message: Bytes) -> None:
            await _bare(session, message)

        await _round(ours, orders[: 2 * width], width)
        await _round(theirs, messages[: 2 * width], width)
        pairs = [
            (await _round(ours, orders, width), await _round(theirs, messages, width)) for _ in range(rounds)
        ]
    galla_us, bare_us = (median(pair[at].cpu_us for pair in pairs) for at in (0, 1))
    galla_s, bare_s = (median(pair[at].flows_s for pair in pairs) for at in (0, 1))
    ratio = median(ours.cpu_us / theirs.cpu_us for ours, theirs in pairs)
    return [
        Figure(what=f"CPU of a payment, {what}: galla", value=f"{galla_us:,.0f} µs"),
        Figure(what=f"CPU of a payment, {what}: bare", value=f"{bare_us:,.0f} µs"),
        at_most(f"CPU of a payment, {what}: galla to bare", ratio, MOST, "×"),
        Figure(what=f"payments a second, {what}: galla, bare", value=f"{galla_s:,.0f}, {bare_s:,.0f}"),
    ]


async def _galla(transport: AsyncTransport, order: Payment) -> None:
    """Take one payment as the service does, without its database."""
    begun = await arun(begin(UPI, order, SHOP, NOW), transport.send, write_down=_forget)
    assert isinstance(begun, Waiting), begun
    found = await arun(inquire(UPI, order, SHOP, NOW), transport.send)
    assert isinstance(found, Captured), found


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


async def _round(take: Callable[[T], Awaitable[None]], things: list[T], width: int) -> Seen:
    """Take them all, so many at once."""
    left: Iterator[T] = iter(things)

    async def counter() -> None:
        for thing in left:
            await take(thing)

    wall, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*[counter() for _ in range(width)])
    took, used = time.monotonic() - wall, time.process_time() - cpu
    return Seen(used / len(things) * 1e6, len(things) / took)


async def _forget(text: str) -> None:
    """Keep the order's token nowhere: that is the database's work."""
