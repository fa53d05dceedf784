"""What every page shares: templates, who is signed in, forms, and how an error looks to a person."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import URL
from starlette.responses import HTMLResponse, RedirectResponse, Response

from galla.ledger.gst import STATES
from galla.money import rupees
from galla.service import merchants, shifts, tasks
from galla.service.access import Session
from galla.service.roles import role_with, who_may
from galla.service.till import Till
from galla.service.words import NOTE_MAX, short_name
from galla.web.body import read_form
from galla.web.language import language, message, others, said
from galla.web.marking import Marking
from galla.web.pages import wording
from galla.web.problem import Problem
from galla.web.qr import data_uri
from galla.web.security import check_csrf, check_origin, may, session_of, till_of

WEB = Path(__file__).parents[1]
SIGN_IN = "/sign-in"

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(WEB / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=[Marking],
)


class SignInNeeded(Problem):
    """Nobody is signed in: the browser is sent to the sign-in page."""

    def __init__(self, request: Request) -> None:
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        where = f"{SIGN_IN}?next={quote(back, safe='')}" if request.method == "GET" else SIGN_IN
        super().__init__(401, "unauthenticated", "Sign in first.", headers={"Location": where})
        self.where = where


async def signed_in(request: Request) -> Session:
    """Return the session of whoever looks at the page.

    Raises:
        SignInNeeded: there is none.
        Problem: 403, the session may not even look.
    """
    session = await session_of(request)
    if session is None:
        raise SignInNeeded(request)
    must_hold(session, "read")
    return session


SignedIn = Annotated[Session, Depends(signed_in)]


async def signed_in_admin(session: SignedIn) -> Session:
    """Return the session of an admin who looks at the page.

    Raises:
        Problem: 403, it is somebody else.
    """
    must_hold(session, "admin")
    return session


AdminSignedIn = Annotated[Session, Depends(signed_in_admin)]


def must_hold(session: Session, scope: str) -> None:
    """Refuse a session without a scope.

    Raises:
        Problem: 403, with who may.
    """
    principal = session.principal
    if may(principal, scope):
        return
    role = role_with(principal.scopes)
    if principal.is_user and role is not None:
        said = f"This is for {who_may(scope)}. You are signed in as {principal.actor}, {role.spoken}."
    else:
        said = f"Your key does not have the scope `{scope}`. Ask whoever gave it to you."
    raise Problem(403, "forbidden", said)


async def posted(request: Request, session: Session, scope: str = "collect") -> dict[str, list[str]]:
    """Return the fields of the page's own form.

    Raises:
        Problem: 403 for another site's form, an old page's, or a session without the scope.
    """
    check_origin(request)
    fields = read_form(await request.body(), request.headers.get("content-type"))
    check_csrf(session, one(fields, "csrf"))
    must_hold(session, scope)
    return fields


def one(fields: Mapping[str, list[str]], name: str) -> str:
    """Return a field's text, trimmed; empty when it was not sent."""
    return (fields.get(name) or [""])[0].strip()


def render(template: str, **values: Any) -> str:
    """Return a template's text with values put in, every one escaped."""
    return _ENVIRONMENT.get_template(template).render(**values)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Answer with a whole page."""
    given = {"now": till_of(request).clock.now(), "refresh_s": None, "address": address_here(request)}
    return HTMLResponse(render(template, **{**given, **values}), status)


def address_here(request: Request) -> str:
    """Return the path to come back to: of this page, or of the one whose form is answered here."""
    url = request.url if request.method == "GET" else URL(request.headers.get("referer", SIGN_IN))
    return url.path + (f"?{url.query}" if url.query else "")


def go(address: str) -> RedirectResponse:
    """Answer a form by sending the browser on, so that a reload repeats nothing."""
    return RedirectResponse(address, 303)


def private(response: Response) -> Response:
    """Keep a page's address, which holds a one-time token, out of what the browser tells other pages."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


async def frame(till: Till, session: Session) -> dict[str, Any]:
    """Return what the bar above each page shows."""
    merchant = await merchants.get(till, session.principal.merchant_id)
    return {
        "session": session,
        "principal": session.principal,
        "merchant": merchant["name"],
        "supply_states": STATES if merchant["gstin"] else {},  # without its GSTIN galla knows of no state to sell from
        "offers_qr": merchant["client_id"] is not None,  # Paytm makes QRs only for merchants with a client id
        "offers_code": bool(merchant["client_id"] or till.settings.queue_client_id),
        "is_rehearsal": till.settings.environment != "production",
        "environment": till.settings.environment,
        "unexplained": await tasks.unexplained(till, session.principal),
        "standing": await shifts.standing(till, session.principal),
    }


def wants_page(request: Request) -> bool:
    """Return whether an error should be a page: the address is not the API's and a browser asks."""
    return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")


async def error_page(request: Request, problem: Problem) -> Response:
    """Answer an error to a person: what happened, what it means, what to do now."""
    if isinstance(problem, SignInNeeded):
        return go(problem.where)
    html = render(
        "error.html",
        problem=problem,
        request_id=request.state.request_id,
        now=till_of(request).clock.now(),
        refresh_s=None,
        address=address_here(request),
    )
    return HTMLResponse(html, problem.status, headers=problem.headers)


@cache
def asset(name: str) -> str:
    """Return a static file's address with its hash, so that browsers may keep it."""
    digest = hashlib.sha256((WEB / "static" / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


_ENVIRONMENT.filters.update(
    inr=wording.inr,
    plain=wording.plain,
    at=wording.at,
    second=wording.second,
    elapsed=wording.elapsed,
    short_name=lambda name: short_name(name) or "",
    label=wording.label,
    method=wording.method,
    seconds=wording.seconds,
    bare=rupees,
    pretty=wording.pretty,
    kind=wording.kind,
    left=wording.left,
    clock=wording.clock,
    spaced=wording.spaced,
    day=wording.day,
    place=wording.place,
    mode=wording.mode,
    deed=wording.deed,
    qr=data_uri,
    said=said,
)
_ENVIRONMENT.globals.update(asset=asset, note_max=NOTE_MAX, _=message, language=language, others=others)
