"""The transaction that makes a refund or a void: every rule checked, under the lock that keeps the cap true.

Plain functions of a connection; `refunds.start` runs them and then takes the first step.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from galla import ids
from galla.clock import rfc3339
from galla.errors import IllegalTransition, NotFound
from galla.money import format_inr
from galla.payments import reasons
from galla.payments.giving_back import amount_to_give, given_paise, left_paise, needs_second
from galla.payments.model import Payment, Status
from galla.payments.refund import Refund, RefundStatus, is_late, sending
from galla.payments.refund import next_due as next_refund_due
from galla.payments.voiding import AUTO, VOID, Choice, choose, until
from galla.service import approval, once
from galla.service.starting import free_terminal
from galla.service.tasking import follow_refund, refund_started
from galla.service.till import Principal, Till
from galla.service.views import View, refund_view
from galla.store import merchants as stored
from galla.store import payments, refunds
from galla.store.journal import Event, Note, record


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A cleaned request to give money back. `approver` is the second person's name, where one was given."""

    payment_id: str
    amount_paise: int | None
    reason: str
    kind: str
    approver: str | None
    key: str | None
    fingerprint: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What the transaction made, or found: `answer` is the first answer to the same key."""

    refund: Refund
    is_new: bool
    answer: str | None = None


def make(connection: Connection, till: Till, principal: Principal, wish: Wish) -> Made:
    """Write the refund down, with its reference, and the intent to send it.

    Raises:
        PaymentError: a rule forbids it; nothing was written.
    """
    now = till.clock.now()
    payment = payments.get(connection, principal.merchant_id, wish.payment_id, lock=True)
    row = once.known(connection, principal.merchant_id, wish.key, wish.fingerprint, now)  # under the lock: twins wait
    if row is not None:
        known = refunds.get(connection, principal.merchant_id, row.object_id)
        if known is None:
            raise NotFound(f"There is no refund {row.object_id}.")
        return Made(refund=known, is_new=False, answer=row.answer)
    if payment is None:
        raise NotFound(f"There is no payment {wish.payment_id[:60]}.")
    _check_possible(till, payment)
    earlier = refunds.of_payment(connection, payment.merchant_id, payment.id)
    payment = _give_up_void(connection, till, principal, wish, payment, earlier, now)
    amount_paise = amount_to_give(payment, wish.amount_paise)
    choice = choose(payment, wish.kind, amount_paise, now, has_failed=_has_failed(earlier))
    if choice.kind == VOID:
        _free_machine(connection, till, payment, now)
        refunds.leave_failed_voids(connection, payment.merchant_id, payment.id)
    _approve(connection, payment, amount_paise, wish)
    refund = _refund(till, principal, payment, wish, amount_paise, choice, now)
    refunds.insert_refund(connection, refund)
    once.claim(connection, principal.merchant_id, wish.key, wish.fingerprint, refund.id, now)
    detail = {"payment": payment.id, "amount": amount_paise, "kind": refund.kind, "reason": wish.reason}
    _journal(connection, principal, payment, refund, "refund.created", {**detail, "approver": wish.approver}, now)
    refund_started(connection, till, payment, refund, actor=principal.actor, origin=principal.origin)
    return Made(refund=refund, is_new=True)


def foreseen(connection: Connection, till: Till, principal: Principal, payment_id: str) -> View | None:
    """Return what `make` would do for all that is left of a payment, or None when it would refuse."""
    payment = payments.get(connection, principal.merchant_id, payment_id)
    if payment is None:
        raise NotFound(f"There is no payment {payment_id[:60]}.")
    connector = till.connectors.get(payment.method)
    if payment.status is not Status.PAID or connector is None or not connector.capabilities.can_refund:
        return None
    now = till.clock.now()
    earlier = refunds.of_payment(connection, payment.merchant_id, payment.id)
    stuck = next((each for each in earlier if each.kind == VOID and each.is_open and _is_unanswered(each, now)), None)
    if stuck is not None:
        payment = msgspec.structs.replace(payment, refunding_paise=payment.refunding_paise - stuck.amount_paise)
    left = left_paise(payment)
    if left == 0:
        return None
    choice = choose(payment, AUTO, left, now, has_failed=_has_failed(earlier))
    limit = _limit(connection, payment)
    return {
        "kind": choice.kind,
        "choice": choice.why,
        "amount": left,
        "void_until": rfc3339(ends_at) if choice.kind == VOID and (ends_at := until(payment)) else None,
        "needs_approver": stuck is not None or needs_second(payment, left, limit),
        "instead_of": stuck.id if stuck is not None else None,
    }


def _check_possible(till: Till, payment: Payment) -> None:
    if payment.status is not Status.PAID:
        raise IllegalTransition(
            f"Payment {payment.id} is {payment.status.replace('_', ' ')}: only a paid payment can be given back.",
            code="payment_not_paid",
        )
    connector = till.connectors.get(payment.method)
    if connector is None or not connector.capabilities.can_refund:
        raise IllegalTransition(
            f"A {payment.method} payment cannot be given back this way by this version of galla. "
            "Use the Paytm dashboard, and note it on the bill.",
            code="refund_not_possible",
            param="kind",
        )


def _free_machine(connection: Connection, till: Till, payment: Payment, now: datetime) -> None:
    """A void is accepted on the sale's own machine, so nothing else may be on it."""
    terminal = None
    if payment.terminal_id is not None:
        terminal = stored.get_terminal(connection, payment.merchant_id, payment.terminal_id)
    if terminal is not None:
        free_terminal(connection, till, payment.merchant_id, terminal, now)


def _approve(connection: Connection, payment: Payment, amount_paise: int, wish: Wish) -> None:
    """Above the merchant's limit two people are needed; what the payment has given back before counts."""
    limit = _limit(connection, payment)
    if limit is None or wish.approver is not None or not needs_second(payment, amount_paise, limit):
        return
    raise approval.needed(
        f"One person alone may give back at most {format_inr(limit)} of a payment here, and this makes it "
        f"{format_inr(given_paise(payment) + amount_paise)}."
    )


def _limit(connection: Connection, payment: Payment) -> int | None:
    merchant = stored.get_merchant(connection, payment.merchant_id)
    return merchant.refund_limit_paise if merchant is not None else None


def _has_failed(earlier: list[Refund]) -> bool:
    return any(each.kind == VOID and each.status is RefundStatus.FAILED for each in earlier)


def _give_up_void(
    connection: Connection,
    till: Till,
    principal: Principal,
    wish: Wish,
    payment: Payment,
    earlier: list[Refund],
    now: datetime,
) -> Payment:
    """Let two people end a void that nobody answered in its time, so that a refund can take its place.

    Only when Paytm has said, after that time, that the machine has still not answered; silence is not enough.
    """
    void = next((each for each in earlier if each.kind == VOID and each.is_open), None)
    if void is None or wish.kind == VOID or not _is_unanswered(void, now):
        return payment
    if void.lease_until is not None and void.lease_until > now:
        raise IllegalTransition(
            "Paytm is being asked about the void of this sale at this moment. Try again in a few seconds.",
            code="void_unanswered",
        )
    if wish.approver is None:
        raise approval.needed("The void of this sale is still open at Paytm, and a refund would take its place.")
    ended = msgspec.structs.replace(
        void,
        status=RefundStatus.FAILED,
        trouble=reasons.void_given_up(),
        needs_review=False,
        settled_at=now,
        fence=void.fence + 1,
        sequence=void.sequence + 1,
    )
    ended = msgspec.structs.replace(ended, due_at=next_refund_due(ended, now, till.settings.ladder_scale))
    ended = refunds.save(connection, void, ended)
    detail: dict[str, Any] = {"payment": payment.id, "reason": wish.reason, "approver": wish.approver}
    _journal(connection, principal, payment, ended, "refund.failed", detail, now)
    follow_refund(connection, till, payment, ended)
    return msgspec.structs.replace(payment, refunding_paise=payment.refunding_paise - void.amount_paise)


def _is_unanswered(void: Refund, now: datetime) -> bool:
    was_asked = void.expires_at is not None and void.asked_at is not None and void.asked_at >= void.expires_at
    is_flagged = void.needs_review and void.trouble is not None
    return is_late(void, now) and was_asked and void.misses == 0 and is_flagged


def _refund(
    till: Till,
    principal: Principal,
    payment: Payment,
    wish: Wish,
    amount_paise: int,
    choice: Choice,
    now: datetime,
) -> Refund:
    made = Refund(
        id=ids.new_id("rfd", now),
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        kind=choice.kind,
        mid=payment.mid,
        ref_id=ids.paytm_id(payment.environment, now),
        amount_paise=amount_paise,
        reason=wish.reason,
        actor=principal.actor,
        approver=wish.approver,
        counter=principal.counter,
        choice=choice.why,
        created_at=now,
        expires_at=until(payment) if choice.kind == VOID else None,
        jitter=ids.fraction(),
        fence=1,
        sequence=1,
    )
    lease_until = now + timedelta(milliseconds=till.send_lease_ms)
    return msgspec.structs.replace(sending(made, now), lease_until=lease_until, due_at=lease_until)


def _journal(
    connection: Connection,
    principal: Principal,
    payment: Payment,
    refund: Refund,
    action: str,
    detail: dict[str, Any],
    now: datetime,
) -> None:
    note = Note(
        actor=principal.actor, origin=principal.origin, action=action, object_id=refund.id, detail=detail
    )
    happened = Event(
        type=action,
        object_id=refund.id,
        bill_id=payment.bill_id,
        sequence=refund.sequence,
        data=msgspec.json.encode(refund_view(refund)).decode(),
    )
    record(connection, refund.merchant_id, now, note, happened)
