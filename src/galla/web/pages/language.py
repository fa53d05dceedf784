"""`/language`: the switch that every page carries. It works for everybody, signed in or not, and without scripts."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.web.body import read_form
from galla.web.language import COOKIE, LANGUAGES
from galla.web.pages.page import go, one
from galla.web.security import check_origin, local_path

router = APIRouter(include_in_schema=False)

_YEAR_S = 365 * 24 * 3600


@router.post("/language")
async def choose(request: Request) -> Response:
    """Speak another language in this browser from now on, and go back to the page that was open."""
    check_origin(request)
    fields = read_form(await request.body(), request.headers.get("content-type"))
    answer = go(local_path(one(fields, "next")))
    if one(fields, "language") in LANGUAGES:
        answer.set_cookie(
            COOKIE,
            one(fields, "language"),
            max_age=_YEAR_S,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
            path="/",
        )
    return answer
