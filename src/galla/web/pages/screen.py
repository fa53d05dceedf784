"""What the counter's screen holds, gathered from the service; the page and its live stream both draw from it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from galla.errors import NotFound
from galla.service import bills, customers, payments, shifts, tasks, terminals
from galla.service.access import Session
from galla.service.till import Principal, Till
from galla.web.language import said
from galla.web.pages.cash_panel import cash_panel_of
from galla.web.pages.collect import collect_offer
from galla.web.pages.page import frame
from galla.web.pages.panel import Panel, panel_of, title_of
from galla.web.pages.queue_panel import queue_panel_of
from galla.web.pages.tasks import surprises_at
from galla.web.pages.upi_panel import upi_panel_of
from galla.web.pages.wording import is_queue, is_upi

_SHOWN = 30


async def screen(till: Till, session: Session, asked: dict[str, str]) -> dict[str, Any]:
    """Return everything `counter.html` shows: the bar, the bill, the panel, the machines, the strip.

    Raises:
        NotFound: the payment or bill in the address is not this merchant's.
    """
    principal = session.principal
    bar, machines, strip = await asyncio.gather(
        frame(till, session), terminals.find(till, principal), payments.unfinished(till, principal)
    )
    payment = await payments.get(till, principal, asked["payment"]) if asked.get("payment") else None
    bill = await bill_for(till, principal, payment["bill"] if payment else asked.get("bill"))
    found = await found_for(till, principal, asked.get("q", "")) if bill is None and payment is None else {}
    names = labels(machines)
    panel = panel_for(payment, names, till.clock.now())
    return {
        **bar,
        "may_overrule": bool(principal.scopes & {"refund", "admin"}),
        "machines": [machine for machine in machines if machine["is_active"]],
        "strip": strip,
        "surprises": await surprises_at(till, principal, strip),
        "names": names,
        "payment": payment,
        "panel": panel,
        "title": title_for(payment, panel),
        "bill": bill,
        "q": asked.get("q", ""),
        "bills": found.get("bills", []),
        "payments": found.get("payments", []),
        "customers": found.get("customers", []),
        "collect": await collect_offer(till, principal),
        # without scripts the page itself asks again
        "refresh_s": 4 if payment is not None and panel_is_live(payment) else None,
    }


async def bill_for(till: Till, principal: Principal, bill_id: str | None) -> dict[str, Any] | None:
    """Return a bill, or None when none is asked for."""
    return await bills.get(till, principal, bill_id) if bill_id else None


async def found_for(till: Till, principal: Principal, q: str) -> dict[str, Any]:
    """Return the bills, payments and customers a search finds; without one, the bills with something due."""
    if not q:
        found = await bills.find(till, principal, status="due", limit=_SHOWN)
        return {"bills": found["data"], "payments": [], "customers": []}
    of_bills, of_payments, known = await asyncio.gather(
        bills.find(till, principal, q=q, limit=_SHOWN),
        payments.find(till, principal, {"q": q}, limit=_SHOWN),
        customers.find(till, principal, q),
    )
    return {"bills": of_bills["data"], "payments": of_payments["data"], "customers": known}


def labels(machines: list[dict[str, Any]]) -> dict[str, str]:
    """Return what people call each machine."""
    return {machine["id"]: machine["label"] for machine in machines}


def panel_for(payment: dict[str, Any] | None, names: dict[str, str], now: datetime) -> Panel | None:
    """Return the panel of a payment, or None when none is shown."""
    if payment is None:
        return None
    if is_upi(payment):
        return upi_panel_of(payment, now)
    if payment["method"] == "cash":
        return cash_panel_of(payment)
    if is_queue(payment):
        return queue_panel_of(payment)
    return panel_of(payment, names.get(payment["terminal"], "the machine"))


def panel_is_live(payment: dict[str, Any]) -> bool:
    """Return whether a payment may still change by itself."""
    return payment["status"] in ("created", "pending", "in_doubt")


def title_for(payment: dict[str, Any] | None, panel: Panel | None) -> str:
    """Return the page's title."""
    return title_of(panel, payment["amount"]) if panel is not None and payment is not None else said("Counter")


async def fresh(till: Till, session: Session, payment_id: str | None, bill_id: str | None) -> dict[str, Any]:
    """Return what may have changed on an open screen."""
    principal = session.principal
    unexplained, machines, strip = await asyncio.gather(
        tasks.unexplained(till, principal), terminals.find(till, principal), payments.unfinished(till, principal)
    )
    try:
        payment = await payments.get(till, principal, payment_id) if payment_id else None
        bill = await bill_for(till, principal, payment["bill"] if payment else bill_id)
    except NotFound:
        payment = bill = None
    names, now = labels(machines), till.clock.now()
    panel = panel_for(payment, names, now)
    return {
        "session": session,
        "may_overrule": bool(principal.scopes & {"refund", "admin"}),
        "now": now,
        "unexplained": unexplained,
        "standing": await shifts.standing(till, principal),
        "machines": [machine for machine in machines if machine["is_active"]],
        "strip": strip,
        "surprises": await surprises_at(till, principal, strip),
        "names": names,
        "payment": payment,
        "panel": panel,
        "title": title_for(payment, panel),
        "bill": bill,
    }
