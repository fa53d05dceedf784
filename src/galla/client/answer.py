"""Whether an answer belongs to the question, and how Paytm's no is raised.

What a result code means is in `protocol/codes.py`; which codes are a no to which call is in the flows.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from galla.errors import Refused, RemoteProtocolError
from galla.protocol.codes import Kind, explain_edc
from galla.protocol.edc import SaleReply, SaleRequest, StatusReply, StatusRequest, VoidReply, VoidRequest

Ask = SaleRequest | StatusRequest | VoidRequest
Reply = TypeVar("Reply", SaleReply, StatusReply, VoidReply)

_ASK_INSTEAD = "Do not start another payment: ask for the status of this id."


def about(reply: Reply, request: Ask) -> Reply:
    """Return the reply, with the id if Paytm left it out, when it speaks of this request and no other.

    Raises:
        RemoteProtocolError: it speaks of another merchant or payment, or of none and says success.
    """
    if reply.paytm_mid not in (None, request.paytm_mid):
        raise _stray("body.paytmMid", request)
    if reply.merchant_transaction_id == request.merchant_transaction_id:
        return reply
    if reply.merchant_transaction_id is not None or reply.kind is Kind.SUCCESS:
        raise _stray("body.merchantTransactionId", request)
    return replace(reply, merchant_transaction_id=request.merchant_transaction_id)


def refused(reply: SaleReply | StatusReply | VoidReply, request: Ask) -> Refused:
    """Return Paytm's no as an error, with the sentence and the advice of its code."""
    row = explain_edc(reply.result.code_id, reply.result.message)
    return Refused(
        row.message,
        code=row.code,
        hint=_ASK_INSTEAD if row.kind is Kind.DUPLICATE else row.hint,
        is_retryable=row.is_retryable,
        operation=request.operation,
        paytm_id=request.merchant_transaction_id,
    )


def _stray(path: str, request: Ask) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"Paytm's answer does not say that it is about {request.merchant_transaction_id} of this merchant. "
        "It proves nothing: ask for the status of this id.",
        path=path,
        operation=request.operation,
        paytm_id=request.merchant_transaction_id,
    )
