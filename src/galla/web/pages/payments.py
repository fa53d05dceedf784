"""What can be done with one payment from a page, and the page that tells all that happened to it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from galla.config import Secret
from galla.errors import IdempotencyInProgress, PaymentError, TooSoon
from galla.service import payments, resolving, reviews, tasks, terminals
from galla.service.access import Session
from galla.service.payments import NewPayment
from galla.web.body import fingerprint
from galla.web.pages.entry import Faults
from galla.web.pages.page import SignedIn, frame, go, one, page, posted, render
from galla.web.pages.refund_form import RefundForm, credential, refund_values
from galla.web.pages.screen import labels, panel_for
from galla.web.pages.tasks import KINDS
from galla.web.problem import Problem
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)

_CHECK_WAIT_S = 5.0


@router.get("/payments/{payment_id}")
async def show(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Show one payment with its timeline: the evidence."""
    return await payment_page(request, session, payment_id)


async def payment_page(
    request: Request,
    session: Session,
    payment_id: str,
    *,
    form: RefundForm | None = None,
    faults: Faults | None = None,
    status: int = 200,
) -> Response:
    """Answer with one payment's page; `form` and `faults` are of a refund that could not be started."""
    till, principal = till_of(request), session.principal
    bar, payment, machines = await asyncio.gather(
        frame(till, session),
        payments.get(till, principal, payment_id, expand=frozenset({"timeline"})),
        terminals.find(till, principal),
    )
    names = labels(machines)
    waiting = await tasks.find(till, principal, {"status": "open", "payment": payment_id})
    given = await refund_values(till, session, payment)
    return page(
        request,
        "payment.html",
        status,
        payment=payment,
        panel=panel_for(payment, names, till.clock.now()),
        open_tasks=[{**task, "word": KINDS[task["kind"]]} for task in waiting["data"]],
        machine=names.get(payment["terminal"], "the machine" if payment["method"] in ("edc", "queue") else "–"),
        form=form or RefundForm.fresh(payment),
        faults=faults or Faults(),
        refresh_s=5 if given["on_its_way"] else None,
        **bar,
        **given,
    )


@router.post("/payments/{payment_id}/new_code")
async def new_code(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Make a new code for the same money, once Paytm has said that the old one was not paid."""
    await posted(request, session)
    till, principal = till_of(request), session.principal
    with suppress(TooSoon):
        await payments.check(till, principal, payment_id, wait_s=_CHECK_WAIT_S)
    old = await payments.get(till, principal, payment_id)
    if old["status"] == "paid":
        return _there(request, payment_id)
    if old["status"] != "not_paid":
        return _told(request, "Paytm has not said yet that the old code was not paid. Try again in a moment.")
    new = NewPayment(
        amount_paise=old["amount"],
        method=old["method"],
        bill=old["bill"],
        reference=None if old["bill"] else old["reference"],
        terminal=old["shown_on"] or old["terminal"],
        customer=old["customer"],
        description=old["description"],
        metadata=old["metadata"],
    )
    key = f"new{payment_id.replace('_', '')}"
    try:
        same = fingerprint("POST", "/payments/new_code", payment_id)
        started = await payments.start(till, principal, new, wait_s=0, idempotency_key=key, fingerprint=same)
    except IdempotencyInProgress as error:
        return _there(request, error.blocker or payment_id)
    except PaymentError as error:
        return _told(request, str(error))
    return _there(request, started.payment["id"])


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


@router.post("/payments/{payment_id}/review")
async def review(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Say that a person has looked, then show the payment again."""
    fields = await posted(request, session, "refund")
    await reviews.looked_at(till_of(request), session.principal, payment_id, one(fields, "note"))
    return go(f"/payments/{payment_id}")


@router.post("/payments/{payment_id}/resolve")
async def resolve(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Decide a payment as two people, then show it again."""
    fields = await posted(request, session, "refund")
    outcome = one(fields, "outcome")
    if outcome not in ("paid", "not_paid"):
        raise Problem(422, "invalid_field", "Choose paid or not paid.", param="outcome")
    await resolving.resolve(
        till_of(request),
        session.principal,
        payment_id,
        is_paid=outcome == "paid",
        evidence=one(fields, "evidence"),
        approver=credential(fields) or Secret(""),
    )
    return go(f"/payments/{payment_id}")


def _there(request: Request, payment_id: str) -> Response:
    """Lead to a payment's panel, with scripts or without."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": f"/counter?payment={payment_id}"})
    return go(f"/counter?payment={payment_id}")


def _told(request: Request, said: str) -> Response:
    """Say why nothing was started."""
    if request.headers.get("hx-request") == "true":
        return HTMLResponse(render("note.html", note=said))
    raise Problem(409, "illegal_transition", said)


def _back(request: Request, payment_id: str, note: str) -> Response:
    """Go back to the panel; a script only gets the note, since the stream brings the panel itself."""
    if request.headers.get("hx-request") == "true":
        return HTMLResponse(render("note.html", note=note))
    if not payment_id.replace("_", "").isalnum():
        raise Problem(404, "not_found", "There is no such payment.")
    return go(f"/counter?payment={payment_id}")
