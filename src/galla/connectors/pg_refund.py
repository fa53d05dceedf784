"""A refund through Paytm's online API, of a UPI payment or a card sale: apply by the stored reference, then ask.

A card sale goes by its own id as the order, and by Paytm's acquirement id as the transaction; the amount is in rupees.
"""

from __future__ import annotations

from datetime import datetime

from galla.client.flows import Flow, exchange
from galla.connectors.amount import RUPEES_TEXT
from galla.connectors.connector import Account
from galla.connectors.pg_words import pg_reason, pg_unclear
from galla.payments.model import Payment, Reason
from galla.payments.refund import (
    AlreadyRaised,
    NotNow,
    Raised,
    Refund,
    RefundOutcome,
    Rejected,
    Returned,
    Unanswered,
    Unexpected,
    Unknown,
)
from galla.protocol.codes import Kind
from galla.protocol.refund import RefundReply, RefundRequest, RefundStatusReply, RefundStatusRequest


def apply_for(refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
    """Ask for the money to go back: `/refund/apply`. The good answer is "taken in"."""
    request = RefundRequest(
        mid=account.mid,
        order_id=payment.paytm_id,
        txn_id=(payment.proof.transaction_id if payment.proof else None) or "",
        ref_id=refund.ref_id,
        refund_amount=RUPEES_TEXT.write(refund.amount_paise),
        comments=refund.reason.replace("|", "/")[:50],
        client_id=account.client_id,
    )
    reply = yield from exchange(request, account.key)
    if (other := _other_refund(refund, payment, reply)) is not None:
        return other
    match reply.kind:
        case Kind.ACCEPTED | Kind.PENDING | Kind.SUCCESS:
            return Raised(refund_id=reply.refund_id)
        case Kind.DUPLICATE:
            return AlreadyRaised()
        case Kind.BUSY:
            return NotNow(reason=pg_reason("refund_waits", reply))
        case Kind.REFUSED | Kind.DECLINED | Kind.VOID_FAILED | Kind.NOT_FOUND:
            return Rejected(reason=pg_reason("refund_refused", reply))
        case Kind.INTERNAL:
            return Unanswered(detail="Paytm reported an error of its own.")
        case _:
            return Unexpected(reason=pg_unclear(reply))


def ask_about(refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
    """Ask what became of a refund: `/v2/refund/status`."""
    question = RefundStatusRequest(
        mid=account.mid, order_id=payment.paytm_id, ref_id=refund.ref_id, client_id=account.client_id
    )
    reply = yield from exchange(question, account.key)
    if (other := _other_refund(refund, payment, reply)) is not None:
        return other
    match reply.kind:
        case Kind.SUCCESS:
            return _returned(reply)
        case Kind.ACCEPTED | Kind.PENDING:
            return Raised(refund_id=reply.refund_id)
        case Kind.NOT_FOUND:
            return Unknown()
        case Kind.DECLINED | Kind.VOID_FAILED:
            return Rejected(reason=pg_reason("refund_failed", reply))
        case Kind.INTERNAL:
            return Unanswered(detail="Paytm reported an error of its own.")
        case _:  # a refusal of the question says nothing about the refund
            return Unexpected(reason=pg_unclear(reply))


def _other_refund(refund: Refund, payment: Payment, reply: RefundReply | RefundStatusReply) -> Unexpected | None:
    """An answer that names another refund, order or MID says nothing about this one, neither yes nor no."""
    pairs = (
        ("reference", refund.ref_id, reply.ref_id),
        ("order", payment.paytm_id, reply.order_id),
        ("mid", payment.mid, reply.mid),
    )
    wrong = " and ".join(name for name, ours, theirs in pairs if theirs and theirs != ours)
    if not wrong:
        return None
    return Unexpected(
        reason=Reason(
            code="mismatch",
            message=f"Paytm answered about a refund with another {wrong}, so the answer was not used.",
            hint="We ask again. Do not refund again.",
        )
    )


def _returned(reply: RefundStatusReply) -> RefundOutcome:
    amount_paise = reply.amount_paise
    if amount_paise is None:
        return Unexpected(reason=pg_unclear(reply))
    rrn = next((part.rrn for part in reply.refund_detail_info_list if part.rrn), None)
    return Returned(
        mid=reply.mid or "",
        paytm_id=reply.order_id or "",
        ref_id=reply.ref_id or "",
        amount_paise=amount_paise,
        refund_id=reply.refund_id,
        rrn=rrn,
    )
