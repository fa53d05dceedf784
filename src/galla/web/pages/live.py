"""The counter's live stream: pieces of the page, sent when they have changed and at no other time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from galla.service import access, feed
from galla.service.access import Session
from galla.service.till import Till
from galla.web.pages.page import SignedIn, render
from galla.web.pages.screen import fresh
from galla.web.security import till_of
from galla.web.stream import KEEP_ALIVE, message, streaming

router = APIRouter(include_in_schema=False)

_GONE = message("sign in again", event="galla:signed-out")


@router.get("/counter/live")
async def live(request: Request, session: SignedIn) -> Response:
    """Stream the pieces of one open counter page."""
    asked = {name: request.query_params.get(name, "")[:64] or None for name in ("payment", "bill", "wait")}
    pieces = _pieces(till_of(request), session, asked["payment"], asked["bill"], asked["wait"])
    return streaming(pieces, request.app.state.closing)


async def _pieces(
    till: Till, session: Session, payment_id: str | None, bill_id: str | None, machine_id: str | None
) -> AsyncIterator[bytes]:
    """Draw once at the start, since something may have happened since the page was drawn, then after each event."""
    sent: dict[str, str] = {}
    seen = await feed.last(till, session.principal)  # before the first drawing, or what happens during it is missed
    yield _changed(await fresh(till, session, payment_id, bill_id), machine_id, sent)
    async for is_news in feed.stirs(till, session.principal, seen):
        if not is_news and await access.session(till, session.token, is_used=False) is None:
            yield _GONE
            return
        yield _changed(await fresh(till, session, payment_id, bill_id), machine_id, sent)


def _changed(shown: dict[str, Any], machine_id: str | None, sent: dict[str, str]) -> bytes:
    """Return a message with the pieces that differ from those sent before, else a sign of life."""
    news = []
    for target, html in drawn(shown, machine_id).items():
        if sent.get(target) != html:
            sent[target] = html
            news.append(render("_partial.html", target=target, html=Markup(html)))  # noqa: S704 - rendered just above
    return message("".join(news)) if news else KEEP_ALIVE


def drawn(shown: dict[str, Any], machine_id: str | None = None) -> dict[str, str]:
    """Return each piece of the page, by the selector of its place; `machine_id` is the one somebody waits for."""
    pieces = {
        "#unexplained": render("_unexplained.html", **shown),
        "#standing": render("_standing.html", **shown),
        "#strip": render("_strip.html", **shown),
        "#surprise": render("_surprise.html", **shown),
    }
    for machine in shown["machines"]:
        pieces[f"#hold-{machine['id']}"] = render("_hold.html", machine=machine, **shown)
        if machine["id"] == machine_id:
            pieces["#wait"] = render("_wait.html", machine=machine)
    if shown["panel"] is not None:
        pieces["#panel"] = render("_panel.html", **shown)
    if shown["bill"] is not None:
        pieces["#bill"] = render("_bill.html", **shown)
    return pieces
