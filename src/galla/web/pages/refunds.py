"""Giving a payment back, from its page, and the live line that tells what has become of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from galla.errors import IdempotencyInProgress, PaymentError
from galla.service import access, feed, payments, refunds
from galla.service.access import Session
from galla.service.till import Till
from galla.web.body import fingerprint
from galla.web.pages.entry import Faults, faults_of
from galla.web.pages.page import SignedIn, go, posted, render
from galla.web.pages.payments import payment_page
from galla.web.pages.refund_form import new_refund, refund_form, refund_values
from galla.web.pages.screen import panel_for
from galla.web.security import till_of
from galla.web.stream import KEEP_ALIVE, message, streaming

router = APIRouter(include_in_schema=False)

_GONE = message("sign in again", event="galla:signed-out")
_WAIT_S = 3.0


@router.post("/payments/{payment_id}/refunds")
async def give_back(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Start a refund, then show the payment again with it."""
    form = refund_form(await posted(request, session, "refund"))
    again = form if form.kind == "auto" else None  # the button that refunds instead of a void has a form of its own
    try:
        new = new_refund(form)
        same = fingerprint("POST", f"/payments/{payment_id}/refunds", [new.amount_paise, new.reason, new.kind])
        await refunds.start(
            till_of(request),
            session.principal,
            payment_id,
            new,
            wait_s=_WAIT_S,
            idempotency_key=form.attempt,
            fingerprint=same,
        )
    except IdempotencyInProgress:
        pass  # its twin is being sent: the page shows it
    except Faults as faults:
        return await payment_page(request, session, payment_id, form=again, faults=faults, status=422)
    except PaymentError as error:
        if error.code in ("not_found", "forbidden"):
            raise
        found = faults_of(error)
        status = 422 if found.fields else 409
        return await payment_page(request, session, payment_id, form=again, faults=found, status=status)
    return go(f"/payments/{payment_id}#given-back")


@router.get("/payments/{payment_id}/live")
async def live(request: Request, session: SignedIn, payment_id: str) -> Response:
    """Stream what is given back of one payment, drawn anew when it has changed."""
    till = till_of(request)
    await payments.get(till, session.principal, payment_id)
    return streaming(_pieces(till, session, payment_id), request.app.state.closing)


async def _pieces(till: Till, session: Session, payment_id: str) -> AsyncIterator[bytes]:
    seen = await feed.last(till, session.principal)
    sent = await _piece(till, session, payment_id)
    yield message(sent)
    async for is_news in feed.stirs(till, session.principal, seen):
        if not is_news and await access.session(till, session.token, is_used=False) is None:
            yield _GONE
            return
        fresh = await _piece(till, session, payment_id)
        yield message(fresh) if fresh != sent else KEEP_ALIVE
        sent = fresh


async def _piece(till: Till, session: Session, payment_id: str) -> str:
    payment = await payments.get(till, session.principal, payment_id)
    values = await refund_values(till, session, payment)
    now = till.clock.now()
    panel = panel_for(payment, {}, now)
    shown = {
        "#refunds": render("_refunds.html", now=now, payment=payment, session=session, faults=Faults(), **values),
        "#payment-state": render("_state.html", panel=panel),
    }
    return "".join(
        render("_partial.html", target=target, html=Markup(html))  # noqa: S704 - rendered just above
        for target, html in shown.items()
    )
