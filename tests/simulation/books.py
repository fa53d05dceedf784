"""What the books say, read by SQL from a real database on either engine: the left side of every invariant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

Rows = Callable[[str], list[tuple[Any, ...]]]
LIVE = ("created", "pending", "in_doubt")
OPEN = LIVE


class Tender(NamedTuple):
    """One payment as it stands."""

    merchant_id: str
    id: str
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
    sends: int
    checks: int
    misses: int
    refunded: int
    refunding: int
    created_at: int
    asked_at: int | None
    sent_at: int | None
    due_at: int | None
    sequence: int

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
    sequence: int


class Books:
    """One look at a database, at the instant `now_ms`.

    `rows` runs one statement without parameters; all statements must see the same snapshot. `is_over`: everything
    that can be learned has had its time, so the books must equal the truth and not merely not contradict it.
    `set_back_ms`: by how much the shop's clock has been set back since anything now due was planned.
    """

    def __init__(self, rows: Rows, now_ms: int, *, is_over: bool = False, set_back_ms: int = 0) -> None:
        self.set_back_ms = set_back_ms
        self.rows = rows
        self.now_ms = now_ms
        self.is_over = is_over

    @cached_property
    def tenders(self) -> list[Tender]:
        """Every payment."""
        return [Tender(*row) for row in self.rows(
            "SELECT merchant_id, id, mid, paytm_id, method, amount_paise, currency, status, bill_id, needs_review,"
            " is_late, is_exclusive, sends, checks, misses, refunded_paise, refunding_paise, created_at, asked_at,"
            " sent_at, due_at, sequence FROM payments"
        )]

    @cached_property
    def refunds(self) -> list[GivenBack]:
        """Every refund and void."""
        return [GivenBack(*row) for row in self.rows(
            "SELECT id, payment_id, kind, mid, ref_id, amount_paise, status, needs_review, created_at, due_at, sequence"
            " FROM refunds"
        )]

    @cached_property
    def refunds_of(self) -> dict[str, list[GivenBack]]:
        """Refunds and voids, by payment."""
        found: defaultdict[str, list[GivenBack]] = defaultdict(list)
        for each in self.refunds:
            found[each.payment_id].append(each)
        return found

    @cached_property
    def by_key(self) -> dict[tuple[str, str], Tender]:
        """Payments by MID and Paytm's id."""
        return {each.key: each for each in self.tenders}

    @cached_property
    def with_a_task(self) -> frozenset[str]:
        """The ids of everything for which a person has an open task."""
        return frozenset(row[0] for row in self.rows("SELECT object_id FROM tasks WHERE closed_at IS NULL"))

    def is_with_a_person(self, thing: Tender | GivenBack) -> bool:
        """Whether somebody is asked to look at it."""
        return thing.needs_review == 1 or thing.id in self.with_a_task

    @cached_property
    def attached(self) -> dict[str, int]:
        """What bills have received from advances of other payments, in paise, by bill."""
        return {bill: int(total) for bill, total in self.rows(
            "SELECT bill_id, SUM(amount_paise) FROM attachments GROUP BY merchant_id, bill_id"
        )}

    @cached_property
    def allocated(self) -> dict[str, int]:
        """What the ledger says bills have received from payments, in paise, by bill."""
        return dict(self.rows(
            "SELECT p.bill_id, -SUM(l.amount_paise) FROM entries e"
            " JOIN postings l ON l.merchant_id = e.merchant_id AND l.entry_id = e.id"
            " JOIN payments p ON p.merchant_id = e.merchant_id AND p.id = e.object_id"
            " WHERE e.event = 'payment.paid' AND l.account = 'receivable' GROUP BY p.bill_id"
        ))
