"""Signing in by name and password, with an API key or a one-time link, and out again. No account exists by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.service import access, signing_in
from galla.service.access import Session
from galla.service.till import Principal, Till
from galla.web.body import read_form
from galla.web.pages.page import SIGN_IN, SignedIn, go, one, page, posted
from galla.web.security import (
    address_of,
    check_origin,
    clear_session,
    cookie_name,
    local_path,
    set_session,
    till_of,
)

router = APIRouter(include_in_schema=False)

_COUNTER = "Counter 1"
_LONGEST_COUNTER = 40
_FAULTS = {
    "ticket": "This link was used before, or is too old. Sign in below, or ask for a new link.",
    "key": "galla does not know this key, or it may not take payments. Paste the whole key once more.",
    "name": "This name and password do not belong together. Type both once more, or ask an admin for a one-time link.",
}


@router.get(SIGN_IN)
async def show(request: Request) -> Response:
    """Show the form. A one-time link is used up by its button, not by looking at it."""
    asked = {name: request.query_params.get(name, "") for name in ("ticket", "next", "by")}
    return await _show(request, {**asked, "ticket": asked["ticket"][:256]})


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """Open a session from a name and a password, a key or a ticket."""
    check_origin(request)
    fields = read_form(await request.body(), request.headers.get("content-type"))
    way = next((way for way in ("ticket", "key") if one(fields, way)), "name")
    counter = one(fields, "counter")[:_LONGEST_COUNTER] or _COUNTER
    session = await _session(till_of(request), way, fields, counter, address_of(request))
    if session is None:
        asked = {"next": one(fields, "next"), "by": way, "counter": counter, "name": one(fields, "name")[:80]}
        return await _show(request, {**asked, "shop": one(fields, "shop")[:80]}, _FAULTS[way], 401)
    return await enter(request, session, one(fields, "next"))


@router.post("/sign-out")
async def sign_out(request: Request, session: SignedIn) -> Response:
    """End the session here and on the server."""
    await posted(request, session, "read")
    await access.sign_out(till_of(request), session.token)
    answer = go(SIGN_IN)
    clear_session(request, answer)
    return answer


async def enter(request: Request, session: Session, where: str | None = None) -> Response:
    """Answer with a new session, end the one this browser had, and lead to what its person may do."""
    before = request.cookies.get(cookie_name(request), "")
    if access.is_token(before):
        await access.sign_out(till_of(request), before)
    path = local_path(where)
    answer = go(home_of(session.principal) if path == "/counter" else path)
    set_session(request, answer, session.token)
    return answer


def home_of(principal: Principal) -> str:
    """Return the page a person begins with: whoever only manages people begins there."""
    return "/people" if "admin" in principal.scopes and "collect" not in principal.scopes else "/counter"


async def _session(
    till: Till, way: str, fields: Mapping[str, list[str]], counter: str, address: str
) -> Session | None:
    if way == "name":
        given = (fields.get("password") or [""])[0]  # as typed: nothing is trimmed
        shop, name = one(fields, "shop")[:80], one(fields, "name")[:80]
        return await signing_in.sign_in(till, shop, name, given, address=address, counter=counter)
    till.attempts.begin(address)
    if way == "ticket":
        session = await access.redeem_ticket(till, one(fields, "ticket")[:256], counter, address)
    else:
        key = one(fields, "key")[:512]
        session = await access.sign_in(till, key, counter, address) if key.isascii() else None
    if session is not None:
        till.attempts.passed(address)
    return session


async def _show(
    request: Request, asked: dict[str, str], fault: str | None = None, status: int = 200
) -> Response:
    door = await signing_in.door(till_of(request))
    shown: dict[str, Any] = {"ticket": "", "counter": _COUNTER, "name": "", "shop": "", **asked}
    shown["next"] = local_path(shown["next"])
    by_key = shown.pop("by") == "key" or not door.has_users
    return page(request, "sign_in.html", status, door=door, by_key=by_key, fault=fault, **shown)
