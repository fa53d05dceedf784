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


class Keep(msgspec.Struct, frozen=True):
    """A flow of several requests asks its driver to write this text down before it goes on.

    After a crash the flow is begun again with the text, and takes up where it was.
    """

    text: str


Flow = Generator[Request | Wait | Keep, Response | None, R]
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


def keep(text: str) -> Flow[None]:
    """Have this written down before going on."""
    yield Keep(text)


def run(flow: Flow[R], send: Send, clock: Clock = SYSTEM) -> R:
    """Run a flow to its end, blocking; `send` is urllib3 or the sandbox."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Wait):
                clock.pause(step.seconds)
                step = flow.send(None)
                continue
            if isinstance(step, Keep):
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


async def arun(
    flow: Flow[R],
    send: AsyncSend,
    clock: Clock = SYSTEM,
    write_down: Callable[[str], Awaitable[None]] | None = None,
) -> R:
    """Run a flow to its end without blocking the event loop; `write_down` keeps what the flow asks to be kept."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Wait):
                await clock.sleep(step.seconds)
                step = flow.send(None)
                continue
            if isinstance(step, Keep):
                if write_down is not None:
                    await write_down(step.text)
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
