"""`/v1/reports`: what a time's payments come to."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from galla.service import reports
from galla.web.api.reply import reply
from galla.web.report_shapes import Summary, SummaryQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs

router = APIRouter(prefix="/v1/reports", tags=["reports"], route_class=GuardedRoute)


@router.get("/summary", responses={200: {"model": Summary}}, openapi_extra=needs("read"))
async def summary(till: TillHere, caller: Caller, query: Annotated[SummaryQuery, Query()]) -> Response:
    """Add up the payments begun on some days, by status, method, machine and cashier, and say how well it went."""
    first, last = (date.fromisoformat(day) if day else None for day in (query.since, query.until))
    return reply(await reports.summary(till, caller, first, last))
