"""Online conversations with Paytm as flows: begin a payment, make a QR, ask, wait, refund.

A refusal is raised, what became of a payment is returned. An answer is compared with the question before it is
returned. Nothing here decides that money moved, or remembers anything between calls.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from galla.client.failure import no_reply
from galla.client.flows import Flow, exchange, pause
from galla.clock import Clock
from galla.errors import Refused, RemoteProtocolError, TransportError
from galla.money import parse_rupees
from galla.payments.ladder import UPI
from galla.protocol.codes import Kind
from galla.protocol.link import parse_link
from galla.protocol.message import MerchantKey
from galla.protocol.order import OrderListReply, OrderListRequest, OrderStatusReply, OrderStatusRequest
from galla.protocol.pg import Call, Reply
from galla.protocol.pg_codes import explain_pg
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.qr import QrReply, QrRequest
from galla.protocol.refund import RefundReply, RefundRequest, RefundStatusReply, RefundStatusRequest
from galla.protocol.theia import (
    TOKEN_LIFE_S,
    BankForm,
    InitiateReply,
    InitiateRequest,
    OptionsReply,
    OptionsRequest,
    ProcessReply,
    ProcessRequest,
)
from galla.protocol.vpa import VpaReply, VpaRequest

_NO = frozenset({Kind.REFUSED, Kind.DECLINED, Kind.DUPLICATE, Kind.BUSY, Kind.VOID_FAILED})
_NO_OR_DOWN = _NO | {
    Kind.INTERNAL
}  # where nothing can have been charged, a failure of Paytm's is a no as well
_EVERY_S = 60.0


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A payment begun: open `link` in a UPI app, or show it as a QR, byte for byte. Then wait for the order.

    `expires_at` is when the token ends at the latest; until then "nobody has paid" means *not yet*.
    """

    order_id: str
    link: str
    txn_token: TxnToken
    transaction_id: str | None
    expires_at: datetime


class Collect(msgspec.Struct, frozen=True, kw_only=True):
    """A request to pay, on its way to the payer's app. `form` leads to Paytm's waiting page; it may be ignored."""

    order_id: str
    txn_token: TxnToken
    form: BankForm | None
    expires_at: datetime


def initiate_flow(request: InitiateRequest, key: MerchantKey) -> Flow[InitiateReply]:
    """Make an order and return the answer with its token. An identical repeat gets its token again.

    Raises (into the flow):
        Refused: Paytm said no, or had an error of its own; nothing was charged by this request.
        NotSent, NoReply, RemoteProtocolError: as `exchange`; no money has moved, send the same order again.
    """
    reply = yield from exchange(request, key)
    _refuse(reply, request, _NO_OR_DOWN)
    if reply.kind is not Kind.ACCEPTED or reply.txn_token is None:
        raise _unclear(request, "body.txnToken", "does not begin the payment and does not refuse it")
    return reply


def process_flow(request: ProcessRequest, key: MerchantKey) -> Flow[ProcessReply]:
    """Begin to pay an order and return that it was begun. Begun is never paid: ask the status.

    Raises (into the flow):
        Refused: Paytm said no.
        NoReply: it, or Paytm's own error, leaves open whether the payment was begun.
        NotSent, RemoteProtocolError: as `exchange`.
    """
    reply = yield from exchange(request, key)
    _refuse(reply, request, _NO)
    if reply.kind is Kind.INTERNAL:
        raise no_reply(request.encode(key), f"Paytm's own error {reply.result.code}")
    if reply.kind is not Kind.ACCEPTED:
        raise _unclear(request, "body.resultInfo", "says nothing that galla knows")
    return reply


def intent_flow(
    order: InitiateRequest, key: MerchantKey, *, clock: Clock, note: str | None = None
) -> Flow[Intent]:
    """Make an order and get a link that pays it.

    Raises (into the flow):
        Refused, NotSent, NoReply, RemoteProtocolError: as `initiate_flow` and `process_flow`; `.operation` says
            in which step. A link for another amount is a `RemoteProtocolError`.
    """
    expires_at = clock.now() + timedelta(seconds=TOKEN_LIFE_S)
    token = (yield from initiate_flow(order, key)).txn_token
    request = _process(order, token, payment_mode="UPI_INTENT", txn_note=note)
    reply = yield from process_flow(request, key)
    info = reply.deep_link_info
    if info is None:
        raise _unclear(request, "body.deepLinkInfo", "begins the payment without a link")
    if info.order_id not in (None, order.order_id):
        raise _stray("body.deepLinkInfo.orderId", request)
    check_link(info.deep_link, order.txn_amount, request)
    return Intent(
        order_id=order.order_id,
        link=info.deep_link,
        txn_token=request.txn_token,
        transaction_id=info.trans_id,
        expires_at=expires_at,
    )


def collect_flow(order: InitiateRequest, key: MerchantKey, *, vpa: str, clock: Clock) -> Flow[Collect]:
    """Make an order and ask the holder of a UPI id to pay it.

    Raises (into the flow):
        Refused, NotSent, NoReply, RemoteProtocolError: as `initiate_flow` and `process_flow`.
    """
    expires_at = clock.now() + timedelta(seconds=TOKEN_LIFE_S)
    token = (yield from initiate_flow(order, key)).txn_token
    request = _process(order, token, payment_mode="UPI", payer_account=vpa)
    reply = yield from process_flow(request, key)
    return Collect(
        order_id=order.order_id, txn_token=request.txn_token, form=reply.bank_form, expires_at=expires_at
    )


def qr_flow(request: QrRequest, key: MerchantKey) -> Flow[QrReply]:
    """Make a QR for one order and return it.

    Raises (into the flow):
        Refused: Paytm said no, or had an error of its own.
        NotSent, NoReply, RemoteProtocolError: as `exchange`. A QR for another amount is a `RemoteProtocolError`.
    """
    reply = yield from exchange(request, key)
    _refuse(reply, request, _NO_OR_DOWN)
    if reply.kind is not Kind.ACCEPTED or not reply.qr_data:
        raise _unclear(request, "body.qrData", "brings no QR and does not refuse one")
    check_link(reply.qr_data, request.amount, request)
    return reply


def status_flow(
    request: OrderStatusRequest, key: MerchantKey, *, amount_paise: int | None = None
) -> Flow[OrderStatusReply]:
    """Ask what became of an order; a failed payment is an answer like any other.

    With `amount_paise`, a success must be for just this amount.

    Raises (into the flow):
        Refused: Paytm would not answer the question; nothing is known about the payment.
        RemoteProtocolError: as `exchange`, or it speaks of another merchant, order or amount.
        NotSent, NoReply: as `exchange`.
    """
    reply = yield from exchange(request, key)
    _refuse(reply, request, frozenset({Kind.REFUSED}))
    _mine(reply.mid, reply.order_id, reply, request)
    if reply.kind is Kind.SUCCESS and amount_paise is not None and reply.amount_paise != amount_paise:
        raise _unclear(request, "body.txnAmount", "says success for another amount, or for none")
    return reply


def wait_flow(
    ask: Callable[[], OrderStatusRequest],
    key: MerchantKey,
    *,
    ends_s: float,
    every_s: float | None,
    clock: Clock,
    amount_paise: int | None = None,
) -> Flow[OrderStatusReply]:
    """Ask until the answer is final or the clock's `monotonic()` reaches `ends_s`; return the last answer.

    Without `every_s` the pauses grow: 5, 5, 10, 15, 30, then 60 seconds. Time never decides: "pending" and
    "nobody has paid" are returned as they are. Lost and unreadable answers are asked for again.

    Raises (into the flow):
        Refused: Paytm would not answer the question.
        NotSent, NoReply, RemoteProtocolError: there was never an answer; the last failure is raised.
    """
    began_s = clock.monotonic()
    last: OrderStatusReply | None = None
    while True:
        failure: TransportError | RemoteProtocolError | None = None
        try:
            last = yield from status_flow(ask(), key, amount_paise=amount_paise)
        except (TransportError, RemoteProtocolError) as error:
            failure = error
        if last is not None and is_settled(last):
            return last
        now_s = clock.monotonic()
        next_s = every_s if every_s is not None else min(UPI.every_s(now_s - began_s) or _EVERY_S, _EVERY_S)
        # The last question is asked shortly before the end, so that it still has time to be answered.
        left_s = min(next_s, ends_s - now_s - min(1.0, next_s))
        if left_s > 0:
            yield from pause(left_s)
        elif last is not None:
            return last
        elif failure is not None:
            raise failure


def refund_flow(request: RefundRequest, key: MerchantKey) -> Flow[RefundReply]:
    """Ask for money to go back and return that it was taken in, or that the outcome is open: ask its status.

    Raises (into the flow):
        Refused: Paytm said no, or that it has this refund already.
        NotSent, NoReply, RemoteProtocolError: as `exchange`.
    """
    reply = yield from exchange(request, key)
    _refuse(reply, request, _NO)
    _mine(reply.mid, reply.order_id, reply, request)
    if reply.ref_id not in (None, request.ref_id):
        raise _stray("body.refId", request)
    return reply


def refund_status_flow(
    request: RefundStatusRequest, key: MerchantKey, *, amount_paise: int | None = None
) -> Flow[RefundStatusReply]:
    """Ask what became of a refund; a failed one is an answer like any other.

    With `amount_paise`, a success must be for just this amount.

    Raises (into the flow):
        Refused: Paytm would not answer the question.
        RemoteProtocolError: as `exchange`, or it speaks of another merchant, order, refund or amount.
        NotSent, NoReply: as `exchange`.
    """
    reply = yield from exchange(request, key)
    _refuse(reply, request, frozenset({Kind.REFUSED}))
    _mine(reply.mid, reply.order_id, reply, request)
    if reply.ref_id != request.ref_id and (reply.ref_id is not None or reply.kind is Kind.SUCCESS):
        raise _stray("body.refId", request)
    if reply.kind is Kind.SUCCESS and amount_paise is not None and reply.amount_paise != amount_paise:
        raise _unclear(request, "body.refundAmount", "says success for another amount, or for none")
    return reply


def vpa_flow(request: VpaRequest, key: MerchantKey) -> Flow[VpaReply]:
    """Ask whether a UPI id exists; no money moves. Raises as `options_flow`."""
    reply = yield from exchange(request, key)
    _refuse(reply, request, _NO_OR_DOWN)
    return reply


def options_flow(request: OptionsRequest, key: MerchantKey) -> Flow[OptionsReply]:
    """Ask how an order may be paid; no money moves.

    Raises (into the flow):
        Refused: Paytm would not answer, or had an error of its own.
        NotSent, NoReply, RemoteProtocolError: as `exchange`.
    """
    reply = yield from exchange(request, key)
    _refuse(reply, request, _NO_OR_DOWN)
    return reply


def order_list_flow(request: OrderListRequest, key: MerchantKey) -> Flow[OrderListReply]:
    """Ask for a page of orders; no money moves. Raises as `options_flow`."""
    reply = yield from exchange(request, key)
    _refuse(reply, request, _NO_OR_DOWN)
    return reply


def is_settled(reply: OrderStatusReply) -> bool:
    """Return whether asking again within minutes can change nothing (a late success is watched for in hours)."""
    return reply.kind in (Kind.SUCCESS, Kind.DECLINED)


def check_link(link: str, amount: str, request: Call) -> None:
    """Check a link of Paytm's before it is shown; `amount` is what was asked for, in rupees.

    Raises:
        RemoteProtocolError: it is no UPI link, or names another amount.
    """
    try:
        said = parse_link(link).amount_paise
    except RemoteProtocolError as error:
        raise _unclear(request, error.path or "link", "brings a link that cannot be shown") from None
    if said is not None and said != parse_rupees(amount):
        raise _unclear(request, "link.am", "brings a link for another amount")


def _process(order: InitiateRequest, token: TxnToken | None, **named: Any) -> ProcessRequest:
    if token is None:  # `initiate_flow` returns no such answer
        raise RuntimeError("An order without a token cannot be paid.")
    return ProcessRequest(
        mid=order.mid,
        order_id=order.order_id,
        request_timestamp=order.request_timestamp,
        channel_id=order.channel_id,
        txn_token=token,
        **named,
    )


def _refuse(reply: Reply, request: Call, refusals: frozenset[Kind]) -> None:
    """Raise Paytm's no, with the sentence and the advice of its code."""
    if reply.kind not in refusals:
        return
    row = explain_pg(reply.operation, reply.result)
    raise Refused(
        row.message,
        code=row.code,
        hint=row.hint,
        is_retryable=row.is_retryable,
        operation=request.operation,
        paytm_id=request.paytm_id,
    )


def _mine(mid: str | None, order_id: str | None, reply: Reply, request: Call) -> None:
    """Check that an answer speaks of this merchant and order, and that a success says so."""
    if mid not in (None, request.mid):
        raise _stray("body.mid", request)
    if order_id != request.paytm_id and (order_id is not None or reply.kind is Kind.SUCCESS):
        raise _stray("body.orderId", request)


def _stray(path: str, request: Call) -> RemoteProtocolError:
    return _unclear(request, path, "is not about this order of this merchant")


def _unclear(request: Call, path: str, says: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"Paytm's answer to `{request.operation}` {request.paytm_id} {says}. It proves nothing: ask for the"
        " status of this order.",
        path=path,
        operation=request.operation,
        paytm_id=request.paytm_id,
    )
