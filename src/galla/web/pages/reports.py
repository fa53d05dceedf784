"""`/reports`: what the payments of some days come to, and how well taking them went."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.clock import business_date
from galla.service import reports
from galla.web.pages.days import days_of, offered_days
from galla.web.pages.page import SignedIn, frame, page
from galla.web.pages.wording import METHODS, STATUSES
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)


@router.get("/reports")
async def show(request: Request, session: SignedIn) -> Response:
    """Show the summary of some days, today's unless others are asked for."""
    till, today = till_of(request), business_date(till_of(request).clock.now())
    since, until = (request.query_params.get(name, "").strip()[:10] for name in ("since", "until"))
    wrong: dict[str, str] = {}
    first, last = days_of(since, until, wrong)
    if first is None and last is None:
        first = last = today
    summary = None if wrong else await reports.summary(till, session.principal, first, last)
    days = [
        (name, urlencode({"since": begins, "until": ends}), (begins, ends) == (first, last or first))
        for name, begins, ends in offered_days(today)
    ]
    return page(
        request,
        "report.html",
        422 if wrong else 200,
        wrong=wrong,
        since=since or (summary["from"] if summary else ""),
        until=until or (summary["to"] if summary else ""),
        spans=days,
        summary=summary,
        methods=METHODS,
        statuses=STATUSES,
        **await frame(till, session),
    )
