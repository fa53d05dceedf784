"""`/payments`: the office's list of payments, narrowed, added up, and as a file for a spreadsheet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from galla.clock import IST, business_date
from galla.service import listing, saved_views, terminals
from galla.service.listing import Listing, Sums
from galla.service.till import Principal, Till
from galla.service.views import View
from galla.web.pages.entry import Faults
from galla.web.pages.listing_form import STATES, ListingForm, listing_form, listing_of, spans
from galla.web.pages.page import SignedIn, frame, go, one, page, posted
from galla.web.pages.screen import labels
from galla.web.pages.wording import METHODS, instant, method
from galla.web.problem import Problem
from galla.web.security import till_of
from galla.web.sheet import BOM, Paise, line

router = APIRouter(include_in_schema=False)

_SHOWN = 50
_COLUMNS = (
    "Started (India)", "Payment", "State", "Why", "Paid by", "Reference", "Customer", "Machine", "TID", "Counter",
    "Taken by", "Amount", "Collected", "Given back", "Net", "Mode", "Network", "Last four", "UPI id", "RRN",
    "Auth code", "Id at Paytm", "Paytm's transaction", "Decided (India)",
)  # fmt: skip


@router.get("/payments")
async def show(request: Request, session: SignedIn) -> Response:
    """List payments, today's unless others are asked for, with what all of them come to."""
    till, principal = till_of(request), session.principal
    today = business_date(till.clock.now())
    form = listing_form(request.query_params, today)
    cursor = request.query_params.get("cursor", "")[:64] or None
    faults = Faults()
    found: dict[str, Any] = {"data": [], "next_cursor": None, "sums": Sums()}
    try:
        found = await listing.find(till, principal, listing_of(form), limit=_SHOWN, cursor=cursor)
    except Faults as wrong:
        faults = wrong
    bar, machines, takers, views = await asyncio.gather(
        frame(till, session),
        terminals.find(till, principal),
        listing.takers(till, principal),
        saved_views.find(till, principal),
    )
    return page(
        request,
        "payments.html",
        422 if faults.fields else 200,
        form=form,
        faults=faults,
        spans=spans(form, today),
        rows=found["data"],
        sums=found["sums"],
        next_cursor=found["next_cursor"],
        is_later_page=cursor is not None,
        machines=machines,
        views=views,
        kept=form.kept_query(today),
        can_keep=principal.person is not None and not faults.fields,
        names=labels(machines),
        pairs=[(name, name) for name in dict.fromkeys([*takers, *filter(None, [form.by])])],
        states=STATES,
        methods={name: METHODS.get(name, name) for name in till.connectors},
        **bar,
    )


@router.post("/payments/views")
async def keep(request: Request, session: SignedIn) -> Response:
    """Keep the list as it is narrowed now, under a name of one's own, and show it again."""
    fields = await posted(request, session, "read")
    till = till_of(request)
    today = business_date(till.clock.now())
    form = listing_form(dict(parse_qsl(one(fields, "query"), keep_blank_values=True)), today)
    try:
        listing_of(form)
        await saved_views.save(till, session.principal, one(fields, "name"), form.kept_query(today))
    except Faults as wrong:
        raise Problem(422, "invalid_field", next(iter(wrong.fields.values())), param=next(iter(wrong.fields))) from None
    return go(f"/payments?{form.kept_query(today)}")


@router.post("/payments/views/remove")
async def forget(request: Request, session: SignedIn) -> Response:
    """Forget one of one's own lists."""
    fields = await posted(request, session, "read")
    await saved_views.remove(till_of(request), session.principal, one(fields, "name"))
    return go("/payments")


@router.get("/payments.csv")
async def save(request: Request, session: SignedIn) -> Response:
    """Answer with the whole narrowed list as CSV; no phone numbers leave this way."""
    till, principal = till_of(request), session.principal
    today = business_date(till.clock.now())
    form = listing_form(request.query_params, today)
    try:
        wanted = listing_of(form)
    except Faults as wrong:
        name, said = next(iter(wrong.fields.items()))
        raise Problem(422, "invalid_field", said, param=name) from None
    return StreamingResponse(
        _lines(till, principal, wanted),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{_file_name(form, today)}"'},
    )


async def _lines(till: Till, principal: Principal, wanted: Listing) -> AsyncIterator[str]:
    names = labels(await terminals.find(till, principal))
    yield BOM + line(_COLUMNS)
    async for payment in listing.every(till, principal, wanted):
        yield _line(payment, names)


def _line(payment: View, names: dict[str, str]) -> str:
    """Return one payment's line: what was taken and what was given back add up to the net."""
    proof, reason, paytm = payment["proof"] or {}, payment["reason"] or {}, payment["paytm"]
    collected = payment["amount"] if payment["status"] == "paid" else 0
    return line(
        (
            _local(payment["created_at"]),
            payment["id"],
            payment["status"],
            reason.get("message"),
            method(payment),
            payment["reference"],
            payment["customer"]["name"],
            names.get(payment["terminal"]) or payment["machine"],
            paytm["tid"],
            payment["counter"],
            payment["actor"],
            Paise(payment["amount"]),
            Paise(collected),
            Paise(-payment["amount_refunded"]),
            Paise(collected - payment["amount_refunded"]),
            *(proof.get(name) for name in ("mode", "card_network", "card_last4", "upi_id", "rrn", "auth_code")),
            paytm["id"],
            paytm["transaction_id"],
            _local(payment["settled_at"]),
        )
    )


def _local(text: str | None) -> str | None:
    """Write an instant as spreadsheets read it, in India time: `2026-11-21 14:05:09`."""
    return f"{instant(text).astimezone(IST):%Y-%m-%d %H:%M:%S}" if text else None


def _file_name(form: ListingForm, today: date) -> str:
    days = dict.fromkeys(day for day in (form.since, form.until) if day) or {f"until-{today.isoformat()}": None}
    return f"payments-{'-to-'.join(days)}.csv"

