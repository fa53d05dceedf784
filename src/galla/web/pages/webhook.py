"""`/webhooks/{id}`: one endpoint, what was sent to it and what came of it, and sending it again."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import IllegalTransition, PaymentError
from galla.service import deliveries, webhooks
from galla.service.access import Session
from galla.web.pages.endpoint_form import NAMES, EndpointForm, endpoint_form
from galla.web.pages.entry import Faults
from galla.web.pages.page import AdminSignedIn, frame, go, page, posted
from galla.web.pages.refusal import refused
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)

_SHOWN = 50
_DONE = {
    "saved": "Saved. It holds from now on.",
    "tested": "A test is on its way. What came of it stands below: load the page again in a moment.",
    "again": "It goes out again now. What came of it stands below: load the page again in a moment.",
}
"""What is said after a form, by the word in the address."""


@router.get("/webhooks/{endpoint_id}")
async def show(request: Request, session: AdminSignedIn, endpoint_id: str) -> Response:
    """Show an endpoint and what was sent to it, newest first."""
    endpoint = await webhooks.get(till_of(request), session.principal, endpoint_id)
    return await _show(request, session, endpoint, done=_DONE.get(request.query_params.get("done", "")))


@router.post("/webhooks/{endpoint_id}")
async def change(request: Request, session: AdminSignedIn, endpoint_id: str) -> Response:
    """Change where it is, its name, or what it hears of."""
    form = endpoint_form(await posted(request, session, "admin"))
    endpoint = await webhooks.get(till_of(request), session.principal, endpoint_id)
    try:
        await webhooks.update(till_of(request), session.principal, endpoint_id, **form.values)
    except PaymentError as error:
        return await _show(request, session, endpoint, form=form, faults=refused(error, NAMES), status=422)
    return go(f"/webhooks/{endpoint_id}?done=saved")


@router.post("/webhooks/{endpoint_id}/off")
async def switch_off(request: Request, session: AdminSignedIn, endpoint_id: str) -> Response:
    """Send it nothing more; what happens meanwhile is kept for it."""
    await posted(request, session, "admin")
    await webhooks.update(till_of(request), session.principal, endpoint_id, is_enabled=False)
    return go(f"/webhooks/{endpoint_id}")


@router.post("/webhooks/{endpoint_id}/on")
async def switch_on(request: Request, session: AdminSignedIn, endpoint_id: str) -> Response:
    """Send to it again, beginning with what it missed."""
    await posted(request, session, "admin")
    await webhooks.update(till_of(request), session.principal, endpoint_id, is_enabled=True)
    return go(f"/webhooks/{endpoint_id}")


@router.post("/webhooks/{endpoint_id}/rotate")
async def rotate(request: Request, session: AdminSignedIn, endpoint_id: str) -> Response:
    """Make a new secret and show it, this once; the one before signs too for a day."""
    await posted(request, session, "admin")
    return await show_made(request, session, await webhooks.rotate(till_of(request), session.principal, endpoint_id))


@router.post("/webhooks/{endpoint_id}/test")
async def test(request: Request, session: AdminSignedIn, endpoint_id: str) -> Response:
    """Send a test on the way that every event takes."""
    await posted(request, session, "admin")
    try:
        await webhooks.test(till_of(request), session.principal, endpoint_id)
    except IllegalTransition as error:
        endpoint = await webhooks.get(till_of(request), session.principal, endpoint_id)
        return await _show(request, session, endpoint, faults=Faults(general=str(error)), status=409)
    return go(f"/webhooks/{endpoint_id}?done=tested#sent")


@router.post("/webhooks/{endpoint_id}/remove")
async def remove(request: Request, session: AdminSignedIn, endpoint_id: str) -> Response:
    """Forget an endpoint and what waits for it."""
    await posted(request, session, "admin")
    await webhooks.remove(till_of(request), session.principal, endpoint_id)
    return go("/webhooks")


@router.post("/webhooks/{endpoint_id}/replay")
async def replay_failed(request: Request, session: AdminSignedIn, endpoint_id: str) -> Response:
    """Send again all that failed, and let what waits go now."""
    await posted(request, session, "admin")
    await deliveries.replay_failed(till_of(request), session.principal, endpoint_id)
    return go(f"/webhooks/{endpoint_id}?done=again#sent")


@router.post("/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay")
async def replay(request: Request, session: AdminSignedIn, endpoint_id: str, delivery_id: str) -> Response:
    """Send one message again, now."""
    await posted(request, session, "admin")
    await deliveries.replay(till_of(request), session.principal, delivery_id, endpoint_id=endpoint_id)
    return go(f"/webhooks/{endpoint_id}?done=again#sent")


async def show_made(request: Request, session: Session, made: dict[str, Any]) -> Response:
    """Answer with an endpoint's page and its new secret, which no other answer shows."""
    return await _show(request, session, made, secret=made["secret"])


async def _show(
    request: Request,
    session: Session,
    endpoint: dict[str, Any],
    *,
    form: EndpointForm | None = None,
    faults: Faults | None = None,
    secret: str | None = None,
    done: str | None = None,
    status: int = 200,
) -> Response:
    till = till_of(request)
    wanted = request.query_params.get("status", "")
    shows = wanted if wanted in deliveries.STATES else ""
    cursor = request.query_params.get("cursor", "")
    is_cursor = cursor.isascii() and cursor.isdigit() and len(cursor) <= 18
    sent = await deliveries.find(
        till,
        session.principal,
        endpoint["id"],
        status=shows or None,
        limit=_SHOWN,
        cursor=cursor if is_cursor else None,
    )
    return page(
        request,
        "webhook.html",
        status,
        endpoint=endpoint,
        form=form or EndpointForm.of(endpoint),
        is_edited=form is not None,
        faults=faults or Faults(),
        secret=secret,
        done=done,
        sent=sent["data"],
        next_cursor=sent["next_cursor"],
        shows=shows,
        **await frame(till, session),
    )
