"""Printing at the counter, and the public page that says whether a paper is genuine."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from galla.service import evidence, receipts
from galla.service.throttle import Throttle
from galla.web.pages.page import SignedIn, go, one, page, posted, private
from galla.web.pages.printing import evidence_pdf, printed_answer
from galla.web.problem import Problem
from galla.web.requests import ReceiptQuery
from galla.web.security import address_of, public_address, till_of

router = APIRouter(include_in_schema=False)

CHECKS, WITHIN_S = 30, 60.0


@router.post("/receipts")
async def hand_out(request: Request, session: SignedIn) -> Response:
    """Print a bill's, a payment's or a refund's paper, then show that copy; a reload prints nothing more."""
    name = one(await posted(request, session, "read"), "of")
    printed = await receipts.hand_out(till_of(request), session.principal, name, public_address(request))
    return go(f"/receipts/{printed.id}/{printed.copy}#print")


@router.get("/receipts/{receipt_id}/{copy}")
async def again(
    request: Request, session: SignedIn, receipt_id: str, copy: str, query: Annotated[ReceiptQuery, Query()]
) -> Response:
    """Show a copy that was printed, in any form."""
    number = int(copy) if copy.isascii() and copy.isdecimal() and len(copy) < 6 else 0
    printed = await receipts.again(till_of(request), session.principal, receipt_id, number, public_address(request))
    return await printed_answer(request, printed, query, is_staff=True)


@router.get("/payments/{payment_id}/evidence")
async def show_evidence(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Show all that is known of one payment, to be printed for whoever asks."""
    found = await evidence.gather(till_of(request), session.principal, payment_id)
    return page(request, "evidence.html", evidence=found, payment_id=payment_id)


@router.get("/payments/{payment_id}/evidence.pdf")
async def evidence_as_pdf(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Return the same as a PDF."""
    found = await evidence.gather(till_of(request), session.principal, payment_id)
    return await evidence_pdf(found)


@router.get("/r/{code}")
async def verify(request: Request, code: str) -> Response:
    """Say to anybody whether a paper is genuine: shop, date, amount, and whether the money went back."""
    throttle: Throttle = request.app.state.paper_checks
    address = address_of(request)
    wait_s = throttle.wait_s(address)
    if wait_s:
        said = f"Too many papers were checked from this computer. Wait {wait_s} seconds, then try again."
        raise Problem(429, "too_many_requests", said, headers={"Retry-After": str(wait_s)})
    throttle.count(address)
    found = await receipts.verify(till_of(request), code)
    return private(page(request, "receipt_check.html", 200 if found else 404, found=found))
