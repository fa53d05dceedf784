"""How many requests that may change something are worked on at once; one more is sent away before any of it is done.

A queue that only grows answers nobody in time. Reading is not counted, nor is what runs for long: screens and streams.
Plain ASGI, inside the boundary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from galla.web.problem import Problem

AT_ONCE = 512
RETRY_S = 2
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Crowd:
    """Lets so many in at once; `answer` words the refusal for whoever asks."""

    def __init__(
        self, app: ASGIApp, *, at_once: int, answer: Callable[[Request, Exception], Awaitable[Response]]
    ) -> None:
        self._app = app
        self._at_once = at_once
        self._answer = answer
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or send it away."""
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        if self._inside >= self._at_once:
            problem = Problem(
                503,
                "unavailable",
                "galla has as much to do as it can at the moment. Nothing of this request was done: send it again.",
                headers={"Retry-After": str(RETRY_S)},
            )
            refusal = await self._answer(Request(scope, receive), problem)
            await refusal(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1
