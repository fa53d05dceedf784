"""`/v1/shifts`: a counter's shift, opened with a float, looked at any time, closed once by two people."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from galla.config import Secret
from galla.service import comparing, drawer, shift_paper, shifts
from galla.web.api.payments import IdempotencyKey, checked_key
from galla.web.api.reply import reply
from galla.web.pages.printing import ESCPOS_TYPE, PDF_TYPE, tally_answer
from galla.web.security import Caller, GuardedRoute, TillHere, needs
from galla.web.shift_shapes import (
    Beside,
    CloseShiftBody,
    MovementBody,
    OpenShiftBody,
    Shift,
    ShiftReportQuery,
    Shifts,
    ShiftsQuery,
)

_PAPERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The report in the form that was asked for.",
        "content": {
            "text/html": {"schema": {"type": "string"}},
            "text/plain": {"schema": {"type": "string"}},
            ESCPOS_TYPE: {"schema": {"type": "string", "format": "binary"}},
            PDF_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
    },
}
_MOVED: dict[int | str, dict[str, Any]] = {201: {"model": Shift}}

router = APIRouter(prefix="/v1", tags=["shifts"], route_class=GuardedRoute)


@router.post("/shifts", status_code=201, responses={201: {"model": Shift}}, openapi_extra=needs("collect"))
async def open_shift(till: TillHere, caller: Caller, body: OpenShiftBody) -> Response:
    """Begin a shift at a counter. 409 `shift_open` when one is open there."""
    return reply(await shifts.open_shift(till, caller, body.counter, body.float), 201)


@router.get("/shifts", responses={200: {"model": Shifts}}, openapi_extra=needs("read"))
async def list_shifts(till: TillHere, caller: Caller, query: Annotated[ShiftsQuery, Query()]) -> Response:
    """List shifts, newest first."""
    return reply(await shifts.find(till, caller, counter=query.counter, limit=query.limit, cursor=query.cursor))


@router.get("/shifts/{shift_id}", responses={200: {"model": Shift}}, openapi_extra=needs("read"))
async def get_shift(till: TillHere, caller: Caller, shift_id: str) -> Response:
    """Return one shift: an open one as it stands now, a closed one as it was closed."""
    return reply(await shifts.get(till, caller, shift_id))


@router.post("/shifts/{shift_id}/movements", status_code=201, responses=_MOVED, openapi_extra=needs("collect"))
async def move_cash(
    till: TillHere, caller: Caller, shift_id: str, body: MovementBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Put cash into the drawer of an open shift, or take it out, with a reason; answers with the shift."""
    attempt = checked_key(idempotency_key)
    moved = await drawer.move(till, caller, shift_id, body.kind, body.amount, body.reason, attempt=attempt)
    return reply(moved, 201)


@router.get(
    "/shifts/{shift_id}/report", response_class=Response, responses=_PAPERS, openapi_extra=needs("read")
)
async def shift_report(
    request: Request, till: TillHere, caller: Caller, shift_id: str, query: Annotated[ShiftReportQuery, Query()]
) -> Response:
    """Print the X report of an open shift or the Z report of a closed one. It changes nothing."""
    return await tally_answer(request, await shift_paper.tally(till, caller, shift_id), query, tools=None)


@router.post("/shifts/{shift_id}/compare", responses={200: {"model": Beside}}, openapi_extra=needs("collect"))
async def compare(till: TillHere, caller: Caller, shift_id: str) -> Response:
    """Ask Paytm for its list, and answer how an open shift stands beside it. No money moves by it."""
    return reply(await comparing.compare(till, caller, shift_id))


@router.post("/shifts/{shift_id}/close", responses={200: {"model": Shift}}, openapi_extra=needs("collect"))
async def close_shift(till: TillHere, caller: Caller, shift_id: str, body: CloseShiftBody) -> Response:
    """Close a shift with the counted cash. 409 `shift_unfinished` while a payment of it is not at its end.

    Paytm is asked for its list first; where it differs or cannot be had, a lead must say something to it.
    """
    signed = Secret(body.approver.get_secret_value())
    closed = await shifts.close_shift(
        till, caller, shift_id, body.counted, signed, body.reason, body.paytm_reason
    )
    return reply(closed)
