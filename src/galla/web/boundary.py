"""What happens to every request before and after its route: an id, a size limit, headers, the last resort.

Plain ASGI, outermost. It knows nothing of payments, and it reads a body once, whole, before anything parses it.
"""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galla import ids
from galla.clock import SYSTEM, Clock
from galla.web.problem import Problem, internal, not_found

Worded = Callable[[Request, Problem], Awaitable[Response]]

BODY_LIMIT = 256 * 1024
BODY_DEADLINE_S = 30.0

_LOG = structlog.get_logger("galla")
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Boundary:
    """The outermost ASGI application.

    A body is refused above `BODY_LIMIT` bytes, whether its length was announced or it came in chunks. An
    exception that nobody answered becomes a problem with the request id, and the traceback goes to the log.
    `worded` makes of a problem what this caller reads: a page for a browser.
    """

    def __init__(self, app: ASGIApp, clock: Clock = SYSTEM, worded: Worded | None = None) -> None:
        self._app = app
        self._clock = clock
        self._worded = worded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id, is_https=scope.get("scheme") == "https")
        began = self._clock.monotonic()
        try:
            _refuse_nul(scope)
            body = b"" if scope["method"] in _BODILESS else await _read_body(scope, receive)
            await self._app(scope, _replay(body, receive), answer)
        except Problem as problem:
            await answer.instead(await self._said(problem, scope, request_id), scope, receive)
        except Exception as error:
            log_failure(error, request_id)
            if answer.has_begun:
                raise
            await answer.instead(await self._said(internal(), scope, request_id), scope, receive)
        finally:
            spent_ms = round((self._clock.monotonic() - began) * 1000)
            # The query is left out: a sign-in link carries its ticket there.
            _LOG.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=answer.status,
                ms=spent_ms,
                request_id=request_id,
            )


    async def _said(self, problem: Problem, scope: Scope, request_id: str) -> Response:
        """Return a problem as an answer: for a browser as a page, unless that fails as well."""
        if self._worded is not None:
            try:
                return await self._worded(Request(scope), problem)
            except Exception as error:
                log_failure(error, request_id)
        return problem.response(request_id)


def log_failure(error: BaseException, request_id: str) -> None:
    """Write a failure to the log as plain text: a traceback with its variables would hold the caller's key."""
    _LOG.error("request.failed", request_id=request_id, traceback="".join(traceback.format_exception(error)))


class _Answer:
    """The way out: adds the headers every answer carries."""

    def __init__(self, send: Send, request_id: str, *, is_https: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._is_https = is_https
        self.has_begun = False
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            self.status = message["status"]
            message = {**message, "headers": self._headers(list(message.get("headers", [])))}
        await self._send(message)

    def _headers(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in given}
        extra = [(b"x-request-id", self._request_id.encode()), *_HEADERS]
        if self._is_https:
            extra.append(_STRICT_TRANSPORT)
        if b"cache-control" not in names:
            extra.append((b"cache-control", b"no-store"))
        return [*given, *(pair for pair in extra if pair[0] not in names)]

    async def instead(self, response: Response, scope: Scope, receive: Receive) -> None:
        """Answer with this, if nothing has been answered yet."""
        if not self.has_begun:
            await response(scope, receive, self)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
            return str(value.decode())
    return ids.new_id("req")


def _refuse_nul(scope: Scope) -> None:
    if "\x00" in scope["path"]:
        raise not_found()
    if b"%00" in scope.get("query_string", b""):
        raise Problem(400, "invalid_request", "The query holds a NUL character; no value of galla's can.")


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    announced = dict(scope["headers"]).get(b"content-length", b"")
    if announced.isdigit() and (len(announced) > 15 or int(announced) > BODY_LIMIT):
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "invalid_request", "The body ended before all of it had come.")
                part = message.get("body", b"")
                size += len(part)
                if size > BODY_LIMIT:
                    raise _too_large()
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise Problem(
            408,
            "request_timeout",
            f"The body did not arrive within {BODY_DEADLINE_S:.0f} seconds. Send it again.",
            headers={"Connection": "close"},
        ) from None


def _too_large() -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"The body is larger than {BODY_LIMIT // 1024} KiB. Nothing was read from it.",
        headers={"Connection": "close"},
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    given: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return given.pop() if given else await receive()

    return replay
