"""`/healthz`, `/readyz`, `/metrics`: for whoever keeps galla running."""

from __future__ import annotations

import asyncio
import ipaddress

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from galla.service import access, health
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.problem import Problem
from galla.web.security import OPEN, GuardedRoute, TillHere, bearer, may, needs

router = APIRouter(tags=["health"], route_class=GuardedRoute)


@router.get("/healthz", responses={200: {"model": answers.Health}}, openapi_extra=needs(OPEN))
async def healthz() -> Response:
    """Say that the process answers."""
    return reply({"status": "ok"})


@router.get(
    "/readyz",
    responses={200: {"model": answers.Health}, 503: {"model": answers.Health}},
    openapi_extra=needs(OPEN),
)
async def readyz(request: Request, till: TillHere) -> Response:
    """Say whether galla can take work, and which check fails when it cannot."""
    found = await health.readiness(till)
    if request.app.state.leaving.is_set():
        said = "galla is being stopped. Send new requests to another process."
        found = {**found, "status": "failing", "checks": {**found["checks"], "process": said}}
    working: asyncio.Task[None] | None = request.app.state.working
    if working is not None:
        has_ended = working.done()
        said = "The worker ended: payments are no longer followed. Restart galla." if has_ended else "ok"
        status = "failing" if has_ended else found["status"]
        found = {**found, "status": status, "checks": {**found["checks"], "worker": said}}
    return reply(found, 200 if found["status"] == "ok" else 503)


@router.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    openapi_extra=needs(OPEN),
)
async def metrics(request: Request, till: TillHere) -> Response:
    """Return the metrics in Prometheus text: to this computer, or to a key with the scope `read`."""
    if not _is_this_computer(request):
        principal = await access.principal_for_key(till, bearer(request.headers.get("authorization", "")))
        if principal is None or not may(principal, "read"):
            raise Problem(
                401,
                "unauthenticated",
                "From another computer, metrics need an API key with the scope `read`.",
                headers={"WWW-Authenticate": 'Bearer realm="galla"'},
            )
    return Response(await health.metrics(till), media_type=CONTENT_TYPE_LATEST)


def _is_this_computer(request: Request) -> bool:
    """Return whether the request came from this computer itself and not through a proxy on it."""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
