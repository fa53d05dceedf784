"""A shop as the design describes it, in plain values: what must be refused, what may happen, what must come out.

Written from the design and the invariants alone: it knows no database, no Paytm and none of galla's code. It is told
what was asked for and what is seen afterwards, and says whether that was right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

HOLD_MS = 30 * 60 * 1000
LEAST_PART = 100
UPI_LIMIT = 1_00_000_00
LIVE = ("created", "pending", "in_doubt")
MAY_FOLLOW = {
    "created": {"pending", "in_doubt", "paid", "not_paid"},
    "pending": {"in_doubt", "paid", "not_paid"},
    "in_doubt": {"pending", "paid", "not_paid"},
    "not_paid": {"paid"},
    "paid": set(),
}


@dataclass
class Bill:
    """What a customer owes, in paise."""

    id: str
    total: int
    received: int = 0
    is_cancelled: bool = False


class Asked(Protocol):
    """What a caller asks for."""

    @property
    def amount_paise(self) -> int:
        """The amount."""
    @property
    def method(self) -> str:
        """The way."""
    @property
    def reference(self) -> str | None:
        """What it is for, in the caller's words."""
    @property
    def terminal(self) -> str | None:
        """The machine."""
    @property
    def allow_parallel(self) -> bool:
        """Whether a supervisor lets it stand beside an unfinished one."""


@dataclass
class Tender:
    """One payment: what was asked for, and where it was last seen to stand. Instants in ms of the till's clock."""

    id: str
    paytm_id: str
    asked: Asked
    bill: Bill | None
    created_at: int
    key: str
    status: str = "created"
    refunded: int = 0
    refunding: int = 0
    void_until: int | None = None
    voiding_since: int = 0
    open_void: str | None = None
    has_failed_void: bool = False
    refund_keys: list[tuple[str, int | None, str]] = field(default_factory=list)

    @property
    def method(self) -> str:
        """How it is taken."""
        return self.asked.method

    @property
    def amount(self) -> int:
        """What it takes, in paise."""
        return self.asked.amount_paise

    @property
    def is_live(self) -> bool:
        """Whether it may still be paid without a surprise."""
        return self.status in LIVE

    @property
    def left(self) -> int:
        """What can still be given back."""
        return self.amount - self.refunded - self.refunding if self.status == "paid" else 0


class Model:
    """Everything asked of the shop so far."""

    def __init__(self) -> None:
        self.bills: dict[str, Bill] = {}
        self.tenders: dict[str, Tender] = {}
        self._attached: set[str] = set()

    def why_not_start(self, new: Asked, bill: Bill | None, now_ms: int) -> set[str]:
        """Return the reasons for which a payment must be refused; none, and it must begin."""
        reasons = set()
        amount, live = new.amount_paise, [each for each in self.tenders.values() if each.is_live]
        if new.method.startswith("upi") and amount > UPI_LIMIT:
            reasons.add("amount_above_limit")
        if self.is_busy(new.terminal, now_ms):
            reasons.add("terminal_busy")
        if bill is None:
            is_taken = any(each.bill is None and each.asked.reference == new.reference for each in live)
            if new.reference is not None and is_taken and not new.allow_parallel:
                reasons.add("reference_has_live_payment")
            return reasons
        due = bill.total - bill.received
        reserved = sum(each.amount for each in live if each.bill is bill)
        if bill.is_cancelled:
            reasons.add("bill_cancelled")
        if amount > due:
            reasons.add("amount_exceeds_due")
        elif amount > due - reserved and not new.allow_parallel:
            reasons.add("bill_has_live_payment")
        return reasons

    def why_not_return(self, tender: Tender, amount: int | None, kind: str, now_ms: int) -> set[str]:
        """Return the reasons for which giving back must be refused; `amount` None is all that is left.

        A void needs the sale's own machine, and needs it free.
        """
        if tender.status != "paid":
            return {"payment_not_paid"}
        if tender.open_void is not None and kind != "void":
            return {"over_refund", "void_unanswered", "approval_needed"}  # two people may end one nobody answers
        wanted = tender.left if amount is None else amount
        if tender.left == 0 or wanted > tender.left:
            return {"over_refund"}
        rest = tender.left - wanted
        is_part = wanted != tender.amount and (wanted < LEAST_PART or 0 < rest < LEAST_PART)
        if is_part and tender.method != "cash":
            return {"amount_below_minimum"}
        is_void = self.way_back(tender, amount, kind, now_ms) == "void"
        if kind == "void" and not is_void:
            return {"void_not_possible"}
        return {"terminal_busy"} if is_void and self.is_busy(tender.asked.terminal, now_ms) else set()

    def way_back(self, tender: Tender, amount: int | None, kind: str, now_ms: int) -> str:
        """Return whether money would go back as a `void` or as a `refund`; `amount` None is all that is left.

        A void is for the whole of an untouched card sale, until five past midnight in India.
        """
        is_whole = tender.left == tender.amount and amount in (None, tender.amount)
        can_void = tender.void_until is not None and now_ms < tender.void_until and is_whole
        is_wanted = kind == "void" or (kind == "auto" and not tender.has_failed_void)
        return "void" if can_void and is_wanted else "refund"

    def is_busy(self, terminal: str | None, now_ms: int) -> bool:
        """Whether a payment or a void has held a machine for less than half an hour."""
        return any(
            (each.is_live and now_ms - each.created_at <= HOLD_MS)
            or (each.open_void is not None and now_ms - each.voiding_since <= HOLD_MS)
            for each in self.tenders.values()
            if terminal is not None and each.asked.terminal == terminal
        )

    def why_not_cancel_bill(self, bill: Bill) -> set[str]:
        """Return the reasons for which a bill must not be cancelled."""
        is_busy = any(each.bill is bill and each.is_live for each in self.tenders.values())
        return {"bill_has_payments"} if bill.received or is_busy else set()

    def saw(self, tender: Tender, status: str, refunded: int, refunding: int) -> str | None:
        """Take in where a payment stands now; return what is wrong with that, if anything.

        Between two looks a payment may have moved twice, but never out of `paid`, nor from `not_paid` to live.
        """
        before = tender.status
        tender.status, tender.refunded, tender.refunding = status, refunded, refunding
        if refunded + refunding > (tender.amount if status == "paid" else 0):
            return f"{tender.id} has {refunded} + {refunding} given back of {tender.amount}"
        if before == status:
            return None
        if status not in _reachable(before):
            return f"{tender.id} went from {before} to {status}"
        if status == "paid" and tender.bill is not None and not tender.bill.is_cancelled:
            tender.bill.received += min(tender.amount, tender.bill.total - tender.bill.received)
        return None

    def saw_attachment(self, attachment_id: str, bill_id: str, amount: int) -> None:
        """Take in that an advance was put on a bill, in paise; once."""
        if attachment_id not in self._attached:
            self._attached.add(attachment_id)
            self.bills[bill_id].received += amount

    def saw_void(self, payment_id: str, void_id: str, status: str, created_at: int) -> None:
        """Take in where a void of a payment stands now."""
        tender = self.tenders[payment_id]
        tender.has_failed_void |= status == "failed"
        if status in LIVE:
            tender.open_void, tender.voiding_since = void_id, created_at
        elif tender.open_void == void_id:
            tender.open_void = None


def _reachable(status: str) -> set[str]:
    """Return where a payment may come to from here, in any number of steps."""
    found: set[str] = set()
    new = {status}
    while new:
        found |= new
        new = {after for each in new for after in MAY_FOLLOW[each]} - found
    return found
