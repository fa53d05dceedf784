"""Signing in with an API key or a one-time link, and out again. There is no account that exists by default."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.service import access
from galla.web.body import read_form
from galla.web.pages.page import SIGN_IN, SignedIn, go, one, page, posted
from galla.web.security import check_origin, clear_session, local_path, set_session, till_of

router = APIRouter()

_COUNTER = "Counter 1"
_LONGEST_COUNTER = 40


@router.get(SIGN_IN)
async def show(request: Request) -> Response:
    """Show the form. A one-time link is used up by its button, not by looking at it."""
    ticket = request.query_params.get("ticket", "")[:256]
    where = local_path(request.query_params.get("next"))
    return page(request, "sign_in.html", ticket=ticket, next=where, counter=_COUNTER, fault=None)


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """Open a session from a key or a ticket."""
    check_origin(request)
    fields = read_form(await request.body(), request.headers.get("content-type"))
    till, throttle = till_of(request), request.app.state.throttle
    address = request.client.host if request.client else "unknown"
    throttle.check(address)
    ticket, key = one(fields, "ticket"), one(fields, "key")
    counter = one(fields, "counter")[:_LONGEST_COUNTER] or _COUNTER
    if ticket:
        session = await access.redeem_ticket(till, ticket[:256], counter)
        fault = "This link was used before, or is too old. Paste an API key instead, or ask for a new link."
    else:
        session = await access.sign_in(till, key[:512], counter) if key.isascii() and key else None
        fault = "galla does not know this key, or it may not take payments. Paste the whole key once more."
    where = local_path(one(fields, "next"))
    if session is None:
        throttle.failed(address)
        return page(request, "sign_in.html", 401, ticket="", next=where, counter=counter, fault=fault)
    answer = go(where)
    set_session(request, answer, session.token)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, session: SignedIn) -> Response:
    """End the session here and on the server."""
    await posted(request, session, "read")
    await access.sign_out(till_of(request), session.token)
    answer = go(SIGN_IN)
    clear_session(request, answer)
    return answer
