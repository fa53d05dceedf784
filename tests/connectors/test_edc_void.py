"""A void on a card machine: the request by the sale's own id, and each of Paytm's answers as what it proves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from galla.client.flows import run
from galla.clock import ist_text
from galla.connectors import refund as framework
from galla.connectors.connector import Capabilities
from galla.connectors.edc import EdcConnector
from galla.errors import NoReply, NotSent
from galla.payments.model import Proof, Status
from galla.payments.refund import (
    AlreadyRaised,
    NotNow,
    Raised,
    Refund,
    RefundOutcome,
    Rejected,
    Returned,
    Unanswered,
    Unexpected,
    Unknown,
)
from galla.protocol.codes import EDC_CODES, ResultInfo
from galla.protocol.edc import StatusReply, StatusRequest, VoidReply, VoidRequest
from galla.protocol.message import Request, Response
from galla.protocol.refund import RefundRequest
from tests.connectors.test_connector_edc import ACCOUNT, AMOUNT, KEY, MID, NOW, PAYMENT, PAYTM_ID, TID

SOLD = msgspec.structs.replace(
    PAYMENT,
    status=Status.PAID,
    proof=Proof(mid=MID, paytm_id=PAYTM_ID, amount_paise=AMOUNT, transaction_id="ACQ1"),
)
VOID = Refund(
    id="rfd_1",
    merchant_id="mer_1",
    payment_id="pay_1",
    kind="void",
    mid=MID,
    ref_id="SBVOID1",
    amount_paise=AMOUNT,
    reason="returned",
    actor="owner",
    created_at=NOW,
    sends=1,
)
REFUSED = {code for code, row in EDC_CODES.items() if row.kind == "refused" and not code.startswith("EDC_")}
BEGUN: dict[str, type[Any]] = {
    "S SUCCESS 0000": Raised,  # only a status about the void proves
    "A ACCEPTED_SUCCESS 0009": Raised,
    "P PENDING 0010": Raised,
    "F FAIL 0233": AlreadyRaised,
    "F FAIL 0333": NotNow,
    "F FAIL 0090": Rejected,
    "F FAIL 0180": Rejected,
    "F FAIL 0011": Rejected,
    **{f"F FAIL {code}": Rejected for code in sorted(REFUSED)},
    "F FAIL 0012": Unanswered,
    "F FAIL 0404": Unanswered,
    "R REVIEW 7777": Unexpected,
    "S FAIL 0000": Unexpected,
}
ASKED: dict[str, type[Any]] = {
    "S SUCCESS 0000": Returned,
    "A ACCEPTED_SUCCESS 0009": Raised,
    "P PENDING 0010": Raised,
    "P PENDING 0030": Raised,
    "F FAIL 0090": Rejected,
    "F FAIL 0011": Rejected,
    "F FAIL 0180": Unknown,  # no such void: ours may not have arrived
    "F FAIL 0404": Unknown,
    "F FAIL 0029": Unknown,
    "F FAIL 0012": Unanswered,
    **{f"F FAIL {code}": Unexpected for code in sorted(REFUSED | {"0333", "0233"})},
    "R REVIEW 7777": Unexpected,
    "F SUCCESS 0000": Unexpected,
}


@pytest.mark.parametrize("verdict", BEGUN)
def test_every_answer_to_a_void_has_its_outcome(verdict: str) -> None:
    """What Paytm may say to a void becomes one outcome, and none of them is money."""
    outcome = _begin(_void_reply(result=_info(verdict)))
    assert type(outcome) is BEGUN[verdict]
    _reads_well(outcome)


@pytest.mark.parametrize("verdict", ASKED)
def test_every_answer_about_a_void_has_its_outcome(verdict: str) -> None:
    """What Paytm may say about a void becomes one outcome; only one of them is money given back."""
    outcome = _inquire(_status(result=_info(verdict)))
    assert type(outcome) is ASKED[verdict]
    _reads_well(outcome)


def test_no_such_void_carries_its_final_no() -> None:
    """0180 is a no once the grace is over; 0404 never is: it speaks of the sale."""
    missing, unheard = _inquire(_status(result=_info("F FAIL 0180"))), _inquire(_status(result=_info("F FAIL 0404")))
    assert isinstance(missing, Unknown)
    assert missing.final is not None
    assert missing.final.paytm_code == "0180"
    assert unheard == Unknown()


@pytest.mark.parametrize(
    "changes",
    [{"merchant_transaction_id": "SB01OTHER"}, {"paytm_mid": "OTHER"}, {"paytm_tid": "87654321"}],
)
@pytest.mark.parametrize("verdict", ["S SUCCESS 0000", "F FAIL 0090", "P PENDING 0010"])
def test_an_answer_about_another_sale_says_nothing(verdict: str, changes: dict[str, str]) -> None:
    """Another id, MID or machine is neither a yes nor a no: it is flagged."""
    outcome = _inquire(_status(result=_info(verdict), **changes))
    assert isinstance(outcome, Unexpected)
    assert outcome.reason.code == "mismatch"


@pytest.mark.parametrize("amount", ["250001", "1", "0", "", "2500.00", None])
def test_a_success_for_another_amount_is_not_believed(amount: str | None) -> None:
    """A void is of the whole sale: any other amount, or none, is never done."""
    assert isinstance(_inquire(_status(transaction_amount=amount)), Unexpected)


def test_a_proven_void_carries_what_is_compared() -> None:
    """The sale's id, MID and amount as Paytm said them, under the void's own reference."""
    assert _inquire(_status()) == Returned(
        mid=MID, paytm_id=PAYTM_ID, ref_id="SBVOID1", amount_paise=AMOUNT, rrn="600512345678"
    )


@pytest.mark.parametrize("error", [NoReply("gone"), NotSent("refused")])
def test_silence_is_no_answer(error: Exception) -> None:
    """A lost answer may have arrived; a request that never left certainly did not."""

    def send(_: Request) -> Response:
        raise error

    outcome = run(framework.begin_refund(EdcConnector(), VOID, SOLD, ACCOUNT, NOW), send)
    assert isinstance(outcome, Unanswered)
    assert outcome.was_sent is isinstance(error, NoReply)


def test_the_request_names_the_sale_and_no_money() -> None:
    """The sale's own id and machine, at the account's dialect path; the question says VOID."""
    account = msgspec.structs.replace(ACCOUNT, void_path="/ecr/ext/void")
    asked = _sent(EdcConnector().begin_refund(VOID, SOLD, account, NOW))
    request = VoidRequest.parse(asked, KEY)
    assert (asked.path, request.merchant_transaction_id, request.paytm_tid) == ("/ecr/ext/void", PAYTM_ID, TID)
    question = StatusRequest.parse(_sent(EdcConnector().inquire_refund(VOID, SOLD, account, NOW)), KEY)
    assert (question.event, question.merchant_transaction_id) == ("VOID", PAYTM_ID)


def test_a_refund_of_a_card_sale_goes_by_its_acquirement_id_in_rupees() -> None:
    """`/refund/apply` with the sale's id as the order, Paytm's transaction, and rupees: the sale was in paise."""
    refund = msgspec.structs.replace(VOID, kind="refund", amount_paise=100_050)
    request = RefundRequest.parse(_sent(EdcConnector().begin_refund(refund, SOLD, ACCOUNT, NOW)), KEY)
    assert (request.order_id, request.txn_id, request.ref_id) == (PAYTM_ID, "ACQ1", "SBVOID1")
    assert request.refund_amount == "1000.50"


def test_a_connector_that_cannot_void_is_never_asked_to() -> None:
    """The framework refuses a void for a connector whose capabilities do not say that it can."""

    class Without(EdcConnector):
        capabilities: Capabilities = msgspec.structs.replace(EdcConnector.capabilities, can_void=False)

    def send(_: Request) -> Response:
        raise AssertionError("nothing may be sent")

    assert isinstance(run(framework.begin_refund(Without(), VOID, SOLD, ACCOUNT, NOW), send), Rejected)


def _begin(answer: Response) -> RefundOutcome:
    return run(framework.begin_refund(EdcConnector(), VOID, SOLD, ACCOUNT, NOW), lambda _: answer)


def _inquire(answer: Response) -> RefundOutcome:
    return run(framework.inquire_refund(EdcConnector(), VOID, SOLD, ACCOUNT, NOW), lambda _: answer)


def _sent(flow: Any) -> Request:
    request = next(flow)
    assert isinstance(request, Request)
    return request


def _void_reply(**fields: Any) -> Response:
    values = {"merchant_transaction_id": PAYTM_ID, "paytm_mid": MID, "paytm_tid": TID, **fields}
    return VoidReply(**values).encode(ist_text(NOW))


def _status(**fields: Any) -> Response:
    values = {
        "merchant_transaction_id": PAYTM_ID,
        "paytm_mid": MID,
        "paytm_tid": TID,
        "transaction_amount": str(AMOUNT),
        "retrieval_reference_no": "600512345678",
        "result": _info("S SUCCESS 0000"),
        **fields,
    }
    return StatusReply(**values).encode(ist_text(NOW))


def _info(verdict: str) -> ResultInfo:
    letter, word, code = verdict.split(" ")
    return ResultInfo(status=word, code=letter, code_id=code, message="said")


def _reads_well(outcome: RefundOutcome) -> None:
    reason = getattr(outcome, "reason", None)
    if reason is not None:
        assert reason.message.endswith(".")
        assert reason.hint.endswith(".")
        assert "not paid" not in reason.message
