"""A payment as it stands before a step, what was said of it, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from galla.payments.model import LIVE, Method, Payment, Proof, Reason, Status

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
PROOF = Proof(mid="M", paytm_id="SB1", amount_paise=1000, transaction_id="T1", rrn="6005")


def later(seconds: float) -> datetime:
    """Return an instant after the payment was made."""
    return NOW + timedelta(seconds=seconds)


def reason(code: str, paytm_code: str | None = "0330") -> Reason:
    """Return a reason of a code."""
    return Reason(code=code, message="Something was said.", hint="Do something.", paytm_code=paytm_code)


def payment(status: Status = Status.PENDING, **changes: Any) -> Payment:
    """Return a payment that was sent once and stands at a status."""
    values: dict[str, Any] = {
        "id": "pay_1",
        "merchant_id": "mer_1",
        "environment": "sandbox",
        "mid": "M",
        "method": Method.EDC,
        "amount_paise": 1000,
        "paytm_id": "SB1",
        "created_at": NOW,
        "status": status,
        "proof": PROOF if status is Status.PAID else None,
        "sends": 1,
        "sent_at": NOW,
        "due_at": NOW if status in LIVE else None,
        "sequence": 3,
        **changes,
    }
    return Payment(**values)
