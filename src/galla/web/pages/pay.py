"""`/pay/{token}`: where a customer pays a bill by UPI, or sees what became of one payment. No sign-in.

The address is the permission, and it permits little: to pay this bill, and to see whether it is paid. Looking
changes nothing, because messengers look at every link they carry; a payment begins with a press.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from galla import ids
from galla.errors import BillHasLivePayment, NotFound, PaymentError, TooSoon
from galla.service import feed, paylinks, payments
from galla.service.paylinks import Behind
from galla.service.payments import NewPayment
from galla.service.till import Till
from galla.web.body import read_form
from galla.web.pages.page import go, one, page, render
from galla.web.pages.payer import payer_view
from galla.web.problem import Problem
from galla.web.room import Room
from galla.web.security import check_origin, till_of
from galla.web.stream import KEEP_ALIVE, message, streaming

router = APIRouter(prefix="/pay", include_in_schema=False)

COOKIE = "galla_pay"
_PATIENCE_S = 5.0
_PHONE = re.compile(r"Android|iPhone|iPad|iPod|Mobile", re.IGNORECASE)
_REFUSALS = {
    "amount_above_limit": "This amount is above what one UPI payment may be here. Please pay at the counter.",
    "amount_exceeds_due": "Less than this is due now. Load the page again.",
    "method_not_offered": "This shop does not take UPI on this page. Please pay at the counter.",
}
_HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


@router.get("/{token}")
async def show(request: Request, token: str) -> Response:
    """Show what is to be paid, the code to pay it with, or what became of it."""
    try:
        return await _page(request, token)
    except NotFound as error:
        return _sorry(request, token, 404, str(error))


@router.get("/{token}/live")
async def live(request: Request, token: str) -> Response:
    """Stream the one piece of this page that can change; nothing of any other payment is in it.

    Raises:
        Problem: 404 there is no such page; 429 or 503 it is open too often, or too many are.
    """
    till = till_of(request)
    try:
        found = await paylinks.behind(till, token)
    except NotFound as error:
        raise Problem(404, "not_found", str(error)) from None
    form = _form(request, token, _form_token(request))
    room: Room = request.app.state.payers
    room.enter(token)
    pieces = _pieces(till, token, found, form)
    return _guarded(streaming(pieces, request.app.state.closing, ended=partial(room.leave, token)))


@router.post("/{token}")
async def start(request: Request, token: str) -> Response:
    """Begin a payment of what is due, unless one that began before may still be paid."""
    till = till_of(request)
    try:
        await _checked_form(request)
        await _begin(till, token, is_phone=_is_phone(request))
    except (PaymentError, Problem) as error:
        return _refused(request, token, error)
    return _guarded(go(_address(request, token)))


@router.post("/{token}/check")
async def check(request: Request, token: str) -> Response:
    """Ask Paytm now; this never charges."""
    till = till_of(request)
    try:
        await _checked_form(request)
        found, shown = await paylinks.behind(till, token), await paylinks.look(till, token)
        if shown["payment"] is not None:
            await _ask(till, found, shown["payment"]["id"])
    except (PaymentError, Problem) as error:
        return _refused(request, token, error)
    return _guarded(go(_address(request, token)))


async def _begin(till: Till, token: str, *, is_phone: bool) -> None:
    found = await paylinks.behind(till, token)
    shown = await paylinks.look(till, token)
    view = payer_view(shown, till.clock.now())
    if view.can_start and view.is_live:  # a code that has run out: only Paytm knows whether it was used
        await _ask(till, found, shown["payment"]["id"])
        shown = await paylinks.look(till, token)
        view = payer_view(shown, till.clock.now())
    if not view.can_start or view.is_live or found.bill_id is None:
        return  # the page says what stands in the way
    due = shown["bill"]["due"]
    try:
        await _start(till, found, due, "upi_intent" if is_phone else "upi_qr")
    except BillHasLivePayment:
        return  # a second press, or the counter was faster: the page shows it
    except PaymentError as error:
        if is_phone or error.code != "method_not_offered":
            raise
        await _start(till, found, due, "upi_intent")  # its link is a QR as well


async def _start(till: Till, found: Behind, amount_paise: int, method: str) -> None:
    new = NewPayment(amount_paise=amount_paise, method=method, bill=found.bill_id)
    await payments.start(till, found.principal, new, wait_s=_PATIENCE_S)


async def _ask(till: Till, found: Behind, payment_id: str) -> None:
    try:
        await payments.check(till, found.principal, payment_id, wait_s=_PATIENCE_S)
    except TooSoon:
        return  # the answer is a second old


async def _page(request: Request, token: str) -> Response:
    till = till_of(request)
    form_token = _form_token(request)
    form = _form(request, token, form_token)
    values = await _values(till, token, form)
    shown_page = page(request, "pay.html", refresh_s=5 if values["view"].is_live else None, **values)
    shown_page.set_cookie(
        COOKIE, form_token, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/pay"
    )
    return _guarded(shown_page)


async def _values(till: Till, token: str, form: dict[str, Any]) -> dict[str, Any]:
    shown = await paylinks.look(till, token)
    return {
        **form,
        "merchant": shown["merchant"],
        "view": payer_view(shown, till.clock.now()),
        "is_rehearsal": till.settings.environment != "production",
        "environment": till.settings.environment,
    }


async def _pieces(till: Till, token: str, found: Behind, form: dict[str, Any]) -> AsyncIterator[bytes]:
    """Draw once at the start, then whenever something happened to this bill or payment and shows."""
    seen = await feed.last(till, found.principal)
    sent = await _piece(till, token, form)
    yield message(sent)
    events = feed.follow(till, found.principal, after=seen, bill=found.bill_id, payment=found.payment_id)
    async for _ in events:
        try:
            fresh = await _piece(till, token, form)
        except NotFound:
            return
        yield message(fresh) if fresh != sent else KEEP_ALIVE
        sent = fresh


async def _piece(till: Till, token: str, form: dict[str, Any]) -> str:
    values = await _values(till, token, form)
    html = render("_pay.html", now=till.clock.now(), **values)
    return render("_partial.html", target="#pay", html=Markup(html))  # noqa: S704 - rendered just above


def app_links(link: str) -> tuple[tuple[str, str], ...]:
    """Return the same link for single apps: their own schemes before the same query, byte for byte.

    The schemes are those apps' behaviour, not NPCI's: on a phone without the app, nothing happens.
    """
    _, mark, query = link.partition("?")
    schemes = (("Paytm", "paytmmp://pay"), ("PhonePe", "phonepe://pay"), ("Google Pay", "gpay://upi/pay"))
    return tuple((name, f"{scheme}{mark}{query}") for name, scheme in schemes)


def _form(request: Request, token: str, form_token: str) -> dict[str, Any]:
    return {"token": token, "csrf": form_token, "is_phone": _is_phone(request), "app_links": app_links}


def _is_phone(request: Request) -> bool:
    """Return what the customer chose, else what the browser says it runs on."""
    asked = request.query_params.get("on")
    if asked in ("phone", "computer"):
        return asked == "phone"
    hint = request.headers.get("sec-ch-ua-mobile")
    return hint == "?1" or _PHONE.search(request.headers.get("user-agent", "")) is not None


def _address(request: Request, token: str) -> str:
    asked = request.query_params.get("on")
    return f"/pay/{token}?on={asked}" if asked in ("phone", "computer") else f"/pay/{token}"


def _form_token(request: Request) -> str:
    """Return what the page's form must repeat: the browser's own, or a new one."""
    known = request.cookies.get(COOKIE, "")
    return known if len(known) <= 64 and known.isascii() and known.isalnum() and known else ids.token()


async def _checked_form(request: Request) -> None:
    """Take a form only from a page that this browser was shown.

    Raises:
        Problem: 403 `csrf`.
    """
    check_origin(request)
    fields = read_form(await request.body(), request.headers.get("content-type"))
    ours, theirs = request.cookies.get(COOKIE, ""), one(fields, "csrf")
    if not ours or not hmac.compare_digest(ours.encode("utf-8", "replace"), theirs.encode("utf-8", "replace")):
        raise Problem(403, "csrf", "This form is from an older page. Open the page again and press once more.")


def _refused(request: Request, token: str, error: PaymentError | Problem) -> Response:
    if isinstance(error, Problem):
        return _sorry(request, token, error.status, error.detail)
    if isinstance(error, NotFound):
        return _sorry(request, token, 404, str(error))
    return _sorry(request, token, 409, _REFUSALS.get(error.code, "This cannot be paid here now. Ask at the counter."))


def _sorry(request: Request, token: str, status: int, said: str) -> Response:
    back = _address(request, token) if status != 404 else None
    return _guarded(page(request, "pay_sorry.html", status, said=said, back=back))


def _guarded(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response
