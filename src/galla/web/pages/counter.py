"""The counter: choose a bill, choose a machine, push, watch, done.

The address says what is on the screen, so a reload or another computer sees the same. The form carries a
one-time attempt id, so that a double click or a repeated form is one payment, with scripts or without.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from galla import ids
from galla.errors import IdempotencyInProgress, IdempotencyMismatch, PaymentError
from galla.service import bills, customers, payments
from galla.service.access import Session
from galla.service.till import Till
from galla.web.api.bills import new_bill
from galla.web.api.payments import new_payment
from galla.web.bill_shapes import BillBody
from galla.web.body import fingerprint
from galla.web.pages import entry
from galla.web.pages.bill_form import BillForm, beside_rows, bill_form, bill_values
from galla.web.pages.entry import Faults, SaleForm
from galla.web.pages.page import SignedIn, go, page, posted, render
from galla.web.pages.screen import found_for, panel_is_live, screen
from galla.web.requests import PaymentBody
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)

MACHINE_COOKIE = "galla_machine"
_YEAR_S = 365 * 24 * 3600
_PATIENCE_S = 5.0
_REPEAT_S = 0.1


@router.get("/")
async def root() -> Response:
    """Lead to the counter."""
    return go("/counter")


@router.get("/counter")
async def counter(request: Request, session: SignedIn) -> Response:
    """Show the counter: a payment, a bill, what a search found, or a new sale."""
    asked = {name: request.query_params.get(name, "").strip()[:100] for name in ("payment", "bill", "q", "new", "by")}
    till = till_of(request)
    faults = None
    live = await _live_of_bill(till, session, asked["bill"]) if asked["bill"] and not asked["payment"] else None
    if live is not None and asked["by"] not in ("part", "beside"):
        return go(f"/counter?payment={live}")
    if live is not None and asked["by"] == "beside":
        said = "This bill has an unfinished payment. Check that one first: it may still be paid."
        faults = Faults(general=said, blocker=live, code="bill_has_live_payment")
    form = SaleForm(
        attempt=ids.token(),
        amount=request.query_params.get("amount", "")[:20],
        reference=request.query_params.get("reference", "")[:64],
        terminal=request.cookies.get(MACHINE_COOKIE, ""),
    )
    return await _show(request, session, asked, form, faults)


@router.get("/counter/search")
async def search(request: Request, session: SignedIn) -> Response:
    """Return what a search finds, as a piece of the page."""
    q = request.query_params.get("q", "").strip()[:100]
    found, now = await found_for(till_of(request), session.principal, q), till_of(request).clock.now()
    return HTMLResponse(render("_found.html", now=now, principal=session.principal, q=q, names={}, **found))


@router.post("/counter/push")
async def push(request: Request, session: SignedIn) -> Response:
    """Start a payment, on a machine or another way, then show it."""
    form = entry.sale_form(await posted(request, session))
    till = till_of(request)
    try:
        body = entry.payment_body(form)
        started = await _start(till, session, body, form.attempt)
    except Faults as faults:
        return await _again(request, session, form, faults, 422)
    except IdempotencyMismatch as error:
        said = "This form was sent before with other values. Open that payment before you push again."
        fresh = form.with_attempt(ids.token())
        return await _again(request, session, fresh, Faults({}, said, error.blocker), 422)
    except PaymentError as error:
        if error.code == "forbidden":
            raise
        return await _again(request, session, form, entry.faults_of(error), 409)
    answer = go(f"/counter?payment={started}")
    answer.set_cookie(
        MACHINE_COOKIE,
        form.terminal,
        max_age=_YEAR_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/counter",
    )
    return answer


@router.post("/counter/bills")
async def open_bill(request: Request, session: SignedIn) -> Response:
    """Open a bill from the quick form, then show it ready to push."""
    fields = await posted(request, session)
    draft = bill_form(fields)
    try:
        body = entry.checked(BillBody, bill_values(draft))
        bill = await bills.create(till_of(request), session.principal, new_bill(body))
    except Faults as faults:
        return await _show(request, session, {"new": "bill"}, _empty(request), beside_rows(faults, draft), 422, draft)
    except PaymentError as error:
        refused = beside_rows(entry.faults_of(error), draft)
        return await _show(request, session, {"new": "bill"}, _empty(request), refused, 409, draft)
    return go(f"/counter?bill={bill['id']}")


async def _start(till: Till, session: Session, body: PaymentBody, attempt: str) -> str:
    """Start, or find what the same form started; wait while its twin is still being written down."""
    same = fingerprint("POST", "/counter/push", body.model_dump(exclude={"approver"}))
    until = till.clock.monotonic() + _PATIENCE_S
    while True:
        try:
            started = await payments.start(
                till,
                session.principal,
                new_payment(body),
                wait_s=_PATIENCE_S if body.method == "cash" else 0,  # nobody is asked, so it is over at once
                idempotency_key=attempt,
                fingerprint=same,
            )
            return str(started.payment["id"])
        except IdempotencyInProgress as error:
            if error.blocker is not None:
                return error.blocker
            if till.clock.monotonic() > until:
                raise
            await till.clock.sleep(_REPEAT_S)


async def _again(request: Request, session: Session, form: SaleForm, faults: Faults, status: int) -> Response:
    return await _show(request, session, {"bill": form.bill}, form, faults, status)


async def _show(
    request: Request,
    session: Session,
    asked: dict[str, str],
    form: SaleForm,
    faults: Faults | None = None,
    status: int = 200,
    draft: BillForm | None = None,
) -> Response:
    shown = await screen(till_of(request), session, asked)
    draft = draft or BillForm.empty()
    return page(
        request,
        "counter.html",
        status,
        form=form.filled(
            shown["bill"], shown["machines"], session.principal.counter, is_part=asked.get("by") == "part"
        ),
        is_part=asked.get("by") == "part",
        faults=faults or Faults(),
        draft=draft,
        picked=await customers.picked(till_of(request), session.principal, draft.customer),
        is_new_bill=asked.get("new") == "bill",
        **shown,
    )


def _empty(request: Request) -> SaleForm:
    return SaleForm(attempt=ids.token(), terminal=request.cookies.get(MACHINE_COOKIE, ""))


async def _live_of_bill(till: Till, session: Session, bill_id: str) -> str | None:
    """Return the payment that may still pay a bill: whoever opens the bill should see it, not a second form."""
    for payment in await payments.unfinished(till, session.principal):
        if payment["bill"] == bill_id and panel_is_live(payment):
            return str(payment["id"])
    return None
