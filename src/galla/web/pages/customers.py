"""`/customers/{id}`: the one page that shows a customer's full name, with all that was billed, paid and given back."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import IllegalTransition
from galla.service import patient, terminals
from galla.service.access import Session
from galla.web.pages.page import SignedIn, frame, go, page, posted
from galla.web.pages.screen import labels
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)


@router.get("/customers/{customer_id}")
async def show(request: Request, session: SignedIn, customer_id: str) -> Response:
    """Show a customer."""
    return await _show(request, session, customer_id)


@router.post("/customers/{customer_id}/erase")
async def erase(request: Request, session: SignedIn, customer_id: str) -> Response:
    """Forget who a customer is."""
    await posted(request, session, "admin")
    try:
        await patient.erase(till_of(request), session.principal, customer_id)
    except IllegalTransition as error:
        return await _show(request, session, customer_id, fault=str(error), status=409)
    return go(f"/customers/{customer_id}")


async def _show(
    request: Request, session: Session, customer_id: str, *, fault: str | None = None, status: int = 200
) -> Response:
    till, principal = till_of(request), session.principal
    asked = {name: request.query_params.get(f"{name}s", "")[:60] or None for name in ("bill", "payment")}
    customer, machines, bar = await asyncio.gather(
        patient.history(till, principal, customer_id, patient.Since(**asked)),
        terminals.find(till, principal),
        frame(till, session),
    )
    return page(
        request, "patient.html", status, customer=customer, names=labels(machines), fault=fault, **bar
    )
