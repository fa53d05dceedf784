"""A connector that does whatever a test wants, for the tests of what galla does around connectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from galla.client.flows import Flow
from galla.connectors.amount import PAISE_TEXT
from galla.connectors.connector import Account, Capabilities
from galla.errors import NoReply
from galla.payments.model import Captured, Missing, Payment, Proof, Reason
from galla.payments.refund import Refund, Returned
from galla.protocol.message import Host, MerchantKey, Request, Response

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
MID, PAYTM_ID, AMOUNT = "TESTMID0000000000001", "SB0105000000000001", 250_000
PAYMENT = Payment(
    id="pay_1", merchant_id="mer_1", environment="sandbox", mid=MID, method="own", amount_paise=AMOUNT,
    paytm_id=PAYTM_ID, created_at=NOW, sends=1,
)  # fmt: skip
REFUND = Refund(
    id="rfd_1", merchant_id="mer_1", payment_id="pay_1", kind="refund", mid=MID, ref_id="SBR1", amount_paise=1000,
    reason="wrong size", actor="owner", created_at=NOW, sends=1,
)  # fmt: skip
ACCOUNT = Account(
    merchant_id="mer_1", mid=MID, key=MerchantKey("unit_test_key_16"), name="Shop", environment="sandbox"
)
PROOF = Proof(mid=MID, paytm_id=PAYTM_ID, amount_paise=AMOUNT, transaction_id="T1", paid_at=NOW)
RETURNED = Returned(mid=MID, paytm_id=PAYTM_ID, ref_id="SBR1", amount_paise=1000)
REASON = Reason(code="declined", message="It was declined.", hint="Start a new one.")
CALL = Request(host=Host.PG, path="/x", body=b"{}", operation="own", paytm_id=PAYTM_ID)
OK = Response(status=200, body=b"{}")
SECRET = "4111111111111111 and the key"
replace = msgspec.structs.replace

Speak = Callable[[], Iterator[Any]]


class Own:
    """A connector whose verbs all do what a test gives it, and whose own wrappers would allow anything."""

    capabilities = Capabilities(
        name="own", methods=frozenset({"own"}), amounts=PAISE_TEXT, can_refund=True, can_rebegin=False
    )

    def __init__(self, speak: Callable[[], Any]) -> None:
        self._speak = speak

    def begin(self, payment: Payment, account: Account, now: datetime) -> Any:
        """Do what the test says."""
        return self._speak()

    inquire = begin

    def begin_refund(self, refund: Refund, payment: Payment, account: Account, now: datetime) -> Any:
        """Do what the test says."""
        return self._speak()

    inquire_refund = begin_refund

    def _checked(self, *_: object) -> object:
        return Captured(proof=PROOF)

    differences = _believed = read = watched = _checked


def says(outcome: object, *steps: object) -> Speak:
    """Return a flow that takes these steps and ends with this, whatever it is."""

    def flow() -> Flow[Any]:
        for step in steps:  # noqa: UP028 - a tuple takes no answers
            yield step  # type: ignore[misc]
        return outcome

    return flow


def raises(error: BaseException, *steps: object) -> Speak:
    """Return a flow that takes these steps and then raises."""

    def flow() -> Flow[Any]:
        for step in steps:  # noqa: UP028 - a tuple takes no answers
            yield step  # type: ignore[misc]
        raise error

    return flow


def network(answers: tuple[Response | Exception, ...]) -> Callable[[Request], Response]:
    """Return a network that gives these answers, and none to any request beyond them."""
    left = iter(answers)

    def send(request: Request) -> Response:
        answer = next(left, NoReply("The test has no answer."))
        if isinstance(answer, Exception):
            raise answer
        return answer

    return send


def tries_twice() -> Flow[Any]:
    """Send a request, whatever comes of it, and another."""
    with suppress(NoReply):
        yield CALL
    yield CALL
    return Missing()
