"""What galla does around every refund, whichever connector gives it: the counterpart of `connector.py`.

A refund counts as done only when reference, order, amount and MID of the answer are the refund's own.
"""

from __future__ import annotations

from datetime import datetime
from typing import get_args

import msgspec

from galla.client.flows import Flow
from galla.connectors.connector import Account, Connector, Refunder
from galla.connectors.watched import Broken, Talk, read, watched
from galla.errors import LocalProtocolError, NotSent, ProtocolError, TransportError
from galla.payments.machine import Asking
from galla.payments.model import Payment, Reason
from galla.payments.refund import (
    AlreadyRaised,
    NotNow,
    Refund,
    RefundOutcome,
    Rejected,
    Returned,
    Unanswered,
    Unexpected,
)
from galla.payments.voiding import VOID

_OUTCOMES = get_args(RefundOutcome)


def begin_refund(
    connector: Connector | None, refund: Refund, payment: Payment, account: Account, now: datetime
) -> Flow[RefundOutcome]:
    """Run a connector's refund with every check around it."""
    return _checked(connector, refund, payment, account, now, Asking.BEGIN)


def inquire_refund(
    connector: Connector | None, refund: Refund, payment: Payment, account: Account, now: datetime
) -> Flow[RefundOutcome]:
    """Run a connector's refund inquiry with every check around it."""
    return _checked(connector, refund, payment, account, now, Asking.INQUIRE)


def differences(refund: Refund, payment: Payment, returned: Returned) -> tuple[str, ...]:
    """Return the names of the fields in which an answer is not the refund's own; empty when it is."""
    pairs = {
        "mid": (payment.mid, returned.mid),
        "order": (payment.paytm_id, returned.paytm_id),
        "reference": (refund.ref_id, returned.ref_id),
        "amount": (refund.amount_paise, returned.amount_paise),
    }
    return tuple(name for name, (ours, theirs) in pairs.items() if ours != theirs)


def _checked(
    connector: Connector | None, refund: Refund, payment: Payment, account: Account, now: datetime, asking: Asking
) -> Flow[RefundOutcome]:
    is_void = refund.kind == VOID
    if not isinstance(connector, Refunder) or (is_void and not connector.capabilities.can_void):
        if asking is Asking.BEGIN and refund.sends <= 1:
            return Rejected(reason=_cannot(payment))
        return Unexpected(reason=_cannot(payment))
    talk = Talk()
    shown = msgspec.structs.replace(payment, metadata=dict(payment.metadata))
    speak = connector.begin_refund if asking is Asking.BEGIN else connector.inquire_refund
    try:
        said = yield from watched(lambda: speak(refund, shown, account, now), talk)
        outcome: RefundOutcome = read(said, _OUTCOMES)
    except NotSent as error:
        return Unanswered(detail=str(error), was_sent=talk.may_have_arrived)
    except LocalProtocolError as error:
        if asking is Asking.BEGIN and not talk.may_have_arrived:
            return Rejected(reason=_unsendable(error))
        return Unexpected(reason=_unsendable(error))
    except (TransportError, ProtocolError) as error:
        return Unanswered(detail=str(error))
    except Broken as error:
        return Unexpected(reason=_broken(str(error)))
    return _believed(refund, payment, outcome, asking, talk)


def _believed(
    refund: Refund, payment: Payment, outcome: RefundOutcome, asking: Asking, talk: Talk
) -> RefundOutcome:
    """What may be believed: nothing after silence, "done" only of this refund, "not sent" only if nothing left."""
    if talk.is_unanswered and not isinstance(outcome, Unanswered | Unexpected):
        return Unanswered(detail="The provider did not answer, so what the connector made of it is not used.")
    match outcome:
        case Returned():
            wrong = differences(refund, payment, outcome)
            if wrong:
                return Unexpected(reason=_mismatch(wrong))
        case Unanswered() if talk.may_have_arrived:
            return Unanswered(detail=outcome.detail)
        case AlreadyRaised() | NotNow() if asking is Asking.INQUIRE:
            return Unexpected(reason=_broken(f"it answered a question with {type(outcome).__name__}"))
        case _:
            pass
    return outcome


def _mismatch(wrong: tuple[str, ...]) -> Reason:
    return Reason(
        code="mismatch",
        message=f"Paytm answered about a refund with another {' and '.join(wrong)}, so it is not done.",
        hint="Compare with the Paytm dashboard. Do not refund again.",
    )


def _broken(how: str) -> Reason:
    return Reason(
        code="unclear",
        message=f"The connector did not work as it must ({how}), so it was not believed.",
        hint="We keep asking. Do not refund again. Tell whoever looks after galla.",
    )


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
