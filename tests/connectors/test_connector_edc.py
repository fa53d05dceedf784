"""The card machine connector: every answer of Paytm's to its outcome, and the framework that trusts no connector."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from galla.client.flows import Flow, run
from galla.clock import ist_text
from galla.connectors import connector as framework
from galla.connectors.connector import Account, Capabilities, differences
from galla.connectors.edc import EdcConnector
from galla.errors import NoReply, NotSent
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
    Unclear,
    Unsent,
    Waiting,
)
from galla.protocol.codes import EDC_CODES, ResultInfo
from galla.protocol.edc import SaleReply, StatusReply
from galla.protocol.message import MerchantKey, Request, Response

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
KEY = MerchantKey("unit_test_key_16")
MID, TID, PAYTM_ID, AMOUNT = "TESTMID0000000000001", "12345678", "SB01KE67V6604746BCFPPZKTKCZ9", 250_000
ACCOUNT = Account(merchant_id="mer_1", mid=MID, key=KEY, name="Clinic", environment="sandbox")
PAYMENT = Payment(
    id="pay_1",
    merchant_id="mer_1",
    environment="sandbox",
    mid=MID,
    method=Method.EDC,
    amount_paise=AMOUNT,
    paytm_id=PAYTM_ID,
    created_at=NOW,
    tid=TID,
    reference="INV-1",
)
REFUSED = {"0002", "0007", "0022", "0902", "0330", "1809", "1810", "1813", "1814", "1815", "1825", "9001"}
QUEUE_ONLY = {code for code in EDC_CODES if code.startswith("EDC_")}

BEGUN: dict[str, tuple[type[Outcome], str | None]] = {
    "S SUCCESS 0000": (Waiting, None),  # only a status reply proves
    "A ACCEPTED_SUCCESS 0009": (Waiting, None),
    "P PENDING 0010": (Waiting, None),
    "P PENDING 0030": (Waiting, None),
    **{f"F FAIL {code}": (Declined, "refused") for code in sorted(REFUSED | {"0011", "0182"})},
    "F FAIL 0333": (Declined, "terminal_busy"),
    "F FAIL 0233": (Duplicate, None),
    "F FAIL 0012": (Lost, None),
    "F FAIL 0029": (Lost, None),
    "F FAIL 0404": (Lost, None),
    "F FAIL 0090": (Unclear, "unclear"),
    "F FAIL 0180": (Unclear, "unclear"),
    "R REVIEW 7777": (Unclear, "unclear"),
    "S FAIL 0000": (Unclear, "unclear"),
    "F SUCCESS 0000": (Unclear, "unclear"),
    "S SUCCESS 7777": (Unclear, "unclear"),
}

ASKED: dict[str, tuple[type[Outcome], str | None]] = {
    "S SUCCESS 0000": (Captured, None),
    "A ACCEPTED_SUCCESS 0009": (Waiting, None),
    "P PENDING 0010": (Waiting, None),
    "P PENDING 0030": (Waiting, None),
    "F FAIL 0011": (Declined, "declined"),
    "F FAIL 0182": (Declined, "declined"),
    "F FAIL 0029": (Missing, None),
    "F FAIL 0404": (Missing, None),
    "F FAIL 0012": (Lost, None),
    # A refusal of the question says nothing about the payment.
    **{f"F FAIL {code}": (Unclear, "unclear") for code in sorted(REFUSED | {"0333", "0233", "0090", "0180"})},
    "R REVIEW 7777": (Unclear, "unclear"),
    "S FAIL 0000": (Unclear, "unclear"),
    "F SUCCESS 0000": (Unclear, "unclear"),
    "S SUCCESS 7777": (Unclear, "unclear"),
}


@pytest.mark.parametrize("verdict", BEGUN)
def test_every_answer_to_a_sale_has_its_outcome(verdict: str) -> None:
    """What Paytm may say to a sale becomes one outcome, and none of them is money."""
    kind, code = BEGUN[verdict]
    outcome = _begin(SaleReply(result=_info(verdict)).encode(ist_text(NOW)))
    assert (type(outcome), _code(outcome)) == (kind, code)
    _reads_well(outcome)


@pytest.mark.parametrize("verdict", ASKED)
def test_every_answer_to_a_question_has_its_outcome(verdict: str) -> None:
    """What Paytm may say about a sale becomes one outcome; only one of them is money."""
    kind, code = ASKED[verdict]
    outcome = _inquire(_status(result=_info(verdict)))
    assert (type(outcome), _code(outcome)) == (kind, code)
    _reads_well(outcome)


def test_no_code_is_forgotten() -> None:
    """Each code of card machines that is listed stands in both tables above."""
    for table in (BEGUN, ASKED):
        assert {verdict.split()[2] for verdict in table} - {"7777"} == set(EDC_CODES) - QUEUE_ONLY


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (NotSent("refused"), Unsent),
        (NoReply("reset"), Lost),
        (Response(status=500, body=b"Internal Server Error"), Lost),
        (Response(status=200, body=b"<html>"), Lost),
        (Response(status=200, body=b'{"body":{"resultInfo":{"resultStatus":"SUCC'), Lost),
        (Response(status=429, body=b"Too Many Requests"), Lost),
    ],
)
def test_a_broken_conversation_is_an_outcome_too(failure: Response | Exception, kind: type[Outcome]) -> None:
    """A network that fails, or an answer that cannot be read, is said as such by both verbs."""
    assert type(_begin(failure)) is kind
    assert type(_inquire(failure)) is kind


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"transaction_amount": "250100"}, ("amount",)),
        ({"transaction_amount": "1"}, ("amount",)),
        ({"paytm_mid": "SOMEBODYELSE00000000"}, ("mid",)),
        ({"merchant_transaction_id": "SOMEBODYELSE0001"}, ("id",)),
        ({"merchant_transaction_id": None}, ("id",)),
        ({"paytm_mid": None}, ("mid",)),
        ({"currency": "USD"}, ("currency",)),
        ({"paytm_tid": "12345679"}, ("tid",)),
        ({"merchant_reference_no": "INV-2"}, ("reference",)),
        ({"paytm_mid": "SOMEBODYELSE00000000", "transaction_amount": "1"}, ("mid", "amount")),
    ],
)
def test_a_success_about_something_else_is_a_mismatch(change: dict[str, Any], fields: tuple[str, ...]) -> None:
    """A proof of another amount, id, MID, currency, machine or bill is never money, and says what differs."""
    outcome = _inquire(_status(**change))
    assert isinstance(outcome, Mismatch)
    assert outcome.fields == fields
    _reads_well(outcome)


@pytest.mark.parametrize("written", [None, "", "2500.00", "2,50,000", "NaN", "२५००००", "-250000", "250000.0"])
def test_a_success_without_a_plain_amount_is_unclear(written: str | None) -> None:
    """A success whose amount is missing or is not plain paise proves nothing."""
    assert isinstance(_inquire(_status(transaction_amount=written)), Unclear)


@pytest.mark.parametrize("verdict", ["P PENDING 0010", "F FAIL 0011"])
@pytest.mark.parametrize("change", [{"paytm_mid": "SOMEBODYELSE00000000"}, {"merchant_transaction_id": "OTHER0000001"}])
def test_an_open_or_failed_answer_about_something_else_is_a_mismatch(verdict: str, change: dict[str, Any]) -> None:
    """Another payment's failure never ends this one."""
    assert isinstance(_inquire(_status(result=_info(verdict), **change)), Mismatch)


def test_a_proof_is_masked_and_whole() -> None:
    """What is kept of a paid card is its last four digits and its reference; the rest of the number never gets in."""
    outcome = _inquire(_status())
    assert isinstance(outcome, Captured)
    proof = outcome.proof
    assert (proof.card_last4, proof.rrn, proof.auth_code) == ("1234", "600512345678", "123456")
    assert "411111" not in repr(proof)
    assert differences(PAYMENT, proof) == ()


def test_the_sale_says_what_the_payment_says() -> None:
    """The request to the machine carries the payment's own id, amount, machine and reference, and India time."""
    request = next(EdcConnector().begin(PAYMENT, ACCOUNT, NOW))
    assert isinstance(request, Request)
    body = msgspec.json.decode(request.body)["body"]
    assert body["merchantTransactionId"] == request.paytm_id == PAYTM_ID
    assert (body["paytmMid"], body["paytmTid"], body["transactionAmount"]) == (MID, TID, "250000")
    assert (body["merchantReferenceNo"], body["transactionDateTime"]) == ("INV-1", "2026-01-05 10:20:00")


def test_a_name_paytm_cannot_take_sends_nothing() -> None:
    """A field that Paytm's form cannot hold ends the payment before anything is sent, naming the field."""
    odd = msgspec.structs.replace(PAYMENT, tid="12 34|5678")
    outcome = run(framework.begin(EdcConnector(), odd, ACCOUNT, NOW), _never)
    assert isinstance(outcome, Declined)
    assert (outcome.reason.code, "nothing was sent" in outcome.reason.message) == ("refused", True)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"amount_paise": 1}, ("amount",)),
        ({"amount_paise": AMOUNT + 1}, ("amount",)),
        ({"mid": "LIAR0000000000000001"}, ("mid",)),
        ({"paytm_id": "SOMEBODYELSE"}, ("id",)),
        ({"currency": "USD"}, ("currency",)),
    ],
)
@pytest.mark.parametrize("verb", ["begin", "inquire"])
def test_a_lying_connector_is_caught(verb: str, change: dict[str, Any], fields: tuple[str, ...]) -> None:
    """A connector that claims a capture of anything but the payment is overruled by the framework."""
    liar = _Liar(Proof(**{"mid": MID, "paytm_id": PAYTM_ID, "amount_paise": AMOUNT, **change}))
    outcome = run(getattr(framework, verb)(liar, PAYMENT, ACCOUNT, NOW), _never)
    assert isinstance(outcome, Mismatch)
    assert outcome.fields == fields


class _Liar:
    """A connector that has always been paid."""

    capabilities = Capabilities(
        name="liar", methods=frozenset({"edc"}), amounts=EdcConnector.capabilities.amounts
    )

    def __init__(self, proof: Proof) -> None:
        self._proof = proof

    def begin(self, payment: Payment, account: Account, now: datetime) -> Flow[Outcome]:
        """Lie."""
        yield from ()
        return Captured(proof=self._proof)

    inquire = begin


def _begin(answer: Response | Exception) -> Outcome:
    return run(framework.begin(EdcConnector(), PAYMENT, ACCOUNT, NOW), lambda _: _heard(answer))


def _inquire(answer: Response | Exception) -> Outcome:
    return run(framework.inquire(EdcConnector(), PAYMENT, ACCOUNT, NOW), lambda _: _heard(answer))


def _heard(answer: Response | Exception) -> Response:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _never(request: Request) -> Response:
    raise AssertionError(f"{request.operation} was sent")


def _info(verdict: str) -> ResultInfo:
    letter, word, code = verdict.split()
    return ResultInfo(status=word, code=letter, code_id=code, message="Paytm's own words")


def _status(**change: Any) -> Response:
    reply = StatusReply(
        merchant_transaction_id=PAYTM_ID,
        paytm_mid=MID,
        paytm_tid=TID,
        merchant_reference_no="INV-1",
        transaction_date_time="2026-01-05 10:20:40",
        transaction_amount=str(AMOUNT),
        acquirement_id="20260105111212800110100000000001",
        retrieval_reference_no="600512345678",
        auth_code="123456",
        issuer_mask_card_no="4111111111111234",
        pay_method="CREDIT_CARD",
        card_scheme="VISA",
        result=_info("S SUCCESS 0000"),
    )
    return msgspec.structs.replace(reply, **change).encode(ist_text(NOW))


def _code(outcome: Outcome) -> str | None:
    return outcome.reason.code if isinstance(outcome, Declined | Unclear | Mismatch) else None


def _reads_well(outcome: Outcome) -> None:
    """Whatever staff will read is whole sentences, with a next step."""
    if isinstance(outcome, Waiting):
        assert outcome.phase is Phase.ON_DEVICE
    if isinstance(outcome, Declined | Unclear | Mismatch):
        assert outcome.reason.message.endswith((".", "”"))
        assert outcome.reason.hint.endswith(".")
