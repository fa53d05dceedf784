"""Two people decide a payment that Paytm has not decided within its ladder. Nobody may do so earlier, or alone.

Their word stands as the proof, with what they saw. A proof of Paytm's that comes later is still taken in: it confirms
a payment that they called paid, and makes one paid, late, that they called not paid.
"""

from __future__ import annotations

from sqlalchemy import Connection

from galla.config import Secret
from galla.errors import NotFound
from galla.payments.model import Payment
from galla.payments.person import resolve as resolved
from galla.service import approval
from galla.service.advance import commit_step
from galla.service.tasking import Closing
from galla.service.till import Principal, Till
from galla.service.views import View, payment_view
from galla.service.words import NOTE_MAX, clean
from galla.store import payments


async def resolve(
    till: Till, principal: Principal, payment_id: str, *, is_paid: bool, evidence: str, approver: Secret
) -> View:
    """Decide a payment as two people, with what they have seen as evidence.

    Raises:
        NotFound: no such payment for this merchant.
        InvalidField: there is no evidence.
        Forbidden: the second person is unknown, may not approve, or is the caller.
        IllegalTransition: it is final already (`payment_final`), or Paytm still has time to say (`too_early`).
    """
    words = clean(evidence, "evidence", limit=NOTE_MAX, is_required=True) or ""
    second = await approval.second_person(till, principal, approver, approval.SUPERVISORS)
    after = await till.database.write(_resolve, till, principal, payment_id, is_paid, words, second)
    till.bell.ring()
    return payment_view(after, till.clock.now())


def _resolve(
    connection: Connection,
    till: Till,
    principal: Principal,
    payment_id: str,
    is_paid: bool,
    evidence: str,
    second: str,
) -> Payment:
    before = payments.get(connection, principal.merchant_id, payment_id, lock=True)
    if before is None:
        raise NotFound(f"There is no payment {payment_id[:60]}.")
    step = resolved(
        before, is_paid=is_paid, evidence=evidence, now=till.clock.now(), ladder=till.ladder(before.method)
    )
    said = f"{principal.actor} and {second} decided: {'paid' if is_paid else 'not paid'}. {evidence}"
    decision = Closing(actor=principal.actor, origin=principal.origin, note=said)
    return commit_step(connection, till, before, step, None, decision)
