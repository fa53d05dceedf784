"""The application: routes, error answers, the worker beside them, and the server.

What a route does is in `api/` and `pages/`; this file only puts them together.
"""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from galla.errors import GallaError, PaymentError
from galla.receipts.pdf import FONTS
from galla.service.throttle import Throttle
from galla.service.till import Till
from galla.web import callbacks, crowd, health
from galla.web.api import ROUTERS as API
from galla.web.boundary import Boundary, log_failure
from galla.web.language import Speaking
from galla.web.openapi import document
from galla.web.pages import ROUTERS as PAGES
from galla.web.pages.page import error_page, wants_page
from galla.web.pages.receipts import CHECKS, WITHIN_S
from galla.web.problem import Problem, from_error, internal, not_found
from galla.web.room import Room
from galla.web.validation import explain

STATIC = Path(__file__).parent / "static"
GRACE_S = 30
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_LOG = structlog.get_logger("galla")


def make_app(till: Till, *, run_worker: bool = True, at_once: int = crowd.AT_ONCE) -> FastAPI:
    """Return the application over an open till.

    While it runs, so does one worker, unless `run_worker` is false (then `galla worker` must run elsewhere).
    At most `at_once` requests that may change something are worked on at the same time. The till stays the caller's
    to close.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        working = asyncio.create_task(till.worker().run(stop)) if run_worker else None
        app.state.working = working
        if working is not None:
            working.add_done_callback(_say_why)
        try:
            yield
        finally:
            app.state.closing.set()
            stop.set()
            if working is not None:
                with suppress(Exception, asyncio.CancelledError):  # said already
                    await working

    app = _Application(title="galla", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.till = till
    app.state.closing = asyncio.Event()
    app.state.leaving = asyncio.Event()
    app.state.working = None
    app.state.payers = Room()
    app.state.screens = Room()
    app.state.paper_checks = Throttle(till.clock, most=CHECKS, within_s=WITHIN_S)
    for router in (callbacks.router, *API, health.router, *PAGES):  # they are tried in turn: what comes most, first
        # Each is whole, with its prefix: to include them would make FastAPI read every signature a second time.
        app.router.routes.extend(router.routes)
    app.mount("/fonts", _Static(directory=FONTS), name="fonts")
    app.mount("/static", _Static(directory=STATIC), name="static")
    for kind in (Problem, GallaError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)
    app.add_middleware(crowd.Crowd, at_once=at_once, answer=_answer)
    app.add_middleware(Speaking)
    app.add_middleware(Boundary, clock=till.clock, worded=_worded)
    return app


async def serve(till: Till, host: str, port: int, *, run_worker: bool = True) -> None:
    """Serve until the process is told to stop; open event streams are ended first."""
    app = make_app(till, run_worker=run_worker)
    await server(app, host, port).serve()


def server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """Return the server of an application, not yet started."""
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="on",
            access_log=False,  # ours leaves the query out, where a sign-in link carries its ticket
            log_config=None,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1",
            timeout_graceful_shutdown=GRACE_S,
        )
    )


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the document with galla's own errors in it."""
        return document(self)


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams before waiting for open answers."""
        app: Any = self.config.app
        app.state.closing.set()
        await super().shutdown(sockets)


class _Static(StaticFiles):
    """Files whose address carries their hash may be kept for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable" if scope.get("query_string") else "no-cache"
        response.headers["Cache-Control"] = kept
        return response


async def _answer(request: Request, error: Exception) -> Response:
    problem = _problem(error)
    if problem.status == 405:
        problem.headers["Allow"] = _allowed(request)
    request_id = str(request.state.request_id)
    if problem.status >= 500 and not isinstance(error, Problem | PaymentError):  # those are no failures
        log_failure(error, request_id)
    return await _worded(request, problem)


async def _worded(request: Request, problem: Problem) -> Response:
    """Return a problem as this caller reads it: a page for a browser, JSON for a program."""
    if wants_page(request):
        return await error_page(request, problem)
    return problem.response(str(request.state.request_id))


def _allowed(request: Request) -> str:
    """Return every method of this address: Starlette names those of the first route that fits, and no others."""
    asked = [{**request.scope, "method": method} for method in _METHODS]
    routes = request.app.routes
    return ", ".join(
        scope["method"] for scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)
    )


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case GallaError():
            return from_error(error)
        case RequestValidationError():
            return explain(error.errors())
        case HTTPException(status_code=404):
            return not_found()
        case HTTPException(status_code=405):
            return Problem(405, "method_not_allowed", "This address does not take this method.")
        case HTTPException(status_code=status) if status < 500:
            return Problem(status, "invalid_request", str(error.detail))
        case _:
            return internal()


def _say_why(working: asyncio.Task[None]) -> None:
    if not working.cancelled() and (error := working.exception()) is not None:
        said = "".join(traceback.format_exception(error))
        _LOG.critical("worker.ended", effect="payments are no longer followed", traceback=said)
