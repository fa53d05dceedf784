"""Pretend Paytm's refund desk: take a refund in, and say what has become of it.

The rules by which one is taken in are in `refund.py`; when it is done is `online.py`'s. Refunds of card machine
sales come here too, with the sale's id as the order.
"""

from __future__ import annotations

from datetime import datetime

from galla.clock import ist_text
from galla.money import parse_rupees, rupees
from galla.protocol.message import Request, Response
from galla.protocol.pg_codes import PgResult
from galla.protocol.refund import (
    APPLY_PATH,
    STATUS_PATH,
    RefundReply,
    RefundRequest,
    RefundStatusReply,
    RefundStatusRequest,
)
from galla.sandbox import refund as rules
from galla.sandbox.online import Online
from galla.sandbox.reading import No, Refusals, answer, checked, refusal
from galla.sandbox.refund import Refund, Refundable, RefundState, details, told_of_refund
from galla.sandbox.route import Route

_REFUSALS = Refusals(
    word="TXN_FAILURE",
    invalid="600",
    missing="600",
    mid="335",
    signature="330",
    at={"body.refundAmount": "619"},
)


def answer_apply(world: Online, request: Request, at: datetime) -> Response:
    """Take a refund in (601), or say why not."""
    try:
        call = checked(RefundRequest, world, request, _REFUSALS)
        amount = parse_rupees(call.refund_amount)
        if (call.mid, call.ref_id) in world.refunds:
            raise No(rules.no("617", "Refund already raised"))
        payment = world.payment_of(call.mid, call.order_id)
        if payment is None:
            raise No(rules.no("607", "Refund can not be initiated for a cancelled or missing transaction"))
        others = world.refunds_of(call.mid, call.order_id)
        if (why_not := rules.refused(payment, call.txn_id, amount, others, at)) is not None:
            raise No(why_not)
    except No as no:
        return refusal(RefundReply, no, at)
    new = Refund(
        mid=call.mid,
        ref_id=call.ref_id,
        id=world.acquirement_id(at),
        order_id=call.order_id,
        txn_id=call.txn_id,
        amount_paise=amount,
        raised_at=at,
        comments=call.comments or "",
    )
    world.raise_refund(new, at)
    reply = RefundReply(
        result=rules.RAISED,
        mid=new.mid,
        order_id=new.order_id,
        txn_id=new.txn_id,
        ref_id=new.ref_id,
        refund_id=new.id,
        refund_amount=rupees(amount),
        txn_timestamp=_time(payment.paid_at),
    )
    return answer(reply, at, world.merchants[call.mid].key)


def answer_status(world: Online, request: Request, at: datetime) -> Response:
    """Say what has become of a refund."""
    try:
        call = checked(RefundStatusRequest, world, request, _REFUSALS)
        known = world.refunds.get((call.mid, call.ref_id))
        if known is None or known.order_id != call.order_id:
            raise No(rules.NO_RECORD)
    except No as no:
        return refusal(RefundStatusReply, no, at)
    payment = world.payment_of(call.mid, call.order_id)
    total = sum(
        each.amount_paise
        for each in world.refunds_of(call.mid, call.order_id)
        if each.state is RefundState.DONE
    )
    reply = status_reply(known, payment, told_of_refund(known), total)
    return answer(reply, at, world.merchants[call.mid].key)


ROUTES: dict[str, Route] = {
    APPLY_PATH: Route(operation="refund", handle=answer_apply),
    "/refund/api/v1/async/refund": Route(operation="refund", handle=answer_apply),
    STATUS_PATH: Route(operation="refund_status", handle=answer_status),
    "/refund/api/v1/refundStatus": Route(operation="refund_status", handle=answer_status),
}
"""Path to operation and handler, the older names included."""


def status_reply(
    refund: Refund, payment: Refundable | None, told: PgResult, total_paise: int
) -> RefundStatusReply:
    """Return a status reply with as much as is known."""
    is_done = refund.state is RefundState.DONE
    ended = _time(refund.ended_at) if refund.ended_at is not None else None
    return RefundStatusReply(
        result=told,
        mid=refund.mid,
        order_id=refund.order_id,
        txn_id=refund.txn_id,
        ref_id=refund.ref_id,
        refund_id=refund.id,
        txn_amount=rupees(payment.amount_paise) if payment is not None else None,
        refund_amount=rupees(refund.amount_paise),
        total_refund_amount=rupees(total_paise),
        txn_timestamp=_time(payment.paid_at) if payment is not None else None,
        merchant_refund_request_timestamp=_time(refund.raised_at),
        accept_refund_timestamp=_time(refund.raised_at),
        accept_refund_status="SUCCESS",
        user_credit_initiate_status="SUCCESS" if is_done else None,
        user_credit_initiate_timestamp=ended if is_done else None,
        source="MERCHANT",
        refund_detail_info_list=details(refund, payment) if is_done else (),
    )


def _time(at: datetime) -> str:
    return f"{ist_text(at)}.0"
