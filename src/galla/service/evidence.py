"""The evidence of one payment: every request, answer, callback and click, with the proofs and the audit hashes.

For the customer who says "I was charged twice", and for whoever has to answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from galla.clock import from_millis, ist_text, rfc3339
from galla.errors import NotFound
from galla.money import format_inr
from galla.payments.model import LIVE, Payment, Status
from galla.receipts.evidence import Evidence, Happening
from galla.receipts.making import tender_of
from galla.receipts.paper import REHEARSAL, Row, method_of, when
from galla.service.till import Principal, Till
from galla.service.timeline import timeline
from galla.service.words import short_name
from galla.store import journal, merchants, payments, refunds

OTHERS_MAX = 20
_RAW_MAX = 4000
_SAID = {
    "refund.created": "Giving money back was asked for.",
    "refund.pending": "Paytm has taken the return in; it is not given back yet.",
    "refund.in_doubt": "The return is not certain: being checked with Paytm.",
    "refund.done": "Given back, proven by Paytm's answer.",
    "refund.failed": "Not given back.",
    "receipt.printed": "A receipt was printed.",
}
_STANDS = {
    Status.PAID: "paid",
    Status.NOT_PAID: "not paid",
    Status.CREATED: "on its way",
    Status.PENDING: "on its way",
    Status.IN_DOUBT: "being checked",
}


async def gather(till: Till, principal: Principal, payment_id: str) -> Evidence:
    """Return the evidence of one payment.

    Raises:
        NotFound: no such payment for this merchant.
    """
    return await till.database.read(_gather, till, principal.merchant_id, payment_id)


def _gather(connection: Connection, till: Till, merchant_id: str, payment_id: str) -> Evidence:
    payment = payments.get(connection, merchant_id, payment_id)
    merchant = merchants.get_merchant(connection, merchant_id)
    if payment is None or merchant is None:
        raise NotFound(f"There is no payment {payment_id[:60]}.")
    others = _others(connection, payment)
    objects = [payment_id, *(refund.id for refund in refunds.of_payment(connection, merchant_id, payment_id))]
    return Evidence(
        title=f"Evidence of payment {payment.reference or payment.id[-6:]}",
        shop=merchant.name,
        rehearsal=REHEARSAL if merchant.environment != "production" else "",
        amount=format_inr(payment.amount_paise),
        answer=_answer(payment, others),
        facts=_facts(payment),
        others=tuple(
            Row(when(other.created_at), f"{format_inr(other.amount_paise)}, {_STANDS[other.status]}, {other.id}")
            for other in others
        ),
        happenings=_happenings(connection, payment, objects[1:]),
        chain=_chain(connection, merchant_id, objects),
        made_at=till.clock.now(),
    )


def _others(connection: Connection, payment: Payment) -> list[Payment]:
    """Return the other payments for the same bill, or for the same reference without one."""
    if payment.bill_id is not None:
        found = payments.of_bill(connection, payment.merchant_id, payment.bill_id)
    elif payment.reference is not None:
        wanted = payments.Filter(reference=payment.reference)
        found = payments.find(connection, payment.merchant_id, wanted, limit=OTHERS_MAX + 1)
    else:
        found = []
    return [other for other in found if other.id != payment.id][:OTHERS_MAX]


def _answer(payment: Payment, others: list[Payment]) -> tuple[str, ...]:
    amount = format_inr(payment.amount_paise)
    said = []
    if payment.status is Status.PAID:
        said.append(f"This payment took {amount} once, by {method_of(tender_of(payment))}. That is proven.")
        if payment.refunded_paise:
            said.append(f"{format_inr(payment.refunded_paise)} of it was given back. That is proven too.")
        if payment.refunding_paise:
            said.append(f"{format_inr(payment.refunding_paise)} is on its way back, and not given back yet.")
    elif payment.status is Status.NOT_PAID:
        said.append(
            f"This payment took nothing. If the bank shows {amount} as reserved, it releases it by itself; if it shows "
            "it as taken, galla will learn of it and show it here."
        )
    else:
        said.append("It is not certain yet whether this payment took money. galla is asking until it is.")
    paid = [other for other in others if other.status is Status.PAID]
    if paid and payment.status is Status.PAID:
        total = format_inr(sum(other.amount_paise for other in paid))
        said.append(f"{len(paid)} other payment(s) of the same bill or reference took {total}: see below.")
    elif not any(other.status in LIVE for other in others):
        said.append("No other payment of the same bill or reference took money." if others else "It is the only one.")
    return tuple(said)


def _facts(payment: Payment) -> tuple[Row, ...]:
    proof = payment.proof
    named = (
        ("Status", _STANDS[payment.status]),
        ("Reference", payment.reference),
        ("Customer", short_name(payment.customer_name)),
        ("Taken by", " ".join(part for part in (payment.counter, payment.actor) if part)),
        ("Machine", " ".join(part for part in (payment.machine, payment.tid) if part)),
        ("galla's id", payment.id),
        ("Id at Paytm", payment.paytm_id if payment.method != "cash" else None),
        ("Paytm's transaction", proof.transaction_id if proof else None),
        ("RRN", proof.rrn if proof else None),
        ("Auth code", proof.auth_code if proof else None),
        ("Proven by", {"status": "Paytm's status answer"}.get(proof.source, proof.source) if proof else None),
        ("Requests that may have charged", str(payment.sends) if payment.method != "cash" else None),
        ("Times Paytm was asked", f"{payment.checks} (an answer that changed nothing is counted, not kept)"),
    )
    return tuple(Row(label, value) for label, value in named if value)


def _happenings(connection: Connection, payment: Payment, refund_ids: list[str]) -> tuple[Happening, ...]:
    found = [(item["at"], item["text"], _raw(item)) for item in timeline(connection, payment.merchant_id, payment.id)]
    for object_id in refund_ids:
        happened, noted = journal.trail(connection, payment.merchant_id, object_id)
        found += [(_at(row.at), _SAID.get(row.type, row.type), "") for row in happened]
        found += [(_at(row.at), _by(row), "") for row in noted if row.actor != "galla"]
    if payment.bill_id is not None:
        _, noted = journal.trail(connection, payment.merchant_id, payment.bill_id)
        found += [(_at(row.at), _by(row), "") for row in noted if row.action == "receipt.printed"]
    found.sort(key=lambda happening: happening[0])
    return tuple(
        Happening(at=ist_text(datetime.fromisoformat(at)), text=text, raw=raw) for at, text, raw in found
    )


def _by(row: Any) -> str:
    return f"{row.actor}: {_SAID.get(row.action, row.action)}"


def _raw(item: dict[str, Any]) -> str:
    """Return the redacted messages of an exchange, or what a callback said."""
    data = item["data"] or {}
    if item["kind"] == "exchange":
        parts = (f"{name}: {data[name]}" for name in ("request", "response") if data.get(name))
        return "\n".join(parts)[:_RAW_MAX]
    return msgspec.json.encode(data).decode()[:_RAW_MAX] if item["kind"] == "audit" and data else ""


def _chain(connection: Connection, merchant_id: str, objects: list[str]) -> tuple[Row, ...]:
    rows = [row for name in objects for row in journal.trail(connection, merchant_id, name)[1]]
    rows.sort(key=lambda row: row.position)
    return tuple(Row(f"{row.position} {row.action}", row.hash) for row in rows)


def _at(millis: int) -> str:
    return rfc3339(from_millis(millis))
