"""`/webhooks`: the systems that are told what happens. For an admin; a secret is shown once, where it is made."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import PaymentError
from galla.service import webhooks
from galla.service.access import Session
from galla.web.pages.endpoint_form import NAMES, EndpointForm, endpoint_form
from galla.web.pages.entry import Faults
from galla.web.pages.page import AdminSignedIn, frame, page, posted
from galla.web.pages.refusal import refused
from galla.web.pages.webhook import show_made
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)


@router.get("/webhooks")
async def show(request: Request, session: AdminSignedIn) -> Response:
    """List the endpoints, and offer to add one."""
    return await _show(request, session)


@router.post("/webhooks")
async def add(request: Request, session: AdminSignedIn) -> Response:
    """Add an endpoint, and show its page with the secret, this once."""
    form = endpoint_form(await posted(request, session, "admin"))
    try:
        made = await webhooks.create(till_of(request), session.principal, **form.values)
    except PaymentError as error:
        return await _show(request, session, form=form, faults=refused(error, NAMES), status=422)
    return await show_made(request, session, made)


async def _show(
    request: Request,
    session: Session,
    *,
    form: EndpointForm | None = None,
    faults: Faults | None = None,
    status: int = 200,
) -> Response:
    till = till_of(request)
    return page(
        request,
        "webhooks.html",
        status,
        endpoints=await webhooks.find(till, session.principal),
        form=form or EndpointForm(),
        faults=faults or Faults(),
        **await frame(till, session),
    )
