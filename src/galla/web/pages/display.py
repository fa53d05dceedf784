"""`/display/{terminal}`: a second screen that faces the customer. It follows one machine's payments by itself.

A counter's session may open it; a tablet of its own is let in by a one-time link and can then see nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from galla.service import access, feed, merchants, payments, terminals
from galla.service.access import Session
from galla.service.till import Till
from galla.web.body import read_form
from galla.web.pages.customer_screen import screen_view
from galla.web.pages.page import SignedIn, SignInNeeded, frame, go, one, page, posted, render
from galla.web.problem import Problem
from galla.web.room import Room
from galla.web.security import address_of, check_origin, may, public_address, session_of, set_session, till_of
from galla.web.stream import KEEP_ALIVE, message, streaming

router = APIRouter(include_in_schema=False)

SCOPE = "display"
"""What a display's session may do: show one of these screens. It stands for no other page and no call."""

_GONE = message("sign in again", event="galla:signed-out")


@router.get("/displays")
async def displays(request: Request, session: SignedIn) -> Response:
    """List the machines, each with the way to its screen."""
    till = till_of(request)
    machines = await terminals.find(till, session.principal)
    return page(request, "displays.html", machines=machines, link=None, shown=None, **await frame(till, session))


@router.post("/displays/{terminal_id}/link")
async def link(request: Request, session: SignedIn, terminal_id: str) -> Response:
    """Make a one-time link that turns a tablet into this machine's screen."""
    await posted(request, session)
    till = till_of(request)
    shown = await terminals.get(till, session.principal, terminal_id)
    ticket = await access.make_ticket(till, session.principal.merchant_id, [SCOPE])
    where = f"{public_address(request)}/display/{shown['id']}?ticket={ticket}"
    machines = await terminals.find(till, session.principal)
    return page(
        request, "displays.html", machines=machines, link=where, shown=shown, **await frame(till, session)
    )


@router.get("/display/{terminal_id}")
async def show(request: Request, terminal_id: str) -> Response:
    """Show the screen; with a one-time link, first the button that uses it up."""
    till = till_of(request)
    ticket = request.query_params.get("ticket", "")[:256]
    if ticket:
        return private(page(request, "display_door.html", ticket=ticket, terminal_id=terminal_id[:64], fault=None))
    session = await watcher(request)
    machine = await terminals.get(till, session.principal, terminal_id)
    values = await _values(till, session, machine)
    return private(page(request, "display.html", refresh_s=5, machine=machine, **values))


@router.post("/display/{terminal_id}")
async def enter(request: Request, terminal_id: str) -> Response:
    """Use up a one-time link: from now on this browser is a screen and nothing else."""
    check_origin(request)
    fields = read_form(await request.body(), request.headers.get("content-type"))
    till, address = till_of(request), address_of(request)
    till.attempts.begin(address)
    session = await access.redeem_ticket(till, one(fields, "ticket")[:256], "Customer screen", address)
    if session is None:
        said = "This link was used before, or is too old. Make a new one at the counter, under Customer screen."
        return private(
            page(request, "display_door.html", 401, ticket="", terminal_id=terminal_id[:64], fault=said)
        )
    if not terminal_id.replace("_", "").isalnum():
        raise Problem(404, "not_found", "There is no such machine.")
    till.attempts.passed(address)
    answer = go(f"/display/{terminal_id}")
    set_session(request, answer, session.token)
    return private(answer)


@router.get("/display/{terminal_id}/live")
async def live(request: Request, terminal_id: str) -> Response:
    """Stream the one piece of the screen, drawn anew when it has changed.

    Raises:
        Problem: 429 or 503, this session shows too many screens, or too many are shown.
    """
    till = till_of(request)
    session = await watcher(request)
    machine = await terminals.get(till, session.principal, terminal_id)
    room: Room = request.app.state.screens
    room.enter(session.token)
    pieces = _pieces(till, session, machine)
    return streaming(pieces, request.app.state.closing, ended=partial(room.leave, session.token))


async def watcher(request: Request) -> Session:
    """Return the session of a counter or of a screen.

    Raises:
        SignInNeeded: there is none.
        Problem: 403, the session may not even look.
    """
    session = await session_of(request)
    if session is None:
        raise SignInNeeded(request)
    if SCOPE not in session.principal.scopes and not may(session.principal, "read"):
        raise Problem(403, "forbidden", "This key may not show a customer screen.")
    return session


async def _pieces(till: Till, session: Session, machine: dict[str, Any]) -> AsyncIterator[bytes]:
    seen = await feed.last(till, session.principal)
    sent = await _piece(till, session, machine)
    yield message(sent)
    async for is_news in feed.stirs(till, session.principal, seen):
        if not is_news and await access.session(till, session.token, is_used=False) is None:
            yield _GONE
            return
        fresh = await _piece(till, session, machine)
        yield message(fresh) if fresh != sent else KEEP_ALIVE
        sent = fresh


async def _piece(till: Till, session: Session, machine: dict[str, Any]) -> str:
    html = render("_display.html", now=till.clock.now(), **await _values(till, session, machine))
    return render("_partial.html", target="#screen", html=Markup(html))  # noqa: S704 - rendered just above


async def _values(till: Till, session: Session, machine: dict[str, Any]) -> dict[str, Any]:
    merchant = await merchants.get(till, session.principal.merchant_id)
    taken, shown = await asyncio.gather(  # a code is shown here, and taken at any machine
        payments.find(till, session.principal, {"terminal": machine["id"]}, limit=1),
        payments.find(till, session.principal, {"shown_on": machine["id"]}, limit=1),
    )
    payment = max([*taken["data"], *shown["data"]], key=lambda each: str(each["id"]), default=None)
    return {"merchant": merchant["name"], "view": screen_view(payment, till.clock.now())}


def private(response: Response) -> Response:
    """Let no address of a screen leave with a link."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
