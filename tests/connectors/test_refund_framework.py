"""What galla does around every refund: whatever a connector does, no refund is done or failed by it alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from galla.client.flows import Flow, run
from galla.connectors import refund as refunds
from galla.errors import NoReply, NotSent
from galla.payments.model import Captured
from galla.payments.refund import (
    AlreadyRaised,
    NotNow,
    Raised,
    RefundOutcome,
    Rejected,
    Unanswered,
    Unexpected,
    Unknown,
)
from galla.protocol.message import Response
from tests.connectors.odd_connector import (
    ACCOUNT,
    CALL,
    NOW,
    OK,
    PAYMENT,
    PROOF,
    REASON,
    REFUND,
    RETURNED,
    SECRET,
    Own,
    network,
    raises,
    replace,
    says,
    tries_twice,
)

both_refunds = pytest.mark.parametrize("verb", ["begin_refund", "inquire_refund"])


def heard_refund(verb: str, speak: Callable[[], Any], *answers: Response | Exception) -> RefundOutcome:
    """Run a connector's refund with the framework around it."""
    outcome: RefundOutcome = run(getattr(refunds, verb)(Own(speak), REFUND, PAYMENT, ACCOUNT, NOW), network(answers))
    return outcome


@both_refunds
@pytest.mark.parametrize(
    "change", [{"amount_paise": 1001}, {"ref_id": "SBR2"}, {"mid": "OTHER"}, {"paytm_id": "SBOTHER"}], ids=str
)
def test_a_refund_of_something_else_is_not_done(verb: str, change: dict[str, Any]) -> None:
    """"Done" with another amount, reference, MID or order never ends a refund."""
    outcome = heard_refund(verb, says(replace(RETURNED, **change), CALL), OK)
    assert isinstance(outcome, Unexpected)
    assert outcome.reason.code == "mismatch"


@both_refunds
@pytest.mark.parametrize(
    "speak",
    [
        says(None, CALL),
        says("done", CALL),
        says(Captured(proof=PROOF), CALL),
        says(replace(RETURNED, amount_paise="1000"), CALL),
        says(Rejected(reason=None), CALL),  # type: ignore[arg-type]
        says(RETURNED, "step"),
        raises(ValueError(SECRET)),
        raises(SystemExit(SECRET), CALL),
        lambda: None,
    ],
)
def test_a_broken_refund_decides_nothing(verb: str, speak: Callable[[], Any]) -> None:
    """Garbage and exceptions leave a refund in front of a person: neither done nor failed."""
    outcome = heard_refund(verb, speak, OK)
    assert isinstance(outcome, Unexpected)
    assert SECRET not in repr(outcome)


@both_refunds
def test_a_right_refund_passes(verb: str) -> None:
    """"Done" of this very refund comes through."""
    assert heard_refund(verb, says(RETURNED, CALL), OK) == RETURNED


@both_refunds
@pytest.mark.parametrize(
    "outcome", [RETURNED, Rejected(reason=REASON), Raised(), Unknown()], ids=lambda outcome: type(outcome).__name__
)
def test_nothing_about_a_refund_is_concluded_from_silence(verb: str, outcome: RefundOutcome) -> None:
    """A connector that swallows a lost answer decides nothing about a refund."""

    def swallows() -> Flow[RefundOutcome]:
        with suppress(NoReply):
            yield CALL
        return outcome

    assert heard_refund(verb, swallows, NoReply("lost")) == Unanswered(
        detail="The provider did not answer, so what the connector made of it is not used."
    )


def test_a_refund_counts_as_not_sent_only_if_nothing_left() -> None:
    """A refund's request is free to go again only when certainly none of the conversation arrived."""
    unsent = NotSent("The network is away.")
    assert heard_refund("begin_refund", says(None, CALL), unsent) == Unanswered(detail=str(unsent), was_sent=False)
    after = heard_refund("begin_refund", tries_twice, OK, unsent)
    assert isinstance(after, Unanswered)
    assert after.was_sent
    lied = heard_refund("begin_refund", says(Unanswered(detail="no", was_sent=False), CALL), OK)
    assert isinstance(lied, Unanswered)
    assert lied.was_sent


@pytest.mark.parametrize("outcome", [AlreadyRaised(), NotNow(reason=REASON)], ids=lambda each: type(each).__name__)
def test_answers_to_a_request_answer_no_question(outcome: RefundOutcome) -> None:
    """"Already raised" and "not now" to a question would send or ask in a circle: they go to a person."""
    assert isinstance(heard_refund("inquire_refund", says(outcome, CALL), OK), Unexpected)
    assert heard_refund("begin_refund", says(outcome, CALL), OK) == outcome


def test_a_refund_through_nobody_is_said_so() -> None:
    """Without a connector that can refund, a first request is refused, and a refund under way goes to a person."""
    for sends, verb, kind in (
        (1, "begin_refund", Rejected),
        (2, "begin_refund", Unexpected),
        (1, "inquire_refund", Unexpected),
    ):
        flow = getattr(refunds, verb)(None, replace(REFUND, sends=sends), PAYMENT, ACCOUNT, NOW)
        assert isinstance(run(flow, network(())), kind)
