"""Naive versions of how money goes back."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import msgspec

from galla import ids
from galla.payments import reasons, refund, voiding
from galla.payments.machine import Asking
from galla.payments.refund import RefundStatus, RefundStep
from galla.payments.voiding import VOID
from galla.service import refunding, returning
from galla.store import refunds
from tests.simulation.planted.bug import Bug

_replace = msgspec.structs.replace


def _done_when_raised(kind: str) -> Any:
    def naive(raised: Any) -> Any:
        def taken(given: Any, refund_id: str | None) -> RefundStep:
            if given.kind != kind:
                return raised(given, refund_id)
            done = _replace(given, status=RefundStatus.DONE, needs_review=False, trouble=None)
            return RefundStep(refund=_replace(done, settled_at=given.sent_at), event="refund.done")

        return taken

    return naive


def _fresh_reference(talk: Any) -> Any:
    async def talked(till: Any, given: Any, payment: Any, asking: Asking, line: Any) -> Any:
        if asking is Asking.BEGIN and given.sends > 1:
            given = _replace(given, ref_id=ids.paytm_id(payment.environment, given.created_at))
        return await talk(till, given, payment, asking, line)

    return talked


def _chosen_when_sending(talk: Any) -> Any:
    async def talked(till: Any, given: Any, payment: Any, asking: Asking, line: Any) -> Any:
        if asking is Asking.BEGIN:
            given = _replace(given, ref_id=ids.paytm_id(payment.environment, given.created_at))
        return await talk(till, given, payment, asking, line)

    return talked


def _failed_when_lost(unanswered: Any) -> Any:
    def taken(given: Any, outcome: Any, asking: Asking, now: Any, scale: float) -> RefundStep:
        if asking is Asking.INQUIRE:
            return unanswered(given, outcome, asking, now, scale)
        failed = _replace(given, status=RefundStatus.FAILED, trouble=reasons.refund_lost(given.kind), settled_at=now)
        return RefundStep(refund=failed, event="refund.failed")

    return taken


def _kept_when_failed(move: Any) -> Any:
    def moved(connection: Any, given: Any, *, refunding: int = 0, refunded: int = 0) -> None:
        if refunding > 0 or refunded:
            move(connection, given, refunding=refunding, refunded=refunded)

    return moved


def _nothing_aside(move: Any) -> Any:
    def moved(connection: Any, given: Any, *, refunding: int = 0, refunded: int = 0) -> None:
        if refunded:
            move(connection, given, refunded=refunded)

    return moved


def _cap_of_what_is_done(amount: Any) -> Any:
    return lambda payment, wanted: amount(_replace(payment, refunding_paise=0), wanted)


def _day_of_utc(until: Any) -> Any:
    def naive(paid_at: Any, cutoff: str) -> Any:
        day = paid_at.astimezone(UTC).replace(hour=int(cutoff[:2]), minute=int(cutoff[3:]), second=0, microsecond=0)
        return day + timedelta(days=1)

    return naive


def _void_of_a_part(against: Any) -> Any:
    return lambda payment, amount_paise, now: against(payment, payment.amount_paise, now)


BUGS = {
    "accepted = voided": Bug(
        "F14", "A void that the machine was asked for is done.", refund, "_raised", _done_when_raised(VOID)),
    "raised = refunded": Bug(
        "F15", "A refund that Paytm has taken in is done.", refund, "_raised", _done_when_raised("refund")),
    "refund repeated under a new reference": Bug(
        "F15", "A refund that is sent again gets a new reference.", refunding, "_talk", _fresh_reference),
    "reference chosen when sending": Bug(
        "F15", "A refund's reference is chosen after the commit.", refunding, "_talk", _chosen_when_sending),
    "lost refund = failed": Bug(
        "F15", "A refund whose answer was lost has failed, and may be given again.", refund, "_unanswered",
        _failed_when_lost),
    "failed refund keeps its amount": Bug(
        "F16", "What a failed refund had set aside is never given free.", refunds, "_move", _kept_when_failed),
    "nothing set aside": Bug(
        "F30", "A refund on its way sets nothing aside.", refunds, "_move", _nothing_aside),
    "cap outside the lock": Bug(
        "F30", "The cap counts what has gone back, and not what is on its way.", returning, "amount_to_give",
        _cap_of_what_is_done),
    "void until midnight UTC": Bug(
        "F43", "The day of a void ends by Greenwich, not by India.", voiding, "void_until", _day_of_utc),
    "void in part": Bug(
        "F14", "A part of a sale is given back by a void.", voiding, "_against", _void_of_a_part),
    "unpaid given back": Bug(
        "F30", "Nobody asks whether a payment was paid before it is given back.", returning, "_check_possible",
        lambda real: lambda till, payment: None),
}
"""By name, in the order of the faults."""
