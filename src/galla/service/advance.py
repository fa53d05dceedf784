"""One step with the outside world: the only caller of Paytm.

First attempt, retry after a crash, polling and "check again" are this one path: run the flow with no transaction
open, apply the outcome, commit state, event, entry, evidence and audit together.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import Connection

from galla.client.flows import arun
from galla.connectors import connector as framework
from galla.errors import StaleClaim
from galla.ledger.posting import for_payment, held_in
from galla.money import format_inr
from galla.payments import reasons
from galla.payments.machine import Asking, Step, apply, is_withdrawn, next_asking, rested
from galla.payments.model import Captured, Method, Mismatch, Outcome, Payment, Reason, Status, Unsent
from galla.payments.person import called
from galla.service.line import Line
from galla.service.tasking import Closing, follow_payment
from galla.service.till import Till
from galla.service.views import payment_view
from galla.store import bills, ledger, payments
from galla.store import merchants as stored
from galla.store.claims import keep_session, mark_sending, put_off
from galla.store.journal import Event, Note, record
from galla.store.payments import Exchange

log = structlog.get_logger("galla.advance")


async def advance(till: Till, payment: Payment, *, is_marked: bool = False) -> Payment:
    """Take a claimed payment one step further.

    Args:
        till: the open till.
        payment: the payment as claimed, its lease held by the caller.
        is_marked: the transaction that made the payment has already written down that it may be sent.

    Returns:
        The payment as committed; unchanged when Paytm had no news or somebody else was faster.
    """
    now, ladder = till.clock.now(), till.ladder(payment.method)
    asking = Asking.BEGIN if is_marked else next_asking(payment, now, ladder)
    is_stopped = not is_marked and is_withdrawn(payment, now, ladder)
    if asking is Asking.BEGIN and not is_marked and not is_stopped:
        try:
            payment = await till.database.write(mark_sending, payment, now, till.send_lease_ms)
        except LookupError:
            return payment
        now = till.clock.now()
    timeout_s = till.settings.send_timeout_s if asking is Asking.BEGIN else till.inquiry_timeout_s
    turn_of = payment.merchant_id if asking is Asking.INQUIRE else None
    line = Line(till, timeout_s, payment.lease_until, now, turn_of=turn_of)
    withdrawn = Unsent(detail="stopped before it left")
    try:
        outcome = withdrawn if is_stopped else await _talk(till, payment, asking, line)
    except StaleClaim:
        return payment
    if isinstance(outcome, Captured):
        outcome = await _unshared(till, payment, outcome)
    now = till.clock.now()
    if line.held_s and asking is Asking.INQUIRE:  # it was not asked, so there is no answer to it
        await till.database.write(put_off, payment, now + timedelta(seconds=line.held_s))
        return payment
    step = apply(payment, outcome, asking, now, ladder)
    if line.rest_s:
        step = rested(step, now + timedelta(seconds=line.rest_s))
    step = called(step, outcome, ladder, now)
    if not step.is_changed:
        till.ended.add(payment)
        return payment
    try:
        after = await till.database.write(commit_step, till, payment, step, line.exchange(outcome))
    except StaleClaim:
        log.info("stale_answer", payment=payment.id)
        return payment
    if step.event:
        log.info(step.event, payment=payment.id, status=after.status.value, amount=payment.amount_paise)
    till.bell.ring()
    return after


async def _talk(till: Till, payment: Payment, asking: Asking, line: Line) -> Outcome:
    account = await till.account(payment.merchant_id)
    connector = till.connectors.get(payment.method)
    if connector is None:
        return framework.absent(payment)
    run = framework.begin if asking is Asking.BEGIN else framework.inquire
    if payment.session is None and not payment.can_rebegin:
        return await arun(run(connector, payment, account, line.started_at), line.send, till.clock)

    async def write_down(text: str) -> None:
        await till.database.write(keep_session, payment, till.vault.seal_text(text))

    session = till.vault.open_text(payment.session) if payment.session is not None else None
    opened = msgspec.structs.replace(payment, session=session)
    return await arun(run(connector, opened, account, line.started_at), line.send, till.clock, write_down)


async def _unshared(till: Till, payment: Payment, outcome: Captured) -> Captured | Mismatch:
    """Turn a proof whose transaction has paid another payment into a mismatch: one charge pays one thing."""
    if outcome.proof.transaction_id is None:
        return outcome
    holder = await till.database.read(payments.paid_by, payment.mid, outcome.proof.transaction_id)
    if holder is None or holder == payment.id:
        return outcome
    return Mismatch(reason=reasons.transaction_reused(holder), fields=("transaction",))


def commit_step(
    connection: Connection,
    till: Till,
    before: Payment,
    step: Step,
    exchange: Exchange | None,
    decision: Closing | None = None,
) -> Payment:
    """Write one step: state, evidence, bill, entry, event, tasks and audit row. All of it, or nothing.

    Args:
        connection: the one transaction of the step.
        till: the open till.
        before: the payment as claimed.
        step: what `machine.apply` made of the answer, or people of the lack of one.
        exchange: the request and its answer, redacted.
        decision: who decided, when it was not Paytm.

    Raises:
        StaleClaim: somebody else advanced the payment; nothing was written.
    """
    after = payments.save(connection, before, _collected(connection, step.payment))
    if step.event is None:
        return after
    if exchange is not None:
        payments.insert_exchange(connection, after, exchange)
    now = till.clock.now()
    excess = settle(connection, before, after)
    surprise = reasons.excess(format_inr(excess)) if excess else _stopped_meanwhile(before, after)
    if surprise is not None:
        after = payments.flag(connection, after, surprise)
    detail = {"before": before.status.value, "after": after.status.value, "amount": after.amount_paise}
    note = Note(
        actor=decision.actor if decision else "galla",
        origin=decision.origin if decision else "advance",
        action=step.event,
        object_id=after.id,
        detail={**detail, "decision": decision.note} if decision else detail,
    )
    record(connection, after.merchant_id, now, note, *_events(step, after, now))
    follow_payment(connection, till, before, after, excess_paise=excess, decision=decision)
    return after


def _stopped_meanwhile(before: Payment, after: Payment) -> Reason | None:
    """Return why to look at a payment whose proof was on its way when staff noted that they had stopped waiting."""
    is_unnoticed = before.cancel_requested_at is None and after.cancel_requested_at is not None
    has_become_paid = after.status is Status.PAID and before.status is not Status.PAID
    return reasons.stopped() if is_unnoticed and has_become_paid and after.reason is None else None


def _collected(connection: Connection, payment: Payment) -> Payment:
    """Return a payment with the machine that took it, when its code was typed into any of several."""
    proof = payment.proof
    if payment.method != Method.QUEUE or payment.tid is not None or proof is None or proof.tid is None:
        return payment
    machine = stored.get_terminal(connection, payment.merchant_id, proof.tid)
    if machine is None:
        return msgspec.structs.replace(payment, tid=proof.tid)
    return msgspec.structs.replace(payment, tid=proof.tid, terminal_id=machine.id, machine=machine.label)


def _events(step: Step, after: Payment, now: datetime) -> list[Event]:
    """Return the event of a step, and its alert after it if there is one."""
    types = [each for each in (step.event, step.alert) if each is not None]
    data = msgspec.json.encode(payment_view(after, now)).decode()
    first = after.sequence - len(types) + 1
    return [
        Event(type=each, object_id=after.id, bill_id=after.bill_id, sequence=first + number, data=data)
        for number, each in enumerate(types)
    ]


def settle(connection: Connection, before: Payment, after: Payment) -> int:
    """Let the bill and the ledger follow a payment that became final.

    Returns:
        How much of a payment that became paid the bill did not need any more, in paise.
    """
    is_paid = after.status is Status.PAID and before.status is not Status.PAID
    was_reserved = before.is_live and not after.is_live
    allocated = after.amount_paise if after.bill_id is None else 0
    if after.bill_id is not None and (is_paid or was_reserved):
        allocated = bills.settle(
            connection,
            after.merchant_id,
            after.bill_id,
            reserved_paise=after.amount_paise if was_reserved else 0,
            paid_paise=after.amount_paise if is_paid else 0,
        )
    if is_paid and after.proof is not None:
        ledger.add_account(connection, after.merchant_id, held_in(after))
        at = after.settled_at or after.created_at
        ledger.book(connection, after.merchant_id, for_payment(after, after.proof, allocated, at))
    return after.amount_paise - allocated if is_paid else 0
