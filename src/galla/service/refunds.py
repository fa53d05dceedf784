"""The verbs of a refund or a void: start, look, list.

The transaction that makes one is in `returning.py`, the step with Paytm in `refunding.py`.
"""

from __future__ import annotations

import asyncio

import msgspec

from galla.config import Secret
from galla.errors import InvalidField, NotFound
from galla.money import check_amount
from galla.payments.refund import Refund
from galla.payments.voiding import AUTO, KINDS
from galla.service import approval
from galla.service.refunding import advance_refund
from galla.service.returning import Wish, foreseen, make
from galla.service.till import Principal, Till
from galla.service.views import View, refund_view
from galla.service.words import clean
from galla.store import keys, refunds


class NewRefund(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for. `amount_paise` None means everything that can still be given back.

    `kind` is `auto`, `void` or `refund`; `approver` the second person's own credential, which is not kept.
    """

    reason: str
    amount_paise: int | None = None
    kind: str = AUTO
    approver: Secret | None = None


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """The refund as the first step left it, and whether the request had been made before."""

    refund: View
    is_replay: bool


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
        TerminalBusy: a void needs the machine, and a payment holds it.
        Forbidden: a second person is needed, or cannot be this one.
    """
    reason = clean(new.reason, "reason", limit=200, is_required=True) or ""
    amount = check_amount(new.amount_paise) if new.amount_paise is not None else None
    if new.kind not in KINDS:
        raise InvalidField("`kind` must be auto, refund or void.", param="kind")
    approver = None
    if new.approver:
        approver = await approval.second_person(till, principal, new.approver, approval.SUPERVISORS)
    wish = Wish(
        payment_id=payment_id,
        amount_paise=amount,
        reason=reason,
        kind=new.kind,
        approver=approver,
        key=idempotency_key,
        fingerprint=fingerprint,
    )
    made = await till.database.write(make, till, principal, wish)
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


async def foresee(till: Till, principal: Principal, payment_id: str) -> View | None:
    """Return what giving all that is left of a payment back would be, or None when nothing can be given back.

    `kind` and `choice` as a refund has them, `void_until` for a void, `needs_approver` when one person alone may not,
    and `instead_of`: the void that nobody answered in its time, if the refund would take its place.

    Raises:
        NotFound: no such payment for this merchant.
    """
    return await till.database.read(foreseen, till, principal, payment_id)


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

