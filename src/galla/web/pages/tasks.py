"""What needs a person: the list of it, and the two choices when money came that nobody waited for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from galla.errors import IdempotencyInProgress, PaymentError
from galla.money import format_inr
from galla.service import attaching, payments, refunds, tasks
from galla.service.refunds import NewRefund
from galla.service.till import Principal, Till
from galla.web.body import fingerprint
from galla.web.pages.page import SignedIn, frame, go, one, page, posted, render
from galla.web.problem import Problem
from galla.web.security import may, till_of

router = APIRouter(include_in_schema=False)

KINDS = {
    "late": "Paid late",
    "stopped": "Paid after we stopped",
    "excess": "Paid too much",
    "conflict": "Answers contradict",
    "mismatch": "Other money named",
    "unclear": "Unclear answer",
    "lost": "Lost at Paytm",
    "past_ladder": "Not decided",
    "refund_failed": "Not given back",
    "refund_unclear": "Refund not clear",
    "refund_past_ladder": "Refund not finished",
    "void_unanswered": "Void not answered",
    "webhook_gone": "Webhook switched off",
    "webhook_failed": "Webhook not taken",
    "not_in_books": "Not in the books",
}
"""What each kind of task is called on a page."""

_ANYBODY = frozenset({"late", "stopped"})
_LIVE = frozenset({"created", "pending", "in_doubt"})
_SHOWN = 100
_REASON = "Paid after all, and not needed any more"
_WAIT_S = 3.0


@router.get("/tasks")
async def show(request: Request, session: SignedIn) -> Response:
    """List the tasks, the open ones unless the closed ones are asked for."""
    till = till_of(request)
    status = "closed" if request.query_params.get("status") == "closed" else "open"
    cursor = request.query_params.get("cursor", "")[:64] or None
    found = await tasks.find(till, session.principal, {"status": status}, limit=_SHOWN, cursor=cursor)
    bar = await frame(till, session)
    return page(
        request,
        "tasks.html",
        shows=status,
        rows=await _rows(till, session.principal, found["data"]),
        next_cursor=found["next_cursor"],
        **{**bar, "unexplained": found["unexplained"]},
    )


@router.post("/tasks/{task_id}/take")
async def take(request: Request, session: SignedIn, task_id: str) -> Response:
    """Take a task, then show the list again."""
    await posted(request, session)
    try:
        await tasks.take(till_of(request), session.principal, task_id)
    except PaymentError as error:
        if error.code == "not_found":
            raise
    return go("/tasks")


@router.post("/tasks/{task_id}/close")
async def close(request: Request, session: SignedIn, task_id: str) -> Response:
    """Close a task with what was found, then go back to where it was closed."""
    fields = await posted(request, session)
    try:
        await tasks.close_task(till_of(request), session.principal, task_id, one(fields, "note"))
    except PaymentError as error:
        return _told(request, error)
    return _done(request, "Kept.", "/tasks")


@router.post("/payments/{payment_id}/attach")
async def attach(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Put an advance on a bill, then show the bill."""
    fields = await posted(request, session)
    bill, attempt = one(fields, "bill")[:64], one(fields, "attempt")[:64]
    same = fingerprint("POST", f"/payments/{payment_id}/attach", bill)
    try:
        done = await attaching.attach(
            till_of(request), session.principal, payment_id, bill, idempotency_key=attempt or None, fingerprint=same
        )
    except PaymentError as error:
        return _told(request, error)
    put = done.attachment
    return _done(request, f"{format_inr(put['amount'])} was put on {bill}.", f"/counter?bill={put['bill']}")


@router.post("/payments/{payment_id}/give_back")
async def give_back(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Give back what a task is about, now: as a void or a refund, whichever is possible."""
    fields = await posted(request, session, "refund")
    till, principal = till_of(request), session.principal
    await payments.get(till, principal, payment_id)
    wanted = one(fields, "task")[:64]
    found = await tasks.find(till, principal, {"status": "open", "payment": payment_id})
    task = next((each for each in found["data"] if each["id"] == wanted), None)
    if task is None:
        return _done(request, "Somebody has decided this already.", "/counter")
    new = NewRefund(reason=_REASON, amount_paise=task["amount"], kind="auto")
    same = fingerprint("POST", f"/payments/{payment_id}/give_back", task["id"])
    try:
        begun = await refunds.start(
            till, principal, payment_id, new, wait_s=_WAIT_S, idempotency_key=task["id"], fingerprint=same
        )
    except IdempotencyInProgress:
        return _done(request, "It is being given back.", "/counter")
    except PaymentError as error:
        return _told(request, error)
    noun = "voided" if begun.refund["kind"] == "void" else "refunded"
    said = f"{format_inr(begun.refund['amount'])} is being {noun}. It is given back when Paytm says so."
    return _done(request, said, f"/payments/{payment_id}#given-back")


async def surprises_at(till: Till, principal: Principal, strip: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the money that came unawaited at this counter, each with what may be done about it here.

    `strip` is what is unfinished. A browser that stands at no counter, and money that came at none, see each other.
    """
    flagged = {payment["id"]: payment for payment in strip if payment["needs_review"]}
    if not flagged:
        return []
    out = []
    for task in await tasks.surprises(till, principal):
        payment = flagged.get(task["payment"])
        if payment is None or (principal.counter and payment["counter"] not in (None, principal.counter)):
            continue
        out.append(
            {
                "task": task,
                "payment": payment,
                "attempt": f"{task['id']}.{task['amount']}",
                "can_keep": task["kind"] != "excess" and may(principal, "collect"),
                "can_attach": task["kind"] == "excess" and may(principal, "collect"),
                "can_give_back": may(principal, "refund"),
            }
        )
    return out


async def _rows(till: Till, principal: Principal, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each task with its one next button: take, close, or open the payment."""
    live = {each["id"] for each in await payments.unfinished(till, principal) if each["status"] in _LIVE}
    out = []
    for task in found:
        is_mine = task["owner"] == principal.actor
        may_close = may(principal, "refund") or task["kind"] in _ANYBODY
        is_asked = task["refund"] is None and task["payment"] in live
        button = "take" if not is_mine else "close" if may_close and not is_asked else "open"
        out.append({**task, "word": KINDS[task["kind"]], "button": button if task["status"] == "open" else ""})
    return out


def _done(request: Request, said: str, where: str) -> Response:
    """Say what was done; a page without scripts is led on."""
    if request.headers.get("hx-request") == "true":
        return HTMLResponse(render("note.html", note=said))
    return go(where)


def _told(request: Request, error: PaymentError) -> Response:
    """Say why nothing was done."""
    if error.code == "not_found":
        raise error
    if request.headers.get("hx-request") == "true":
        return HTMLResponse(render("note.html", note=str(error)))
    raise Problem(409, error.code, str(error), param=error.param)
