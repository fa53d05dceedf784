"""One step of a refund with the outside world: the counterpart of `advance.py`.

The reference was committed before the first request, so every retry and every question names the same refund.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
import structlog
from sqlalchemy import Connection

from galla.client.flows import arun
from galla.connectors import refund as framework
from galla.errors import NotFound, StaleClaim
from galla.ledger.accounts import RETURNS
from galla.ledger.posting import for_refund
from galla.payments.machine import Asking
from galla.payments.model import Payment
from galla.payments.reasons import void_too_late
from galla.payments.refund import (
    Refund,
    RefundOutcome,
    RefundStatus,
    RefundStep,
    Rejected,
    apply,
    is_withdrawn,
    next_asking,
    next_due,
)
from galla.payments.voiding import VOID
from galla.service.attaching import advance_left
from galla.service.line import Line
from galla.service.tasking import follow_refund
from galla.service.till import Till
from galla.service.views import refund_view
from galla.store import ledger, payments, refunds
from galla.store.journal import Event, Note, record
from galla.store.payments import Exchange

log = structlog.get_logger("galla.refund")


async def advance_refund(till: Till, refund: Refund, *, is_marked: bool = False) -> Refund:
    """Take a claimed refund one step further; unchanged when Paytm had no news or somebody else was faster."""
    now = till.clock.now()
    asking = Asking.BEGIN if is_marked else next_asking(refund, now)
    if asking is Asking.BEGIN and not is_marked:
        try:
            refund = await till.database.write(refunds.mark_sending, refund, till.clock.now(), till.send_lease_ms)
        except LookupError:
            return refund
    payment = await till.database.read(payments.get, refund.merchant_id, refund.payment_id)
    if payment is None:
        raise NotFound(f"There is no payment {refund.payment_id} for refund {refund.id}.")
    timeout_s = till.settings.send_timeout_s if asking is Asking.BEGIN else till.inquiry_timeout_s
    turn_of = refund.merchant_id if asking is Asking.INQUIRE else None
    line = Line(till, timeout_s, refund.lease_until, till.clock.now(), turn_of=turn_of)
    outcome: RefundOutcome
    if is_withdrawn(refund, now):
        outcome = Rejected(reason=void_too_late())
    else:
        outcome = await _talk(till, refund, payment, asking, line)
    if line.held_s and asking is Asking.INQUIRE:
        await till.database.write(refunds.put_off, refund, till.clock.now() + timedelta(seconds=line.held_s))
        return refund
    step = apply(refund, outcome, asking, till.clock.now(), till.settings.ladder_scale)
    try:
        after = await till.database.write(commit_step, till, payment, refund, step, line.exchange(outcome))
    except StaleClaim:
        log.info("stale_answer", refund=refund.id)
        return refund
    if step.event:
        log.info(step.event, refund=refund.id, payment=payment.id, amount=refund.amount_paise)
        till.bell.ring()
    return after


async def _talk(till: Till, refund: Refund, payment: Payment, asking: Asking, line: Line) -> RefundOutcome:
    run = framework.begin_refund if asking is Asking.BEGIN else framework.inquire_refund
    account = await till.account(refund.merchant_id)
    connector = till.connectors.get(payment.method)
    return await arun(run(connector, refund, payment, account, line.started_at), line.send, till.clock)


def commit_step(
    connection: Connection,
    till: Till,
    payment: Payment,
    before: Refund,
    step: RefundStep,
    exchange: Exchange | None,
) -> Refund:
    """Write one step: state, the payment's totals, evidence, entry, event and audit row. All of it, or nothing.

    Raises:
        StaleClaim: somebody else advanced the refund; nothing was written.
    """
    now = till.clock.now()
    after = refunds.save(connection, before, _scheduled(step, till))
    if step.event is None:
        follow_refund(connection, till, payment, after)  # it may have become too old meanwhile
        return after
    if exchange is not None:
        payments.insert_exchange(connection, payment, exchange)
    if after.status is RefundStatus.DONE and before.is_open:
        _book(connection, payment, after)
    note = Note(
        actor="galla",
        origin="advance",
        action=step.event,
        object_id=after.id,
        detail={"payment": payment.id, "before": before.status.value, "after": after.status.value},
    )
    happened = Event(
        type=step.event,
        object_id=after.id,
        bill_id=payment.bill_id,
        sequence=after.sequence,
        data=msgspec.json.encode(refund_view(after)).decode(),
    )
    record(connection, after.merchant_id, now, note, happened)
    follow_refund(connection, till, payment, after)
    return after


def _scheduled(step: RefundStep, till: Till) -> Refund:
    """A step without news still needs its next time, because a claim only sets the lease."""
    if step.is_changed:
        return step.refund
    return msgspec.structs.replace(
        step.refund, due_at=next_due(step.refund, till.clock.now(), till.settings.ladder_scale)
    )


def _book(connection: Connection, payment: Payment, refund: Refund) -> None:
    ledger.add_account(connection, payment.merchant_id, RETURNS)
    advance_paise = advance_left(connection, payment)
    at = refund.settled_at or refund.created_at
    entry = for_refund(refund.id, payment, refund.amount_paise, advance_paise, at, is_void=refund.kind == VOID)
    ledger.book(connection, payment.merchant_id, entry)
