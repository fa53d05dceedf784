"""A conversation with Paytm as a generator, and the two drivers that run it.

A flow yields a `Request` (and receives its `Response`, or has `NotSent` / `NoReply` thrown in) or a `Wait`.
It does no I/O, so the same flow runs over sync HTTP, async HTTP and the in-process sandbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

import msgspec

from galla.client.failure import no_reply
from galla.clock import SYSTEM, Clock
from galla.errors import TransportError
from galla.protocol.message import MerchantKey, Operation, Request, Response

R = TypeVar("R")


class Wait(msgspec.Struct, frozen=True):
    """A flow asks its driver to let this many seconds pass."""

    seconds: float


Flow = Generator[Request | Wait, Response | None, R]
Send = Callable[[Request], Response]
AsyncSend = Callable[[Request], Awaitable[Response]]


def exchange(operation: Operation[R], key: MerchantKey) -> Flow[R]:
    """Send one operation and return its parsed reply.

    Raises (into the flow):
        NotSent, NoReply: the network failed (the driver throws them in), or a gateway said so with HTTP 5xx.
        RemoteProtocolError: the answer cannot be read as a reply to this operation.
    """
    request = operation.encode(key)
    response = yield request
    if response is None:
        raise RuntimeError("A driver must answer a Request with a Response.")
    if response.status >= 500:
        raise no_reply(request, f"HTTP status {response.status}")
    return operation.parse_reply(response, key)


def pause(seconds: float) -> Flow[None]:
    """Let time pass."""
    yield Wait(seconds)


def run(flow: Flow[R], send: Send, clock: Clock = SYSTEM) -> R:
    """Run a flow to its end, blocking; `send` is urllib3 or the sandbox."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Wait):
                clock.pause(step.seconds)
                step = flow.send(None)
                continue
            try:
                response = send(step)
            except TransportError as error:
                step = flow.throw(error)
            else:
                step = flow.send(response)
    except StopIteration as stop:
        result: R = stop.value
        return result


async def arun(flow: Flow[R], send: AsyncSend, clock: Clock = SYSTEM) -> R:
    """Run a flow to its end without blocking the event loop."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Wait):
                await clock.sleep(step.seconds)
                step = flow.send(None)
                continue
            try:
                response = await send(step)
            except TransportError as error:
                step = flow.throw(error)
            else:
                step = flow.send(response)
    except StopIteration as stop:
        result: R = stop.value
        return result
