"""Where people come in: they stop waiting, they are called when time alone would have to decide, two of them decide.

What Paytm says is in `machine.py`. Nothing here reads an answer, and no branch lets one person or a clock move money.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from galla.clock import rfc3339
from galla.errors import IllegalTransition
from galla.payments import reasons
from galla.payments.ladder import Ladder, is_past, next_due
from galla.payments.machine import Step
from galla.payments.model import Lost, Outcome, Payment, Phase, Proof, Status, Unsent, Waiting

ASK_ON_S = 86_400
"""How long after an answer that ends nothing, past the late watch, the next question is due."""
_replace = msgspec.structs.replace


def cancel(payment: Payment, now: datetime) -> Step:
    """Record that staff want to stop. Nothing is decided by it: Paytm is asked at once, and goes on being asked.

    Raises:
        IllegalTransition: the payment is already final.
    """
    if not payment.is_live:
        raise IllegalTransition(
            f"Payment {payment.id} is already {payment.status.replace('_', ' ')}; there is nothing to cancel."
        )
    if payment.cancel_requested_at is not None:
        return Step(payment=payment, is_changed=False)
    after = _replace(payment, cancel_requested_at=now, due_at=now, sequence=payment.sequence + 1)
    return Step(payment=after, event="payment.cancel_requested")


def called(step: Step, outcome: Outcome, ladder: Ladder, now: datetime) -> Step:
    """Return the step with a call for a person in it, where nobody is called yet and time alone would have to decide.

    That is so of a payment that is live past its ladder, and of one that was given up and that Paytm still calls
    pending when the late watch has ended. What could not be asked then calls nobody, and is asked again.
    """
    payment = step.payment
    if payment.status is Status.NOT_PAID:
        return _watched_on(step, outcome, ladder, now)
    if payment.needs_review or not is_past(payment, ladder, now):
        return step
    sequence = payment.sequence + (0 if step.event else 1)
    after = _replace(payment, needs_review=True, reason=reasons.past_ladder(), sequence=sequence)
    return _replace(step, payment=after, event=step.event or "payment.needs_review", is_changed=True)


def _watched_on(step: Step, outcome: Outcome, ladder: Ladder, now: datetime) -> Step:
    """Ask on, once a day, about what was given up, if the answer to the last question of the late watch ends nothing.

    No answer is no word. And while there are looks to come "pending" is a stale copy, but no copy is as old as the
    late watch: Paytm then has a payment of which it had said that nobody made it, and its money may come. A person is
    called; the reason goes on saying why it was given up.
    """
    payment = step.payment
    if not isinstance(outcome, Waiting | Lost | Unsent) or payment.due_at is not None:
        return step
    if next_due(payment, ladder, now) is not None:
        return step
    after = _replace(payment, due_at=now + timedelta(seconds=ASK_ON_S * ladder.scale))
    if payment.needs_review or not isinstance(outcome, Waiting):
        return _replace(step, payment=after, is_changed=True)
    after = _replace(after, needs_review=True, sequence=payment.sequence + 1)
    return _replace(step, payment=after, event="payment.needs_review", is_changed=True)


def resolve(payment: Payment, *, is_paid: bool, evidence: str, now: datetime, ladder: Ladder) -> Step:
    """Return the step of two people's decision about a payment that Paytm has not decided within its ladder.

    The fencing token rises, so that an answer on its way meets a decided payment: it is asked for again, and a proof
    that comes later is taken in as late, or as a confirmation.

    Raises:
        IllegalTransition: it is final already (`payment_final`), or its ladder has not ended (`too_early`).
    """
    if not payment.is_live:
        raise IllegalTransition(
            f"Payment {payment.id} is {payment.status.replace('_', ' ')} already: there is nothing to decide.",
            code="payment_final",
        )
    if not is_past(payment, ladder, now):
        ends_at = payment.created_at + timedelta(seconds=ladder.end_s)
        raise IllegalTransition(
            f"Paytm is still being asked about payment {payment.id}, so nobody may decide it yet. "
            f"It can be decided after {rfc3339(ends_at)} if Paytm has not said by then.",
            code="too_early",
        )
    proof = _proof(payment, evidence) if is_paid else None
    after = _replace(
        payment,
        status=Status.PAID if is_paid else Status.NOT_PAID,
        phase=Phase.NONE,
        proof=proof,
        reason=None if is_paid else reasons.resolved(),
        needs_review=False,
        holds_terminal=False,
        may_resend=False,
        settled_at=now,
        misses=0,
        fence=payment.fence + 1,
        sequence=payment.sequence + 1,
    )
    event = "payment.paid" if is_paid else "payment.not_paid"
    return Step(payment=_replace(after, due_at=next_due(after, ladder, now)), event=event)


def _proof(payment: Payment, evidence: str) -> Proof:
    return Proof(
        mid=payment.mid,
        paytm_id=payment.paytm_id,
        amount_paise=payment.amount_paise,
        tid=payment.tid,
        source="person",
        evidence=evidence,
    )
