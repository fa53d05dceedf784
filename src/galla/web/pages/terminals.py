"""`/terminals`: the card machines, who has each just now, and for an admin adding, renaming and switching off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import NotFound, PaymentError
from galla.service import terminals
from galla.service.access import Session
from galla.web.pages.entry import Faults
from galla.web.pages.page import AdminSignedIn, SignedIn, frame, go, one, page, posted
from galla.web.pages.refusal import refused
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)

_LONGEST = 200
_NAMES = {"tid": "The TID", "label": "The name", "branch": "The branch"}


class MachineForm(msgspec.Struct, frozen=True, kw_only=True):
    """A machine to add or to change, as typed."""

    tid: str = ""
    label: str = ""
    branch: str = "Main"


@router.get("/terminals")
async def show(request: Request, session: SignedIn) -> Response:
    """List the machines; an admin can change them here."""
    return await _show(request, session)


@router.post("/terminals")
async def add(request: Request, session: AdminSignedIn) -> Response:
    """Add a machine by its TID."""
    form = _form(await posted(request, session, "admin"))
    try:
        await terminals.create(till_of(request), session.principal, form.tid, form.label, form.branch)
    except PaymentError as error:
        return await _show(request, session, form=form, faults=refused(error, _NAMES), status=422)
    return go("/terminals")


@router.post("/terminals/{terminal_id}")
async def change(request: Request, session: AdminSignedIn, terminal_id: str) -> Response:
    """Rename a machine, or move it to another branch."""
    form = _form(await posted(request, session, "admin"))
    return await _changed(request, session, terminal_id, form, {"label": form.label, "branch": form.branch})


@router.post("/terminals/{terminal_id}/off")
async def switch_off(request: Request, session: AdminSignedIn, terminal_id: str) -> Response:
    """Offer a machine to nobody any more; what is on it is still followed."""
    await posted(request, session, "admin")
    return await _changed(request, session, terminal_id, None, {"is_active": False})


@router.post("/terminals/{terminal_id}/on")
async def switch_on(request: Request, session: AdminSignedIn, terminal_id: str) -> Response:
    """Offer a machine again."""
    await posted(request, session, "admin")
    return await _changed(request, session, terminal_id, None, {"is_active": True})


def _form(fields: Mapping[str, list[str]]) -> MachineForm:
    return MachineForm(**{name: one(fields, name)[:_LONGEST] for name in MachineForm.__struct_fields__})


async def _changed(
    request: Request, session: Session, terminal_id: str, form: MachineForm | None, changes: dict[str, Any]
) -> Response:
    try:
        await terminals.update(till_of(request), session.principal, terminal_id, **changes)
    except NotFound:
        raise
    except PaymentError as error:
        faults = refused(error, _NAMES)
        return await _show(request, session, edited=form, about=terminal_id, faults=faults, status=422)
    return go("/terminals")


async def _show(
    request: Request,
    session: Session,
    *,
    form: MachineForm | None = None,
    edited: MachineForm | None = None,
    about: str | None = None,
    faults: Faults | None = None,
    status: int = 200,
) -> Response:
    """Answer with the page; `about` is the machine whose form was refused, `edited` what was typed there."""
    till = till_of(request)
    found = await terminals.find(till, session.principal)
    return page(
        request,
        "terminals.html",
        status,
        machines=found,
        form=form or MachineForm(),
        edited=edited,
        about=about,
        faults=faults or Faults(),
        can_change="admin" in session.principal.scopes,
        **await frame(till, session),
    )
