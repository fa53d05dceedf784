"""What a connector is, and what galla does around every one of them.

A connector turns a payment into flows and the answers into outcomes. `begin` and `inquire` below run around it: they
turn broken conversations and broken connectors into outcomes, and compare every proof with the payment (amount,
currency, id, MID). A connector cannot leave that out, because it is not asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, get_args, runtime_checkable

import msgspec

from galla.client.flows import Flow
from galla.connectors.amount import AmountForm
from galla.connectors.watched import Broken, Talk, read, watched
from galla.errors import ChecksumMismatch, LocalProtocolError, NotSent, ProtocolError, TransportError
from galla.money import MAX_PAISE, rupees
from galla.payments.machine import Asking
from galla.payments.model import (
    Captured,
    Declined,
    Duplicate,
    Lost,
    Mismatch,
    Outcome,
    Payment,
    Proof,
    Reason,
    Unclear,
    Unsent,
)
from galla.payments.refund import Refund, RefundOutcome
from galla.payments.voiding import CUTOFF
from galla.protocol.message import Host, MerchantKey
from galla.protocol.queue import CANCEL_PATH
from galla.protocol.req_hash import HMAC_JSON

_OUTCOMES = get_args(Outcome)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant's standing with Paytm: who it is and the key it signs with. The key never shows itself.

    `tids` are its machines in use; the `queue_…` fields are dialects of the payment queue.
    """

    merchant_id: str
    mid: str
    key: MerchantKey
    name: str
    environment: str
    channel_id: str = "EDC"
    website: str = "DEFAULT"
    client_id: str | None = None
    void_path: str = "/ecr/void"
    tids: tuple[str, ...] = ()
    queue_client_id: str | None = None
    queue_hash: str = HMAC_JSON.name
    queue_cancel_path: str = CANCEL_PATH
    queue_status_method: str = "POST"
    callback_url: str | None = None
    mcc: str | None = None
    upi_limit_paise: int = MAX_PAISE
    collect_allowed: bool = False
    void_cutoff: str = CUTOFF


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector can do.

    `amounts` is how it writes money on the wire, `needs_terminal` whether a card machine must be named,
    `needs_session_token` whether it asks for a token first, `can_rebegin` whether beginning again cannot charge
    twice (the payer still has to act), `expires_s` how long the payer has. `host` is where its requests go, so that a
    new payment is refused at once while nobody answers there (None: each is tried).
    """

    name: str
    methods: frozenset[str]
    amounts: AmountForm
    currencies: frozenset[str] = frozenset({"INR"})
    max_paise: int = MAX_PAISE
    needs_terminal: bool = False
    needs_session_token: bool = False
    can_rebegin: bool = False
    can_refund: bool = False
    can_void: bool = False
    expires_s: float | None = None
    host: Host | str | None = None


class Connector(Protocol):
    """One way of taking money.

    One whose capabilities say `can_refund` is a `Refunder` as well.
    """

    capabilities: Capabilities

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Ask the provider to take the payment."""
        ...

    def inquire(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Ask the provider what became of it. Never charges."""
        ...


@runtime_checkable
class Refunder(Protocol):
    """A connector that can give money back: by a refund, and by a void where its capabilities say `can_void`.

    Which of the two is the refund's `kind`.
    """

    def begin_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Ask the provider to give the money back, under the refund's own reference."""
        ...

    def inquire_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Flow[RefundOutcome]:
        """Ask the provider what became of the refund."""
        ...


def begin(connector: Connector, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
    """Run a connector's `begin` with every check around it."""
    return _checked(connector, payment, account, now, Asking.BEGIN)


def inquire(connector: Connector, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
    """Run a connector's `inquire` with every check around it."""
    return _checked(connector, payment, account, now, Asking.INQUIRE)


def absent(payment: Payment) -> Outcome:
    """Return what is said of a payment whose connector is not installed any more."""
    return Unclear(
        reason=Reason(
            code="unclear",
            message=f"The connector for `{payment.method}` is not installed, so nobody can be asked.",
            hint="Do not take this payment again. Tell whoever looks after galla to install the connector again.",
        )
    )


def _checked(
    connector: Connector, payment: Payment, account: Account, now: datetime, asking: Asking
) -> Flow[Outcome]:
    talk = Talk()
    shown = msgspec.structs.replace(payment, metadata=dict(payment.metadata))
    speak = connector.begin if asking is Asking.BEGIN else connector.inquire
    try:
        said = yield from watched(lambda: speak(shown, account, now), talk)
        outcome: Outcome = read(said, _OUTCOMES)
    except NotSent as error:
        outcome = Unsent(detail=str(error))
    except TransportError as error:
        return Lost(detail=str(error))
    except ChecksumMismatch:
        return Unclear(reason=_unsigned())
    except LocalProtocolError as error:
        if asking is Asking.BEGIN and (payment.can_rebegin or not talk.may_have_arrived):
            return Declined(reason=_unsendable(error))
        return Unclear(reason=_unsendable(error))  # a malformed question says nothing about the payment
    except ProtocolError as error:
        return Lost(detail=str(error))
    except Broken as error:
        return Unclear(reason=_broken(connector, str(error)))
    return _believed(connector, payment, outcome, asking, talk)


def _believed(
    connector: Connector, payment: Payment, outcome: Outcome, asking: Asking, talk: Talk
) -> Outcome:
    """What may be believed: nothing after silence, a proof only of this payment, "not sent" only if nothing left."""
    if talk.is_unanswered and not isinstance(outcome, Lost | Unclear | Unsent | Mismatch):
        return Lost(detail="The provider did not answer, so what the connector made of it is not used.")
    match outcome:
        case Captured():
            wrong = differences(payment, outcome.proof)
            if wrong:
                return Mismatch(reason=_mismatch(payment, outcome.proof, wrong), fields=wrong)
        case Unsent() if talk.may_have_arrived and not payment.can_rebegin:
            return Lost(detail=outcome.detail)
        case Duplicate() if asking is Asking.INQUIRE:
            return Unclear(reason=_broken(connector, "it answered a question with Duplicate"))
        case _:
            pass
    return outcome


def differences(payment: Payment, proof: Proof) -> tuple[str, ...]:
    """Return the names of the fields in which a proof is not the payment's own; empty when it is."""
    pairs = {
        "mid": (payment.mid, proof.mid),
        "id": (payment.paytm_id, proof.paytm_id),
        "amount": (payment.amount_paise, proof.amount_paise),
        "currency": (payment.currency, proof.currency),
    }
    return tuple(name for name, (ours, theirs) in pairs.items() if ours != theirs)


def _mismatch(payment: Payment, proof: Proof, wrong: tuple[str, ...]) -> Reason:
    said = f" Paytm speaks of ₹{rupees(proof.amount_paise)}." if "amount" in wrong else ""
    return Reason(
        code="mismatch",
        message=(
            f"Paytm answered with another {' and '.join(wrong)} than this payment of ₹{rupees(payment.amount_paise)}, "
            f"so it is not marked paid.{said}"
        ),
        hint="Compare with the slip from the machine and the Paytm dashboard. Do not take this payment again.",
    )


def _unsigned() -> Reason:
    return Reason(
        code="bad_signature",
        message="An answer came whose signature does not fit, so it was ignored.",
        hint="We ask again. If it repeats, the merchant key in galla may not be the one Paytm uses.",
    )


def _unsendable(error: LocalProtocolError) -> Reason:
    return Reason(
        code="refused",
        message=f"This payment cannot be put into Paytm's form, so nothing was sent. {error}",
        hint="Correct the field and start the payment again.",
    )


def _broken(connector: Connector, how: str) -> Reason:
    return Reason(
        code="unclear",
        message=f"The connector {connector.capabilities.name} did not work as it must ({how}), so it was not believed.",
        hint="We keep asking. Do not take this payment again. Tell whoever looks after galla.",
    )
