"""`/account`: one's own password and sessions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import PaymentError, TooSoon
from galla.service import access, welcome
from galla.service.access import Session
from galla.service.roles import role_with
from galla.web.pages.entry import Faults
from galla.web.pages.page import SIGN_IN, SignedIn, frame, go, page, posted
from galla.web.pages.person_form import faults_about, new_password_of, password_of
from galla.web.security import address_of, clear_session, set_session, till_of

router = APIRouter(include_in_schema=False)


@router.get("/account")
async def show(request: Request, session: SignedIn) -> Response:
    """Show who is signed in, and where else."""
    return await _show(request, session)


@router.post("/account/password")
async def change_password(request: Request, session: SignedIn) -> Response:
    """Change one's own password; every other session of one's ends."""
    fields = await posted(request, session, "read")
    try:
        new = new_password_of(fields)
        current = password_of(fields, "current")
        renewed = await welcome.change_own(till_of(request), session.principal, current, new, address_of(request))
    except Faults as faults:
        return await _show(request, session, faults, 422)
    except TooSoon:
        raise
    except PaymentError as error:
        return await _show(request, session, faults_about(error), 422)
    answer = go("/account?changed=yes")
    set_session(request, answer, renewed.token)
    return answer


@router.post("/account/sessions/{session_id}/end")
async def end_session(request: Request, session: SignedIn, session_id: str) -> Response:
    """Sign out somewhere else."""
    await posted(request, session, "read")
    await access.end_sessions(till_of(request), session.principal, session_id)
    return go("/account")


@router.post("/account/sign-out-everywhere")
async def sign_out_everywhere(request: Request, session: SignedIn) -> Response:
    """End every session of one's own, this one too."""
    await posted(request, session, "read")
    await access.end_sessions(till_of(request), session.principal)
    await access.sign_out(till_of(request), session.token)  # a one-time link's session has nobody behind it
    answer = go(SIGN_IN)
    clear_session(request, answer)
    return answer


async def _show(request: Request, session: Session, faults: Faults | None = None, status: int = 200) -> Response:
    till = till_of(request)
    principal = session.principal
    return page(
        request,
        "account.html",
        status,
        role=role_with(principal.scopes) if principal.is_user else None,
        sessions=await access.sessions_of(till, principal) if principal.person else [],
        faults=faults or Faults(),
        has_changed=request.query_params.get("changed") == "yes",
        **await frame(till, session),
    )
