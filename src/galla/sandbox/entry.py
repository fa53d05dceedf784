"""The truth about each entry of the payment queue, and what the sandbox tells those who ask.

Who typed which code where is `waiting.py`'s; how requests are read and answered is `queue.py`'s.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from galla.clock import ist_text
from galla.protocol.queue import QueueAttempt, QueueState
from galla.sandbox.charge import Charge, ChargeState, told_of_sale
from galla.sandbox.instrument import find

LIFE_S = 86_400.0
"""How long a code lives unless told otherwise. Paytm publishes no figure."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. `id` is the merchant's own, `code` what is typed into a machine; instants aware UTC.

    `tries` are the payments begun at machines, oldest first, each by its id among the sandbox's sales. The three
    last fields are a rehearsed failure of the create, put on the first try.
    """

    code: str
    id: str
    mid: str
    amount_paise: int
    txn_date: str
    received_at: datetime
    expires_at: datetime
    reference: str | None = None
    mode: str = "ALL"
    is_cancelled: bool = False
    tries: tuple[str, ...] = ()
    hidden_until: datetime | None = None
    told_late_ms: int = 0
    told_meanwhile: str = "P"

    @property
    def key(self) -> tuple[str, str]:
        """What it is kept under."""
        return (self.mid, self.code)


def true_state(entry: Entry, last: Charge | None, now: datetime) -> QueueState:
    """Return where an entry truly is; `last` is the latest try at a machine."""
    if last is not None and last.state is ChargeState.PAID:
        return QueueState.COMPLETED
    if last is not None and last.state is ChargeState.WAITING:
        return QueueState.PENDING
    if entry.is_cancelled:
        return QueueState.CANCELLED
    if now >= entry.expires_at:
        return QueueState.EXPIRED
    return QueueState.FAILED if last is not None else QueueState.IN_QUEUE


def told_state(entry: Entry, last: Charge | None, now: datetime) -> QueueState:
    """Return where a status says the entry is, which differs while a success is told late."""
    state = true_state(entry, last, now)
    if state is not QueueState.COMPLETED or last is None:
        return state
    match told_of_sale(last, now).letter:
        case "S":
            return QueueState.COMPLETED
        case "F":
            return QueueState.FAILED
        case _:
            return QueueState.PENDING


def attempt(entry: Entry, charge: Charge, number: int, now: datetime) -> QueueAttempt:
    """Return a try as `orders[]` shows it."""
    told = told_of_sale(charge, now)
    fields: dict[str, str | None] = {
        "order_id": f"{entry.id}{number:02d}",
        "mid": entry.mid,
        "tid": charge.tid,
        "status": {"S": "SUCCESS", "F": "FAILED"}.get(told.letter, "PENDING"),
        "txn_amount": str(charge.amount_paise),
    }
    if told.letter == "F":
        fields |= {"bank_response_code": charge.bank_code, "bank_response_message": charge.reason}
    if told.letter == "S" and charge.instrument is not None and charge.settled_at is not None:
        paid_with = find(charge.instrument)
        fields |= {
            "txn_date": ist_text(charge.settled_at),
            "pay_method": paid_with.pay_method,
            "card_type": paid_with.card_type,
            "card_scheme": paid_with.scheme,
            "issuer_mask_card_no": paid_with.masked,
            "issuing_bank_name": paid_with.issuer,
            "aid": paid_with.aid,
            "bank_txn_id": charge.rrn,
            "acquirement_id": charge.acquirement_id,
            "retrieval_reference_no": charge.rrn,
            "auth_code": charge.auth_code,
            "bank_response_code": "00",
            "bank_response_message": "Approved",
        }
    return QueueAttempt(**fields)
