"""Server-sent events: how they are written, and how a stream ends when the browser or galla does.

What is streamed is decided by `api/events.py` (JSON) and `pages/live.py` (HTML).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from galla import ids

KEEP_ALIVE = b": still here\n\n"
RETRY_MS = 1000
AGAIN_MS = 2  # times 0 to 999: when galla stops, its readers do not all come back in the same instant

T = TypeVar("T")


def message(data: str, *, event: str | None = None, position: str | None = None) -> bytes:
    """Write one event; `position` is what the browser sends back as Last-Event-ID."""
    lines = []
    if position is not None:
        lines.append(f"id: {position}")
    if event is not None:
        lines.append(f"event: {event}")
    # Only what SSE calls a line end, not all that str.splitlines does: U+2028 may stand in a JSON text.
    text = data.replace("\r\n", "\n").replace("\r", "\n")
    lines.extend(f"data: {line}" for line in text.split("\n"))
    return ("\n".join(lines) + "\n\n").encode()


def streaming(
    chunks: AsyncIterator[bytes], closing: asyncio.Event, *, ended: Callable[[], None] | None = None
) -> StreamingResponse:
    """Answer with an event stream that ends when its source does or when galla stops; then `ended` is called."""
    answer = _Stream(
        _until(chunks, closing),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    answer.ended = ended
    return answer


class _Stream(StreamingResponse):
    ended: Callable[[], None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all; a reader who was gone before the first piece has ended it too."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.ended is not None:
                self.ended()


async def _until(chunks: AsyncIterator[bytes], closing: asyncio.Event) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY_MS}\n\n".encode()
    async for chunk in open_until(chunks, closing):
        yield chunk
    if closing.is_set():
        yield f"retry: {RETRY_MS + AGAIN_MS * ids.fraction()}\n\n".encode()


async def open_until(source: AsyncIterator[T], closing: asyncio.Event) -> AsyncIterator[T]:
    """Pass on what a source yields until it ends or the event is set.

    The source runs in one task of its own from first to last, since it may hold a timeout open across a yield.
    """
    queue: asyncio.Queue[tuple[T] | Exception | None] = asyncio.Queue(maxsize=1)

    async def pump() -> None:
        try:
            async for item in source:
                await queue.put((item,))
            await queue.put(None)
        except Exception as error:
            await queue.put(error)

    tasks: set[asyncio.Task[Any]] = {asyncio.create_task(pump())}
    closed = asyncio.create_task(closing.wait())
    tasks.add(closed)
    try:
        while True:
            getting = asyncio.create_task(queue.get())
            tasks.add(getting)
            await asyncio.wait({getting, closed}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                return
            tasks.discard(getting)
            got = getting.result()
            if got is None:
                return
            if isinstance(got, Exception):
                raise got
            yield got[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
