"""The rows that the invariants read, and the statements that fetch them.

`CHANGING` holds the tables whose rows change, read wholly at each look; `GROWING` those that only grow, of which a
look reads what is new. They run on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from typing import NamedTuple


class Tender(NamedTuple):
    """One payment as it stands."""

    id: str
    merchant_id: str
    mid: str
    paytm_id: str
    method: str
    amount: int
    currency: str
    status: str
    bill_id: str | None
    needs_review: int
    is_late: int
    is_exclusive: int
    holds_terminal: int
    terminal_id: str | None
    reference: str | None
    sends: int
    refunded: int
    refunding: int
    created_at: int
    due_at: int | None
    fence: int
    sequence: int
    link: str | None
    code: str | None

    @property
    def key(self) -> tuple[str, str]:
        """The MID and the id under which Paytm knows it."""
        return self.mid, self.paytm_id

    @property
    def held_in(self) -> str:
        """Whose account holds its money: its MID's, or the drawer."""
        return "cash_drawer" if self.is_cash else self.mid

    @property
    def is_cash(self) -> bool:
        """Whether the drawer took it, and no Paytm."""
        return self.method == "cash"


class GivenBack(NamedTuple):
    """One refund or void as it stands."""

    id: str
    payment_id: str
    kind: str
    mid: str
    ref_id: str
    amount: int
    status: str
    needs_review: int
    created_at: int
    due_at: int | None
    fence: int
    sequence: int


class BillRow(NamedTuple):
    """One bill as it stands, in paise."""

    id: str
    number: str
    total: int
    paid: int
    live: int
    is_overcommitted: int
    is_cancelled: int


class KeyRow(NamedTuple):
    """What an idempotency key was used for."""

    key: str
    object_id: str
    is_answered: int


class Attached(NamedTuple):
    """An advance that was put on a bill, in paise."""

    id: str
    payment_id: str
    bill_id: str
    amount: int


class AuditRow(NamedTuple):
    """One row of the audit trail."""

    merchant_id: str
    position: int
    at: int
    actor: str
    origin: str
    action: str
    object_id: str
    detail: str
    previous: str
    hash: str


CHANGING = {
    "bills": (
        "SELECT id, number, total_paise, paid_paise, live_paise, is_overcommitted, is_cancelled FROM bills ORDER BY id"
    ),
    "payments": (
        "SELECT id, merchant_id, mid, paytm_id, method, amount_paise, currency, status, bill_id, needs_review, is_late,"
        " is_exclusive, holds_terminal, terminal_id, reference, sends, refunded_paise, refunding_paise, created_at,"
        " due_at, fence, sequence, link, code FROM payments ORDER BY id"
    ),
    "refunds": (
        "SELECT id, payment_id, kind, mid, ref_id, amount_paise, status, needs_review, created_at, due_at, fence,"
        " sequence FROM refunds ORDER BY id"
    ),
    "tasks": "SELECT object_id FROM tasks WHERE closed_at IS NULL ORDER BY object_id",
    "idempotency_keys": (
        "SELECT key, object_id, CASE WHEN answer IS NULL THEN 0 ELSE 1 END FROM idempotency_keys ORDER BY key"
    ),
    "heads": "SELECT merchant_id, event_position, audit_position, audit_hash FROM heads ORDER BY merchant_id",
}
GROWING = {
    "entries": 'SELECT {number}, id, object_id, event, "on", description, at FROM entries{since}',
    "postings": "SELECT {number}, entry_id, line, account, amount_paise FROM postings{since}",
    "attachments": "SELECT {number}, id, payment_id, bill_id, amount_paise FROM attachments{since}",
    "proofs": (
        "SELECT {number}, payment_id, mid, paytm_id, amount_paise, currency, source, data FROM proofs{since}"
    ),
    "exchanges": "SELECT {number}, payment_id, operation, outcome, request, response FROM exchanges{since}",
    "events": "SELECT {number}, merchant_id, position, type, object_id, sequence, data, at FROM events{since}",
    "audit": (
        "SELECT {number}, merchant_id, position, at, actor, origin, action, object_id, detail, previous, hash"
        " FROM audit{since}"
    ),
}
