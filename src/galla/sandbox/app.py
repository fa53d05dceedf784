"""The sandbox over HTTP: Paytm's paths, the remote control and the pages, in one Starlette app.

What a path means is in the tables it is built from: `sandbox.ROUTES`, `control.routes`, `pages.routes`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from galla.errors import NoReply
from galla.protocol import message
from galla.sandbox import control, pages
from galla.sandbox.courier import carry
from galla.sandbox.sandbox import Answer, Sandbox

STATIC = Path(__file__).parent / "static"
DRIPS = 20
_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def make_app(sandbox: Sandbox, *, is_control_open: bool = False, may_call_out: bool = False) -> Starlette:
    """Return the app of a sandbox.

    The control routes answer only this computer, unless `is_control_open`. Machines' and phones' pages answer
    whoever can reach them, so that a tablet can be a machine. While the app runs it delivers callbacks, to this
    computer only, unless `may_call_out`.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        delivering = asyncio.create_task(carry(sandbox, is_remote_allowed=may_call_out))
        yield
        delivering.cancel()
        with suppress(asyncio.CancelledError):
            await delivering

    async def paytm(request: Request) -> Response:
        return await _paytm(sandbox, request)

    return Starlette(
        routes=[
            *pages.routes(sandbox),
            *control.routes(sandbox, is_open=is_control_open),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
            Route("/{path:path}", paytm, methods=_VERBS),
        ],
        lifespan=lifespan,
    )


def make_server(
    host: str, port: int, sandbox: Sandbox, *, is_control_open: bool = False, may_call_out: bool = False
) -> uvicorn.Server:
    """Return a server to run in a loop or thread of one's own; port 0 takes any free one."""
    config = uvicorn.Config(
        make_app(sandbox, is_control_open=is_control_open, may_call_out=may_call_out),
        host=host,
        port=port,
        http=_Abortable,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def serve(host: str, port: int, sandbox: Sandbox, *, is_control_open: bool = False) -> None:
    """Serve a sandbox until interrupted."""
    make_server(host, port, sandbox, is_control_open=is_control_open).run()


class _Abortable(HttpToolsProtocol):
    """Lets the app reach its connection, so that it can lose a reply for real."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


async def _paytm(sandbox: Sandbox, request: Request) -> Response:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > message.MAX_BODY_BYTES:
            return Response(status_code=413)
    answer = sandbox.answer(
        message.Request(
            host=message.Host.EDC,
            path=request.url.path,
            query=request.url.query,
            method=request.method,
            body=body,
            operation="",
            headers=tuple(request.headers.items()),
        )
    )
    if answer.delay_ms and not answer.is_dripping:
        await asyncio.sleep(answer.delay_ms / 1000)
    if answer.response is None:
        return await _hang_up(request.scope)
    if answer.is_dripping:
        return _dripping(answer, answer.response)
    return Response(answer.response.body, answer.response.status, headers=answer.response.headers)


async def _hang_up(scope: Any) -> Response:
    """Cut the connection without a word."""
    transport = scope.get("state", {}).get("transport")
    if transport is None:  # not under our own server: nothing to cut
        raise NoReply("The sandbox lost the reply: ask, by the id, what became of it.")
    transport.abort()
    await asyncio.sleep(0)
    return Response(status_code=500)


def _dripping(answer: Answer, response: message.Response) -> Response:
    """Send the body in small pieces spread over the delay."""
    size = max(1, -(-len(response.body) // DRIPS))

    async def drops() -> AsyncIterator[bytes]:
        for start in range(0, len(response.body), size):
            await asyncio.sleep(answer.delay_ms / 1000 / DRIPS)
            yield response.body[start : start + size]

    headers = response.headers | {"content-length": str(len(response.body))}
    return StreamingResponse(drops(), response.status, headers=headers)
