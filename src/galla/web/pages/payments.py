"""What can be done with one payment from a page, and the page that tells all that happened to it."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from galla.errors import PaymentError, TooSoon
from galla.service import payments, terminals
from galla.web.pages.page import SignedIn, frame, go, one, page, posted, render
from galla.web.pages.screen import labels, panel_for
from galla.web.pages.refunds import refund_values
from galla.web.pages.wording import is_upi
from galla.web.problem import Problem
from galla.web.security import till_of

router = APIRouter()

_CHECK_WAIT_S = 5.0


@router.get("/payments/{payment_id}")
async def show(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Show one payment with its timeline: the evidence."""
    till, principal = till_of(request), session.principal
    bar, payment, machines = await asyncio.gather(
        frame(till, session),
        payments.get(till, principal, payment_id, expand=frozenset({"timeline"})),
        terminals.find(till, principal),
    )
    names = labels(machines)
    return page(
        request,
        "payment.html",
        payment=payment,
        panel=panel_for(payment, names, till.clock.now()),
        machine=names.get(payment["terminal"], "–" if is_upi(payment) else "the machine"),
        **bar,
        **await refund_values(till, session, payment),
    )


@router.post("/payments/{payment_id}/check")
async def check(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Ask Paytm now; this never charges."""
    await posted(request, session)
    try:
        await payments.check(till_of(request), session.principal, payment_id, wait_s=_CHECK_WAIT_S)
        note = "Asked Paytm just now."
    except TooSoon as error:
        note = str(error)
    return _back(request, payment_id, note)


@router.post("/payments/{payment_id}/cancel")
async def cancel(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Stop waiting, and keep watching."""
    fields = await posted(request, session)
    try:
        await payments.cancel(till_of(request), session.principal, payment_id, one(fields, "reason") or None)
        note = ""
    except PaymentError as error:
        if error.code == "not_found":
            raise
        note = str(error)
    return _back(request, payment_id, note)


def _back(request: Request, payment_id: str, note: str) -> Response:
    """Go back to the panel; a script only gets the note, since the stream brings the panel itself."""
    if request.headers.get("hx-request") == "true":
        return HTMLResponse(render("note.html", note=note))
    if not payment_id.replace("_", "").isalnum():
        raise Problem(404, "not_found", "There is no such payment.")
    return go(f"/counter?payment={payment_id}")
