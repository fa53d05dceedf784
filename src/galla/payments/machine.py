"""The transition table of a payment, and the one function that walks it.

`apply` takes what a provider said and returns the next payment with at most one event. Only proof moves
money: no branch below looks at elapsed time to decide that a payment is paid, and elapsed time makes
"not paid" only together with Paytm's repeated word that it does not know the id.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

import msgspec

from galla.errors import IllegalTransition
from galla.payments import reasons
from galla.payments.ladder import Ladder, next_due
from galla.payments.model import (
    Captured,
    Declined,
    Duplicate,
    Lost,
    Method,
    Mismatch,
    Missing,
    Outcome,
    Payment,
    Phase,
    Reason,
    Status,
    Unclear,
    Unsent,
    Waiting,
)

TRANSITIONS: frozenset[tuple[Status, Status]] = frozenset(
    {
        (Status.CREATED, Status.PENDING),
        (Status.CREATED, Status.IN_DOUBT),
        (Status.CREATED, Status.PAID),
        (Status.CREATED, Status.NOT_PAID),
        (Status.PENDING, Status.IN_DOUBT),
        (Status.PENDING, Status.PAID),
        (Status.PENDING, Status.NOT_PAID),
        (Status.IN_DOUBT, Status.PENDING),
        (Status.IN_DOUBT, Status.PAID),
        (Status.IN_DOUBT, Status.NOT_PAID),
        (Status.NOT_PAID, Status.PAID),
    }
)
"""Every change of status there is. Nothing leaves `PAID`; `NOT_PAID` yields only to a late proof."""

UNSENT_TRIES = 3
REBEGIN_TRIES = 4
MISSES_MAX = 6
LATE_AGAIN_S = 300
_replace = msgspec.structs.replace


class Asking(StrEnum):
    """What an answer was an answer to."""

    BEGIN = "begin"
    INQUIRE = "inquire"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One move: the payment after it, and the event it makes (None: nothing anybody needs to hear).

    `alert` is a second event beside it, for whoever wants to be woken by nothing else.

    `ask_at` is set when the ladder's own time would be wrong.

    `is_changed` is false when there is nothing to write at all, the common answer to a poll.
    """

    payment: Payment
    event: str | None = None
    alert: str | None = None
    is_changed: bool = True
    ask_at: datetime | None = None


def next_asking(payment: Payment, now: datetime, ladder: Ladder) -> Asking:
    """Return whether the next word to Paytm is the request itself or a question about it.

    A request that may have left is never made again after a cancel, nor when it is too old to be expected.
    """
    if _never_left(payment):
        return Asking.BEGIN
    has_handle = payment.link is not None or payment.code is not None
    may_rebegin = payment.status is Status.CREATED and payment.can_rebegin and not has_handle
    if not (payment.may_resend or may_rebegin) or payment.cancel_requested_at is not None:
        return Asking.INQUIRE
    return Asking.INQUIRE if _is_stale(payment, now, ladder) else Asking.BEGIN


def is_withdrawn(payment: Payment, now: datetime, ladder: Ladder) -> bool:
    """Whether a request that never left must not leave any more: cancelled, or too old to be expected."""
    return _never_left(payment) and (
        payment.cancel_requested_at is not None or _is_stale(payment, now, ladder)
    )


def _never_left(payment: Payment) -> bool:
    return payment.status is Status.CREATED and payment.sends == 0


def _is_stale(payment: Payment, now: datetime, ladder: Ladder) -> bool:
    """Nobody stands at the counter for it any more: a machine must not light up for yesterday's bill."""
    if payment.expires_at is not None and now >= payment.expires_at:
        return True
    return (now - payment.created_at).total_seconds() >= ladder.resend_until_s


def sending(payment: Payment, now: datetime) -> Payment:
    """Return the payment as it must be written down before its request leaves."""
    return _replace(
        payment, sends=payment.sends + 1, may_resend=False, sent_at=now, phase=Phase.SENDING, not_found_count=0
    )


def apply(payment: Payment, outcome: Outcome, asking: Asking, now: datetime, ladder: Ladder) -> Step:
    """Return the step that an answer from the provider makes.

    Args:
        payment: the payment as claimed.
        outcome: the normalised answer, already checked for amount, id, MID and currency.
        asking: whether it answers the request itself or an inquiry.
        now: the present instant.
        ladder: the payment's schedule.
    """
    step = _decide(payment, outcome, asking, now, ladder)
    if not step.is_changed:
        return step
    after = step.payment
    if after.status is not payment.status and (payment.status, after.status) not in TRANSITIONS:
        raise IllegalTransition(
            f"Payment {payment.id} cannot go from {payment.status} to {after.status}; nothing was changed."
        )
    if after.is_live and _is_mismatched(payment):
        after = _replace(after, reason=after.reason if _is_mismatched(after) else payment.reason, needs_review=True)
    if not after.is_live or (now - after.created_at).total_seconds() > ladder.hold_s:
        after = _replace(after, holds_terminal=False)
    sequence = after.sequence + (1 if step.event else 0) + (1 if step.alert else 0)
    due_at = step.ask_at or next_due(after, ladder, now)
    return _replace(step, payment=_replace(after, sequence=sequence, due_at=due_at))


def rested(step: Step, until: datetime) -> Step:
    """Return the step with its next question put off, because Paytm asked to be left alone until then."""
    due_at = step.payment.due_at
    if due_at is None or due_at >= until:
        return step
    return _replace(step, payment=_replace(step.payment, due_at=until), is_changed=True)


def _decide(payment: Payment, outcome: Outcome, asking: Asking, now: datetime, ladder: Ladder) -> Step:
    match outcome:
        case Waiting():
            return _waiting(payment, outcome, asking, now, ladder)
        case Captured():
            return _captured(payment, outcome, now)
        case Declined():
            return _declined(payment, outcome, asking, now)
        case Missing():
            return _missing(payment, outcome, now, ladder)
        case Duplicate():
            return _duplicate(payment, now)
        case Unsent():
            return _unsent(payment, outcome, asking, now, ladder)
        case Lost():
            return _lost(payment, outcome, asking, now, ladder)
        case Unclear():
            return _flag(payment, outcome.reason, payment.is_live and asking is Asking.BEGIN)
        case Mismatch():
            return _flag(payment, outcome.reason, payment.is_live)
        case _:
            assert_never(outcome)


def _waiting(payment: Payment, outcome: Waiting, asking: Asking, now: datetime, ladder: Ladder) -> Step:
    if not payment.is_live:
        return Step(payment=payment, is_changed=False)  # a stale read never un-decides
    keeps_flag = payment.reason is not None and payment.reason.code in ("mismatch", "past_ladder")
    was_clear = payment.reason is None or keeps_flag
    if payment.status is Status.PENDING and payment.phase is outcome.phase and was_clear:
        if payment.misses == 0 and payment.not_found_count == 0:
            return Step(payment=payment, is_changed=False)
        return Step(payment=_replace(payment, misses=0, not_found_count=0))
    after = _replace(
        payment,
        status=Status.PENDING,
        phase=outcome.phase,
        reason=payment.reason if keeps_flag else None,
        needs_review=payment.needs_review and keeps_flag,
        accepted_at=payment.accepted_at or now,
        link=outcome.link or payment.link,
        code=outcome.code or payment.code,
        expires_at=outcome.expires_at or payment.expires_at,
        may_resend=False,
        misses=0,
        not_found_count=0,
    )
    first_at = now + timedelta(seconds=ladder.first_s) if asking is Asking.BEGIN else None
    return Step(payment=after, event="payment.pending", ask_at=first_at)


def _captured(payment: Payment, outcome: Captured, now: datetime) -> Step:
    if payment.status is Status.PAID:
        known = payment.proof
        if known is not None and known.source == "person":
            return _confirmed(payment, outcome)
        if known is not None and known.transaction_id == outcome.proof.transaction_id:
            return Step(payment=payment, is_changed=False)
        return _conflict(payment, "Paytm reports a second transaction for this payment.", None)
    is_late = payment.status is Status.NOT_PAID
    surprise = reasons.late() if is_late else reasons.stopped() if payment.cancel_requested_at is not None else None
    reason = payment.reason if _is_mismatched(payment) else surprise
    after = _replace(
        payment,
        status=Status.PAID,
        phase=Phase.NONE,
        proof=outcome.proof,
        reason=reason,
        needs_review=reason is not None,
        is_late=is_late,
        settled_at=now,
        may_resend=False,
        misses=0,
    )
    return Step(payment=after, event="payment.paid", alert="payment.paid_late" if is_late else None)


def _confirmed(payment: Payment, outcome: Captured) -> Step:
    """Paytm proves what two people had decided. Their proof stays; that it was right is written down once."""
    reason = reasons.confirmed(outcome.proof.transaction_id, outcome.proof.rrn)
    if payment.needs_review or payment.reason == reason:
        return Step(payment=payment, is_changed=False)
    if payment.reason is not None and payment.reason.code == reason.code:
        return _conflict(payment, "Paytm reports a second transaction for this payment.", None)
    return Step(payment=_replace(payment, reason=reason), event="payment.confirmed")


def _declined(payment: Payment, outcome: Declined, asking: Asking, now: datetime) -> Step:
    if payment.status is Status.PAID:
        return _conflict(payment, "Paytm now reports this paid payment as not paid.", outcome.reason.paytm_code)
    if payment.status is Status.NOT_PAID:
        return Step(payment=_replace(payment, misses=0), is_changed=payment.misses > 0)
    if asking is Asking.BEGIN and payment.sends > 1:
        # Only the second sending was refused, perhaps because the first one is on the machine: go on asking.
        reason = reasons.resend_refused(outcome.reason)
        after = _replace(payment, status=Status.IN_DOUBT, phase=Phase.CHECKING, reason=reason)
        return Step(payment=after, event="payment.in_doubt")
    return _not_paid(payment, outcome.reason, now)


def _missing(payment: Payment, outcome: Missing, now: datetime, ladder: Ladder) -> Step:
    if not payment.is_live:
        return Step(payment=payment, is_changed=False)
    count = payment.not_found_count + 1
    if payment.expires_at is not None:
        return _unattempted(payment, count, now, ladder)
    waited_s = (now - (payment.sent_at or payment.created_at)).total_seconds()
    if waited_s < ladder.grace_s or count < ladder.grace_asks:
        return Step(payment=_replace(payment, not_found_count=count, misses=0))
    if payment.accepted_at is not None:
        return _flag(payment, reasons.lost_after_acceptance(outcome.paytm_code), True)
    age_s = (now - payment.created_at).total_seconds()
    if payment.sends < 2 and payment.cancel_requested_at is None and age_s < ladder.resend_until_s:
        after = _replace(
            payment, status=Status.IN_DOUBT, phase=Phase.CHECKING, may_resend=True, reason=reasons.never_arrived()
        )
        return Step(payment=after, event="payment.in_doubt", ask_at=now)
    return _not_paid(payment, reasons.never_sent("Paytm never received this payment."), now)


def _unattempted(payment: Payment, count: int, now: datetime, ladder: Ladder) -> Step:
    """Nobody has tried to pay by the link yet. While it lives that means nothing; afterwards it was not used."""
    ends_at = payment.expires_at or now
    if now < ends_at + timedelta(seconds=ladder.grace_s) or count < ladder.grace_asks:
        return Step(payment=_replace(payment, not_found_count=count, misses=0))
    return _not_paid(payment, reasons.expired(), now)


def _duplicate(payment: Payment, now: datetime) -> Step:
    """Our own id is known to Paytm: the earlier request did arrive, so the next word is a question."""
    if not payment.is_live:
        return Step(payment=payment, is_changed=False)
    after = _replace(
        payment,
        status=Status.PENDING,
        phase=Phase.CHECKING,
        reason=None,
        accepted_at=payment.accepted_at or now,
        may_resend=False,
    )
    return Step(payment=after, event="payment.pending", ask_at=now)


def _unsent(payment: Payment, outcome: Unsent, asking: Asking, now: datetime, ladder: Ladder) -> Step:
    if asking is Asking.INQUIRE or not payment.is_live:
        return _miss(payment, now, ladder)
    if payment.sends > 1:  # the re-send did not leave; the first request is still in doubt
        after = _replace(payment, sends=payment.sends - 1, status=Status.IN_DOUBT, phase=Phase.CHECKING)
        return Step(payment=_replace(after, reason=reasons.never_arrived()), event="payment.in_doubt")
    count = payment.unsent_count + 1
    if count >= UNSENT_TRIES or payment.cancel_requested_at is not None or _is_stale(payment, now, ladder):
        after = _replace(payment, sends=0, unsent_count=count)
        why = "Cancelled before anything was sent."
        if payment.cancel_requested_at is None:
            why = "We could not reach Paytm, so nothing was sent."
        return _not_paid(after, reasons.never_sent(why), now)
    after = _replace(
        payment,
        sends=0,
        unsent_count=count,
        phase=Phase.SENDING,
    )
    return Step(payment=after, ask_at=now + timedelta(seconds=count * ladder.scale))


def _lost(payment: Payment, outcome: Lost, asking: Asking, now: datetime, ladder: Ladder) -> Step:
    if asking is Asking.INQUIRE or not payment.is_live:
        return _miss(payment, now, ladder)
    if payment.can_rebegin and payment.sends < REBEGIN_TRIES:
        return Step(payment=payment, ask_at=now + timedelta(seconds=ladder.first_s))
    said = reasons.lost_code if payment.method == Method.QUEUE else reasons.lost_reply
    reason = said(outcome.paytm_code)
    after = _replace(
        payment,
        status=Status.IN_DOUBT,
        phase=Phase.CHECKING,
        reason=reason,
    )
    return Step(payment=after, event="payment.in_doubt", ask_at=now + timedelta(seconds=ladder.first_s))


def _is_mismatched(payment: Payment) -> bool:
    """Whether an answer spoke of other money than this: a person must see that, whatever comes after it."""
    return payment.reason is not None and payment.reason.code == "mismatch"


def _miss(payment: Payment, now: datetime, ladder: Ladder) -> Step:
    """An inquiry brought nothing. Ask less often for a while; decide nothing.

    Of a payment that is not paid, the same question is asked again soon: a late success must not be lost to one
    lost reply.
    """
    if payment.status is Status.PAID or payment.misses >= MISSES_MAX:
        return Step(payment=payment, is_changed=False)
    after = _replace(payment, misses=payment.misses + 1)
    again_at = now + timedelta(seconds=LATE_AGAIN_S * ladder.scale)
    return Step(payment=after, ask_at=None if payment.is_live else again_at)


def _flag(payment: Payment, reason: Reason, into_doubt: bool) -> Step:
    if payment.status is Status.PAID:
        return _conflict(payment, reason.message, reason.paytm_code)
    known = payment.reason
    if payment.is_live and _is_mismatched(payment) and reason.code != "mismatch":
        return Step(payment=payment, is_changed=False)  # a smaller trouble never washes away a greater one
    is_same = known is not None and (known.code, known.paytm_code) == (reason.code, reason.paytm_code)
    if payment.needs_review and is_same:
        return Step(payment=payment, is_changed=False)
    if payment.status is Status.NOT_PAID:
        says_more = reason.code == "mismatch"  # an answer about other money outweighs why it was not paid
        if payment.needs_review and not says_more:
            return Step(payment=payment, is_changed=False)
        after = _replace(payment, needs_review=True, reason=reason if says_more else payment.reason)
        return Step(payment=after, event="payment.needs_review")
    after = _replace(payment, needs_review=True, reason=reason)
    if into_doubt:
        after = _replace(after, status=Status.IN_DOUBT, phase=Phase.CHECKING)
    return Step(payment=after, event="payment.needs_review")


def _conflict(payment: Payment, message: str, paytm_code: str | None) -> Step:
    if payment.needs_review and payment.reason is not None and payment.reason.code == "conflict":
        return Step(payment=payment, is_changed=False)
    reason = reasons.conflict(message, paytm_code)
    return Step(payment=_replace(payment, needs_review=True, reason=reason), event="payment.needs_review")


def _not_paid(payment: Payment, reason: Reason, now: datetime) -> Step:
    after = _replace(
        payment,
        status=Status.NOT_PAID,
        phase=Phase.NONE,
        reason=reason,
        settled_at=now,
        may_resend=False,
        needs_review=_is_mismatched(payment),
        misses=0,
    )
    return Step(payment=after, event="payment.not_paid")
