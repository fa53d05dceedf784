"""Putting a customer's advance on a bill that is still due: money that came too late, or twice, finds its place.

No money moves outside the books. Giving it back instead is a refund (`refunds.py`).
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.clock import rfc3339
from galla.errors import AmountNotAllowed, BillHasLivePayment, IllegalTransition, InvalidField, NotFound
from galla.ledger.posting import for_attachment
from galla.money import check_amount, format_inr
from galla.payments.model import Payment
from galla.payments.task import TaskKind
from galla.service import once
from galla.service.tasking import Closing, change, close, explain
from galla.service.till import Principal, Till
from galla.service.views import View, payment_view
from galla.store import attachments, bills, keys, ledger, payments, refunds, tasks
from galla.store.journal import Event, Note, record


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """What was put on the bill, and whether the request had been made before."""

    attachment: View
    is_replay: bool


async def attach(
    till: Till,
    principal: Principal,
    payment_id: str,
    bill: str,
    amount_paise: int | None = None,
    *,
    idempotency_key: str | None = None,
    fingerprint: str = "",
) -> Attached:
    """Put what stands as advance of a payment on a bill, or a part of it; `bill` takes an id or a number.

    Without an amount it is as much as the bill needs and the advance holds.

    Raises:
        NotFound: no such payment for this merchant.
        InvalidField: no such bill, or it is cancelled.
        IllegalTransition: nothing stands as advance (`nothing_to_attach`), or nothing is due (`nothing_due`).
        BillHasLivePayment: the bill waits for another payment.
        AmountNotAllowed: more than the bill needs, or than stands as advance.
    """
    wanted = check_amount(amount_paise) if amount_paise is not None else None
    answer, is_new = await till.database.write(
        _attach, till, principal, payment_id, bill, wanted, idempotency_key, fingerprint
    )
    till.bell.ring()
    return Attached(attachment=msgspec.json.decode(answer), is_replay=not is_new)


def advance_left(connection: Connection, payment: Payment) -> int:
    """Return how much of a payment still stands as the customer's advance, in paise."""
    given = [refund.id for refund in refunds.of_payment(connection, payment.merchant_id, payment.id)]
    used = attachments.of_payment(connection, payment.merchant_id, payment.id)
    return ledger.advance_left(connection, payment.merchant_id, [payment.id, *given, *used])


def _attach(
    connection: Connection,
    till: Till,
    principal: Principal,
    payment_id: str,
    bill_name: str,
    wanted: int | None,
    key: str | None,
    fingerprint: str,
) -> tuple[str, bool]:
    now = till.clock.now()
    payment = payments.get(connection, principal.merchant_id, payment_id, lock=True)
    known = once.known(connection, principal.merchant_id, key, fingerprint, now)  # under the lock: twins wait above
    if known is not None and known.answer is not None:
        return known.answer, False
    if payment is None:
        raise NotFound(f"There is no payment {payment_id[:60]}.")
    bill = bills.get(connection, principal.merchant_id, bill_name, lock=True)
    if bill is None:
        raise InvalidField(f"There is no bill {bill_name[:60]}.", param="bill", code="bill_unknown")
    if bill.is_cancelled:
        raise InvalidField(f"Bill {bill.number} is cancelled.", param="bill", code="bill_cancelled")
    amount = _allowed(connection, payment, bill, wanted)
    attachment_id = ids.new_id("att", now)
    attachments.insert_attachment(
        connection,
        payment.merchant_id,
        attachment_id,
        payment_id=payment.id,
        bill_id=bill.id,
        amount_paise=amount,
        actor=principal.actor,
        now=now,
    )
    bills.settle(connection, payment.merchant_id, bill.id, reserved_paise=0, paid_paise=amount)
    ledger.book(connection, payment.merchant_id, for_attachment(attachment_id, bill.number, amount, now))
    left = advance_left(connection, payment)
    view = {
        "id": attachment_id,
        "object": "attachment",
        "payment": payment.id,
        "bill": bill.id,
        "amount": amount,
        "advance_left": left,
        "created_at": rfc3339(now),
    }
    _journal(connection, till, principal, payment, bill.id, view)
    _settle_tasks(connection, till, principal, payment, left, f"{format_inr(amount)} was put on bill {bill.number}.")
    answer = msgspec.json.encode(view).decode()
    once.claim(connection, principal.merchant_id, key, fingerprint, attachment_id, now)
    if key is not None:
        keys.answer(connection, principal.merchant_id, key, answer)
    return answer, True


def _allowed(connection: Connection, payment: Payment, bill: Row[Any], wanted: int | None) -> int:
    standing = max(0, advance_left(connection, payment) - payment.refunding_paise)
    if standing == 0:
        raise IllegalTransition(
            f"Nothing of payment {payment.id} stands as an advance: it pays its bill, or goes back already.",
            code="nothing_to_attach",
        )
    due = bill.total_paise - bill.paid_paise
    if due == 0:
        raise IllegalTransition(
            f"Nothing is due on bill {bill.number}. Choose another bill, or give the money back.", code="nothing_due"
        )
    free = max(0, due - bill.live_paise)
    if free == 0:
        holder = payments.live_of_bill(connection, payment.merchant_id, bill.id)
        raise BillHasLivePayment(
            f"Bill {bill.number} waits for another payment of {format_inr(bill.live_paise)}. Check that one first.",
            param="bill",
            blocker=holder.id if holder else None,
        )
    if wanted is not None and wanted > min(standing, free):
        raise AmountNotAllowed(
            f"At most {format_inr(min(standing, free))} can be put on bill {bill.number}: {format_inr(free)} is free "
            f"on it, and {format_inr(standing)} of the payment stands as an advance.",
            code="amount_exceeds_due",
            param="amount",
        )
    return wanted if wanted is not None else min(standing, free)


def _journal(
    connection: Connection, till: Till, principal: Principal, payment: Payment, bill_id: str, view: View
) -> None:
    after, now = payments.count_event(connection, payment), till.clock.now()
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="payment.attached",
        object_id=payment.id,
        detail={"attachment": view["id"], "bill": bill_id, "amount": view["amount"], "left": view["advance_left"]},
    )
    happened = Event(
        type="payment.attached",
        object_id=payment.id,
        bill_id=bill_id,
        sequence=after.sequence,
        data=msgspec.json.encode({**payment_view(after, now), "attachment": view}).decode(),
    )
    record(connection, payment.merchant_id, now, note, happened)


def _settle_tasks(
    connection: Connection, till: Till, principal: Principal, payment: Payment, left: int, note: str
) -> None:
    """Close the task about the excess when nothing of it is left; else it goes on with what is."""
    said = Closing(actor=principal.actor, origin=principal.origin, note=note)
    for task in tasks.open_of(connection, payment.merchant_id, payment.id):
        if task.kind is not TaskKind.EXCESS:
            continue
        if left == 0:
            close(connection, till, task, said)
        else:
            rest = msgspec.structs.replace(task, amount_paise=left, sequence=task.sequence + 1)
            change(connection, till, rest, "task.changed", said, left=left)
    explain(connection, till, payment, said)
