"""Naive versions of how a payment is sent, asked about and decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import update

from galla import ids
from galla.connectors import connector, edc
from galla.connectors.amount import AmountForm
from galla.money import rupees
from galla.payments import machine, reasons
from galla.payments.machine import Asking, Step
from galla.payments.model import Captured, Declined, Lost, Proof, Status, Unclear, Unsent
from galla.service import advance, payments, starting, worker
from galla.service.till import Till
from galla.store import payments as stored
from galla.store import tables
from tests.simulation.planted.bug import Bug

_replace = msgspec.structs.replace
FAILED = Declined(reason=reasons.lost_reply(None))


def _taking(kind: type, other: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Take one kind of answer for another."""

    def naive(apply: Any) -> Any:
        def applied(payment: Any, outcome: Any, asking: Asking, now: Any, ladder: Any) -> Step:
            taken = other(payment, outcome) if isinstance(outcome, kind) and payment.is_live else outcome
            return apply(payment, taken, asking, now, ladder)

        return applied

    return naive


def _ending(is_over: Callable[[Any, Any], bool]) -> Callable[[Any], Any]:
    """End what is live as not paid, by the shop's own idea."""

    def naive(apply: Any) -> Any:
        def applied(payment: Any, outcome: Any, asking: Asking, now: Any, ladder: Any) -> Step:
            ends = payment.is_live and not isinstance(outcome, Captured) and is_over(payment, now)
            return apply(payment, FAILED if ends else outcome, asking, now, ladder)

        return applied

    return naive


def _fresh_id(is_meant: Callable[[Any, Any], bool]) -> Callable[[Any], Any]:
    def naive(talk: Any) -> Any:
        async def talked(till: Till, payment: Any, asking: Asking, line: Any) -> Any:
            if is_meant(payment, asking):
                payment = _replace(payment, paytm_id=ids.paytm_id(payment.environment, payment.created_at))
            return await talk(till, payment, asking, line)

        return talked

    return naive


def _paid_by_word(payment: Any, outcome: Any) -> Captured:
    proof = Proof(mid=payment.mid, paytm_id=payment.paytm_id, amount_paise=payment.amount_paise)
    return Captured(proof=proof)


def _cancelled(note: Any) -> Any:
    def noted(connection: Any, payment: Any) -> None:
        note(connection, payment)
        p = tables.payments.c
        gone = update(tables.payments).where(p.merchant_id == payment.merchant_id, p.id == payment.id)
        connection.execute(gone.values(status="not_paid", holds_terminal=0, due_at=None))

    return noted


def _reopened(waiting: Any) -> Any:
    def waited(payment: Any, outcome: Any, asking: Asking, now: Any, ladder: Any) -> Step:
        if payment.is_live:
            return waiting(payment, outcome, asking, now, ladder)
        return Step(payment=_replace(payment, status=Status.PENDING, phase=outcome.phase), event="payment.pending")

    return waited


def _storm(claim: Any) -> Any:
    def claimed(connection: Any, schedule: Any, now: Any, limit: int, **how: Any) -> Any:
        found = claim(connection, schedule, now, limit, **how)
        p = tables.payments.c
        for payment in found:
            soon = update(tables.payments).where(p.merchant_id == payment.merchant_id, p.id == payment.id)
            connection.execute(soon.values(due_at=0, lease_until=None))
        return found

    return claimed


def _unleased(claim: Any) -> Any:
    def claimed(connection: Any, schedule: Any, now: Any, limit: int, **how: Any) -> Any:
        connection.execute(update(tables.payments).values(lease_until=None))
        return claim(connection, schedule, now, limit, **how)

    return claimed


def _unfenced(save: Any) -> Any:
    def saved(connection: Any, before: Any, after: Any) -> Any:
        now = stored.get(connection, before.merchant_id, before.id)
        return save(connection, _replace(before, fence=now.fence if now is not None else before.fence), after)

    return saved


def _unguarded_bill(bill: Any) -> Any:
    def found(connection: Any, merchant_id: str, order: Any, now: Any) -> Any:
        return bill(connection, merchant_id, _replace(order, allow_parallel=True), now)

    return found


def _never_due_again(next_due: Any) -> Any:
    return lambda payment, ladder, now: next_due(payment, ladder, now) if payment.is_live else None


def _late_ignored(captured: Any) -> Any:
    def taken(payment: Any, outcome: Any, now: Any) -> Step:
        if payment.status is Status.NOT_PAID:
            return Step(payment=payment, is_changed=False)
        return captured(payment, outcome, now)

    return taken


def _unpaid(declined: Any) -> Any:
    def taken(payment: Any, outcome: Any, asking: Asking, now: Any) -> Step:
        if payment.status is Status.PAID:
            return machine._not_paid(payment, outcome.reason, now)
        return declined(payment, outcome, asking, now)

    return taken


def _believed_missing(missing: Any) -> Any:
    def taken(payment: Any, outcome: Any, now: Any, ladder: Any) -> Step:
        if not payment.is_live:
            return missing(payment, outcome, now, ladder)
        return machine._not_paid(payment, reasons.never_sent("Paytm does not know it."), now)

    return taken


def _failed_duplicate(duplicate: Any) -> Any:
    return lambda payment, now: machine._not_paid(payment, FAILED.reason, now) if payment.is_live else duplicate(
        payment, now
    )


FLOATS = AmountForm(
    name="floats",
    write=lambda paise: str(int(float(rupees(paise)) * 100)),
    read=lambda text: int(float(text)),
)

BUGS = {
    "time-out = failed": Bug(
        "F01", "A lost answer ends the payment as not paid.", advance, "apply", _taking(Lost, lambda *_: FAILED)),
    "lost = not sent": Bug(
        "F02", "An answer that was lost is taken for a request that never left, and it is sent again.",
        advance, "apply", _taking(Lost, lambda *_: Unsent(detail="nothing came back"))),
    "retry mints a new id": Bug(
        "F01", "A request that is sent again gets a new id.", advance, "_talk",
        _fresh_id(lambda payment, asking: asking is Asking.BEGIN and payment.sends > 1)),
    "id chosen when sending": Bug(
        "F03", "Paytm's id is chosen after the commit, when the request leaves.", advance, "_talk",
        _fresh_id(lambda payment, asking: asking is Asking.BEGIN)),
    "not found = failed": Bug(
        "F04", "Paytm's first word that it does not know the payment ends it.", machine, "_missing", _believed_missing),
    "five questions = failed": Bug(
        "F05", "After five questions without a decision the payment has failed.", advance, "apply",
        _ending(lambda payment, now: payment.checks >= 5)),
    "fifteen minutes = failed": Bug(
        "F42", "A payment that is a quarter of an hour old has failed.", advance, "apply",
        _ending(lambda payment, now: now - payment.created_at > timedelta(minutes=15))),
    "nobody is called": Bug(
        "F05", "What Paytm has not decided within its ladder is asked about for ever, and nobody is told.",
        advance, "called", lambda called: lambda step, outcome, ladder, now: step),
    "late success ignored": Bug(
        "F06", "A payment that has failed stays failed, whatever Paytm says.", machine, "_captured", _late_ignored),
    "failed = never asked again": Bug(
        "F06", "Nobody asks about a payment that has failed.", machine, "next_due", _never_due_again),
    "a failure un-pays": Bug(
        "F07", "A failure that is read after the success takes the payment back.", machine, "_declined", _unpaid),
    "pending re-opens": Bug(
        "F07", "A stale answer opens a decided payment again.", machine, "_waiting", _reopened),
    "unknown code = failure": Bug(
        "F08", "A result nobody has heard of is a failure.", advance, "apply", _taking(Unclear, lambda *_: FAILED)),
    "unknown code = success": Bug(
        "F08", "A result nobody has heard of is a success.", advance, "apply", _taking(Unclear, _paid_by_word)),
    "amount, id and MID unchecked": Bug(
        "F09", "A success is a success, whatever it is about.", connector, "differences",
        lambda differences: lambda payment, proof: ()),
    "duplicate = failure": Bug(
        "F11", "The answer that our own id is known is a failure.", machine, "_duplicate", _failed_duplicate),
    "machine not looked at": Bug(
        "F12", "A sale is sent to a machine without asking what is on it.", starting, "free_terminal",
        lambda real: lambda *_: None),
    "cancel = not paid": Bug(
        "F13", "Who presses cancel ends the payment.", stored, "note_cancel", _cancelled),
    "asks as fast as it can": Bug(
        "F17", "A worker asks again as soon as it has an answer.", worker, "claim_due", _storm),
    "live payments of a bill not looked at": Bug(
        "F29", "A second counter may collect a bill that is being collected.", starting, "_bill", _unguarded_bill),
    "live payments of a reference not looked at": Bug(
        "F29", "A second counter may collect a reference that is being collected.", starting, "_unfinished",
        lambda real: lambda *_: None),
    "late answers written": Bug(
        "F32", "An answer is written down though somebody else has taken the payment since.", stored, "save",
        _unfenced),
    "leases ignored": Bug(
        "F32", "A worker takes what another is asking about.", worker, "claim_due", _unleased),
    "floats on the wire": Bug(
        "F46", "Rupees are floats on their way to the machine.", edc, "PAISE_TEXT", lambda real: FLOATS),
    "parallel allowed to all": Bug(
        "F31", "A second click needs nobody's leave.", payments, "_clean",
        lambda clean: lambda *given, **named: _replace(clean(*given, **named), allow_parallel=True)),
}
"""By name, in the order of the faults."""
