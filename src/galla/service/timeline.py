"""Everything that happened to one payment, in order, in plain language."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from galla.clock import from_millis, rfc3339, to_millis
from galla.payments.model import Method
from galla.store import journal, payments, tasks

LISTED = 200

_SAID = {
    "payment.created": "Payment made and sent.",
    "payment.pending": "Paytm has it; waiting for the customer.",
    "payment.in_doubt": "Not certain: being checked with Paytm.",
    "payment.paid": "Paid, and proven.",
    "payment.not_paid": "Not paid.",
    "payment.needs_review": "Something does not fit; a person must look.",
    "payment.cancel_requested": "Staff asked to stop.",
    "payment.reviewed": "A person has looked at it.",
    "payment.paid_late": "It was paid after all, late.",
    "payment.attached": "Put on a bill.",
    "payment.confirmed": "Paytm has proven what two people had decided.",
    "callback.received": "told us something by itself; galla believed only what it answered when asked.",
    "receipt.printed": "printed the receipt.",
}
_NAMED = {"paytm": "Paytm"}
_OF_CASH = {
    "payment.created": "Cash taken.",
    "payment.paid": "Booked: the cash is in the drawer.",
}
_TALKED = {
    "sale": "Sent to Paytm",
    "status": "Asked Paytm",
    "void": "Void sent to Paytm",
    "initiate": "Asked Paytm for an order",
    "process": "Asked Paytm for a link or a request to the payer",
    "qr": "Asked Paytm for a QR",
    "order_status": "Asked Paytm",
    "refund": "Refund sent to Paytm",
    "refund_status": "Asked Paytm about the refund",
}
_ANSWERED = {
    "waiting": "Paytm has it",
    "captured": "paid",
    "declined": "not paid",
    "missing": "Paytm does not know the id",
    "duplicate": "Paytm already had it",
    "unsent": "it could not be sent",
    "lost": "no usable answer",
    "unclear": "an answer that decides nothing",
    "mismatch": "an answer that does not fit",
    "raised": "Paytm has taken it in",
    "alreadyraised": "Paytm had taken it in before",
    "notnow": "not now; we try again",
    "rejected": "refused",
    "returned": "given back",
    "unanswered": "no usable answer",
    "unexpected": "an answer that decides nothing",
    "unknown": "Paytm does not know the refund",
}


def timeline(connection: Connection, merchant_id: str, payment_id: str) -> list[dict[str, Any]]:
    """Return events, exchanges and what people did, oldest first."""
    happened, noted = journal.trail(connection, merchant_id, payment_id)
    said = _SAID
    out: list[tuple[int, int, dict[str, Any]]] = []
    for row in happened:
        data = msgspec.json.decode(row.data)
        if data["method"] == Method.CASH:
            said = _SAID | _OF_CASH
        text = said.get(row.type, row.type)
        if row.type == "payment.not_paid" and data.get("reason"):
            text = f"Not paid: {data['reason']['message']}"
        detail = {"type": row.type, "status": data["status"], "phase": data["phase"], "reason": data["reason"]}
        out.append((row.at, 2, _item(row.at, "event", text, detail)))
    for talk in payments.exchanges_of(connection, merchant_id, payment_id):
        at = round(talk.at.timestamp() * 1000)
        words = f"{_TALKED.get(talk.operation, talk.operation)}: {_ANSWERED.get(talk.outcome, talk.outcome)}."
        detail = {
            "operation": talk.operation,
            "outcome": talk.outcome,
            "http_status": talk.http_status,
            "duration_ms": talk.duration_ms,
            "request": talk.request,
            "response": talk.response,
        }
        out.append((at, 1, _item(at, "exchange", words, detail)))
    for row in noted:
        if row.actor == "galla":
            continue
        words = f"{_NAMED.get(row.actor, row.actor)}: {said.get(row.action, row.action)}"
        out.append((row.at, 0, _item(row.at, "audit", words, msgspec.json.decode(row.detail))))
    for task in tasks.find(connection, merchant_id, payment_id=payment_id, limit=LISTED):
        about = {"task": task.id, "kind": task.kind.value}
        at = to_millis(task.created_at)
        out.append((at, 3, _item(at, "event", f"A person was called: {task.message}", about)))
        if task.closed_at is not None and task.closed_by == "galla":
            at = to_millis(task.closed_at)
            out.append((at, 3, _item(at, "event", f"Nobody is needed any more: {task.note}", about)))
        elif task.closed_at is not None:
            at = to_millis(task.closed_at)
            out.append((at, 3, _item(at, "audit", f"{task.closed_by} found: {task.note}", about)))
    return [item for _, _, item in sorted(out, key=lambda found: found[:2])]


def _item(at: int, kind: str, text: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"at": rfc3339(from_millis(at)), "kind": kind, "text": text, "data": data}
