"""The transaction that makes a payment: every rule checked, under the locks and indexes that keep it true.

Plain functions of a connection; `payments.start` runs them and then takes the first step.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from galla import ids
from galla.connectors.connector import Account
from galla.errors import (
    AmountNotAllowed,
    BillHasLivePayment,
    InvalidField,
    NotFound,
    PaymentError,
    ReferenceHasLivePayment,
    TerminalBusy,
)
from galla.money import format_inr
from galla.payments.machine import sending
from galla.payments.model import Method, Payment
from galla.service import once
from galla.service.offering import Offer
from galla.service.terminals import is_let_go
from galla.service.till import Principal, Till
from galla.service.views import payment_view
from galla.service.words import ago, short_name
from galla.store import bills, obstacles, payments, refunds
from galla.store import merchants as stored
from galla.store.journal import Event, Note, record


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A cleaned request for a payment. `is_answered_at_once`: its caller does not wait for the first step."""

    amount_paise: int
    method: str
    offer: Offer
    reference: str | None
    description: str | None
    bill: str | None
    terminal: str | None
    accept: str
    customer_name: str | None
    customer_phone: str | None
    metadata: dict[str, str]
    tendered_paise: int | None
    allow_parallel: bool
    approver: str | None
    key: str | None
    fingerprint: str
    is_answered_at_once: bool = False


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What the transaction made, or found: `answer` is the first answer to the same key, if it is known."""

    payment: Payment
    is_new: bool
    answer: str | None = None


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a payment is taken and what for; `beside` is the live payment for the same that it does not wait for."""

    terminal: Row[Any] | None = None
    bill: Row[Any] | None = None
    beside: str | None = None


def make(connection: Connection, till: Till, principal: Principal, account: Account, order: Order) -> Made:
    """Write the payment down, with its Paytm id, and the intent to send it.

    Raises:
        PaymentError: a rule forbids it; nothing was written.
    """
    now = till.clock.now()
    if order.bill is None and (order.terminal is not None or not order.offer.capabilities.needs_terminal):
        named = {"key": order.key, "reference": order.reference, "terminal": order.terminal}
        is_free, terminal = obstacles.nothing_before(connection, principal.merchant_id, **named)
        if is_free:
            return _write_down(connection, till, principal, account, order, _Place(terminal=terminal), now)
    known = _known(connection, principal, order, now)
    if known is not None:
        return known
    try:
        return _make(connection, till, principal, account, order, now)
    except PaymentError:
        known = _known(connection, principal, order, now)  # the same request, committed while we looked
        if known is not None:
            return known
        raise


def _make(
    connection: Connection, till: Till, principal: Principal, account: Account, order: Order, now: datetime
) -> Made:
    needs_terminal = order.offer.capabilities.needs_terminal
    terminal = None
    if needs_terminal or order.terminal is not None:
        terminal = _terminal(connection, principal.merchant_id, order.terminal)
    bill = _bill(connection, principal.merchant_id, order, now)
    if needs_terminal and terminal is not None:
        free_terminal(connection, till, principal.merchant_id, terminal, now)
    beside = _unfinished(connection, principal.merchant_id, order, bill)
    if beside is not None and not order.allow_parallel:
        raise ReferenceHasLivePayment(
            f"Payment {beside.id} for {beside.reference} is not finished ({_for(beside, now)}). "
            "Check that one first: it may still be paid.",
            param="reference",
            blocker=beside.id,
        )
    place = _Place(terminal=terminal, bill=bill, beside=beside.id if beside is not None else None)
    return _write_down(connection, till, principal, account, order, place, now)


def _write_down(
    connection: Connection,
    till: Till,
    principal: Principal,
    account: Account,
    order: Order,
    place: _Place,
    now: datetime,
) -> Made:
    payment = _payment(till, principal, account, order, place, now)
    payments.insert_payment(connection, payment)
    if place.bill is not None:
        over = not payment.is_exclusive
        bills.reserve(connection, principal.merchant_id, place.bill.id, payment.amount_paise, over=over)
    view = msgspec.json.encode(payment_view(payment, now)).decode()
    answer = view if order.is_answered_at_once else None
    once.claim(connection, principal.merchant_id, order.key, order.fingerprint, payment.id, now, answer)
    _journal(connection, principal, payment, view, {"beside": place.beside, "approver": order.approver}, now)
    return Made(payment=payment, is_new=True, answer=answer)


def _known(connection: Connection, principal: Principal, order: Order, now: datetime) -> Made | None:
    row = once.known(connection, principal.merchant_id, order.key, order.fingerprint, now)
    if row is None:
        return None
    payment = payments.get(connection, principal.merchant_id, row.object_id)
    if payment is None:
        raise NotFound(f"There is no payment {row.object_id}.")
    return Made(payment=payment, is_new=False, answer=row.answer)


def _terminal(connection: Connection, merchant_id: str, name: str | None) -> Row[Any]:
    if name is None:
        active = [row for row in stored.terminals_of(connection, merchant_id) if row.is_active]
        if len(active) != 1:
            raise InvalidField(
                "Say which machine: `terminal` is needed because this merchant has "
                f"{len(active) or 'no'} active machine{'s' if len(active) != 1 else ''}.",
                param="terminal",
                code="terminal_required",
            )
        return active[0]
    row = stored.get_terminal(connection, merchant_id, name)
    if row is None:
        raise InvalidField(f"There is no machine {name[:40]}.", param="terminal", code="terminal_unknown")
    if not row.is_active:
        raise InvalidField(
            f"The machine {row.label} is switched off in galla. Choose another one.",
            param="terminal",
            code="terminal_inactive",
        )
    return row


def free_terminal(connection: Connection, till: Till, merchant_id: str, terminal: Row[Any], now: datetime) -> None:
    """Make sure that nothing else is on a machine.

    Raises:
        TerminalBusy: a live payment holds it, or a void waits on it; the message names which.
    """
    void = refunds.open_void_on(connection, merchant_id, terminal.id)
    if void is not None and (now - void.created_at).total_seconds() <= till.card.hold_s:
        raise TerminalBusy(
            f"{terminal.label} is asked to void {format_inr(void.amount_paise)}. Press accept or reject on it first, "
            "or choose another machine.",
            param="terminal",
            blocker=void.payment_id,
        )
    holder = payments.holder_of_terminal(connection, merchant_id, terminal.id)
    if holder is None:
        return
    if is_let_go(till, holder, now):
        payments.release_terminal(connection, holder)  # frees the machine; decides nothing about that payment
        return
    raise TerminalBusy(
        f"{terminal.label} is busy with {_for(holder, now)}. Wait for it, or choose another machine.",
        param="terminal",
        blocker=holder.id,
    )


def _bill(connection: Connection, merchant_id: str, order: Order, now: datetime) -> Row[Any] | None:
    if order.bill is None:
        return None
    bill = bills.get(connection, merchant_id, order.bill, lock=True)
    if bill is None:
        raise InvalidField(f"There is no bill {order.bill[:60]}.", param="bill", code="bill_unknown")
    if bill.is_cancelled:
        raise InvalidField(f"Bill {bill.number} is cancelled.", param="bill", code="bill_cancelled")
    due = bill.total_paise - bill.paid_paise
    if order.amount_paise > due:
        raise AmountNotAllowed(
            f"{format_inr(order.amount_paise)} is more than the {format_inr(due)} still due on bill {bill.number}.",
            code="amount_exceeds_due",
            param="amount",
        )
    if order.amount_paise > due - bill.live_paise and not order.allow_parallel:
        raise _in_the_way(bill, payments.live_of_bill(connection, merchant_id, bill.id), now)
    return bill


def _in_the_way(bill: Row[Any], holder: Payment | None, now: datetime) -> BillHasLivePayment:
    name = f"{holder.id}, {_since(holder, now)}" if holder else "another payment"
    free = bill.total_paise - bill.paid_paise - bill.live_paise
    rest = f" At most {format_inr(free)} can be taken beside it." if free > 0 else ""
    return BillHasLivePayment(
        f"Bill {bill.number} has an unfinished payment of {format_inr(bill.live_paise)} ({name}). "
        f"Check that one first: it may still be paid.{rest}",
        param="bill",
        blocker=holder.id if holder else None,
    )


def _payment(
    till: Till,
    principal: Principal,
    account: Account,
    order: Order,
    place: _Place,
    now: datetime,
) -> Payment:
    bill, machine = place.bill, place.terminal
    is_queued = order.method == Method.QUEUE  # collected at any machine: the one named only shows the code
    shown_on, terminal = (machine, None) if is_queued else (None, machine)
    made = Payment(
        id=ids.new_id("pay", now),
        merchant_id=principal.merchant_id,
        environment=account.environment,
        mid=account.mid,
        method=order.method,
        amount_paise=order.amount_paise,
        paytm_id=ids.paytm_id(account.environment, now),
        created_at=now,
        reference=order.reference or (bill.number if bill is not None else None),
        description=order.description,
        bill_id=bill.id if bill is not None else None,
        terminal_id=terminal.id if terminal is not None else None,
        tid=terminal.tid if terminal is not None else None,
        machine=terminal.label if terminal is not None else None,
        shown_on=shown_on.id if shown_on is not None else None,
        accept=order.accept,
        tendered_paise=order.tendered_paise,
        customer_name=short_name(order.customer_name or (bill.customer_name if bill is not None else None)),
        customer_phone=order.customer_phone,
        metadata=order.metadata,
        actor=principal.actor,
        counter=principal.counter or (machine.label if machine is not None else None),
        session=order.offer.session,
        vpa=order.offer.vpa,
        expires_at=order.offer.expires_at,
        void_cutoff=account.void_cutoff if order.offer.capabilities.can_void else None,
        can_rebegin=order.offer.capabilities.can_rebegin,
        is_exclusive=not order.allow_parallel,
        holds_terminal=order.offer.capabilities.needs_terminal,
        jitter=ids.fraction(),
        fence=1,
        sequence=1,
    )
    lease_until = now + timedelta(milliseconds=till.send_lease_ms)
    return msgspec.structs.replace(sending(made, now), lease_until=lease_until, due_at=lease_until)


def _unfinished(
    connection: Connection, merchant_id: str, order: Order, bill: Row[Any] | None
) -> Payment | None:
    """Return the payment that may still pay the same thing: what has no bill is known by its reference.

    A reference may be the number of a bill of galla's: then the bill's own payments count, and of two counters that
    start at once, one on the bill and one on its number, one waits here for the other.
    """
    if bill is not None:
        known = payments.live_with_reference(connection, merchant_id, bill.number)
        if known is None and order.allow_parallel:
            return payments.live_of_bill(connection, merchant_id, bill.id)
        return known
    if order.reference is None:
        return None
    same = bills.get(connection, merchant_id, order.reference, lock=True)
    holder = payments.live_of_bill(connection, merchant_id, same.id) if same is not None else None
    return holder or payments.live_with_reference(connection, merchant_id, order.reference)


def _journal(
    connection: Connection, principal: Principal, payment: Payment, view: str, parallel: dict[str, Any], now: datetime
) -> None:
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="payment.created",
        object_id=payment.id,
        detail={
            "amount": payment.amount_paise,
            "tid": payment.tid,
            "bill": payment.bill_id,
            "parallel": not payment.is_exclusive,
            **parallel,
        },
    )
    happened = Event(
        type="payment.created",
        object_id=payment.id,
        bill_id=payment.bill_id,
        sequence=1,
        data=view,
    )
    record(connection, payment.merchant_id, now, note, happened)


def _for(payment: Payment, now: datetime) -> str:
    reference = f" for {payment.reference}" if payment.reference else ""
    return f"{format_inr(payment.amount_paise)}{reference}, {_since(payment, now)}"


def _since(payment: Payment, now: datetime) -> str:
    age = ago((now - payment.created_at).total_seconds())
    where = f" at {payment.counter}" if payment.counter else ""
    return f"started {age} ago by {payment.actor}{where}"
