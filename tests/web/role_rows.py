"""Who may call each address: one row a route. A new route without a row fails `test_web_roles.py`.

`everybody` needs no sign-in; `anybody` is whoever is signed in; else the roles are named. A row says what a role may
ask for, not that this request succeeds.
"""

from __future__ import annotations

EVERYBODY = "everybody"
ALL = frozenset({"cashier", "lead", "accountant", "admin"})
TAKE = frozenset({"cashier", "lead"})
LEAD = frozenset({"lead"})
ADMIN = frozenset({"admin"})

Who = frozenset[str] | str

PAGES: dict[str, Who] = {
    "GET /": EVERYBODY,
    "GET /docs": EVERYBODY,
    "GET /sign-in": EVERYBODY,
    "POST /sign-in": EVERYBODY,
    "GET /setup": EVERYBODY,
    "POST /setup": EVERYBODY,
    "GET /welcome": EVERYBODY,
    "POST /welcome": EVERYBODY,
    "POST /sign-out": ALL,
    "GET /account": ALL,
    "POST /account/password": ALL,
    "POST /account/sessions/{session_id}/end": ALL,
    "POST /account/sign-out-everywhere": ALL,
    "GET /people": ADMIN,
    "POST /people": ADMIN,
    "POST /people/{user_id}": ADMIN,
    "POST /people/{user_id}/link": ADMIN,
    "POST /people/{user_id}/disable": ADMIN,
    "POST /people/{user_id}/enable": ADMIN,
    "GET /counter": ALL,
    "GET /counter/search": ALL,
    "GET /counter/live": ALL,
    "POST /counter/push": TAKE,
    "POST /counter/bills": TAKE,
    "GET /payments/{payment_id}": ALL,
    "GET /payments/{payment_id}/live": ALL,
    "POST /payments/{payment_id}/check": TAKE,
    "POST /payments/{payment_id}/cancel": TAKE,
    "POST /payments/{payment_id}/new_code": TAKE,
    "POST /payments/{payment_id}/review": LEAD,
    "POST /payments/{payment_id}/refunds": LEAD,
    "POST /payments/{payment_id}/attach": TAKE,
    "POST /payments/{payment_id}/give_back": LEAD,
    "POST /payments/{payment_id}/resolve": LEAD,
    "GET /tasks": ALL,
    "POST /tasks/{task_id}/take": TAKE,
    "POST /tasks/{task_id}/close": TAKE,
    "POST /receipts": ALL,
    "GET /receipts/{receipt_id}/{copy}": ALL,
    "GET /r/{code}": EVERYBODY,
    "GET /displays": ALL,
    "POST /displays/{terminal_id}/link": TAKE,
    "GET /display/{terminal_id}": ALL,
    "POST /display/{terminal_id}": EVERYBODY,
    "GET /display/{terminal_id}/live": ALL,
    "GET /pay/{token}": EVERYBODY,
    "POST /pay/{token}": EVERYBODY,
    "GET /pay/{token}/live": EVERYBODY,
    "POST /pay/{token}/check": EVERYBODY,
}

CALLS: dict[str, Who] = {
    "GET /openapi.json": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /v1/callbacks/paytm/{token}": EVERYBODY,
    "POST /v1/callbacks/paytm/{token}": EVERYBODY,
    "POST /v1/payments": TAKE,
    "GET /v1/payments": ALL,
    "GET /v1/payments/{payment_id}": ALL,
    "POST /v1/payments/{payment_id}/check": TAKE,
    "POST /v1/payments/{payment_id}/cancel": TAKE,
    "POST /v1/payments/{payment_id}/review": LEAD,
    "POST /v1/payments/{payment_id}/refunds": LEAD,
    "POST /v1/payments/{payment_id}/attach": TAKE,
    "POST /v1/payments/{payment_id}/resolve": LEAD,
    "GET /v1/tasks": ALL,
    "POST /v1/tasks/{task_id}/take": TAKE,
    "POST /v1/tasks/{task_id}/close": TAKE,
    "GET /v1/payments/{payment_id}/qr.svg": ALL,
    "GET /v1/payments/{payment_id}/qr.png": ALL,
    "GET /v1/payments/{payment_id}/receipt": ALL,
    "GET /v1/bills/{bill_id}/receipt": ALL,
    "GET /v1/refunds/{refund_id}/receipt": ALL,
    "GET /v1/refunds": ALL,
    "GET /v1/refunds/{refund_id}": ALL,
    "POST /v1/bills": TAKE,
    "GET /v1/bills": ALL,
    "GET /v1/bills/{bill_id}": ALL,
    "POST /v1/bills/{bill_id}/cancel": TAKE,
    "POST /v1/bills/{bill_id}/pay_link": TAKE,
    "GET /v1/terminals": ALL,
    "POST /v1/terminals": ADMIN,
    "GET /v1/terminals/{terminal_id}": ALL,
    "PATCH /v1/terminals/{terminal_id}": ADMIN,
    "GET /v1/events": ALL,
    "GET /v1/events/stream": ALL,
    "GET /v1/ledger/accounts": ALL,
    "GET /v1/ledger/entries": ALL,
    "GET /v1/ledger/trial_balance": ALL,
    "POST /v1/merchants": frozenset(),  # a shop's user adds no shop; an admin key does
    "GET /v1/merchants": ADMIN,
    "GET /v1/merchants/{merchant_id}": ADMIN,
    "PATCH /v1/merchants/{merchant_id}": ADMIN,
    "POST /v1/api_keys": ADMIN,
    "GET /v1/api_keys": ADMIN,
    "DELETE /v1/api_keys/{key_id}": ADMIN,
    "POST /v1/users": ADMIN,
    "GET /v1/users": ADMIN,
    "GET /v1/users/{user_id}": ADMIN,
    "PATCH /v1/users/{user_id}": ADMIN,
}

ROWS = {**PAGES, **CALLS}
