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
from galla.payments.ladder import REFUND_RUNGS, REFUND_WATCH_S, backed_off, jittered
from galla.payments.machine import Asking
from galla.payments.model import Reason


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
    person where one was needed.
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
    """The provider does not know the reference."""


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
_RETRY_S = 5
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


def next_asking(refund: Refund) -> Asking:
    """Return whether the next word is the request itself or a question about it."""
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
    every_s = next((rung.every_s for rung in REFUND_RUNGS if age_s < rung.until_s * scale), _LAST_S)
    return now + timedelta(seconds=jittered(backed_off(every_s * scale, refund.misses, scale), refund.jitter))


def apply(refund: Refund, outcome: RefundOutcome, asking: Asking, now: datetime, scale: float) -> RefundStep:
    """Return the step that an answer makes. Only the provider's word ends a refund; time never does."""
    step = _decide(refund, outcome, asking, now, scale)
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


def _decide(refund: Refund, outcome: RefundOutcome, asking: Asking, now: datetime, scale: float) -> RefundStep:
    if not refund.is_open:
        return _after_the_end(refund, outcome)
    match outcome:
        case Raised():
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
            return _unknown(refund, now, scale)
        case AlreadyRaised():
            return _already_raised(refund, now)
        case NotNow():
            if asking is Asking.INQUIRE:  # it answers a request, and no question
                return RefundStep(refund=refund, is_changed=False)
            later = now + timedelta(seconds=_BUSY_S * scale)
            after = _replace(refund, sends=refund.sends - 1, may_resend=True, trouble=outcome.reason)
            return RefundStep(refund=after, ask_at=later)
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


def _rejected(refund: Refund, reason: Reason, asking: Asking, now: datetime) -> RefundStep:
    """A no is final, but for a no to a second sending: the first may have taken what the second asks for."""
    if asking is Asking.BEGIN and refund.sends > 1:
        doubt = _replace(
            refund,
            status=RefundStatus.IN_DOUBT,
            trouble=Reason(
                code="not_found",
                message="Paytm would not take this refund a second time, and the first request may have arrived.",
                hint="We are checking with Paytm by the same reference. Do not refund again.",
                paytm_code=reason.paytm_code,
                paytm_message=reason.paytm_message,
            ),
        )
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
    trouble = Reason(
        code="already_raised",
        message="Paytm says that this refund was raised before.",
        hint="We are checking with Paytm by its reference. Do not refund again.",
    )
    after = _replace(_raised(refund, None).refund, trouble=trouble)
    return RefundStep(refund=after, event="refund.pending", ask_at=now)


def _unknown(refund: Refund, now: datetime, scale: float) -> RefundStep:
    """Paytm does not know the reference: after a grace, the same reference may be sent once more."""
    count = refund.not_found_count + 1
    waited_s = (now - (refund.sent_at or refund.created_at)).total_seconds()
    if waited_s < GRACE_S * scale or count < GRACE_ASKS:
        return RefundStep(refund=_replace(refund, not_found_count=count, misses=0))
    was_taken_for_another = refund.trouble is not None and refund.trouble.code == "already_raised"
    if was_taken_for_another and refund.sends < RESENDS:
        if waited_s < REPEAT_S * scale:
            return RefundStep(refund=_replace(refund, not_found_count=count, misses=0))
        return RefundStep(refund=_replace(refund, may_resend=True), ask_at=now)
    if refund.status is RefundStatus.PENDING:
        event = None if refund.needs_review else "refund.needs_review"
        return RefundStep(refund=_replace(refund, not_found_count=count, needs_review=True), event=event)
    if refund.sends < RESENDS:
        return RefundStep(refund=_replace(refund, may_resend=True), ask_at=now)
    trouble = Reason(
        code="never_sent",
        message="Paytm never received this refund, though it was sent twice.",
        hint="No money went back. Start the refund again.",
    )
    after = _replace(refund, status=RefundStatus.FAILED, trouble=trouble, settled_at=now)
    return RefundStep(refund=after, event="refund.failed")


def _unanswered(refund: Refund, outcome: Unanswered, asking: Asking, now: datetime, scale: float) -> RefundStep:
    if asking is Asking.INQUIRE:
        if refund.misses >= 6:
            return RefundStep(refund=refund, is_changed=False)
        return RefundStep(refund=_replace(refund, misses=refund.misses + 1))
    if not outcome.was_sent:
        after = _replace(refund, sends=refund.sends - 1, may_resend=refund.sends > 1, misses=refund.misses + 1)
        return RefundStep(refund=after, ask_at=now + timedelta(seconds=_RETRY_S * scale))
    trouble = Reason(
        code="lost_reply",
        message="Paytm's answer to the refund did not reach us.",
        hint="We are checking with Paytm by the same reference. Do not refund again.",
    )
    after = _replace(refund, status=RefundStatus.IN_DOUBT, trouble=trouble)
    return RefundStep(refund=after, event="refund.in_doubt", ask_at=now + timedelta(seconds=_RETRY_S * scale))
