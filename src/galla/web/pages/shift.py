"""`/shift`: a counter's shift with a face. Opened with a float, looked at, and closed by two people."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from galla import ids
from galla.config import Secret
from galla.errors import InvalidField, PaymentError
from galla.service import comparing, drawer, shift_paper, shifts
from galla.service.access import Session
from galla.web.pages.entry import Faults, checked, faults_of, paise_of
from galla.web.pages.page import SignedIn, frame, go, one, page, posted
from galla.web.pages.printing import tally_answer
from galla.web.pages.refund_form import credential
from galla.web.security import may, till_of
from galla.web.shift_shapes import CloseShiftBody, MovementBody, OpenShiftBody, ShiftReportQuery

router = APIRouter(include_in_schema=False)

_SHOWN = 10
_TYPED = ("counter", "float", "counted", "reason", "kind", "amount", "why", "paytm_reason", "approver_name")
_SPOKEN = {
    "counter": "The counter",
    "reason": "The reason",
    "amount": "The amount",
    "kind": "What you do",
    "approver": "The second person's password or key",
}


@router.get("/shift")
async def show(request: Request, session: SignedIn) -> Response:
    """Show the shift that is open at this counter, or offer to open one."""
    return await _show(request, session)


@router.post("/shift")
async def open_shift(request: Request, session: SignedIn) -> Response:
    """Open a shift with what lies in the drawer."""
    fields = await posted(request, session)
    try:
        values = {"counter": one(fields, "counter"), "float": paise_of(one(fields, "float"), "float")}
        body = checked(OpenShiftBody, values)
        opened = await shifts.open_shift(till_of(request), session.principal, body.counter, body.float)
    except Faults as faults:
        return await _show(request, session, faults=_spoken(faults), fields=fields, status=422)
    except PaymentError as error:
        said = Faults(general=str(error), blocker=error.blocker)
        return await _show(request, session, shift_id=error.blocker, faults=said, fields=fields, status=409)
    return go("/shift" if opened["counter"] == session.principal.counter else f"/shift/{opened['id']}")


@router.get("/shift/{shift_id}")
async def show_one(request: Request, session: SignedIn, shift_id: str) -> Response:
    """Show one shift: as it was closed, or as it stands now."""
    return await _show(request, session, shift_id=shift_id)


@router.post("/shift/{shift_id}/movements")
async def move_cash(request: Request, session: SignedIn, shift_id: str) -> Response:
    """Put cash into the drawer or take it out, then show the shift again; the same form moves nothing twice."""
    fields = await posted(request, session)
    till, principal = till_of(request), session.principal
    await shifts.get(till, principal, shift_id)
    attempt = one(fields, "attempt")
    try:
        if not (16 <= len(attempt) <= 64 and attempt.isascii() and attempt.isalnum()):
            raise Faults(general="This form is incomplete. Load the page again and fill it in once more.")
        values = {
            "kind": one(fields, "kind"),
            "amount": paise_of(one(fields, "amount"), "amount"),
            "reason": one(fields, "why"),
        }
        body = checked(MovementBody, values)
        await drawer.move(till, principal, shift_id, body.kind, body.amount, body.reason, attempt=attempt)
    except Faults as faults:
        said = _spoken(faults, {"reason": "why"})
        return await _show(request, session, shift_id=shift_id, faults=said, fields=fields, status=422)
    except PaymentError as error:
        said = _spoken(_refused(error), {"reason": "why"})
        return await _show(request, session, shift_id=shift_id, faults=said, fields=fields, status=409)
    return go(f"/shift/{shift_id}")


@router.get("/shift/{shift_id}/report")
async def report(
    request: Request, session: SignedIn, shift_id: str, query: Annotated[ShiftReportQuery, Query()]
) -> Response:
    """Show the X report of an open shift or the Z report of a closed one, to be printed."""
    made = await shift_paper.tally(till_of(request), session.principal, shift_id)
    return await tally_answer(request, made, query, tools=f"/shift/{shift_id}")


@router.post("/shift/{shift_id}/compare")
async def compare(request: Request, session: SignedIn, shift_id: str) -> Response:
    """Ask Paytm for its list and show it beside the shift; no money moves by it."""
    await posted(request, session)
    return await _show(request, session, shift_id=shift_id, is_compared=True)


@router.post("/shift/{shift_id}/close")
async def close_shift(request: Request, session: SignedIn, shift_id: str) -> Response:
    """Close a shift with the counted cash, as two people."""
    fields = await posted(request, session)
    till, principal = till_of(request), session.principal
    await shifts.get(till, principal, shift_id)  # what is not there is not found, whatever the form holds
    signed = credential(fields) or Secret("")
    try:
        values = {
            "counted": paise_of(one(fields, "counted"), "counted"),
            "reason": one(fields, "reason") or None,
            "paytm_reason": one(fields, "paytm_reason") or None,
            "approver": signed.reveal(),
        }
        body = checked(CloseShiftBody, values)
        await shifts.close_shift(
            till, principal, shift_id, body.counted, signed, body.reason, body.paytm_reason
        )
    except Faults as faults:
        return await _show(request, session, shift_id=shift_id, faults=_spoken(faults), fields=fields, status=422)
    except PaymentError as error:
        if error.code == "shift_closed":  # the same form once more
            return go(f"/shift/{shift_id}")
        said = _refused(error)
        status = 422 if said.fields else 409
        is_paytms = error.param == "paytm_reason"
        return await _show(
            request, session, shift_id=shift_id, faults=said, fields=fields, status=status, is_compared=is_paytms
        )
    return go(f"/shift/{shift_id}")


async def _show(
    request: Request,
    session: Session,
    *,
    shift_id: str | None = None,
    faults: Faults | None = None,
    fields: Mapping[str, list[str]] | None = None,
    status: int = 200,
    is_compared: bool = False,
) -> Response:
    """Answer with the page of one shift, or of what is open at the session's counter.

    `fields` are typed again; `is_compared` asks Paytm for its list and shows it beside the shift.
    """
    till, principal = till_of(request), session.principal
    counter = principal.counter or ""
    cursor = request.query_params.get("cursor", "")[:60] or None
    if shift_id is not None:
        shift: dict[str, Any] | None = await shifts.get(till, principal, shift_id)
    else:
        shift = await shifts.at_counter(till, principal, counter) if counter else None
    counter = shift["counter"] if shift is not None else counter
    bar, past = await asyncio.gather(
        frame(till, session),
        shifts.find(till, principal, counter=counter or None, limit=_SHOWN, cursor=cursor),
    )
    is_open = shift is not None and shift["status"] == "open"
    return page(
        request,
        "shift.html",
        status,
        shift=shift,
        counter=counter,
        blockers=await shifts.in_the_way(till, principal, counter) if is_open else [],
        past=past["data"],
        next_cursor=past["next_cursor"],
        compared=await comparing.compare(till, principal, shift["id"]) if is_compared and is_open and shift else None,
        attempt=ids.token(),
        may_close=may(principal, "collect"),
        faults=faults or Faults(),
        typed={name: one(fields, name)[:200] for name in _TYPED} if fields is not None else {},
        **bar,
    )


def _refused(error: PaymentError) -> Faults:
    """Return what the service refused, beside its field where it has one."""
    if error.param in ("approver", "reason", "counted", "amount", "paytm_reason") or isinstance(error, InvalidField):
        return _spoken(Faults({error.param or "": str(error)}))
    return faults_of(error)


def _spoken(faults: Faults, renamed: Mapping[str, str] | None = None) -> Faults:
    """Name the fields as the form does; `renamed` are those that have another name there."""
    said = {}
    for field, text in faults.fields.items():
        said[(renamed or {}).get(field, field)] = text.replace(f"`{field}`", _SPOKEN.get(field, "This"), 1)
    return Faults(said, faults.general, faults.blocker, faults.code)
