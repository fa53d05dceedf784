"""`/v1/callbacks/paytm/{token}`: what Paytm tells us, and the customer's browser on its way back from Paytm.

The token in the address says which merchant, the signature over the raw bytes who wrote it; there is no other
sign-in. Nothing here believes what is said: a message is kept, and then the payment is asked about.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse, RedirectResponse, Response

from galla.errors import ChecksumMismatch, NotFound, RemoteProtocolError
from galla.service import callbacks
from galla.service.callbacks import BODY_MAX
from galla.web.api.reply import reply
from galla.web.pages.page import page
from galla.web.problem import Problem
from galla.web.security import TillHere, needs, till_of


class _Direct(APIRoute):
    """A route that is handed its request as it is: messages from Paytm are most of what a shop is sent."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's own function, without what FastAPI does for functions it knows nothing about."""

        async def direct(request: Request) -> Response:
            answer: Response = await self.endpoint(request, till_of(request), request.path_params["token"])
            return answer

        return direct


router = APIRouter(prefix="/v1", tags=["callbacks"], route_class=_Direct)

_FORM = "application/x-www-form-urlencoded"
Told = TypeVar("Told")


@router.post(
    "/callbacks/paytm/{token}",
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        303: {"description": "A browser is led to the page that shows what became of the payment."},
        401: {"$ref": "#/components/responses/401"},
        404: {"$ref": "#/components/responses/404"},
    },
    openapi_extra=needs("none"),
)
async def receive_callback(request: Request, till: TillHere, token: str) -> Response:
    """Take a message from Paytm, a form or JSON of at most 64 KiB; 200 only once it is kept. It moves no money."""
    try:
        body = await request.body()
        if len(body) > BODY_MAX:
            raise Problem(413, "body_too_large", f"A message of Paytm's has at most {BODY_MAX // 1024} KiB.")
        said = request.headers.get("content-type", "")
        received = await _told(callbacks.receive(till, token, said, body, by_browser=_is_browser(request)))
    except Problem as problem:
        return _unusable(request, problem)
    if _is_browser(request):
        return _to_result(request, received.result_token)
    return reply({"received": True})


@router.get(
    "/callbacks/paytm/{token}",
    status_code=303,
    responses={
        303: {"description": "A browser is led to the page that shows what became of the payment."},
        401: {"$ref": "#/components/responses/401"},
        404: {"$ref": "#/components/responses/404"},
    },
    openapi_extra=needs("none"),
)
async def come_back(request: Request, till: TillHere, token: str) -> Response:
    """Lead a browser that pressed Back to its payment's page. A look changes nothing."""
    try:
        query = request.url.query.encode("ascii", "replace")[:BODY_MAX]
        found = await _told(callbacks.result_for(till, token, _FORM, query)) if query else None
    except Problem as problem:
        return _unusable(request, problem)
    return _to_result(request, found)


async def _told(work: Awaitable[Told]) -> Told:
    """Wait for the service, and put what it could not use in the words of HTTP.

    Raises:
        Problem: 401 when nobody trusted signed it, 400 when it cannot be read, 404 for an unknown address.
    """
    try:
        return await work
    except ChecksumMismatch as error:
        raise Problem(401, "checksum_mismatch", str(error)) from None
    except RemoteProtocolError as error:
        raise Problem(400, "invalid_request", str(error)) from None
    except NotFound as error:
        raise Problem(404, "not_found", str(error)) from None


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _to_result(request: Request, token: str | None) -> Response:
    if token is None:
        return _unusable(request, Problem(404, "not_found", "No payment of this shop's goes with this message."))
    return RedirectResponse(f"/pay/{token}", 303, headers={"Referrer-Policy": "no-referrer"})


def _unusable(request: Request, problem: Problem) -> Response:
    if _is_browser(request):
        return _shown(request, problem.status)
    return problem.response(str(request.state.request_id))


def _shown(request: Request, status: int) -> HTMLResponse:
    """Tell a person who cannot be led to a payment; nothing of what was posted is repeated."""
    answer = page(request, "pay_unknown.html", status)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
