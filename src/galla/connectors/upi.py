"""A payment by UPI through Paytm's online API: a link for the payer's app, a QR to scan, or a request to a UPI id.

Link and request take two steps: a token for the order, then the payment begun with it. The token is written down
between them, so that a crash takes up at the second. Nothing is charged until the payer acts in the app, and only
the order's status proves that it happened.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from galla.client.flows import Flow, exchange, keep
from galla.clock import ist_text, parse_ist
from galla.connectors.amount import RUPEES_TEXT
from galla.connectors.connector import Account, Capabilities
from galla.connectors.pg_refund import apply_for, ask_about
from galla.connectors.pg_words import pg_reason, pg_unclear
from galla.errors import RemoteProtocolError
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
from galla.payments.rulebook import MCC_LIMITS_PAISE
from galla.protocol.codes import Kind
from galla.protocol.link import parse_link
from galla.protocol.message import Host
from galla.protocol.order import OrderStatusReply, OrderStatusRequest
from galla.protocol.pg import Reply
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.qr import QrRequest
from galla.protocol.theia import TOKEN_LIFE_S, UPI_ANY, UPI_PUSH, InitiateRequest, ProcessRequest

_MODES = {Method.UPI_INTENT: "UPI_INTENT", Method.UPI_COLLECT: "UPI"}


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a UPI payment has written down: the payer's id for a collect, and the order's token once it is there."""

    vpa: str | None = None
    token: str | None = None

    def __repr__(self) -> str:
        return "Session('****')"


class UpiConnector:
    """UPI Intent, dynamic QR and Collect."""

    capabilities = Capabilities(
        name="paytm-upi",
        methods=frozenset({Method.UPI_INTENT, Method.UPI_QR, Method.UPI_COLLECT}),
        amounts=RUPEES_TEXT,
        max_paise=max(MCC_LIMITS_PAISE.values()),
        needs_session_token=True,
        can_rebegin=True,
        can_refund=True,
        expires_s=TOKEN_LIFE_S,
        host=Host.PG,
    )

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Make the order and hand the payer something to act on."""
        if payment.method == Method.UPI_QR:
            return _show_qr(payment, account, now)
        return _two_steps(payment, account, now)

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Ask what became of the order."""
        question = OrderStatusRequest(mid=account.mid, order_id=payment.paytm_id, client_id=account.client_id)
        reply = yield from exchange(question, account.key)
        match reply.kind:
            case Kind.SUCCESS:
                return _captured(reply)
            case Kind.PENDING | Kind.ACCEPTED:
                return _other_order(payment, reply) or Waiting(phase=Phase.AWAITING_PAYER)
            case Kind.DECLINED:
                return _other_order(payment, reply) or Declined(reason=_declined(payment, reply))
            case Kind.NOT_FOUND:
                return _other_order(payment, reply) or Missing(paytm_code=reply.result.code)
            case Kind.INTERNAL:
                return Lost(detail="Paytm reported an error of its own.", paytm_code=reply.result.code)
            case _:
                return Unclear(reason=pg_unclear(reply))

    def begin_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Ask for the money to go back, under the refund's own reference."""
        return apply_for(refund, payment, account, now)

    def inquire_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Ask what became of the refund."""
        return ask_about(refund, payment, account, now)


def _two_steps(payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
    session = read_session(payment)
    if session.token is not None and payment.method == Method.UPI_COLLECT:
        # The request may be on the payer's phone already: ask, never send it twice.
        known = yield from UpiConnector().inquire(payment, account, now)
        if not isinstance(known, Missing):
            return known
    if session.token is None:
        order = InitiateRequest(
            mid=account.mid,
            order_id=payment.paytm_id,
            website_name=account.website,
            txn_amount=RUPEES_TEXT.write(payment.amount_paise),
            cust_id=payment.paytm_id,
            callback_url=account.callback_url,
            enable_payment_mode=(UPI_ANY if payment.method == Method.UPI_COLLECT else UPI_PUSH,),
            client_id=account.client_id,
        )
        made = yield from exchange(order, account.key)
        if made.kind is not Kind.ACCEPTED or made.txn_token is None:
            return _refused(made)
        session = msgspec.structs.replace(session, token=made.txn_token.reveal())
        yield from keep(msgspec.json.encode(session).decode())
    request = ProcessRequest(
        mid=account.mid,
        order_id=payment.paytm_id,
        txn_token=TxnToken(session.token or ""),
        payment_mode=_MODES[Method(payment.method)],
        payer_account=session.vpa,
    )
    begun = yield from exchange(request, account.key)
    if begun.kind is not Kind.ACCEPTED:
        return _refused(begun)
    expires_at = payment.expires_at or now + timedelta(seconds=TOKEN_LIFE_S)
    if payment.method == Method.UPI_COLLECT:
        return Waiting(phase=Phase.AWAITING_PAYER, expires_at=expires_at)
    if begun.deep_link_info is None:
        return Unclear(reason=pg_unclear(begun))
    named = begun.deep_link_info.order_id
    if named and named != payment.paytm_id:
        return _unusable("link of another order", ("order",))
    return _handed_over(payment, begun.deep_link_info.deep_link, expires_at)


def _show_qr(payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
    expires_at = payment.expires_at or now + timedelta(seconds=TOKEN_LIFE_S)
    request = QrRequest(
        mid=account.mid,
        client_id=account.client_id,
        order_id=payment.paytm_id,
        amount=RUPEES_TEXT.write(payment.amount_paise),
        pos_id=payment.tid or payment.paytm_id,
        display_name=account.name.replace("|", "/")[:30],
        expiry_date=ist_text(expires_at),
    )
    reply = yield from exchange(request, account.key)
    if reply.kind is not Kind.ACCEPTED:
        return _refused(reply)
    if reply.qr_data is None:
        return Unclear(reason=pg_unclear(reply))
    return _handed_over(payment, reply.qr_data, expires_at)


def _handed_over(payment: Payment, link: str, expires_at: datetime) -> Outcome:
    """Pass Paytm's link on byte for byte, unless it asks the payer for another amount."""
    try:
        asks_paise = parse_link(link).amount_paise
    except RemoteProtocolError:
        asks_paise = 0
    if asks_paise not in (None, payment.amount_paise):
        return _unusable("link that cannot be read or is for another amount", ("link",))
    return Waiting(phase=Phase.AWAITING_PAYER, link=link, expires_at=expires_at)


def _unusable(what: str, fields: tuple[str, ...]) -> Mismatch:
    return Mismatch(
        reason=Reason(
            code="mismatch",
            message=f"Paytm sent a {what}, so it is not shown.",
            hint="Nothing was charged. Stop this payment, and take it on the card machine.",
        ),
        fields=fields,
    )


def _declined(payment: Payment, reply: OrderStatusReply) -> Reason:
    """Words for a failed try; a code or link that is still about may be used again until it ends."""
    reason = pg_reason("declined", reply)
    if payment.link is None:
        return reason
    return msgspec.structs.replace(
        reason, hint=f"Put this code or link away: it may still work for a while. {reason.hint}"
    )


def _refused(reply: Reply) -> Outcome:
    """An order or a payment that was not begun: nothing can be charged by it."""
    match reply.kind:
        case Kind.DUPLICATE:
            return Duplicate(paytm_code=reply.result.code)
        case Kind.REFUSED | Kind.DECLINED | Kind.NOT_FOUND:
            return Declined(reason=pg_reason("refused", reply))
        case Kind.INTERNAL:
            return Lost(detail="Paytm reported an error of its own.", paytm_code=reply.result.code)
        case _:
            return Unclear(reason=pg_unclear(reply))


def _captured(reply: OrderStatusReply) -> Outcome:
    """Turn a success into a proof; what it says of itself is compared by the framework."""
    amount_paise = reply.amount_paise
    if amount_paise is None:
        return Unclear(
            reason=Reason(
                code="unclear",
                message="Paytm reports success without an amount that can be read, so it is not marked paid.",
                hint="Compare with the Paytm dashboard. Do not take this payment again.",
            )
        )
    try:
        paid_at = parse_ist(reply.txn_date) if reply.txn_date else None
    except ValueError:
        paid_at = None
    return Captured(
        proof=Proof(
            mid=reply.mid or "",
            paytm_id=reply.order_id or "",
            amount_paise=amount_paise,
            currency=reply.currency or "INR",
            transaction_id=reply.txn_id,
            rrn=reply.rrn or reply.bank_txn_id,
            mode=reply.payment_mode or "UPI",
            issuer=reply.bank_name,
            upi_id=reply.masked_vpa,
            paid_at=paid_at,
        )
    )


def _other_order(payment: Payment, reply: OrderStatusReply) -> Outcome | None:
    """An answer about another order or MID says nothing about this payment."""
    pairs = (("order", payment.paytm_id, reply.order_id), ("mid", payment.mid, reply.mid))
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


def read_session(payment: Payment) -> Session:
    """Return what the payment has written down (already unsealed), or an empty session."""
    return msgspec.json.decode(payment.session, type=Session) if payment.session else Session()
