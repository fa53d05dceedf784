"""The pages people see. They work without scripts; scripts only make them livelier.

A page reads its form, calls the service and shows what came back: no rule about money is decided here.
"""

from __future__ import annotations

from galla.web.pages import (
    account,
    audit,
    bill_desk,
    counter,
    customers,
    display,
    docs,
    language,
    listing,
    live,
    pay,
    payments,
    people,
    queue,
    receipts,
    refunds,
    reports,
    settings,
    shift,
    sign_in,
    tasks,
    terminals,
    webhook,
    webhooks,
    welcome,
)

_PARTS = (
    sign_in, welcome, people, account, counter, bill_desk, live, payments, refunds, receipts, shift, tasks, queue,
    display, pay, docs, customers, language,
)
_OFFICE = (listing, reports, terminals, settings, audit, webhooks, webhook)
ROUTERS = [part.router for part in (*_PARTS, *_OFFICE)]
