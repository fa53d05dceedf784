"""`/v1/payments/{id}/receipt`, the same for refunds and bills: each request hands out one more print."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from galla.service import receipts
from galla.service.till import Principal, Till
from galla.web.pages.printing import ESCPOS_TYPE, PDF_TYPE, printed_answer
from galla.web.problem import MEDIA_TYPE
from galla.web.requests import ReceiptQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs, public_address

router = APIRouter(prefix="/v1", tags=["receipts"], route_class=GuardedRoute)

_TEXT = {"schema": {"type": "string"}}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The paper.",
        "content": {"text/html": _TEXT, "text/plain": _TEXT, PDF_TYPE: _BYTES, ESCPOS_TYPE: _BYTES},
    },
    409: {
        "description": "Nothing is proven yet, so there is nothing to print.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}
Form = Annotated[ReceiptQuery, Query()]


@router.get(
    "/payments/{payment_id}/receipt", response_class=Response, responses=_ANSWERS, openapi_extra=needs("read")
)
async def payment_receipt(
    request: Request, till: TillHere, caller: Caller, payment_id: str, query: Form
) -> Response:
    """Print the receipt of a payment, or of its bill with every payment so far. Each call is one print."""
    return await _handed(request, till, caller, payment_id, query)


@router.get("/bills/{bill_id}/receipt", response_class=Response, responses=_ANSWERS, openapi_extra=needs("read"))
async def bill_receipt(request: Request, till: TillHere, caller: Caller, bill_id: str, query: Form) -> Response:
    """Print the receipt of a bill with every payment so far, what is paid and what is due. Each call is one print."""
    return await _handed(request, till, caller, bill_id, query)


@router.get("/refunds/{refund_id}/receipt", response_class=Response, responses=_ANSWERS, openapi_extra=needs("read"))
async def refund_receipt(request: Request, till: TillHere, caller: Caller, refund_id: str, query: Form) -> Response:
    """Print the slip of a void or a refund; it says whether the money has gone. Each call is one print."""
    return await _handed(request, till, caller, refund_id, query)


async def _handed(request: Request, till: Till, caller: Principal, name: str, query: ReceiptQuery) -> Response:
    printed = await receipts.hand_out(till, caller, name, public_address(request))
    return await printed_answer(request, printed, query, is_staff=False)
