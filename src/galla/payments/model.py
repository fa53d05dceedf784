"""The values of a payment: what it is, what a provider said about it, and what proves it.

Transitions are in `machine.py`, schedules in `ladder.py`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Where a payment stands. `PAID` is absorbing; `NOT_PAID` yields only to a late proof of payment."""

    CREATED = "created"
    PENDING = "pending"
    IN_DOUBT = "in_doubt"
    PAID = "paid"
    NOT_PAID = "not_paid"


LIVE = frozenset({Status.CREATED, Status.PENDING, Status.IN_DOUBT})


class Phase(StrEnum):
    """Where a pending payment is, for people."""

    SENDING = "sending"
    ON_DEVICE = "on_device"
    QUEUED = "queued"
    TRY_FAILED = "try_failed"
    AWAITING_PAYER = "awaiting_payer"
    CHECKING = "checking"
    NONE = "none"


class Method(StrEnum):
    """How the money is taken."""

    EDC = "edc"
    QUEUE = "queue"
    UPI_INTENT = "upi_intent"
    UPI_QR = "upi_qr"
    UPI_COLLECT = "upi_collect"
    CASH = "cash"


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a payment is not paid or in doubt, in words for the counter.

    `code` is galla's word (`declined rejected expired cancelled refused never_sent terminal_busy lost_reply unclear
    mismatch not_found conflict`), `message` what happened, `hint` what to do now, `paytm_code` and
    `paytm_message` Paytm's own, to be shown as a quotation.
    """

    code: str
    message: str
    hint: str
    paytm_code: str | None = None
    paytm_message: str | None = None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What Paytm's status reply (or settlement line) says of a captured payment.

    Only masked data: the last four digits of a card, a masked UPI id. `source` is `status`, `settlement`, `cash`
    (the drawer itself) or `person`: two people decided, and `evidence` is what they saw.
    """

    mid: str
    paytm_id: str
    amount_paise: int
    currency: str = "INR"
    tid: str | None = None
    transaction_id: str | None = None
    rrn: str | None = None
    auth_code: str | None = None
    mode: str | None = None
    card_network: str | None = None
    card_last4: str | None = None
    card_type: str | None = None
    issuer: str | None = None
    upi_id: str | None = None
    reference: str | None = None
    paid_at: datetime | None = None
    source: str = "status"
    evidence: str | None = None


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One tender, for one amount, with one immutable Paytm id. A new try is a new payment.

    Money in paise; instants aware UTC. `method` is a `Method`, or the word of a connector from outside galla.

    - `sends` counts the requests that may have reached Paytm (written before the first byte leaves), `sent_at` is
      the latest of them and `accepted_at` when Paytm said it has it.
    - `link` is what the payer opens or scans, `code` what is typed into a machine to collect the payment, `session`
      what a flow of several requests has written down (sealed), `vpa` the payer's UPI id (masked), `expires_at` when
      the link or token ends. `can_rebegin`: beginning again cannot charge twice.
    - `tendered_paise` is what the customer handed over in cash; the change is what exceeds the amount.
    - `machine` is the label of the card machine when the payment was made, `counter` where staff stood, `shown_on`
      the machine beside whose customer screen a code is shown.
    - `void_cutoff` is the merchant's cut-off (`HH:MM`, India) where the sale can be voided at all, `is_voided` whether
      a void has taken it back whole.
    - `fence` is the lease's fencing token, `sequence` the number of events so far, `misses` the inquiries in a
      row that brought no answer, `not_found_count` the spaced "unknown id" answers in a row.
    """

    id: str
    merchant_id: str
    environment: str
    mid: str
    method: str
    amount_paise: int
    paytm_id: str
    created_at: datetime
    currency: str = "INR"
    status: Status = Status.CREATED
    phase: Phase = Phase.NONE
    reference: str | None = None
    description: str | None = None
    bill_id: str | None = None
    terminal_id: str | None = None
    tid: str | None = None
    machine: str | None = None
    shown_on: str | None = None
    accept: str = "all"
    customer_name: str | None = None
    customer_phone: str | None = None
    metadata: dict[str, str] = {}
    actor: str = "system"
    counter: str | None = None
    reason: Reason | None = None
    proof: Proof | None = None
    link: str | None = None
    code: str | None = None
    session: str | None = None
    vpa: str | None = None
    expires_at: datetime | None = None
    can_rebegin: bool = False
    tendered_paise: int | None = None
    refunded_paise: int = 0
    refunding_paise: int = 0
    void_cutoff: str | None = None
    is_voided: bool = False
    needs_review: bool = False
    is_late: bool = False
    is_exclusive: bool = True
    holds_terminal: bool = False
    sends: int = 0
    may_resend: bool = False
    unsent_count: int = 0
    sent_at: datetime | None = None
    accepted_at: datetime | None = None
    asked_at: datetime | None = None
    settled_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    not_found_count: int = 0
    checks: int = 0
    misses: int = 0
    jitter: int = 0
    due_at: datetime | None = None
    lease_until: datetime | None = None
    fence: int = 0
    sequence: int = 0

    @property
    def is_live(self) -> bool:
        """Whether the payment may still become paid without anything surprising happening."""
        return self.status in LIVE


# What a provider said, normalised. Made by connectors, consumed by `machine.apply`.


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Paytm has the payment and it is not final.

    `link` is what the payer opens or scans, and until when; `code` what is typed into a machine to collect it.
    """

    phase: Phase
    link: str | None = None
    code: str | None = None
    expires_at: datetime | None = None


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """Paytm proved the payment; the connector framework has compared MID, id, amount and currency."""

    proof: Proof


class Declined(msgspec.Struct, frozen=True, kw_only=True):
    """Paytm proved that nothing was paid: declined, rejected, expired, or the request itself refused."""

    reason: Reason


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Paytm does not know the id (yet)."""

    paytm_code: str | None = None


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """Paytm already has this id: our earlier request did arrive."""

    paytm_code: str | None = None


class Unsent(msgspec.Struct, frozen=True, kw_only=True):
    """The request certainly never left."""

    detail: str


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """No answer, or one that says nothing: 5xx, HTML, cut-off JSON, an internal error at Paytm."""

    detail: str
    paytm_code: str | None = None


class Unclear(msgspec.Struct, frozen=True, kw_only=True):
    """An answer galla has no row for, or a refusal of the question rather than of the payment."""

    reason: Reason


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """An answer about another amount, id, MID or currency. Never paid; a person must look."""

    reason: Reason
    fields: tuple[str, ...]


Outcome = Waiting | Captured | Declined | Missing | Duplicate | Unsent | Lost | Unclear | Mismatch
