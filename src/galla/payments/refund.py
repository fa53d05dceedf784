"""A refund: money going back, as its own object with its own table.

Its reference is stored before the call and used for every retry, so that asking twice can never pay back twice.
Void and refund differ in what is sent; what an answer does to them is the same, and is here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

import msgspec

from galla.errors import IllegalTransition
from galla.payments import reasons
from galla.payments.ladder import REFUND_RUNGS, REFUND_WATCH_S, VOID_RUNGS, backed_off, jittered
from galla.payments.machine import Asking
from galla.payments.model import Reason
from galla.payments.voiding import VOID


class RefundStatus(StrEnum):
    """Where a refund stands. `DONE` and `FAILED` are final, but a failed one may still prove done, late."""

    CREATED = "created"
    PENDING = "pending"
    IN_DOUBT = "in_doubt"
    DONE = "done"
    FAILED = "failed"


OPEN = frozenset({RefundStatus.CREATED, RefundStatus.PENDING, RefundStatus.IN_DOUBT})

TRANSITIONS: frozenset[tuple[RefundStatus, RefundStatus]] = frozenset(
    {
        (RefundStatus.CREATED, RefundStatus.PENDING),
        (RefundStatus.CREATED, RefundStatus.IN_DOUBT),
        (RefundStatus.CREATED, RefundStatus.DONE),
        (RefundStatus.CREATED, RefundStatus.FAILED),
        (RefundStatus.PENDING, RefundStatus.IN_DOUBT),
        (RefundStatus.PENDING, RefundStatus.DONE),
        (RefundStatus.PENDING, RefundStatus.FAILED),
        (RefundStatus.IN_DOUBT, RefundStatus.PENDING),
        (RefundStatus.IN_DOUBT, RefundStatus.DONE),
        (RefundStatus.IN_DOUBT, RefundStatus.FAILED),
    }
)
"""Every change of status there is. Nothing leaves `DONE` or `FAILED`: a new try is a new refund."""


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money going back to a payer. Amounts in paise, instants aware UTC; the lease works as a payment's.

    `kind` is `void` or `refund`, `choice` the sentence that says why galla took this kind, `approver` the second
    person where one was needed. `counter` is where it was asked for, `expires_at` when Paytm takes a void no longer; a
    refund has no such time.
    """

    id: str
    merchant_id: str
    payment_id: str
    kind: str
    mid: str
    ref_id: str
    amount_paise: int
    reason: str
    actor: str
    created_at: datetime
    approver: str | None = None
    counter: str | None = None
    choice: str | None = None
    status: RefundStatus = RefundStatus.CREATED
    refund_id: str | None = None
    trouble: Reason | None = None
    rrn: str | None = None
    needs_review: bool = False
    sends: int = 0
    may_resend: bool = False
    not_found_count: int = 0
    checks: int = 0
    misses: int = 0
    jitter: int = 0
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    expires_at: datetime | None = None
    asked_at: datetime | None = None
    due_at: datetime | None = None
    lease_until: datetime | None = None
    fence: int = 0
    sequence: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the refund still counts against what may be refunded without being done."""
        return self.status in OPEN


# What a provider said about a refund, normalised.


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """Accepted, on its way; not done."""

    refund_id: str | None = None


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """Proven done. What the provider says of it is compared with the refund by the framework."""

    mid: str
    paytm_id: str
    ref_id: str
    amount_paise: int
    refund_id: str | None = None
    rrn: str | None = None


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """Proven not done."""

    reason: Reason


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """The provider does not know the reference. `final` is its no, where it means that once the grace is over."""

    final: Reason | None = None


class AlreadyRaised(msgspec.Struct, frozen=True, kw_only=True):
    """The provider has this reference already: an earlier request did arrive."""


class NotNow(msgspec.Struct, frozen=True, kw_only=True):
    """Refused for the moment, such as another refund on the order in progress: the same reference may try later."""

    reason: Reason


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """No answer, or one that says nothing. `was_sent` is false when the request certainly never left."""

    detail: str
    was_sent: bool = True


class Unexpected(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that decides nothing, or is about something else. A person must look."""

    reason: Reason


RefundOutcome = Raised | Returned | Rejected | Unknown | AlreadyRaised | NotNow | Unanswered | Unexpected

GRACE_S = 120
REPEAT_S = 660  # Paytm takes no equal refund of one payment within ten minutes
_BUSY_S = 60
_VOID_BUSY_S = 10
RETRY_S = 5
_LAST_S = 86_400
GRACE_ASKS = 3
RESENDS = 2


class RefundStep(msgspec.Struct, frozen=True, kw_only=True):
    """One move of a refund, and the event it makes."""

    refund: Refund
    event: str | None = None
    is_changed: bool = True
    ask_at: datetime | None = None


_replace = msgspec.structs.replace


def is_late(refund: Refund, now: datetime) -> bool:
    """Whether Paytm takes this void no longer; a refund is never late."""
    return refund.expires_at is not None and now >= refund.expires_at


def is_withdrawn(refund: Refund, now: datetime) -> bool:
    """Whether a void never left in its time, so that it must not leave any more."""
    return refund.is_open and refund.sends == 0 and is_late(refund, now)


def next_asking(refund: Refund, now: datetime) -> Asking:
    """Return whether the next word is the request itself or a question about it."""
    if is_late(refund, now):
        return Asking.INQUIRE
    if refund.may_resend or (refund.status is RefundStatus.CREATED and refund.sends == 0):
        return Asking.BEGIN
    return Asking.INQUIRE


def sending(refund: Refund, now: datetime) -> Refund:
    """Return the refund as it must be written down before its request leaves."""
    return _replace(refund, sends=refund.sends + 1, may_resend=False, sent_at=now, not_found_count=0)


def next_due(refund: Refund, now: datetime, scale: float) -> datetime | None:
    """Return when to ask again: soon at first, once a day at the end, never silent while open.

    A refund that failed is watched for three days more: it may prove done after all.
    """
    age_s = (now - refund.created_at).total_seconds()
    if refund.status is RefundStatus.DONE:
        return None
    if refund.status is RefundStatus.FAILED:  # given up, but its request may still arrive somewhere
        watches = (watch_s * scale for watch_s in REFUND_WATCH_S if age_s < watch_s * scale)
        return min((refund.created_at + timedelta(seconds=watch_s) for watch_s in watches), default=None)
    rungs = VOID_RUNGS if refund.kind == VOID else REFUND_RUNGS
    every_s = next((rung.every_s for rung in rungs if age_s < rung.until_s * scale), _LAST_S)
    due_at = now + timedelta(seconds=jittered(backed_off(every_s * scale, refund.misses, scale), refund.jitter))
    if refund.expires_at is not None and not is_late(refund, now):
        return min(due_at, refund.expires_at)
    return due_at


def apply(refund: Refund, outcome: RefundOutcome, asking: Asking, now: datetime, scale: float) -> RefundStep:
    """Return the step that an answer makes. Only the provider's word ends a refund; time never does."""
    step = _overdue(refund, _decide(refund, outcome, asking, now, scale), now)
    if not step.is_changed:
        return step
    after = step.refund
    if after.status is not refund.status and (refund.status, after.status) not in TRANSITIONS:
        raise IllegalTransition(f"Refund {refund.id} cannot go from {refund.status} to {after.status}.")
    if _is_mismatched(refund) and after.status is not RefundStatus.FAILED:  # whatever comes after, a person must look
        after = _replace(after, trouble=after.trouble if _is_mismatched(after) else refund.trouble, needs_review=True)
    due_at = step.ask_at or next_due(after, now, scale)
    return _replace(
        step, refund=_replace(after, sequence=after.sequence + (1 if step.event else 0), due_at=due_at)
    )


def _overdue(before: Refund, step: RefundStep, now: datetime) -> RefundStep:
    """Flag a sent void that is open when its time is over: it is asked about on, and a person chooses what to do."""
    after = step.refund
    if not after.is_open:
        was_overdue = before.trouble is not None and before.trouble.code == reasons.void_unanswered().code
        return _replace(step, refund=_replace(after, needs_review=False)) if was_overdue and before.is_open else step
    if after.sends == 0 or after.needs_review or not is_late(after, now):
        return step
    flagged = _replace(after, needs_review=True, trouble=reasons.void_unanswered())
    return _replace(step, refund=flagged, event=step.event or "refund.needs_review", is_changed=True)


def _decide(refund: Refund, outcome: RefundOutcome, asking: Asking, now: datetime, scale: float) -> RefundStep:
    if not refund.is_open:
        return _after_the_end(refund, outcome)
    match outcome:
        case Raised():
            if refund.needs_review and is_late(refund, now):  # a person is asked already
                return RefundStep(refund=_replace(refund, misses=0), is_changed=refund.misses > 0)
            return _raised(refund, outcome.refund_id)
        case Returned():
            after = _replace(
                refund,
                status=RefundStatus.DONE,
                refund_id=outcome.refund_id or refund.refund_id,
                rrn=outcome.rrn,
                trouble=None,
                needs_review=False,
                settled_at=now,
                misses=0,
            )
            return RefundStep(refund=after, event="refund.done")
        case Rejected():
            return _rejected(refund, outcome.reason, asking, now)
        case Unknown():
            return _unknown(refund, outcome, now, scale)
        case AlreadyRaised():
            return _already_raised(refund, now)
        case NotNow():
            if asking is Asking.INQUIRE:  # it answers a request, and no question
                return RefundStep(refund=refund, is_changed=False)
            return _not_now(refund, outcome.reason, now, scale)
        case Unanswered():
            return _unanswered(refund, outcome, asking, now, scale)
        case Unexpected():
            is_lesser = _is_mismatched(refund) and outcome.reason.code != "mismatch"
            if refund.needs_review and (is_lesser or refund.trouble == outcome.reason):
                return RefundStep(refund=refund, is_changed=False)
            doubt = RefundStatus.IN_DOUBT if asking is Asking.BEGIN else refund.status
            after = _replace(refund, status=doubt, needs_review=True, trouble=outcome.reason)
            return RefundStep(refund=after, event="refund.needs_review")
        case _:
            assert_never(outcome)


def _after_the_end(refund: Refund, outcome: RefundOutcome) -> RefundStep:
    """A failed refund that proves done after all is flagged: somebody must look before paying back again."""
    if refund.status is RefundStatus.FAILED and isinstance(outcome, Returned) and not refund.needs_review:
        return RefundStep(refund=_replace(refund, needs_review=True), event="refund.needs_review")
    return RefundStep(refund=refund, is_changed=False)


def _is_mismatched(refund: Refund) -> bool:
    """Whether an answer spoke of another refund than this."""
    return refund.trouble is not None and refund.trouble.code == "mismatch"


def _not_now(refund: Refund, reason: Reason, now: datetime, scale: float) -> RefundStep:
    """Try again later. A machine that is busy may be busy with the first sending of this very void: then ask."""
    if refund.kind == VOID and refund.sends > 1:
        doubt = _replace(refund, status=RefundStatus.IN_DOUBT, trouble=reason)
        return RefundStep(refund=doubt, event="refund.in_doubt")
    wait_s = (_VOID_BUSY_S if refund.kind == VOID else _BUSY_S) * scale
    after = _replace(refund, sends=refund.sends - 1, may_resend=True, trouble=reason)
    return RefundStep(refund=after, ask_at=now + timedelta(seconds=wait_s))


def _rejected(refund: Refund, reason: Reason, asking: Asking, now: datetime) -> RefundStep:
    """A no is final, but for a no to a second sending: the first may have taken what the second asks for."""
    if asking is Asking.BEGIN and refund.sends > 1:
        trouble = reasons.refund_resend_refused(refund.kind, reason)
        doubt = _replace(refund, status=RefundStatus.IN_DOUBT, trouble=trouble)
        return RefundStep(refund=doubt, event="refund.in_doubt")
    after = _replace(
        refund, status=RefundStatus.FAILED, trouble=reason, settled_at=now, misses=0, may_resend=False
    )
    return RefundStep(refund=after, event="refund.failed")


def _raised(refund: Refund, refund_id: str | None) -> RefundStep:
    after = _replace(
        refund,
        status=RefundStatus.PENDING,
        refund_id=refund_id or refund.refund_id,
        trouble=None,
        needs_review=False,
        may_resend=False,
        misses=0,
        not_found_count=0,
    )
    was_flagged = refund.needs_review and not _is_mismatched(refund)
    if refund.status is RefundStatus.PENDING and not was_flagged:
        return RefundStep(refund=after, is_changed=after != refund)
    return RefundStep(refund=after, event="refund.pending")


def _already_raised(refund: Refund, now: datetime) -> RefundStep:
    """Ours arrived before, or it looks like another one of minutes ago: only its reference tells them apart."""
    after = _replace(_raised(refund, None).refund, trouble=reasons.already_raised(refund.kind))
    return RefundStep(refund=after, event="refund.pending", ask_at=now)


def _unknown(refund: Refund, outcome: Unknown, now: datetime, scale: float) -> RefundStep:
    """Paytm does not know the reference: after a grace, the same reference may be sent once more."""
    count = refund.not_found_count + 1
    waited_s = (now - (refund.sent_at or refund.created_at)).total_seconds()
    if waited_s < GRACE_S * scale or count < GRACE_ASKS:
        return RefundStep(refund=_replace(refund, not_found_count=count, misses=0))
    may_leave = refund.sends < RESENDS and not is_late(refund, now)
    was_taken_for_another = refund.trouble is not None and refund.trouble.code == "already_raised"
    if was_taken_for_another and may_leave:
        if waited_s < REPEAT_S * scale:
            return RefundStep(refund=_replace(refund, not_found_count=count, misses=0))
        return RefundStep(refund=_replace(refund, may_resend=True), ask_at=now)
    if refund.status is RefundStatus.PENDING:
        if outcome.final is not None:
            return _rejected(refund, outcome.final, Asking.INQUIRE, now)
        event = None if refund.needs_review else "refund.needs_review"
        return RefundStep(refund=_replace(refund, not_found_count=count, needs_review=True), event=event)
    if may_leave:
        return RefundStep(refund=_replace(refund, may_resend=True), ask_at=now)
    trouble = reasons.void_never_sent() if refund.kind == VOID else reasons.refund_never_sent()
    after = _replace(refund, status=RefundStatus.FAILED, trouble=trouble, settled_at=now)
    return RefundStep(refund=after, event="refund.failed")


def _unanswered(refund: Refund, outcome: Unanswered, asking: Asking, now: datetime, scale: float) -> RefundStep:
    if asking is Asking.INQUIRE:
        if refund.misses >= 6:
            return RefundStep(refund=refund, is_changed=False)
        return RefundStep(refund=_replace(refund, misses=refund.misses + 1))
    if not outcome.was_sent:
        after = _replace(refund, sends=refund.sends - 1, may_resend=refund.sends > 1, misses=refund.misses + 1)
        return RefundStep(refund=after, ask_at=now + timedelta(seconds=RETRY_S * scale))
    after = _replace(refund, status=RefundStatus.IN_DOUBT, trouble=reasons.refund_lost(refund.kind))
    return RefundStep(refund=after, event="refund.in_doubt", ask_at=now + timedelta(seconds=RETRY_S * scale))
