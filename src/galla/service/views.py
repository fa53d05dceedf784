"""A payment, a refund and an event as the API, the webhooks and the pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from galla.clock import from_millis, rfc3339
from galla.money import format_inr
from galla.payments.giving_back import left_paise
from galla.payments.model import Method, Payment, Phase, Proof, Reason, Status
from galla.payments.refund import Refund
from galla.payments.voiding import until
from galla.service.queue_words import queue_advice

View = dict[str, Any]
_AWAITING = {
    "upi_intent": ("open_upi_app", "Ask the customer to open the link in a UPI app and approve."),
    "upi_qr": ("scan_qr", "Ask the customer to scan the QR with any UPI app and approve."),
    "upi_collect": ("approve_in_upi_app", "Ask the customer to approve the request in the UPI app."),
}
_SENDING = {"edc": "Sending to the machine.", "upi_collect": "Sending the request to the customer's UPI app."}
_MODES = {
    "CREDIT_CARD": "credit_card_amount",
    "EMI": "credit_card_amount",
    "DEBIT_CARD": "debit_card_amount",
    "UPI": "upi_amount",
    "CASH": "cash_amount",
}
"""Where the host billing system books each of Paytm's modes; any other goes to `other_amount`."""


def event_view(row: Row[Any]) -> View:
    """Return the public form of an event; its `data` is what it is about, as it was then."""
    return {
        "id": str(row.position),
        "object": "event",
        "type": row.type,
        "sequence": row.sequence,
        "created_at": rfc3339(from_millis(row.at)),
        "data": msgspec.json.decode(row.data),
    }


def payment_view(payment: Payment, now: datetime) -> View:
    """Return the public form of a payment. Amounts in paise, instants RFC 3339 in UTC."""
    proof = payment.proof
    return {
        "id": payment.id,
        "object": "payment",
        "status": payment.status.value,
        "phase": payment.phase.value,
        "amount": payment.amount_paise,
        "currency": payment.currency,
        "method": payment.method,
        "tendered": payment.tendered_paise,
        "change": change_paise(payment),
        "reference": payment.reference,
        "description": payment.description,
        "bill": payment.bill_id,
        "terminal": payment.terminal_id,
        "machine": payment.machine,
        "shown_on": payment.shown_on,
        "customer": {"name": payment.customer_name, "phone": payment.customer_phone},
        "metadata": payment.metadata,
        "actor": payment.actor,
        "counter": payment.counter,
        "is_exclusive": payment.is_exclusive,
        "paytm": {
            "mid": payment.mid,
            "tid": payment.tid,
            "id": payment.paytm_id,
            "transaction_id": proof.transaction_id if proof else None,
        },
        "next_action": next_action(payment),
        "reason": _reason(payment),
        "proof": _proof(proof) if proof else None,
        "amount_refunded": payment.refunded_paise,
        "amount_refundable": _refundable(payment),
        "is_voided": payment.is_voided,
        "void_until": _at(until(payment)),
        "is_late": payment.is_late,
        "cancel_requested_at": _at(payment.cancel_requested_at),
        "needs_review": payment.needs_review,
        "payment_detail": payment_detail(payment),
        "created_at": rfc3339(payment.created_at),
        "sent_at": _at(payment.sent_at),
        "settled_at": _at(payment.settled_at),
        "next_check_at": _at(payment.due_at) if payment.is_live else None,
        "checks": payment.checks,
    }


def refund_view(refund: Refund) -> View:
    """Return a refund as the API, the events and the pages show it."""
    return {
        "id": refund.id,
        "object": "refund",
        "payment": refund.payment_id,
        "kind": refund.kind,
        "status": refund.status.value,
        "amount": refund.amount_paise,
        "currency": "INR",
        "reason": refund.reason,
        "choice": refund.choice,
        "void_until": _at(refund.expires_at),
        "trouble": _words(refund.trouble) if refund.trouble else None,
        "needs_review": refund.needs_review,
        "actor": refund.actor,
        "approver": refund.approver,
        "rrn": refund.rrn,
        "paytm": {"mid": refund.mid, "ref_id": refund.ref_id, "refund_id": refund.refund_id},
        "created_at": rfc3339(refund.created_at),
        "settled_at": rfc3339(refund.settled_at) if refund.settled_at else None,
        "next_check_at": rfc3339(refund.due_at) if refund.due_at and refund.is_open else None,
        "checks": refund.checks,
    }


def next_action(payment: Payment) -> View:
    """Return what staff should do now, as a word and a sentence."""
    kind, text = _advice(payment)
    action: View = {"type": kind, "text": text}
    if kind in ("open_upi_app", "scan_qr"):
        action["upi_link"] = payment.link
        action["qr_url"] = f"/v1/payments/{payment.id}/qr.svg"
        action["expires_at"] = _at(payment.expires_at)
    elif payment.code is not None and kind in ("enter_queue_code", "approve_on_terminal"):
        action["code"] = payment.code
    elif kind == "approve_in_upi_app":
        action["upi_id"] = payment.vpa  # masked: enough to see that the wrong customer was asked
    elif payment.link is not None and payment.is_live and payment.method not in _AWAITING:
        action["link"], action["expires_at"] = payment.link, _at(payment.expires_at)  # a connector from outside galla
    return action


def payment_detail(payment: Payment) -> View | None:
    """Return the mapping for the host billing system (amounts in paise), once paid."""
    proof = payment.proof
    if proof is None:
        return None
    detail: View = {
        "credit_card_amount": 0,
        "debit_card_amount": 0,
        "upi_amount": 0,
        "cash_amount": 0,
        "other_amount": 0,
        "card_number_last4": proof.card_last4,
        "card_type": proof.card_network,
        "upi_id": proof.upi_id,
        "payment_reference": proof.rrn,
    }
    detail[_MODES.get((proof.mode or "").upper(), "other_amount")] = payment.amount_paise
    return detail


def change_paise(payment: Payment) -> int | None:
    """Return what the customer gets back of the cash handed over, in paise; None when it is no cash."""
    return payment.tendered_paise - payment.amount_paise if payment.tendered_paise is not None else None


def _advice(payment: Payment) -> tuple[str, str]:
    if payment.method == Method.CASH and payment.status in (Status.CREATED, Status.PAID):
        change = change_paise(payment) or 0
        return "none", f"Paid in cash. Give {format_inr(change)} change." if change else "Paid in cash, no change."
    where = payment.machine or "the machine"
    match payment.status:
        case Status.PAID:
            if payment.is_voided:
                return "none", "This sale was voided: all of it was given back."
            if payment.is_late:
                return "none", "This was paid after all, late. Check that the bill was not paid a second time."
            return "none", "Paid. Nothing more to do."
        case Status.NOT_PAID:
            return "none", payment.reason.hint if payment.reason else "Nothing was charged."
        case Status.IN_DOUBT:
            if payment.reason is not None and payment.needs_review:
                return "none", payment.reason.hint
            return "none", "We are checking with Paytm. Do not take this payment again."
        case _:
            pass
    if payment.method == Method.QUEUE:
        return queue_advice(payment)
    if payment.cancel_requested_at is not None and payment.method != "edc":
        return "none", "We will stop waiting. The customer may still approve it in the app, so we keep checking."
    if payment.cancel_requested_at is not None:
        return "none", (
            "We will stop waiting. The machine may still take the card: press the red key on it. We keep checking."
        )
    if payment.misses >= 3:
        if payment.method.startswith("upi"):
            return "none", "Paytm does not answer at the moment. We keep asking. Do not charge again."
        return "none", "Paytm does not answer at the moment. Look at the machine; we keep asking. Do not charge again."
    if payment.phase is Phase.AWAITING_PAYER:
        return _AWAITING.get(payment.method, ("none", "Waiting for the customer to approve the payment."))
    if payment.phase is Phase.ON_DEVICE:
        return "approve_on_terminal", f"Ask the customer to tap, insert or scan on {where}."
    if payment.status is Status.CREATED:
        return "none", _SENDING.get(payment.method, "Asking Paytm for the code.")
    return "none", "We are checking with Paytm. Do not take this payment again."


def _refundable(payment: Payment) -> int:
    if payment.status is not Status.PAID:
        return 0
    return left_paise(payment)


def _reason(payment: Payment) -> View | None:
    reason = payment.reason
    if reason is None or (payment.status not in (Status.NOT_PAID, Status.IN_DOUBT) and not payment.needs_review):
        return None
    return _words(reason)


def _words(reason: Reason) -> View:
    return {
        "code": reason.code,
        "message": reason.message,
        "hint": reason.hint,
        "paytm_code": reason.paytm_code,
        "paytm_message": reason.paytm_message,
    }


def _proof(proof: Proof) -> View:
    return {
        "rrn": proof.rrn,
        "auth_code": proof.auth_code,
        "mode": proof.mode,
        "card_network": proof.card_network,
        "card_last4": proof.card_last4,
        "card_type": proof.card_type,
        "issuer": proof.issuer,
        "upi_id": proof.upi_id,
        "transaction_id": proof.transaction_id,
        "paid_at": _at(proof.paid_at),
        "source": proof.source,
        "evidence": proof.evidence,
    }


def _at(instant: datetime | None) -> str | None:
    return rfc3339(instant) if instant is not None else None
