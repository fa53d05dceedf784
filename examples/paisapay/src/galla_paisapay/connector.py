"""A payment by PaisaPay: make an order, give the customer its link, ask what became of it.

galla does the rest: it writes the payment down first, asks again, compares a proof with the payment, and books it.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from galla.client.flows import Flow, exchange
from galla.connectors.amount import PAISE_TEXT
from galla.connectors.connector import Account, Capabilities
from galla.errors import AmountNotAllowed, ConfigError
from galla.payments.model import (
    Captured,
    Declined,
    Missing,
    Outcome,
    Payment,
    Phase,
    Proof,
    Reason,
    Unclear,
    Waiting,
)
from galla.protocol.message import is_base_url
from galla_paisapay.wire import Call, Order, Secret

LINK_LIFE_S = 600.0


class PaisaPay:
    """PaisaPay's links."""

    capabilities = Capabilities(
        name="paisapay",
        methods=frozenset({"paisapay"}),
        amounts=PAISE_TEXT,
        max_paise=2_00_000_00,
        can_rebegin=True,  # the same order again is the same order: it cannot charge twice
        expires_s=LINK_LIFE_S,
    )

    def __init__(self, url: str, secret: Secret) -> None:
        self._url = url
        self._secret = secret

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Make the order and get the link for the customer."""
        amount = PAISE_TEXT.write(payment.amount_paise)
        order = yield from exchange(self._call("/v1/order", "paisapay", payment, amount), account.key)
        if order.state != "open" or order.link is None:
            return _unclear(order)
        expires_at = payment.expires_at or now + timedelta(seconds=LINK_LIFE_S)
        return Waiting(phase=Phase.AWAITING_PAYER, link=order.link, expires_at=expires_at)

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Ask what became of the order. Asking never charges."""
        order = yield from exchange(self._call("/v1/order/state", "paisapay_status", payment), account.key)
        if (order.shop, order.order) != (payment.mid, payment.paytm_id):
            return _unclear(order)  # a word about another order says nothing about this one
        match order.state:
            case "paid":
                return _captured(order)
            case "open":
                return Waiting(phase=Phase.AWAITING_PAYER)
            case "failed":
                return Declined(reason=_reason("declined", "PaisaPay declined the payment.", order))
            case "unknown":
                return Missing()
            case _:
                return _unclear(order)

    def _call(self, path: str, operation: str, payment: Payment, amount: str | None = None) -> Call:
        return Call(
            url=self._url,
            secret=self._secret,
            path=path,
            operation=operation,
            shop=payment.mid,  # PaisaPay knows this shop by its MID
            order=payment.paytm_id,
            amount=amount,
        )


def connect() -> PaisaPay:
    """Return the connector as the environment describes it; galla calls this when it starts.

    Raises:
        ConfigError: a setting is missing or cannot work.
    """
    url, secret = os.environ.get("PAISAPAY_URL", ""), os.environ.get("PAISAPAY_SECRET", "")
    if not is_base_url(url):
        raise ConfigError("PAISAPAY_URL must be like https://api.paisapay.example.", setting="PAISAPAY_URL")
    if not secret:
        raise ConfigError("PAISAPAY_SECRET is missing: PaisaPay shows it with the shop.", setting="PAISAPAY_SECRET")
    return PaisaPay(url, Secret(secret))


def _captured(order: Order) -> Outcome:
    """Say exactly what PaisaPay said; galla compares it with the payment."""
    try:
        amount_paise = PAISE_TEXT.read(order.amount)
    except AmountNotAllowed:
        return _unclear(order)
    return Captured(
        proof=Proof(
            mid=order.shop,
            paytm_id=order.order,
            amount_paise=amount_paise,
            transaction_id=order.utr,
            rrn=order.utr,
            mode="UPI",
        )
    )


def _unclear(order: Order) -> Outcome:
    return Unclear(reason=_reason("unclear", "PaisaPay gave an answer that decides nothing.", order))


def _reason(code: str, message: str, order: Order) -> Reason:
    hint = "Start a new payment, or take another way." if code == "declined" else "We keep asking. Do not charge again."
    return Reason(code=code, message=message, hint=hint, paytm_message=order.why)
