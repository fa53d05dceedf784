"""From payments and refunds to the receipt they deserve. What is not proven paid is on no receipt."""

from __future__ import annotations

from galla.errors import IllegalTransition
from galla.payments.model import Payment, Status
from galla.payments.refund import OPEN, Refund, RefundStatus
from galla.receipts.model import Bill, GivenBack, Kind, Receipt, Shop, Stamp, Tender


def sale(shop: Shop, stamp: Stamp, payments: list[Payment], bill: Bill | None = None) -> Receipt:
    """Return the receipt of a bill with its payments so far, or of one payment that has no bill.

    Raises:
        IllegalTransition: nothing is paid (`nothing_to_print`).
    """
    paid = [payment for payment in payments if payment.status is Status.PAID]
    if not paid:
        raise IllegalTransition(
            "Nothing is proven paid here, so there is no receipt. Wait until it says Paid, then print.",
            code="nothing_to_print",
        )
    return Receipt(
        kind=Kind.SALE,
        shop=shop,
        stamp=stamp,
        tenders=tuple(tender_of(payment) for payment in paid),
        bill=bill,
        reference=None if bill else paid[0].reference,
        description=None if bill else paid[0].description,
        customer=bill.customer if bill else paid[0].customer_name,
    )


def slip(shop: Shop, stamp: Stamp, payment: Payment, refund: Refund, bill: Bill | None = None) -> Receipt:
    """Return the slip of a void or a refund, on its way or done.

    Raises:
        IllegalTransition: it failed: nothing goes back (`nothing_to_print`).
    """
    if refund.status not in OPEN and refund.status is not RefundStatus.DONE:
        raise IllegalTransition(
            "Nothing was given back by this, so there is no slip. The payment's page says why.",
            code="nothing_to_print",
        )
    return Receipt(
        kind=Kind(refund.kind),
        shop=shop,
        stamp=stamp,
        tenders=(tender_of(payment),),
        bill=bill,
        reference=None if bill else payment.reference,
        customer=bill.customer if bill else payment.customer_name,
        given_back=GivenBack(
            amount_paise=refund.amount_paise,
            is_done=refund.status is RefundStatus.DONE,
            reason=refund.reason,
            at=refund.settled_at or refund.created_at,
            reference=refund.ref_id,
            rrn=refund.rrn,
        ),
    )


def tender_of(payment: Payment) -> Tender:
    """Return a paid payment as a receipt shows it."""
    proof = payment.proof
    return Tender(
        amount_paise=payment.amount_paise,
        method=payment.method,
        paid_at=(proof.paid_at if proof else None) or payment.settled_at or payment.created_at,
        mode=proof.mode if proof else None,
        card_network=proof.card_network if proof else None,
        card_last4=proof.card_last4 if proof else None,
        upi_id=proof.upi_id if proof else None,
        rrn=proof.rrn if proof else None,
        auth_code=proof.auth_code if proof else None,
        tid=payment.tid,
        machine=payment.machine,
        tendered_paise=payment.tendered_paise,
        given_back_paise=payment.refunded_paise,
        is_voided=payment.is_voided,
    )
