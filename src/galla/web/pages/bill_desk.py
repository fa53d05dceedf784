"""What helps while a new bill is typed: what it comes to, and which customers are known."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from galla.errors import PaymentError
from galla.service import bill_asked, customers
from galla.web.api.bills import new_bill
from galla.web.bill_shapes import BillBody
from galla.web.pages import entry
from galla.web.pages.bill_form import bill_form, bill_values, so_far
from galla.web.pages.entry import Faults
from galla.web.pages.page import SignedIn, posted, render
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)

_LEAST = 2


@router.post("/counter/bills/sums")
async def sums(request: Request, session: SignedIn) -> Response:
    """Return what the bill on the form comes to. Nothing is written."""
    form = so_far(bill_form(await posted(request, session)))
    asked, fault = None, None
    try:
        asked = bill_asked.read(new_bill(entry.checked(BillBody, bill_values(form)))) if form.lines else None
    except Faults as faults:
        fault = faults
    except PaymentError as error:
        fault = entry.faults_of(error)
    return HTMLResponse(render("_bill_sums.html", asked=asked, form=form, fault=fault))


@router.get("/counter/customers")
async def known(request: Request, session: SignedIn) -> Response:
    """Return the customers whose name or phone begins with what is being typed."""
    typed = request.query_params.get("name", "") or request.query_params.get("phone", "")
    q = typed.strip()[:80]
    found = await customers.find(till_of(request), session.principal, q) if len(q) >= _LEAST else []
    return HTMLResponse(render("_customers.html", customers=found, chosen=""))
