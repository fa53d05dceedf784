"""A refund of a UPI payment: the request under its own reference, and each of Paytm's answers as what it proves."""

from __future__ import annotations

from typing import Any

import pytest

from galla.client.flows import run
from galla.connectors import refund as refunds
from galla.connectors.upi import UpiConnector
from galla.errors import NoReply, NotSent
from galla.payments.refund import (
    AlreadyRaised,
    NotNow,
    Raised,
    RefundOutcome,
    Rejected,
    Returned,
    Unanswered,
    Unexpected,
    Unknown,
)
from galla.protocol.codes import Code, Kind
from galla.protocol.message import Response
from galla.protocol.refund import RefundDetail, RefundReply, RefundRequest, RefundStatusRequest
from tests.connectors.upi_answers import (
    ACCOUNT,
    KEY,
    MID,
    NOW,
    ORDER,
    PAYMENT,
    REFUND,
    answer,
    is_told,
    network,
    refund_status,
    result,
    rows,
    sent,
)


def applied(said: Response | Exception) -> RefundOutcome:
    """Ask for a refund, with the framework around it."""
    return run(refunds.begin_refund(UpiConnector(), REFUND, PAYMENT, ACCOUNT, NOW), network(said))


def refund_asked(said: Response | Exception) -> RefundOutcome:
    """Ask about a refund, with the framework around it."""
    return run(refunds.inquire_refund(UpiConnector(), REFUND, PAYMENT, ACCOUNT, NOW), network(said))


def test_a_refund_is_asked_for_under_its_own_reference() -> None:
    """The request carries the stored reference, Paytm's transaction, rupees, and the reason cut to what fits."""
    flow = UpiConnector().begin_refund(REFUND, PAYMENT, ACCOUNT, NOW)
    request = RefundRequest.parse(sent(next(flow)), KEY)
    assert (request.order_id, request.txn_id, request.ref_id) == (ORDER, "20260105111", "SBR0001")
    assert (request.refund_amount, request.comments) == ("1000.50", REFUND.reason[:50])
    question = RefundStatusRequest.parse(sent(next(UpiConnector().inquire_refund(REFUND, PAYMENT, ACCOUNT, NOW))), KEY)
    assert (question.order_id, question.ref_id) == (ORDER, "SBR0001")


APPLIED = {
    Kind.ACCEPTED: Raised,
    Kind.PENDING: Raised,
    Kind.DUPLICATE: AlreadyRaised,
    Kind.BUSY: NotNow,
    Kind.REFUSED: Rejected,
    Kind.INTERNAL: Unanswered,
}
REFUND_ASKED = {
    Kind.SUCCESS: Returned,
    Kind.PENDING: Raised,
    Kind.NOT_FOUND: Unknown,
    Kind.VOID_FAILED: Rejected,
    Kind.INTERNAL: Unanswered,
    Kind.REFUSED: Unexpected,
}


@pytest.mark.parametrize("row", rows("refund"))
def test_every_code_of_a_refund(row: Code) -> None:
    """Each listed answer to a refund is what its row says; none of them is "done"."""
    is_told(applied(answer(RefundReply(result=result("refund", row.code)))), APPLIED[row.kind], row)


@pytest.mark.parametrize("row", rows("refund_status"))
def test_every_code_of_a_refund_asked_about(row: Code) -> None:
    """Each listed state of a refund is what its row says; only one of them is done."""
    outcome = refund_asked(answer(refund_status(row.code)))
    is_told(outcome, REFUND_ASKED[row.kind], row)
    assert isinstance(outcome, Returned) == (row.code == "10")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("601", "PENDING", Raised),
        ("628", "PENDING", Raised),
        ("617", "TXN_FAILURE", AlreadyRaised),
        ("629", "TXN_FAILURE", AlreadyRaised),
        ("626", "TXN_FAILURE", NotNow),
        ("619", "TXN_FAILURE", Rejected),
        ("620", "TXN_FAILURE", Rejected),
        ("635", "TXN_FAILURE", Rejected),
        ("501", "TXN_FAILURE", Unanswered),
        ("601", "TXN_SUCCESS", Unexpected),
        ("10", "TXN_SUCCESS", Unexpected),
        ("7777", "TXN_FAILURE", Unexpected),
    ],
)
def test_answers_to_a_refund(code: str, status: str, kind: type) -> None:
    """The codes that matter at the counter, spelled out; a success to the request itself is never done."""
    assert isinstance(applied(answer(RefundReply(result=result("refund", code, status)))), kind)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("10", "TXN_SUCCESS", Returned),
        ("601", "PENDING", Raised),
        ("628", "PENDING", Raised),
        ("631", "TXN_FAILURE", Unknown),
        ("620", "TXN_FAILURE", Rejected),
        ("501", "PENDING", Unanswered),
        ("10", "PENDING", Unexpected),
        ("10", "TXN_FAILURE", Unexpected),
        ("620", "TXN_SUCCESS", Unexpected),
        ("7777", "TXN_SUCCESS", Unexpected),
    ],
)
def test_states_of_a_refund(code: str, status: str, kind: type) -> None:
    """Done is said by word and code together; a contradiction or an unknown code goes to a person."""
    assert isinstance(refund_asked(answer(refund_status(code, status))), kind)


def test_a_refund_done_says_where_it_went() -> None:
    """What is kept of a refund done is Paytm's own words, with the first reference number the bank gave."""
    details = (RefundDetail(pay_method="UPI"), RefundDetail(pay_method="UPI", rrn="600599998888"))
    assert refund_asked(answer(refund_status(refund_detail_info_list=details))) == Returned(
        mid=MID, paytm_id=ORDER, ref_id="SBR0001", amount_paise=100_050, refund_id="R77", rrn="600599998888"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"refund_amount": "1000.51"},
        {"refund_amount": None},
        {"ref_id": "SBR0002"},
        {"ref_id": None},
        {"order_id": "SBOTHER"},
        {"mid": "OTHERMID"},
    ],
    ids=str,
)
def test_done_about_something_else_is_not_done(changes: dict[str, Any]) -> None:
    """"Done" with another amount, reference, order or MID, or without one of them, goes to a person."""
    assert isinstance(refund_asked(answer(refund_status(**changes))), Unexpected)


def test_an_unsigned_refund_is_not_done() -> None:
    """"Done" without Paytm's signature is as good as no answer."""
    assert isinstance(refund_asked(answer(refund_status(), is_signed=False)), Unanswered)


def test_a_refund_without_an_answer() -> None:
    """A lost answer to a refund is no answer; whether the request left is kept apart."""
    assert applied(NoReply("lost")) == Unanswered(detail="lost", was_sent=True)
    assert applied(NotSent("away")) == Unanswered(detail="away", was_sent=False)
