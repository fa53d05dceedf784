"""`/v1/payments/{id}/qr.svg` and `.png`: a payment's UPI link as a picture to scan."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from galla.service import payments
from galla.service.till import Principal, Till
from galla.web import qr
from galla.web.problem import Problem
from galla.web.security import Caller, GuardedRoute, TillHere, needs

router = APIRouter(prefix="/v1", tags=["payments"], route_class=GuardedRoute)


@router.get(
    "/payments/{payment_id}/qr.svg",
    responses={200: {"content": {qr.SVG_TYPE: {"schema": {"type": "string"}}}}},
    openapi_extra=needs("read"),
)
async def payment_qr_svg(till: TillHere, caller: Caller, payment_id: str) -> Response:
    """Return the payment's UPI link as a QR, byte for byte; 404 when there is none to scan now."""
    return Response(qr.svg(await _link(till, caller, payment_id)), media_type=qr.SVG_TYPE)


@router.get(
    "/payments/{payment_id}/qr.png",
    responses={200: {"content": {qr.PNG_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
    openapi_extra=needs("read"),
)
async def payment_qr_png(till: TillHere, caller: Caller, payment_id: str) -> Response:
    """Return the payment's UPI link as a QR, byte for byte; 404 when there is none to scan now."""
    return Response(qr.png(await _link(till, caller, payment_id)), media_type=qr.PNG_TYPE)


async def _link(till: Till, caller: Principal, payment_id: str) -> str:
    payment = await payments.get(till, caller, payment_id)
    link = payment["next_action"].get("upi_link")
    if not link:
        raise Problem(404, "not_found", "This payment has no code to scan now. Its `next_action` says what comes next.")
    return str(link)
