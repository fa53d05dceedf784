"""A person has looked at a payment that did not fit, and says what they found: all its tasks are closed by that.

It decides nothing about the money: a paid payment stays paid, one that is not paid is watched on. It only takes
the payment off the list of the unexplained, and writes down who explained it and how.
"""

from __future__ import annotations

from sqlalchemy import Connection

from galla.errors import IllegalTransition, NotFound
from galla.payments.model import Payment
from galla.service.tasking import Closing, close, explain
from galla.service.till import Principal, Till
from galla.service.views import View, payment_view
from galla.service.words import NOTE_MAX, clean
from galla.store import payments, tasks


async def looked_at(till: Till, principal: Principal, payment_id: str, note: str) -> View:
    """Record that a person has looked at a final payment that was flagged.

    Raises:
        NotFound: no such payment for this merchant.
        InvalidField: nothing was noted.
        IllegalTransition: it is still being asked about, or nothing was wrong with it.
    """
    words = clean(note, "note", limit=NOTE_MAX, is_required=True) or ""
    after = await till.database.write(_looked_at, till, principal, payment_id, words)
    till.bell.ring()
    return payment_view(after, till.clock.now())


def _looked_at(connection: Connection, till: Till, principal: Principal, payment_id: str, note: str) -> Payment:
    before = payments.get(connection, principal.merchant_id, payment_id, lock=True)
    if before is None:
        raise NotFound(f"There is no payment {payment_id[:60]}.")
    if before.is_live:
        raise IllegalTransition(
            f"Payment {before.id} is not final: galla is still asking Paytm about it. Check it again.",
            code="payment_not_final",
        )
    if not before.needs_review:
        raise IllegalTransition(f"Payment {before.id} needs no look.", code="nothing_to_review")
    said = Closing(actor=principal.actor, origin=principal.origin, note=note)
    for task in tasks.open_of(connection, before.merchant_id, before.id):
        close(connection, till, task, said)
    return explain(connection, till, before, said)
