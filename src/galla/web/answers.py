"""What the answers hold, for the OpenAPI document. Nothing is read or written through these classes.

The service makes the answers themselves; a test compares them with what is said here.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from galla.web.requests import Method, RefundStatus, Role, Scope, Status


class Shown(BaseModel):
    """An object of an answer."""

    model_config = ConfigDict(extra="forbid")


class Customer(Shown):
    """Whose bill it is; the name is shortened."""

    name: str | None
    phone: str | None


class PaytmIds(Shown):
    """The payment as Paytm knows it."""

    mid: str
    tid: str | None
    id: str
    transaction_id: str | None


class NextAction(BaseModel):
    """What must happen next, and the sentence for staff. `upi_id` is masked; `link` is of a connector's own kind."""

    model_config = ConfigDict(extra="allow")

    type: Literal[
        "approve_on_terminal", "enter_queue_code", "open_upi_app", "scan_qr", "approve_in_upi_app", "none"
    ]
    text: str | None = None
    upi_link: str | None = None
    qr_url: str | None = None
    upi_id: str | None = None
    link: str | None = None
    expires_at: str | None = None


class Reason(Shown):
    """Why a payment is not paid, or in doubt."""

    code: str
    message: str
    hint: str
    paytm_code: str | None = None
    paytm_message: str | None = None


class Proof(BaseModel):
    """What proves that it is paid. Masked data only."""

    model_config = ConfigDict(extra="allow")

    rrn: str | None = None
    auth_code: str | None = None
    mode: str | None = None
    card_network: str | None = None
    card_last4: str | None = None
    card_type: str | None = None
    issuer: str | None = None
    upi_id: str | None = None
    transaction_id: str | None = None
    paid_at: str | None = None
    source: str
    evidence: str | None = None


class PaymentDetail(Shown):
    """The paid payment in the columns of a host billing system; amounts in paise."""

    credit_card_amount: int
    debit_card_amount: int
    upi_amount: int
    cash_amount: int
    other_amount: int
    card_number_last4: str | None
    card_type: str | None
    upi_id: str | None
    payment_reference: str | None


class TimelineItem(BaseModel):
    """One thing that happened to a payment, redacted."""

    model_config = ConfigDict(extra="allow")

    at: str
    kind: Literal["event", "exchange", "audit"]
    text: str
    data: Any = None


class Payment(BaseModel):
    """One tender, for one amount, with one Paytm id."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["payment"]
    status: Status
    phase: str
    amount: int
    currency: Literal["INR"]
    method: Method
    tendered: int | None
    change: int | None
    reference: str | None
    description: str | None
    bill: str | None
    terminal: str | None
    customer: Customer | None
    metadata: dict[str, str]
    paytm: PaytmIds
    next_action: NextAction
    reason: Reason | None
    proof: Proof | None
    amount_refunded: int
    amount_refundable: int
    is_voided: bool
    void_until: str | None
    is_late: bool
    cancel_requested_at: str | None
    needs_review: bool
    payment_detail: PaymentDetail | None
    created_at: str
    sent_at: str | None
    settled_at: str | None
    next_check_at: str | None
    checks: int
    timeline: list[TimelineItem] | None = None


class PaytmRefundIds(Shown):
    """The refund as Paytm knows it."""

    mid: str
    ref_id: str
    refund_id: str | None


class Refund(BaseModel):
    """Money on its way back; only `done` is given back. `trouble` says why not, or what is not certain."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["refund"]
    payment: str
    kind: Literal["void", "refund"]
    status: RefundStatus
    amount: int
    currency: Literal["INR"]
    reason: str
    choice: str | None
    void_until: str | None
    approver: str | None
    trouble: Reason | None
    rrn: str | None
    paytm: PaytmRefundIds
    created_at: str
    settled_at: str | None


class LivePayment(BaseModel):
    """The payment that holds a machine."""

    model_config = ConfigDict(extra="allow")

    id: str
    amount: int
    status: Status


class PayLink(Shown):
    """Where a customer pays a bill. Whoever has the address may pay; it shows the amount and the shop, no name."""

    url: str
    token: str
    expires_at: str


class Terminal(BaseModel):
    """A card machine. `last_seen_at` is when a payment on it was last proven paid."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["terminal"]
    tid: str
    label: str
    branch: str | None
    is_active: bool
    live_payment: LivePayment | None
    is_free: bool
    last_seen_at: str | None


class Event(BaseModel):
    """One committed change."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    sequence: int
    created_at: str
    data: dict[str, Any]


class Merchant(BaseModel):
    """A merchant; its key is never shown."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    mid: str
    environment: Literal["sandbox", "staging", "production"]


class ApiKey(BaseModel):
    """An API key by its prefix; `key` only in the answer that made it."""

    model_config = ConfigDict(extra="allow")

    id: str
    scopes: list[Scope]
    label: str | None
    key: str | None = None


class Invitation(Shown):
    """A one-time link with which a user chooses a password; shown in this answer and never again."""

    url: str


class User(Shown):
    """Somebody who signs in by name; `invitation` only in the answer that made it."""

    id: str
    object: Literal["user"]
    name: str
    display_name: str
    role: Role
    branch: str | None
    is_active: bool
    has_password: bool
    created_at: str
    signed_in_at: str | None
    invitation: Invitation | None = None


class Listed(BaseModel):
    """A page of a list."""

    data: list[Any]
    next_cursor: str | None = None


class Users(Listed):
    """The users by their names, disabled ones last."""

    data: list[User]


class Payments(Listed):
    """A page of payments, newest first."""

    data: list[Payment]


class Refunds(Listed):
    """A page of refunds, newest first."""

    data: list[Refund]


class Terminals(Listed):
    """The machines."""

    data: list[Terminal]


class Events(Listed):
    """A page of events."""

    data: list[Event]


class AccountBalance(BaseModel):
    """One account on a day; paise; `balance` is `debit − credit`."""

    model_config = ConfigDict(extra="allow")

    code: str
    name: str
    kind: str
    debit: int
    credit: int
    balance: int


class TrialBalance(BaseModel):
    """All accounts on a day; all balances sum to 0."""

    on: str
    accounts: list[AccountBalance]
    debit: int
    credit: int


class Health(BaseModel):
    """Whether galla can work."""

    model_config = ConfigDict(extra="allow")

    status: Literal["ok", "failing"]


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    param: str | None = None
    blocker: str | None = None
