"""The HTTP API, version 1: one module per kind of object, each a thin reading of a request and one call of the service.

Nothing here decides about money, and no answer is shaped here: the service's views go out as they are.
"""

from __future__ import annotations

from galla.web.api import (
    api_keys,
    bill_import,
    bills,
    customers,
    events,
    ledger,
    merchants,
    payments,
    qr,
    receipts,
    refunds,
    reports,
    shifts,
    tasks,
    terminals,
    users,
    webhooks,
)

_PARTS = (
    events, payments, qr, receipts, refunds, shifts, tasks, bills, terminals, ledger, merchants, api_keys, users,
    reports, bill_import, customers, webhooks,
)
ROUTERS = [part.router for part in _PARTS]
