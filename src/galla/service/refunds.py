"""The verbs of a refund: start, look, list. The step with Paytm is in `refunding.py`."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
from sqlalchemy import Connection

from galla import ids
from galla.errors import AmountNotAllowed, IllegalTransition, InvalidField, NotFound
from galla.money import check_amount, format_inr
from galla.payments.model import Method, Payment, Status
from galla.payments.refund import Refund, sending
from galla.service import once
from galla.service.refunding import advance_refund
from galla.service.till import Principal, Till
from galla.service.views import View, refund_view
from galla.service.words import clean
from galla.store import keys, payments, refunds
from galla.store.journal import Event, Note, record

LEAST_PARTIAL_PAISE = 100  # Paytm refuses a partial refund below one rupee (635)


class NewRefund(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for. `amount_paise` None means everything that can still be given back."""

    reason: str
    amount_paise: int | None = None
    kind: str = "auto"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """The refund as the first step left it, and whether the request had been made before."""

    refund: View
    is_replay: bool


class _Made(msgspec.Struct, frozen=True, kw_only=True):
    refund: Refund
    is_new: bool
    answer: str | None = None


async def start(
    till: Till,
    principal: Principal,
    payment_id: str,
    new: NewRefund,
    *,
    wait_s: float = 5.0,
    idempotency_key: str | None = None,
    fingerprint: str = "",
) -> Begun:
    """Write a refund down under the cap, send it, and answer with whatever is true after the first step.

    Raises:
        NotFound: no such payment for this merchant.
        IllegalTransition: the payment is not paid, or this kind is not possible (`void_not_possible`).
        AmountNotAllowed: more than can still be given back (`over_refund`).
    """
    reason = clean(new.reason, "reason", limit=200, is_required=True) or ""
    amount = check_amount(new.amount_paise) if new.amount_paise is not None else None
    if new.kind not in ("auto", "refund", "void"):
        raise InvalidField("`kind` must be auto, refund or void.", param="kind")
    made = await till.database.write(
        _make, till, principal, payment_id, amount, reason, new.kind, idempotency_key, fingerprint
    )
    if not made.is_new:
        answer = made.answer or await _answer(till, principal, idempotency_key, made.refund)
        return Begun(refund=msgspec.json.decode(answer), is_replay=True)
    till.bell.ring()
    task = till.spawn(advance_refund(till, made.refund, is_marked=True))
    if wait_s > 0:
        await asyncio.wait({task}, timeout=wait_s)
    refund = await _read(till, principal, made.refund.id)
    text = await _answer(till, principal, idempotency_key, refund)
    return Begun(refund=msgspec.json.decode(text), is_replay=False)


async def get(till: Till, principal: Principal, refund_id: str) -> View:
    """Return one refund.

    Raises:
        NotFound: no such refund for this merchant.
    """
    return refund_view(await _read(till, principal, refund_id))


async def find(
    till: Till, principal: Principal, filters: dict[str, str], *, limit: int = 50, cursor: str | None = None
) -> View:
    """Return a page of refunds, newest first; `payment` and `status` narrow it."""
    limit = min(max(limit, 1), 200)
    found = await till.database.read(
        refunds.find,
        principal.merchant_id,
        limit=limit + 1,
        before=cursor,
        payment_id=filters.get("payment"),
        status=filters.get("status"),
    )
    page = found[:limit]
    return {
        "data": [refund_view(refund) for refund in page],
        "next_cursor": page[-1].id if len(found) > limit else None,
    }


def _make(
    connection: Connection,
    till: Till,
    principal: Principal,
    payment_id: str,
    amount: int | None,
    reason: str,
    kind: str,
    key: str | None,
    fingerprint: str,
) -> _Made:
    now = till.clock.now()
    payment = payments.get(connection, principal.merchant_id, payment_id, lock=True)
    row = once.known(connection, principal.merchant_id, key, fingerprint, now)  # under the lock: twins wait above
    if row is not None:
        known = refunds.get(connection, principal.merchant_id, row.object_id)
        if known is None:
            raise NotFound(f"There is no refund {row.object_id}.")
        return _Made(refund=known, is_new=False, answer=row.answer)
    if payment is None:
        raise NotFound(f"There is no payment {payment_id[:60]}.")
    wanted = _allowed(till, payment, amount, kind)
    refund = Refund(
        id=ids.new_id("rfd", now),
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        kind="refund",
        mid=payment.mid,
        ref_id=ids.paytm_id(payment.environment, now),
        amount_paise=wanted,
        reason=reason,
        actor=principal.actor,
        created_at=now,
        jitter=ids.fraction(),
        fence=1,
        sequence=1,
    )
    lease_until = now + timedelta(milliseconds=till.send_lease_ms)
    refund = msgspec.structs.replace(sending(refund, now), lease_until=lease_until, due_at=lease_until)
    refunds.insert_refund(connection, refund)
    once.claim(connection, principal.merchant_id, key, fingerprint, refund.id, now)
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="refund.created",
        object_id=refund.id,
        detail={"payment": payment.id, "amount": wanted, "reason": reason},
    )
    happened = Event(
        type="refund.created",
        object_id=refund.id,
        bill_id=payment.bill_id,
        sequence=1,
        data=msgspec.json.encode(refund_view(refund)).decode(),
    )
    record(connection, refund.merchant_id, now, note, happened)
    return _Made(refund=refund, is_new=True)


def _allowed(till: Till, payment: Payment, amount: int | None, kind: str) -> int:
    if payment.status is not Status.PAID:
        raise IllegalTransition(
            f"Payment {payment.id} is {payment.status.replace('_', ' ')}: only a paid payment can be given back.",
            code="payment_not_paid",
        )
    connector = till.connectors.get(payment.method)
    if kind == "void" or connector is None or not connector.capabilities.can_refund:
        raise IllegalTransition(
            f"A {payment.method} payment cannot be given back this way by this version of galla. "
            "Use the Paytm dashboard, and note it on the bill.",
            code="void_not_possible" if kind == "void" else "refund_not_possible",
            param="kind",
        )
    left = payment.amount_paise - payment.refunded_paise - payment.refunding_paise
    wanted = left if amount is None else amount
    if wanted > left or left == 0:
        raise AmountNotAllowed(
            f"At most {format_inr(left)} of payment {payment.id} can still be given back"
            f" ({format_inr(payment.refunded_paise)} is given back,"
            f" {format_inr(payment.refunding_paise)} is on its way).",
            code="over_refund",
            param="amount",
        )
    rest = left - wanted
    if payment.method == Method.CASH:
        return wanted
    if wanted != payment.amount_paise and (wanted < LEAST_PARTIAL_PAISE or 0 < rest < LEAST_PARTIAL_PAISE):
        raise AmountNotAllowed(
            "Paytm gives back at least ₹1.00 at a time, so less than ₹1.00 may not be asked for, nor be left over. "
            f"Choose another part, or all of the {format_inr(left)}.",
            code="amount_below_minimum",
            param="amount",
        )
    return wanted


async def _answer(till: Till, principal: Principal, key: str | None, refund: Refund) -> str:
    text = msgspec.json.encode(refund_view(refund)).decode()
    if key is not None:
        await till.database.write(keys.answer, principal.merchant_id, key, text)
    return text


async def _read(till: Till, principal: Principal, refund_id: str) -> Refund:
    refund: Refund | None = await till.database.read(refunds.get, principal.merchant_id, refund_id)
    if refund is None:
        raise NotFound(f"There is no refund {refund_id[:60]}.")
    return refund

