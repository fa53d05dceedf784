"""Pretend Paytm's answers about orders: the status of one, and the list of many.

What they say is chosen in `order.py`; what is true is kept in `online.py`.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from galla.clock import IST, ist_text
from galla.money import rupees
from galla.protocol.message import Request, Response
from galla.protocol.order import (
    LIST_PATH,
    STATUS_PATH,
    ListedOrder,
    OrderListReply,
    OrderListRequest,
    OrderStatusReply,
    OrderStatusRequest,
)
from galla.protocol.pg_codes import PgResult
from galla.protocol.vpa import masked_vpa
from galla.sandbox.charge import UNKNOWN, told_of_sale
from galla.sandbox.instrument import find
from galla.sandbox.online import Online
from galla.sandbox.order import NO_RECORD, Order, told_of_order
from galla.sandbox.reading import No, Refusals, answer, checked, refusal
from galla.sandbox.refund import RefundState
from galla.sandbox.route import Route

LISTED = PgResult(status="SUCCESS", code="1001", message="SUCCESS")

_STATUS = Refusals(word="TXN_FAILURE", invalid="334", missing="334", mid="335", signature="330")
_LIST = Refusals(word="FAILURE", invalid="4002", missing="4002", mid="4003", signature="4001")
_CHARGES = {"S": "SUCCESS", "F": "FAILURE", "P": "PENDING"}
_SEARCH = {"TXN_SUCCESS": "SUCCESS", "TXN_FAILURE": "FAILURE", "PENDING": "PENDING"}


def answer_status(world: Online, request: Request, at: datetime) -> Response:
    """Say what has become of an order."""
    try:
        call = checked(OrderStatusRequest, world, request, _STATUS)
    except No as no:
        return refusal(OrderStatusReply, no, at)
    order = world.orders.get((call.mid, call.order_id))
    told = NO_RECORD if order is None else told_of_order(order, at)
    if order is None or told == NO_RECORD:
        reply = OrderStatusReply(result=NO_RECORD, mid=call.mid, order_id=call.order_id)
    else:
        reply = status_reply(world, order, told)
    return answer(reply, at, world.merchants[call.mid].key)


def answer_list(world: Online, request: Request, at: datetime) -> Response:
    """List the orders, the sales on machines and the refunds of a time, newest first, a page of them."""
    try:
        call = checked(OrderListRequest, world, request, _LIST)
    except No as no:
        return refusal(OrderListReply, no, at)
    start, end = datetime.fromisoformat(call.from_date), datetime.fromisoformat(call.to_date)
    wants = set(call.order_search_type)
    lines: list[tuple[datetime, ListedOrder]] = []
    if wants & {"TRANSACTION", "ALL"}:
        lines += _orders(world, call.mid, at) + _charges(world, call.mid, at)
    if wants & {"REFUND", "ALL"}:
        lines += _refunds(world, call.mid)
    found = [
        line
        for when, line in sorted(lines, key=lambda each: each[0], reverse=True)
        if start <= when <= end
        and call.order_search_status in (None, line.order_search_status)
        and call.merchant_order_id in (None, line.merchant_order_id)
        and call.pay_mode in (None, line.pay_mode)
    ]
    size = int(call.page_size)
    first = (int(call.page_number) - 1) * size
    page = tuple(islice(found, first, first + size))
    return answer(OrderListReply(result=LISTED, orders=page), at, world.merchants[call.mid].key)


ROUTES: dict[str, Route] = {
    STATUS_PATH: Route(operation="order_status", handle=answer_status),
    "/merchant-status/api/v1/getPaymentStatus": Route(operation="order_status", handle=answer_status),
    LIST_PATH: Route(operation="order_list", handle=answer_list),
}
"""Path to operation and handler, the older name of the status included."""


def status_reply(world: Online, order: Order, told: PgResult) -> OrderStatusReply:
    """Return a status reply with as much as the answer may show."""
    each = order.paid or order.open_try or order.tries[-1]
    is_paid = told.status == "TXN_SUCCESS"
    refunds = world.refunds_of(order.mid, order.id)
    refunded = sum(refund.amount_paise for refund in refunds if refund.state is RefundState.DONE)
    return OrderStatusReply(
        result=told,
        mid=order.mid,
        order_id=order.id,
        txn_id=each.id,
        bank_txn_id=each.rrn if is_paid else None,
        txn_amount=rupees(order.amount_paise),
        txn_type="SALE",
        txn_date=f"{ist_text(each.started_at)}.0",
        payment_mode="UPI",
        gateway_name="PPBEX",
        refund_amt=rupees(refunded),
        masked_vpa=masked_vpa(each.vpa) if is_paid and each.vpa else None,
        merchant_unique_reference=order.unique_ref or None,
    )


def _orders(world: Online, mid: str, at: datetime) -> list[tuple[datetime, ListedOrder]]:
    lines = []
    for order in world.orders.values():
        told = told_of_order(order, at)
        if order.mid != mid or told == NO_RECORD:
            continue
        each = order.paid or order.tries[-1]
        line = ListedOrder(
            merchant_order_id=order.id,
            txn_id=each.id,
            amount=rupees(order.amount_paise),
            pay_mode="UPI",
            order_created_time=_iso(order.made_at),
            order_completed_time=_iso(each.ended_at) if each.ended_at else None,
            order_search_status=_SEARCH[told.status],
            merchant_name=world.merchants[mid].name,
            rrn=each.rrn if told.status == "TXN_SUCCESS" else None,
        )
        lines.append((order.made_at, line))
    return lines


def _charges(world: Online, mid: str, at: datetime) -> list[tuple[datetime, ListedOrder]]:
    """Return the sales on machines, each by the id under which the merchant began it."""
    lines = []
    for charge in world.charges.values():
        told = told_of_sale(charge, at)
        if charge.mid != mid or told == UNKNOWN:
            continue
        line = ListedOrder(
            merchant_order_id=charge.queue_id or charge.id,
            txn_id=charge.acquirement_id,
            amount=rupees(charge.amount_paise),
            pay_mode=find(charge.instrument).pay_method if charge.instrument else None,
            order_created_time=_iso(charge.received_at),
            order_completed_time=_iso(charge.settled_at) if charge.settled_at else None,
            order_search_status=_CHARGES[told.letter],
            merchant_name=world.merchants[mid].name,
            rrn=charge.rrn if told.letter == "S" else None,
        )
        lines.append((charge.received_at, line))
    return lines


def _refunds(world: Online, mid: str) -> list[tuple[datetime, ListedOrder]]:
    words = {RefundState.DONE: "SUCCESS", RefundState.FAILED: "FAILURE", RefundState.WAITING: "PENDING"}
    return [
        (
            refund.raised_at,
            ListedOrder(
                merchant_order_id=refund.order_id,
                txn_id=refund.id,
                amount=rupees(refund.amount_paise),
                pay_mode="UPI",
                order_created_time=_iso(refund.raised_at),
                order_completed_time=_iso(refund.ended_at) if refund.ended_at else None,
                order_search_status=words[refund.state],
                merchant_name=world.merchants[mid].name,
                rrn=refund.rrn,
            ),
        )
        for refund in world.refunds.values()
        if refund.mid == mid
    ]


def _iso(at: datetime) -> str:
    return at.astimezone(IST).isoformat(timespec="seconds")
