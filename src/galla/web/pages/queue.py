"""`/queue`: who waits with which code. Staff see amounts and can lead a code to a machine; the hall sees neither.

The hall's board is opened from the counter, or on a tablet of its own by a one-time link, like a customer screen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from galla.errors import PaymentError
from galla.service import access, feed, merchants, queue, terminals
from galla.service.access import Session
from galla.service.till import Till
from galla.web.pages.display import SCOPE, private, watcher
from galla.web.pages.page import SignedIn, frame, go, one, page, posted, render
from galla.web.pages.wording import spaced
from galla.web.room import Room
from galla.web.security import may, public_address, till_of
from galla.web.stream import KEEP_ALIVE, message, streaming

router = APIRouter(include_in_schema=False)

HALL = "hall"
_GONE = message("sign in again", event="galla:signed-out")


@router.get("/queue")
async def staff_board(request: Request, session: SignedIn) -> Response:
    """Show staff the whole board."""
    return await _board(request, session, None)


@router.get("/queue/live")
async def staff_live(request: Request, session: SignedIn) -> Response:
    """Stream the staff's board, drawn anew when it has changed."""
    till = till_of(request)
    return streaming(_pieces(till, session, is_staff=True), request.app.state.closing)


@router.post("/queue/{payment_id}/reroute")
async def reroute(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Take a code back and push the same due to a machine, in this order."""
    fields = await posted(request, session)
    try:
        started = await queue.reroute(till_of(request), session.principal, payment_id, one(fields, "terminal")[:64])
    except PaymentError as error:
        if error.code in ("not_found", "forbidden"):
            raise
        return await _board(request, session, str(error), 409)
    return go(f"/counter?payment={started.payment['id']}")


@router.get("/queue/hall")
async def hall_board(request: Request) -> Response:
    """Show the waiting hall its numbers."""
    till, session = till_of(request), await watcher(request)
    values = await _values(till, session, is_staff=False)
    return private(page(request, "hall.html", refresh_s=5, **values))


@router.get("/queue/hall/live")
async def hall_live(request: Request) -> Response:
    """Stream the hall's board."""
    till, session = till_of(request), await watcher(request)
    room: Room = request.app.state.screens
    room.enter(session.token)
    pieces = _pieces(till, session, is_staff=False)
    return streaming(pieces, request.app.state.closing, ended=partial(room.leave, session.token))


@router.get("/display/hall")
async def hall_door(request: Request) -> Response:
    """Lead to the hall's board; with a one-time link, first show the button that uses it up."""
    ticket = request.query_params.get("ticket", "")[:256]
    if not ticket:
        return go("/queue/hall")
    return private(page(request, "display_door.html", ticket=ticket, terminal_id=HALL, fault=None))


@router.post("/displays/hall/link")
async def hall_link(request: Request, session: SignedIn) -> Response:
    """Make a one-time link that turns a tablet into the hall's board."""
    await posted(request, session)
    till = till_of(request)
    ticket = await access.make_ticket(till, session.principal.merchant_id, [SCOPE])
    machines = await terminals.find(till, session.principal)
    return page(
        request,
        "displays.html",
        machines=machines,
        link=f"{public_address(request)}/display/{HALL}?ticket={ticket}",
        shown={"label": "Waiting hall"},
        **await frame(till, session),
    )


async def _board(request: Request, session: Session, fault: str | None, status: int = 200) -> Response:
    till = till_of(request)
    values = await _values(till, session, is_staff=True)
    bar = await frame(till, session)
    return page(request, "queue.html", status, fault=fault, refresh_s=5, **{**values, **bar})


async def _values(till: Till, session: Session, *, is_staff: bool) -> dict[str, Any]:
    merchant = await merchants.get(till, session.principal.merchant_id)
    waiting = await queue.board(till, session.principal)
    may_push = is_staff and may(session.principal, "collect")
    machines = await terminals.find(till, session.principal) if may_push else []
    return {
        "merchant": merchant["name"],
        "session": session,
        "rows": [_row(payment) for payment in waiting if is_staff or payment["next_action"].get("code")],
        "machines": [machine for machine in machines if machine["is_active"]],
        "is_staff": is_staff,
        "may_push": may_push,
    }


def _row(payment: dict[str, Any]) -> dict[str, Any]:
    """Return one line of the board: the state as colour, icon and word."""
    code = payment["next_action"].get("code")
    state, word = "waiting", "waits for a machine"
    if payment["needs_review"]:
        state, word = "person", "needs a person"
    elif payment["cancel_requested_at"] is not None:
        state, word = "checking", "being taken back"
    elif payment["status"] == "in_doubt":
        state, word = "checking", "checking"
    elif payment["phase"] == "on_device":
        word = "at a machine"
    elif payment["phase"] == "try_failed":
        word = "try failed, type it again"
    elif code is None:
        word = "asking for the code"
    return {"payment": payment, "code": spaced(code) if code else None, "state": state, "word": word}


async def _pieces(till: Till, session: Session, *, is_staff: bool) -> AsyncIterator[bytes]:
    seen = await feed.last(till, session.principal)
    sent = await _piece(till, session, is_staff=is_staff)
    yield message(sent)
    async for is_news in feed.stirs(till, session.principal, seen):
        if not is_news and await access.session(till, session.token) is None:
            yield _GONE
            return
        fresh = await _piece(till, session, is_staff=is_staff)
        yield message(fresh) if fresh != sent else KEEP_ALIVE
        sent = fresh


async def _piece(till: Till, session: Session, *, is_staff: bool) -> str:
    html = render("_queue.html", now=till.clock.now(), **await _values(till, session, is_staff=is_staff))
    return render("_partial.html", target="#line", html=Markup(html))  # noqa: S704 - rendered just above
