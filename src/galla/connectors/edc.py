"""A payment on a Paytm card machine: push the sale, then ask its status; give it back by a void or a refund.

Paytm's names become galla's here, and nowhere else for card machines.
"""

from __future__ import annotations

from datetime import datetime

from galla.client.flows import Flow, exchange
from galla.clock import ist_text, parse_ist
from galla.connectors.amount import PAISE_TEXT
from galla.connectors.connector import Account, Capabilities
from galla.connectors.edc_void import ask_about_void, ask_for_void
from galla.connectors.pg_refund import apply_for, ask_about
from galla.errors import AmountNotAllowed
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
from galla.payments.voiding import VOID
from galla.protocol.codes import EDC_CODES, Kind, ResultInfo, explain_edc
from galla.protocol.edc import SaleReply, SaleRequest, StatusReply, StatusRequest
from galla.protocol.message import Host

_ACCEPT = {"all": "ALL", "card": "CARD", "qr": "QR"}


class EdcConnector:
    """Paytm EDC machines over the wireless API."""

    capabilities = Capabilities(
        name="paytm-edc",
        methods=frozenset({Method.EDC}),
        amounts=PAISE_TEXT,
        needs_terminal=True,
        can_refund=True,
        can_void=True,
        host=Host.EDC,
    )

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Push the sale to the machine."""
        reply = yield from exchange(_sale(payment, account, now), account.key)
        if (other := _other_id(payment, reply)) is not None:
            return other
        match reply.kind:
            case Kind.ACCEPTED | Kind.PENDING | Kind.SUCCESS:
                return Waiting(phase=Phase.ON_DEVICE)  # only a status reply proves; "success" here is acceptance
            case Kind.DUPLICATE:
                return Duplicate(paytm_code=reply.result.code_id)
            case Kind.BUSY:
                return Declined(reason=_reason("terminal_busy", reply.result))
            case Kind.REFUSED | Kind.DECLINED:
                return Declined(reason=_definite("refused", reply.result))
            case Kind.INTERNAL | Kind.NOT_FOUND:
                return Lost(detail="Paytm reported an error of its own.", paytm_code=reply.result.code_id)
            case _:
                return Unclear(reason=_unclear(reply.result))

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Ask what became of the sale."""
        question = StatusRequest(
            paytm_mid=account.mid,
            paytm_tid=payment.tid or "",
            transaction_date_time=ist_text(payment.created_at),
            merchant_transaction_id=payment.paytm_id,
            channel_id=account.channel_id,
            request_time_stamp=ist_text(now),
        )
        reply = yield from exchange(question, account.key)
        match reply.kind:
            case Kind.SUCCESS:
                return _captured(payment, reply)
            case Kind.ACCEPTED | Kind.PENDING:
                return _other_id(payment, reply) or Waiting(phase=Phase.ON_DEVICE)
            case Kind.DECLINED:
                quote = reply.bank_response_message
                return _other_id(payment, reply) or Declined(reason=_definite("declined", reply.result, quote))
            case Kind.NOT_FOUND:
                return _other_id(payment, reply) or Missing(paytm_code=reply.result.code_id)
            case Kind.INTERNAL:
                return Lost(detail="Paytm reported an error of its own.", paytm_code=reply.result.code_id)
            case _:  # a refusal of the question says nothing about the payment
                return Unclear(reason=_unclear(reply.result))

    def begin_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Ask for the money to go back: on the machine, or through the online API in rupees."""
        begin = ask_for_void if refund.kind == VOID else apply_for
        return begin(refund, payment, account, now)

    def inquire_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Ask what became of the void or the refund."""
        inquire = ask_about_void if refund.kind == VOID else ask_about
        return inquire(refund, payment, account, now)


def _sale(payment: Payment, account: Account, now: datetime) -> SaleRequest:
    shown = {}
    if payment.customer_name:
        shown["Customer"] = payment.customer_name.replace("|", "/")
    reference = _reference(payment)
    if reference:
        shown["Bill"] = reference
    return SaleRequest(
        paytm_mid=account.mid,
        paytm_tid=payment.tid or "",
        transaction_date_time=ist_text(payment.created_at),
        merchant_transaction_id=payment.paytm_id,
        transaction_amount=PAISE_TEXT.write(payment.amount_paise),
        channel_id=account.channel_id,
        request_time_stamp=ist_text(now),
        merchant_reference_no=_reference(payment),
        payment_mode=_ACCEPT[payment.accept],
        display_info=shown,
        print_info=shown,
        callback_url=account.callback_url,
    )


def _reference(payment: Payment) -> str | None:
    """The reference as Paytm can take it: 32 characters at most, and no pipe, which its signature cannot carry."""
    return payment.reference.replace("|", "/")[:32] if payment.reference else None


def _captured(payment: Payment, reply: StatusReply) -> Outcome:
    """Turn a success into a proof; what it says of itself is compared by the framework."""
    try:
        amount_paise = PAISE_TEXT.read(reply.transaction_amount or "")
    except AmountNotAllowed:
        return Unclear(
            reason=Reason(
                code="unclear",
                message="Paytm reports success without an amount that can be read, so it is not marked paid.",
                hint="Compare with the slip from the machine. Do not take this payment again.",
            )
        )
    if reply.merchant_reference_no and _reference(payment) not in (None, reply.merchant_reference_no):
        return Mismatch(
            reason=Reason(
                code="mismatch",
                message="Paytm reports success for another bill reference, so it is not marked paid.",
                hint="Compare with the slip from the machine and the Paytm dashboard.",
            ),
            fields=("reference",),
        )
    if reply.paytm_tid and payment.tid and reply.paytm_tid != payment.tid:
        return Mismatch(
            reason=Reason(
                code="mismatch",
                message=f"Paytm reports success on another machine (TID {reply.paytm_tid}), so it is not marked paid.",
                hint="Compare with the slip from the machine and the Paytm dashboard.",
            ),
            fields=("tid",),
        )
    return Captured(proof=_proof(reply, amount_paise))


def _proof(reply: StatusReply, amount_paise: int) -> Proof:
    card = reply.issuer_mask_card_no
    mode = reply.pay_method
    is_upi = mode is not None and mode.upper() == "UPI"
    try:
        paid_at = parse_ist(reply.transaction_date_time) if reply.transaction_date_time else None
    except ValueError:
        paid_at = None
    return Proof(
        mid=reply.paytm_mid or "",
        paytm_id=reply.merchant_transaction_id or "",
        amount_paise=amount_paise,
        currency=reply.currency or "INR",
        tid=reply.paytm_tid,
        transaction_id=reply.acquirement_id,
        rrn=reply.retrieval_reference_no,
        auth_code=reply.auth_code,
        mode=mode,
        card_network=reply.card_scheme,
        card_last4=card[-4:] if card and card[-4:].isdigit() else None,
        card_type=None if is_upi else reply.card_type or mode,
        issuer=reply.issuing_bank_name,
        reference=reply.merchant_reference_no,
        paid_at=paid_at,
    )


def _other_id(payment: Payment, reply: SaleReply | StatusReply) -> Mismatch | None:
    """An answer about another id or MID says nothing about this payment."""
    pairs = (
        ("id", payment.paytm_id, reply.merchant_transaction_id),
        ("mid", payment.mid, reply.paytm_mid),
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


def _definite(code: str, result: ResultInfo, quote: str | None = None) -> Reason:
    """Words for a definite no, also one whose code nobody has listed."""
    if result.code_id in EDC_CODES:
        return _reason(code, result, quote)
    return Reason(
        code=code,
        message="Paytm reports that this payment failed. The customer was not charged.",
        hint="Take the payment again, or another way. We keep an eye on this one.",
        paytm_code=result.code_id or None,
        paytm_message=quote or result.message or None,
    )


def _reason(code: str, result: ResultInfo, quote: str | None = None) -> Reason:
    row = explain_edc(result.code_id, result.message)
    return Reason(
        code=code,
        message=row.message,
        hint=row.hint,
        paytm_code=result.code_id or None,
        paytm_message=quote or result.message or None,
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
