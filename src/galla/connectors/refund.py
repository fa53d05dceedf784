"""What galla does around every refund, whichever connector gives it: the counterpart of `connector.py`.

A refund counts as done only when reference, order, amount and MID of the answer are the refund's own.
"""

from __future__ import annotations

from datetime import datetime

from galla.client.flows import Flow
from galla.connectors.connector import Account, Connector, Refunder
from galla.errors import ChecksumMismatch, LocalProtocolError, NoReply, NotSent, RemoteProtocolError
from galla.payments.model import Payment, Reason
from galla.payments.refund import (
    Refund,
    RefundOutcome,
    Rejected,
    Returned,
    Unanswered,
    Unexpected,
)


def begin_refund(
    connector: Connector, refund: Refund, payment: Payment, account: Account, now: datetime
) -> Flow[RefundOutcome]:
    """Run a connector's refund with every check around it."""
    if not isinstance(connector, Refunder):
        return Rejected(reason=_cannot(payment))
    try:
        outcome = yield from _checked(connector.begin_refund(refund, payment, account, now), refund, payment)
    except LocalProtocolError as error:
        return Rejected(reason=_unsendable(error))
    return outcome


def inquire_refund(
    connector: Connector, refund: Refund, payment: Payment, account: Account, now: datetime
) -> Flow[RefundOutcome]:
    """Run a connector's refund inquiry with every check around it."""
    if not isinstance(connector, Refunder):
        return Unexpected(reason=_cannot(payment))
    try:
        outcome = yield from _checked(connector.inquire_refund(refund, payment, account, now), refund, payment)
    except LocalProtocolError as error:
        return Unexpected(reason=_unsendable(error))
    return outcome


def differences(refund: Refund, payment: Payment, returned: Returned) -> tuple[str, ...]:
    """Return the names of the fields in which an answer is not the refund's own; empty when it is."""
    pairs = {
        "mid": (payment.mid, returned.mid),
        "order": (payment.paytm_id, returned.paytm_id),
        "reference": (refund.ref_id, returned.ref_id),
        "amount": (refund.amount_paise, returned.amount_paise),
    }
    return tuple(name for name, (ours, theirs) in pairs.items() if ours != theirs)


def _checked(flow: Flow[RefundOutcome], refund: Refund, payment: Payment) -> Flow[RefundOutcome]:
    try:
        outcome = yield from flow
    except NotSent as error:
        return Unanswered(detail=str(error), was_sent=False)
    except (NoReply, ChecksumMismatch, RemoteProtocolError) as error:
        return Unanswered(detail=str(error))
    if isinstance(outcome, Returned):
        wrong = differences(refund, payment, outcome)
        if wrong:
            return Unexpected(
                reason=Reason(
                    code="mismatch",
                    message=f"Paytm answered about a refund with another {' and '.join(wrong)}, so it is not done.",
                    hint="Compare with the Paytm dashboard. Do not refund again.",
                )
            )
    return outcome


def _cannot(payment: Payment) -> Reason:
    return Reason(
        code="refund_not_possible",
        message=f"A payment by {payment.method} cannot be given back through Paytm.",
        hint="Give the money back another way and note it on the bill.",
    )


def _unsendable(error: LocalProtocolError) -> Reason:
    return Reason(
        code="refused",
        message=f"This refund cannot be put into Paytm's form, so nothing was sent. {error}",
        hint="Correct it and start the refund again.",
    )
