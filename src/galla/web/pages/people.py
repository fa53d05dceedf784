"""`/people`: who may sign in, as what. For an admin; a password is never typed here, the person chooses it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import NotFound, PaymentError
from galla.service import people
from galla.service.access import Session
from galla.service.roles import ROLES
from galla.web.pages.entry import Faults
from galla.web.pages.page import AdminSignedIn, frame, go, page, posted, private
from galla.web.pages.person_form import PersonForm, faults_about, person_form
from galla.web.security import public_address, till_of

router = APIRouter(include_in_schema=False)


@router.get("/people")
async def show(request: Request, session: AdminSignedIn) -> Response:
    """List everybody, and offer to add somebody."""
    return await _show(request, session)


@router.post("/people")
async def add(request: Request, session: AdminSignedIn) -> Response:
    """Add somebody, and show the link with which they choose their password."""
    form = person_form(await posted(request, session, "admin"))
    till = till_of(request)
    try:
        user = await people.add(till, session.principal, form.new_user())
    except PaymentError as error:
        return await _show(request, session, form=form, faults=faults_about(error), status=422)
    return await _invited(request, session, user)


@router.post("/people/{user_id}")
async def change(request: Request, session: AdminSignedIn, user_id: str) -> Response:
    """Change a name, a role or a branch."""
    form = person_form(await posted(request, session, "admin"))
    changes = {"display_name": form.display_name, "role": form.role, "branch": form.branch or None}
    return await _changed(request, session, user_id, form, changes)


@router.post("/people/{user_id}/link")
async def link(request: Request, session: AdminSignedIn, user_id: str) -> Response:
    """Make a one-time link with which somebody chooses a new password."""
    await posted(request, session, "admin")
    try:
        return await _invited(request, session, await people.get(till_of(request), session.principal, user_id))
    except NotFound:
        raise
    except PaymentError as error:
        return await _show(request, session, faults=faults_about(error), about=user_id, status=409)


@router.post("/people/{user_id}/disable")
async def disable(request: Request, session: AdminSignedIn, user_id: str) -> Response:
    """Keep somebody out from now on; what they did stays theirs."""
    await posted(request, session, "admin")
    return await _changed(request, session, user_id, None, {"is_active": False})


@router.post("/people/{user_id}/enable")
async def enable(request: Request, session: AdminSignedIn, user_id: str) -> Response:
    """Let somebody in again, with the password they had."""
    await posted(request, session, "admin")
    return await _changed(request, session, user_id, None, {"is_active": True})


async def _changed(
    request: Request, session: Session, user_id: str, form: PersonForm | None, changes: dict[str, Any]
) -> Response:
    try:
        await people.change(till_of(request), session.principal, user_id, **changes)
    except NotFound:
        raise
    except PaymentError as error:
        return await _show(request, session, faults=faults_about(error), about=user_id, edited=form, status=409)
    return go("/people")


async def _invited(request: Request, session: Session, user: dict[str, Any]) -> Response:
    token = await people.invite(till_of(request), session.principal, user["id"])
    return await _show(request, session, shown=user, link=f"{public_address(request)}/welcome?token={token}")


async def _show(
    request: Request,
    session: Session,
    *,
    form: PersonForm | None = None,
    edited: PersonForm | None = None,
    about: str | None = None,
    faults: Faults | None = None,
    shown: dict[str, Any] | None = None,
    link: str | None = None,
    status: int = 200,
) -> Response:
    """Answer with the page; `about` is the user whose form was refused, `shown` the one whom a link is for."""
    till = till_of(request)
    found = await people.find(till, session.principal)
    values = {
        "users": found,
        "roles": list(ROLES.values()),
        "form": form or PersonForm(),
        "edited": edited,
        "about": about,
        "faults": faults or Faults(),
        "shown": shown,
        "link": link,
        "is_alone": len(found) == 1,
    }
    return private(page(request, "people.html", status, **values, **await frame(till, session)))
