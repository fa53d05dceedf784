"""The conversations with Paytm's payment-request queue, as flows: create, status, cancel and waiting.

The clients over them are in `queue.py`. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from galla.client.flows import Flow, exchange, pause
from galla.clock import Clock
from galla.errors import Refused, RemoteProtocolError, TransportError
from galla.protocol.codes import Kind, explain_edc
from galla.protocol.cpay import Call, Reply
from galla.protocol.message import MerchantKey
from galla.protocol.queue import (
    QueueCancelReply,
    QueueCancelRequest,
    QueueCreateReply,
    QueueCreateRequest,
    QueueState,
    QueueStatusReply,
    QueueStatusRequest,
)

_NO = frozenset({Kind.REFUSED, Kind.BUSY, Kind.DUPLICATE, Kind.DECLINED, Kind.VOID_FAILED, Kind.NOT_FOUND})
_OVER = frozenset({QueueState.COMPLETED, QueueState.EXPIRED, QueueState.CANCELLED})

R = TypeVar("R", bound=Reply)


def create_flow(request: QueueCreateRequest, key: MerchantKey) -> Flow[QueueCreateReply]:
    """Put a request into the queue and return its code.

    Raises (into the flow):
        Refused: Paytm said no.
        RemoteProtocolError: it was accepted without a code, so nobody can collect it; as `exchange` otherwise.
        NotSent, NoReply: as `exchange`.
    """
    reply = yield from _asked(request, exchange(request, key))
    if not reply.cpay_id:
        raise RemoteProtocolError(
            "Paytm's answer carries no code, so nobody can collect this payment: create it again under the same id.",
            path="body.cpayId",
            operation=request.operation,
            paytm_id=request.merchant_txn_id,
        )
    return reply


def status_flow(request: QueueStatusRequest, key: MerchantKey) -> Flow[QueueStatusReply]:
    """Ask what became of a request; an expired or failed one is an answer like any other.

    Raises (into the flow):
        Refused: Paytm would not answer the question, or does not know the code.
        NotSent, NoReply, RemoteProtocolError: as `exchange`, or the answer is about another code or merchant.
    """
    reply = yield from _asked(request, exchange(request, key))
    for path, ours, theirs in (
        ("body.cpayId", request.cpay_id, reply.cpay_id),
        ("body.mid", request.mid, reply.mid),
    ):
        if theirs not in (None, ours):
            raise RemoteProtocolError(
                f"Paytm's answer is not about {request.cpay_id} of this merchant. It proves nothing: ask again.",
                path=path,
                operation=request.operation,
                paytm_id=request.cpay_id,
            )
    return reply


def cancel_flow(request: QueueCancelRequest, key: MerchantKey) -> Flow[QueueCancelReply]:
    """Ask for a request to be taken out of the queue. Accepted is not cancelled: ask the status.

    Raises (into the flow):
        Refused: Paytm said no.
        NotSent, NoReply, RemoteProtocolError: as `exchange`.
    """
    reply = yield from _asked(request, exchange(request, key))
    return reply


def wait_flow(
    ask: Callable[[], QueueStatusRequest], key: MerchantKey, *, ends_s: float, every_s: float, clock: Clock
) -> Flow[QueueStatusReply]:
    """Ask until the request is over or the clock's `monotonic()` reaches `ends_s`; return the last answer.

    Time never decides: a request that is still in the queue is returned as it is. Lost and unreadable answers are
    asked for again.

    Raises (into the flow):
        Refused: Paytm would not answer the question.
        NotSent, NoReply, RemoteProtocolError: there was never an answer; the last failure is raised.
    """
    last: QueueStatusReply | None = None
    while True:
        failure: TransportError | RemoteProtocolError | None = None
        try:
            last = yield from status_flow(ask(), key)
        except (TransportError, RemoteProtocolError) as error:
            failure = error
        if last is not None and is_over(last):
            return last
        # The last question is asked shortly before the end, so that it still has time to be answered.
        left_s = min(every_s, ends_s - clock.monotonic() - min(1.0, every_s))
        if left_s > 0:
            yield from pause(left_s)
        elif last is not None:
            return last
        elif failure is not None:
            raise failure


def is_over(reply: QueueStatusReply) -> bool:
    """Return whether the code has come to its end: completed, expired or cancelled.

    A failed try is not the end: the code may be typed into a machine again.
    """
    return reply.state in _OVER


def _asked(request: Call, answer: Flow[R]) -> Flow[R]:
    """Return the answer to a call, a refusal raised with the sentence and the advice of its code."""
    reply = yield from answer
    if reply.kind in _NO:
        row = explain_edc(reply.result.code_id, reply.result.message)
        raise Refused(
            row.message,
            code=row.code,
            hint=row.hint,
            is_retryable=row.is_retryable,
            operation=request.operation,
            paytm_id=request.about,
        )
    return reply
