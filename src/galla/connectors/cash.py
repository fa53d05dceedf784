"""A payment in cash: whoever takes it says so, and the money is in the drawer. Nothing is sent and nobody is asked.

It goes the way of every payment all the same, so that a process that dies between writing it down and booking it
leaves it to be finished by the next one, once.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from galla.client.flows import Flow
from galla.connectors.amount import UNWRITTEN
from galla.connectors.connector import Account, Capabilities
from galla.payments.model import Captured, Method, Outcome, Payment, Proof
from galla.payments.refund import Refund, RefundOutcome, Returned

T = TypeVar("T")


class CashConnector:
    """The drawer. What was taken and what was given back is known at once."""

    capabilities = Capabilities(
        name="cash", methods=frozenset({Method.CASH}), amounts=UNWRITTEN, can_refund=True
    )

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Say that the cash is in the drawer."""
        return _said(_captured(payment))

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Say it again: a payment that is written down was taken before it was written down."""
        return _said(_captured(payment))

    def begin_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Say that the cash went back to the customer."""
        return _said(_returned(refund, payment))

    def inquire_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Say it again."""
        return _said(_returned(refund, payment))


def _captured(payment: Payment) -> Captured:
    proof = Proof(
        mid=payment.mid,
        paytm_id=payment.paytm_id,
        amount_paise=payment.amount_paise,
        mode="CASH",
        paid_at=payment.created_at,
        source="cash",
    )
    return Captured(proof=proof)


def _returned(refund: Refund, payment: Payment) -> Returned:
    return Returned(
        mid=refund.mid, paytm_id=payment.paytm_id, ref_id=refund.ref_id, amount_paise=refund.amount_paise
    )


def _said(outcome: T) -> Flow[T]:
    """Return a conversation in which nothing is sent."""
    yield from ()
    return outcome
