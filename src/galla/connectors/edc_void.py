"""Taking a card sale back on its machine: ask for the void by the sale's own id, then ask what became of it.

A void has no id and no amount on the wire: it is the sale's, whole. Accepted is not voided; only a status answer
about the void proves it.
"""

from __future__ import annotations

from datetime import datetime

from galla.client.flows import Flow, exchange
from galla.clock import ist_text
from galla.connectors.amount import PAISE_TEXT
from galla.connectors.connector import Account
from galla.errors import AmountNotAllowed
from galla.payments.model import Payment, Reason
from galla.payments.refund import (
    AlreadyRaised,
    NotNow,
    Raised,
    Refund,
    RefundOutcome,
    Rejected,
    Returned,
    Unanswered,
    Unexpected,
    Unknown,
)
from galla.protocol.codes import Kind, ResultInfo, explain_edc
from galla.protocol.edc import StatusReply, StatusRequest, VoidReply, VoidRequest

EVENT = "VOID"
NO_SUCH_VOID = "0180"
_INSTEAD = "Give the money back as a refund instead."
_BUSY = "Finish what is on the machine. The void is sent again by itself until its time is over."


def ask_for_void(refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
    """Ask the machine to reverse the sale, at the account's void path. The good answer is "accepted"."""
    request = VoidRequest(
        paytm_mid=account.mid,
        paytm_tid=payment.tid or "",
        merchant_transaction_id=payment.paytm_id,
        transaction_date_time=ist_text(refund.created_at),
        channel_id=account.channel_id,
        request_time_stamp=ist_text(now),
        path=account.void_path,
    )
    reply = yield from exchange(request, account.key)
    if (other := _other_sale(payment, reply)) is not None:
        return other
    match reply.kind:
        case Kind.ACCEPTED | Kind.PENDING | Kind.SUCCESS:
            return Raised()  # "success" here is acceptance, too
        case Kind.DUPLICATE:
            return AlreadyRaised()
        case Kind.BUSY:
            return NotNow(reason=_reason("terminal_busy", reply.result))
        case Kind.REFUSED | Kind.DECLINED | Kind.VOID_FAILED:
            return Rejected(reason=_reason("void_refused", reply.result))
        case Kind.INTERNAL | Kind.NOT_FOUND:
            return Unanswered(detail="Paytm reported an error of its own, or does not know the sale.")
        case _:
            return Unexpected(reason=_unclear(reply.result))


def ask_about_void(refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
    """Ask what became of the void: the sale's status with `event=VOID`."""
    question = StatusRequest(
        paytm_mid=account.mid,
        paytm_tid=payment.tid or "",
        transaction_date_time=ist_text(refund.created_at),
        merchant_transaction_id=payment.paytm_id,
        channel_id=account.channel_id,
        request_time_stamp=ist_text(now),
        event=EVENT,
    )
    reply = yield from exchange(question, account.key)
    if (other := _other_sale(payment, reply)) is not None:
        return other
    match reply.kind:
        case Kind.SUCCESS:
            return _voided(refund, reply)
        case Kind.ACCEPTED | Kind.PENDING:
            return Raised()
        case Kind.VOID_FAILED if reply.result.code_id == NO_SUCH_VOID:
            return Unknown(final=_reason("void_failed", reply.result))
        case Kind.VOID_FAILED | Kind.DECLINED:
            return Rejected(reason=_reason("void_failed", reply.result))
        case Kind.NOT_FOUND:
            return Unknown()
        case Kind.INTERNAL:
            return Unanswered(detail="Paytm reported an error of its own.")
        case _:  # a refusal of the question says nothing about the void
            return Unexpected(reason=_unclear(reply.result))


def _voided(refund: Refund, reply: StatusReply) -> RefundOutcome:
    """Turn a success into what the framework compares with the refund; the reference is the sale's own id."""
    try:
        amount_paise = PAISE_TEXT.read(reply.transaction_amount or "")
    except AmountNotAllowed:
        return Unexpected(
            reason=Reason(
                code="unclear",
                message="Paytm reports the void done without an amount that can be read, so it is not believed.",
                hint="Compare with the slip from the machine. We keep asking. Do not refund.",
            )
        )
    return Returned(
        mid=reply.paytm_mid or "",
        paytm_id=reply.merchant_transaction_id or "",
        ref_id=refund.ref_id,
        amount_paise=amount_paise,
        rrn=reply.retrieval_reference_no,
    )


def _other_sale(payment: Payment, reply: VoidReply | StatusReply) -> Unexpected | None:
    """An answer that names another sale, MID or machine says nothing about this void, neither yes nor no."""
    pairs = (
        ("id", payment.paytm_id, reply.merchant_transaction_id),
        ("mid", payment.mid, reply.paytm_mid),
        ("machine", payment.tid, reply.paytm_tid),
    )
    wrong = " and ".join(name for name, ours, theirs in pairs if theirs and ours and theirs != ours)
    if not wrong:
        return None
    return Unexpected(
        reason=Reason(
            code="mismatch",
            message=f"Paytm answered about a void with another {wrong}, so the answer was not used.",
            hint="We ask again. Do not refund.",
        )
    )


def _reason(code: str, result: ResultInfo) -> Reason:
    """Words for a void that was not taken, or not done."""
    row = explain_edc(result.code_id, result.message)
    message, hint = "Paytm did not void this sale. It stands.", _INSTEAD
    match row.kind:
        case Kind.BUSY:
            message, hint = "The machine is busy with something else, so the void waits.", _BUSY
        case Kind.VOID_FAILED:
            message = row.message
        case Kind.REFUSED:
            hint = f"{_INSTEAD} {row.hint}"
        case _:
            pass
    return Reason(
        code=code,
        message=message,
        hint=hint,
        paytm_code=result.code_id or None,
        paytm_message=result.message or None,
    )


def _unclear(result: ResultInfo) -> Reason:
    row = explain_edc(result.code_id, result.message)
    return Reason(
        code="unclear",
        message=f"Paytm gave an answer about the void that decides nothing. {row.message}",
        hint="We keep asking. Do not refund.",
        paytm_code=result.code_id or None,
        paytm_message=result.message or None,
    )
