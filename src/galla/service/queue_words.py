"""What staff should do about a payment in the queue: a word of the API, and the sentence for the counter."""

from __future__ import annotations

from galla.payments.model import Payment, Phase, Status


def queue_advice(payment: Payment) -> tuple[str, str]:
    """Return the next action for a live payment in the queue."""
    if payment.code is None:
        return "none", "Asking Paytm for the code. Nobody can pay before it is there."
    if payment.cancel_requested_at is not None:
        return "none", (
            "We have asked Paytm to take this code out of the queue. Do not type it into a machine any more. "
            "We keep checking."
        )
    if payment.phase is Phase.ON_DEVICE:
        return "approve_on_terminal", "The code is on a machine. Ask the customer to tap, insert or scan there."
    code = grouped(payment.code)
    if payment.phase is Phase.TRY_FAILED:
        return "enter_queue_code", f"The try at the machine failed and nothing was charged. Type {code} again, or stop."
    if payment.misses >= 3:
        return "enter_queue_code", f"Paytm does not answer at the moment. The code {code} stays valid; we keep asking."
    if payment.status is Status.PENDING:
        return "enter_queue_code", f"Type {code} into any card machine of this shop, and hand it to the customer."
    return "none", "We are checking with Paytm. Do not take this payment again."


def grouped(code: str) -> str:
    """Return a code as people read it aloud: in threes when it has six digits.

    Example:
        >>> grouped("123456")
        '123 456'
    """
    return f"{code[:3]} {code[3:]}" if len(code) == 6 else code
