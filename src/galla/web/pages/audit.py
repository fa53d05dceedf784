"""`/audit`: who did what and when, and whether the record of it is whole. For those who take no money themselves."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from galla.clock import midnight
from galla.service import audit
from galla.service.access import Session
from galla.service.audit import Trail
from galla.service.roles import may_read_trail, role_with
from galla.web.pages.days import after, days_of
from galla.web.pages.page import SignedIn, frame, page
from galla.web.problem import Problem
from galla.web.security import till_of

router = APIRouter(include_in_schema=False)

_SHOWN = 50
_ABOUT = {
    "payment": "Payments",
    "refund": "Voids and refunds",
    "bill": "Bills",
    "customer": "Customers",
    "receipt": "Receipts",
    "shift": "Shifts",
    "drawer": "Drawers",
    "task": "Tasks",
    "session": "Signing in",
    "user": "People",
    "key": "API keys",
    "terminal": "Machines",
    "merchant": "Settings",
    "callback": "Callbacks",
    "webhook": "Webhooks",
}


class TrailForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the trail is narrowed to, as typed."""

    who: str = ""
    about: str = ""
    object: str = ""
    since: str = ""
    until: str = ""

    @property
    def query(self) -> str:
        """The form as a piece of an address."""
        return urlencode({name: text for name, text in msgspec.structs.asdict(self).items() if text})


async def signed_in_auditor(session: SignedIn) -> Session:
    """Return the session of somebody who may read the trail.

    Raises:
        Problem: 403, it is somebody who takes money.
    """
    principal = session.principal
    if not may_read_trail(principal.scopes):
        role = role_with(principal.scopes) if principal.is_user else None
        you = f"You are signed in as {principal.actor}, {role.spoken}." if role else "Your key takes payments itself."
        raise Problem(403, "forbidden", f"This is for an accountant or an admin. {you}")
    return session


Auditor = Annotated[Session, Depends(signed_in_auditor)]


@router.get("/audit")
async def show(request: Request, session: Auditor) -> Response:
    """Show the trail, newest first; with `verify`, walk all of it and say whether it is whole."""
    till = till_of(request)
    typed = {name: request.query_params.get(name, "").strip()[:100] for name in TrailForm.__struct_fields__}
    form = TrailForm(**typed)
    cursor = request.query_params.get("cursor", "")
    wrong: dict[str, str] = {}
    since, until = days_of(form.since, form.until, wrong)
    wanted = Trail(
        actor=form.who or None,
        about=form.about if form.about in _ABOUT else None,
        object_id=form.object or None,
        since=midnight(since) if since else None,
        until=midnight(after(until)) if until else None,
    )
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 16 else None
    found = None if wrong else await audit.find(till, session.principal, wanted, limit=_SHOWN, cursor=before)
    has_asked = request.query_params.get("verify") == "1"
    return page(
        request,
        "audit.html",
        422 if wrong else 200,
        form=form,
        wrong=wrong,
        rows=found["data"] if found else [],
        next_cursor=found["next_cursor"] if found else None,
        is_later_page=before is not None,
        abouts=_ABOUT,
        verdict=await audit.verify_own(till, session.principal) if has_asked else None,
        **await frame(till, session),
    )
