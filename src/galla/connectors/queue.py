"""A payment through Paytm's queue: ask for a six-digit code, which somebody types into any machine of the merchant.

Asking for a code charges nobody, and Paytm answers no question about a request whose code is not known. So a request
whose answer was lost is taken back by its id, and made again under the same one when Paytm has said that it is: only a
code that is written down is ever shown. One that stays without a code is taken back for good.

A failed try is not the end of a code, which may be typed in again. The end is Paytm's word that it was completed,
cancelled or has expired, or a failed try after staff have stopped.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from galla.client.flows import Flow, exchange
from galla.clock import ist_text, parse_ist
from galla.connectors.amount import PAISE_TEXT
from galla.connectors.connector import Account, Capabilities
from galla.connectors.pg_refund import apply_for, ask_about
from galla.errors import AmountNotAllowed, ProtocolError, TransportError
from galla.payments.model import (
    Captured,
    Declined,
    Duplicate,
    Lost,
    Method,
    Mismatch,
    Missing,
    Outcome,
    Payment,
    Phase,
    Proof,
    Reason,
    Unclear,
    Waiting,
)
from galla.payments.refund import Refund, RefundOutcome
from galla.protocol.codes import Kind, ResultInfo, explain_edc
from galla.protocol.message import Host
from galla.protocol.queue import (
    QueueAttempt,
    QueueCancelRequest,
    QueueCreateRequest,
    QueueState,
    QueueStatusReply,
    QueueStatusRequest,
)
from galla.protocol.req_hash import scheme_named

_ACCEPT = {"all": "ALL", "card": "CARD", "qr": "QR"}
_ANSWERED = frozenset({Kind.ACCEPTED, Kind.SUCCESS, Kind.PENDING})
_IDLE = frozenset({QueueState.IN_QUEUE, QueueState.FAILED})


class QueueConnector:
    """Paytm's payment-request queue (CPay)."""

    capabilities = Capabilities(
        name="paytm-queue",
        methods=frozenset({Method.QUEUE}),
        amounts=PAISE_TEXT,
        can_rebegin=True,
        can_refund=True,
        host=Host.QUEUE,
    )

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Put the payment into the queue and get its code; what an earlier request left there is taken back first."""
        if payment.sends > 1 and (stands := (yield from _left_behind(payment, account))) is not None:
            return stands
        request = QueueCreateRequest(
            mid=account.mid,
            client_id=account.queue_client_id or account.client_id or "",
            scheme=scheme_named(account.queue_hash),
            txn_date=ist_text(payment.created_at),
            merchant_txn_id=payment.paytm_id,
            txn_amount=PAISE_TEXT.write(payment.amount_paise),
            merchant_reference_no=_reference(payment),
            payment_mode=_ACCEPT[payment.accept],
        )
        reply = yield from exchange(request, account.key)
        match reply.kind:
            case Kind.ACCEPTED | Kind.SUCCESS | Kind.PENDING if reply.cpay_id:
                return Waiting(phase=Phase.QUEUED, code=reply.cpay_id)
            case Kind.DUPLICATE:
                return Duplicate(paytm_code=reply.result.code_id)
            case Kind.REFUSED | Kind.DECLINED | Kind.BUSY:
                return Declined(reason=_reason("refused", reply.result))
            case Kind.VOID_FAILED | None:
                return Unclear(reason=_unclear(reply.result))
            case _:  # an error of Paytm's own, or taken in without a code: without one nobody can be charged
                return Lost(detail="Paytm's answer carries no code.", paytm_code=reply.result.code_id)

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Ask what became of the code; after a cancel, have it taken out of the queue first."""
        if payment.code is None:
            return (yield from _withdrawn(payment, account))
        reply = yield from exchange(_question(payment, account), account.key)
        is_stopped = payment.cancel_requested_at is not None
        if is_stopped and payment.is_live and reply.kind in _ANSWERED and reply.state in _IDLE:
            with suppress(TransportError, ProtocolError):  # whatever became of the cancel, the status tells
                yield from exchange(_cancel(payment, account), account.key)
            reply = yield from exchange(_question(payment, account), account.key)
        if (other := _other(payment, reply)) is not None:
            return other
        match reply.kind:
            case Kind.ACCEPTED | Kind.SUCCESS | Kind.PENDING:
                return _outcome(payment, reply)
            case Kind.NOT_FOUND:
                return Missing(paytm_code=reply.result.code_id)
            case Kind.INTERNAL:
                return Lost(detail="Paytm reported an error of its own.", paytm_code=reply.result.code_id)
            case _:  # a refusal of the question says nothing about the payment
                return Unclear(reason=_unclear(reply.result))

    def begin_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Ask for the money to go back, through the online API in rupees, as for any sale on a machine."""
        return apply_for(refund, payment, account, now)

    def inquire_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Ask what became of the refund."""
        return ask_about(refund, payment, account, now)


def _question(payment: Payment, account: Account) -> QueueStatusRequest:
    return QueueStatusRequest(
        mid=account.mid,
        client_id=account.queue_client_id or account.client_id or "",
        scheme=scheme_named(account.queue_hash),
        cpay_id=payment.code or "",
        txn_date=ist_text(payment.created_at),
        method=account.queue_status_method,
    )


def _cancel(payment: Payment, account: Account) -> QueueCancelRequest:
    return QueueCancelRequest(
        mid=account.mid,
        client_id=account.queue_client_id or account.client_id or "",
        scheme=scheme_named(account.queue_hash),
        date=ist_text(payment.created_at),
        cpay_id=payment.code,
        merchant_order_id=payment.paytm_id,
        tid=account.tids[0] if account.tids else None,
        path=account.queue_cancel_path,
    )


def _left_behind(payment: Payment, account: Account) -> Flow[Outcome | None]:
    """Take back what an earlier request may have left in the queue; return why no other may follow, if so.

    Only Paytm's word that it has taken it back, or never had it, lets another follow: of two that are in force a
    customer could pay the one whose code nobody knows.
    """
    try:
        reply = yield from exchange(_cancel(payment, account), account.key)
    except (TransportError, ProtocolError) as error:
        return Lost(detail=f"Whether the first request was taken back is not known: {error}")
    match reply.kind:
        case Kind.ACCEPTED | Kind.SUCCESS | Kind.PENDING | Kind.NOT_FOUND:
            return None
        case Kind.INTERNAL | Kind.BUSY:
            return Lost(detail="Paytm did not say whether it took the first request back.")
        case _:
            return Unclear(reason=_without_code(reply.result))


def _withdrawn(payment: Payment, account: Account) -> Flow[Outcome]:
    """Have a request taken out of the queue whose code never reached us: there is nothing else to ask about it."""
    reply = yield from exchange(_cancel(payment, account), account.key)
    match reply.kind:
        case Kind.ACCEPTED | Kind.SUCCESS | Kind.PENDING:
            return Declined(
                reason=Reason(
                    code="cancelled",
                    message="Paytm's answer with the code never reached us, so Paytm has taken the request back.",
                    hint="Nobody was shown a code and nothing was charged. Make a new code.",
                )
            )
        case Kind.NOT_FOUND:
            return Missing(paytm_code=reply.result.code_id)
        case Kind.INTERNAL:
            return Lost(detail="Paytm reported an error of its own.", paytm_code=reply.result.code_id)
        case _:
            return Unclear(reason=_without_code(reply.result))


def _outcome(payment: Payment, reply: QueueStatusReply) -> Outcome:
    """Turn the state of an entry into what it means for the payment."""
    state = reply.state
    if any(attempt.is_paid for attempt in reply.orders) and state not in (QueueState.COMPLETED, QueueState.PENDING):
        return Unclear(reason=_contradicting(reply))
    match state:
        case QueueState.IN_QUEUE:
            return Waiting(phase=Phase.QUEUED)
        case QueueState.PENDING:
            return Waiting(phase=Phase.ON_DEVICE)
        case QueueState.FAILED if payment.cancel_requested_at is None and payment.is_live:
            return Waiting(phase=Phase.TRY_FAILED)
        case QueueState.COMPLETED:
            return _captured(payment, reply)
        case QueueState.FAILED | QueueState.EXPIRED | QueueState.CANCELLED:
            return Declined(reason=_over(state, reply))
        case None:
            return Unclear(reason=_unclear(reply.result))


def _captured(payment: Payment, reply: QueueStatusReply) -> Outcome:
    """Turn a completed entry into a proof; what it says of itself is compared by the framework.

    Where the entry and its try say different things, the one that is not ours is passed on, and found there.
    """
    attempt = reply.paid_by
    if attempt is None:
        return Unclear(reason=_contradicting(reply))
    try:
        amounts = [PAISE_TEXT.read(text) for text in (attempt.txn_amount, reply.txn_amount) if text is not None]
    except AmountNotAllowed:
        amounts = []
    if not amounts:
        return Unclear(
            reason=Reason(
                code="unclear",
                message="Paytm reports success without an amount that can be read, so it is not marked paid.",
                hint="Compare with the slip from the machine. Do not take this payment again.",
            )
        )
    odd = [amount for amount in amounts if amount != payment.amount_paise]
    return Captured(proof=_proof(payment, reply, attempt, (odd or amounts)[0]))


def _proof(payment: Payment, reply: QueueStatusReply, attempt: QueueAttempt, amount_paise: int) -> Proof:
    card, mode = attempt.issuer_mask_card_no, attempt.pay_method
    is_upi = mode is not None and mode.upper() == "UPI"
    try:
        paid_at = parse_ist(attempt.txn_date) if attempt.txn_date else None
    except ValueError:
        paid_at = None
    return Proof(
        mid=_odd(payment.mid, reply.mid, attempt.mid),
        paytm_id=_odd(payment.paytm_id, reply.merchant_txn_id, attempt.merchant_txn_id) or attempt.order_id or "",
        amount_paise=amount_paise,
        currency=_odd(payment.currency, reply.currency, attempt.currency) or "INR",
        tid=attempt.tid,
        transaction_id=attempt.acquirement_id,
        rrn=attempt.retrieval_reference_no or attempt.bank_txn_id,
        auth_code=attempt.auth_code,
        mode=mode,
        card_network=attempt.card_scheme,
        card_last4=card[-4:] if card and card[-4:].isdigit() else None,
        card_type=None if is_upi else attempt.card_type or mode,
        issuer=attempt.issuing_bank_name,
        paid_at=paid_at,
    )


def _odd(ours: str, *said: str | None) -> str:
    """Return what was said that is not ours, else what was said at all, else nothing."""
    known = [text for text in said if text]
    return next((text for text in known if text != ours), known[0] if known else "")


def _other(payment: Payment, reply: QueueStatusReply) -> Mismatch | None:
    """An answer about another code, id or MID says nothing about this payment."""
    pairs = (
        ("code", payment.code, reply.cpay_id),
        ("id", payment.paytm_id, reply.merchant_txn_id),
        ("mid", payment.mid, reply.mid),
    )
    wrong = tuple(name for name, ours, theirs in pairs if theirs and theirs != ours)
    if not wrong:
        return None
    return Mismatch(
        reason=Reason(
            code="mismatch",
            message=f"Paytm answered about another {' and '.join(wrong)}, so the answer was not used.",
            hint="We ask again. Do not take this payment again.",
        ),
        fields=wrong,
    )


def _over(state: QueueState, reply: QueueStatusReply) -> Reason:
    """Words for a code that has come to its end without money."""
    code, message, hint = {
        QueueState.EXPIRED: (
            "expired",
            "The code ran out and nobody paid.",
            "Nothing was charged. Make a new code if the customer still wants to pay.",
        ),
        QueueState.CANCELLED: (
            "cancelled",
            "The code was taken out of Paytm's queue before anybody paid.",
            "Nothing was charged. Take the payment another way, or make a new code.",
        ),
        QueueState.FAILED: (
            "declined",
            "The try at the machine failed, and the code was stopped.",
            "The customer was not charged. Take the payment another way, or make a new code.",
        ),
    }[state]
    last = reply.orders[-1] if reply.orders else None
    quote = last.bank_response_message if last is not None else None
    return Reason(
        code=code, message=message, hint=hint, paytm_code=reply.result.code_id or None, paytm_message=quote or None
    )


def _contradicting(reply: QueueStatusReply) -> Reason:
    count = sum(attempt.is_paid for attempt in reply.orders)
    return Reason(
        code="unclear",
        message=(
            f"Paytm reports this code as {(reply.txn_status or 'unknown')[:20].lower()} and lists "
            f"{count or 'no'} paid {'try' if count == 1 else 'tries'}, so it is not marked paid."
        ),
        hint="Compare with the slips from the machines. Do not take this payment again.",
        paytm_code=reply.result.code_id or None,
    )


def _without_code(result: ResultInfo) -> Reason:
    return Reason(
        code="unclear",
        message=(
            "Paytm's answer with the code never reached us, and Paytm would not take the request back. "
            "Nobody was shown a code, so nobody can have typed it by intention."
        ),
        hint="Look in the Paytm dashboard before you take this payment another way. We keep trying.",
        paytm_code=result.code_id or None,
        paytm_message=result.message or None,
    )


def _reference(payment: Payment) -> str | None:
    """The reference as Paytm can take it: 32 characters at most, no pipe, nothing that cannot be seen."""
    if not payment.reference:
        return None
    text = "".join(char for char in payment.reference.replace("|", "/") if char.isprintable())
    return text[:32] or None


def _reason(code: str, result: ResultInfo) -> Reason:
    row = explain_edc(result.code_id, result.message)
    return Reason(
        code=code,
        message=row.message,
        hint=row.hint,
        paytm_code=result.code_id or None,
        paytm_message=result.message or None,
    )


def _unclear(result: ResultInfo) -> Reason:
    row = explain_edc(result.code_id, result.message)
    return Reason(
        code="unclear",
        message=f"Paytm gave an answer that decides nothing. {row.message}",
        hint="We keep asking. Do not take this payment again.",
        paytm_code=result.code_id or None,
        paytm_message=result.message or None,
    )
