"""What galla does around every connector: whatever a connector does, nothing becomes paid by it alone."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
import pytest

from galla.client.flows import Flow, Keep, Wait, run
from galla.connectors import connector as framework
from galla.connectors.connector import Account
from galla.connectors.watched import STEPS_MAX
from galla.errors import (
    ChecksumMismatch,
    LocalProtocolError,
    NoReply,
    NotSent,
    Refused,
    RemoteProtocolError,
    TransportError,
)
from galla.payments.model import (
    Captured,
    Declined,
    Duplicate,
    Lost,
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
from galla.protocol.message import Response
from galla.protocol.quotation import LONGEST
from tests.connectors.odd_connector import (
    ACCOUNT,
    AMOUNT,
    CALL,
    NOW,
    OK,
    PAYMENT,
    PROOF,
    REASON,
    RETURNED,
    SECRET,
    Own,
    network,
    raises,
    replace,
    says,
    tries_twice,
)
from tests.corpus import WHOLE


def heard(verb: str, speak: Callable[[], Any], *answers: Response | Exception, payment: Payment = PAYMENT) -> Outcome:
    """Run a connector with the framework around it, the network answering in this order."""
    outcome: Outcome = run(getattr(framework, verb)(Own(speak), payment, ACCOUNT, NOW), network(answers))
    return outcome


both = pytest.mark.parametrize("verb", ["begin", "inquire"])


class Sly(str):
    """A text that claims to be equal to any other."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class SlyProof(Proof, frozen=True):
    """A proof of another type than galla's."""


class SlyCaptured(Captured, frozen=True):
    """A capture of another type than galla's."""


@both
@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"amount_paise": AMOUNT + 1}, ("amount",)),
        ({"paytm_id": "SBOTHER"}, ("id",)),
        ({"mid": "OTHERMID"}, ("mid",)),
        ({"currency": "USD"}, ("currency",)),
        ({"mid": "", "paytm_id": "", "amount_paise": 0}, ("mid", "id", "amount")),
    ],
)
def test_a_proof_of_something_else_is_a_mismatch(verb: str, change: dict[str, Any], fields: tuple[str, ...]) -> None:
    """Success with another amount, id, MID or currency names the fields and pays nothing, in either verb."""
    outcome = heard(verb, says(Captured(proof=replace(PROOF, **change)), CALL), OK)
    assert isinstance(outcome, Mismatch)
    assert outcome.fields == fields


@both
def test_a_right_proof_passes(verb: str) -> None:
    """A proof of this payment comes through unchanged, so the checks are not simply a wall."""
    assert heard(verb, says(Captured(proof=PROOF), CALL), OK) == Captured(proof=PROOF)


@both
@pytest.mark.parametrize(
    "garbage",
    [
        None,
        "paid",
        True,
        {"proof": PROOF},
        PROOF,
        Captured,
        RETURNED,
        Captured(proof=None),  # type: ignore[arg-type]
        Captured(proof="paid"),  # type: ignore[arg-type]
        Captured(proof=replace(PROOF, amount_paise="250000")),
        Captured(proof=replace(PROOF, amount_paise=True)),
        Captured(proof=replace(PROOF, amount_paise=math.nan)),
        Captured(proof=replace(PROOF, mid=Sly("x"), paytm_id=Sly("y"))),
        Captured(proof=replace(PROOF, paid_at=datetime(2026, 1, 5))),
        Captured(proof=replace(PROOF, rrn="\ud800")),
        Waiting(phase="anywhere"),  # type: ignore[arg-type]
        Waiting(phase=Phase.AWAITING_PAYER, expires_at=datetime(2026, 1, 5)),
        Declined(reason="no"),  # type: ignore[arg-type]
        SlyCaptured(proof=PROOF),
    ],
    ids=ascii,
)
def test_what_is_no_outcome_decides_nothing(verb: str, garbage: object) -> None:
    """Anything but an outcome with fields of the right types goes to a person: never paid, never not paid."""
    outcome = heard(verb, says(garbage, CALL), OK)
    assert isinstance(outcome, Unclear)
    assert outcome.reason.code == "unclear"
    assert "own did not work as it must" in outcome.reason.message


@pytest.mark.parametrize("text", [*WHOLE, "zqx\x00nul"], ids=ascii)
def test_a_providers_words_are_plain(text: str) -> None:
    """A proof holds no character that hides, turns the line or ends it, nor more than a person would read."""
    heard_ = heard("inquire", says(Captured(proof=replace(PROOF, issuer=text, rrn=text)), CALL), OK)
    assert isinstance(heard_, Captured)
    assert heard_.proof.amount_paise == PROOF.amount_paise
    for said in (heard_.proof.issuer or "", heard_.proof.rrn or ""):
        assert "zqx" in said
        assert len(said) <= LONGEST
        assert [char for char in said if unicodedata.category(char)[0] == "C"] == []


@both
@pytest.mark.parametrize(
    "error",
    [ValueError(SECRET), RuntimeError(SECRET), KeyError(SECRET), SystemExit(SECRET), StopIteration(PROOF),
     RecursionError(SECRET), Refused(SECRET, code="1", hint=SECRET)],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
@pytest.mark.parametrize("steps", [(), (CALL,)], ids=["at once", "after an answer"])
def test_any_exception_decides_nothing(verb: str, error: BaseException, steps: tuple[object, ...]) -> None:
    """Whatever a connector raises, before or after an answer, is in front of a person, without the error's words."""
    outcome = heard(verb, raises(error, *steps), OK)
    assert isinstance(outcome, Unclear)
    assert SECRET not in repr(outcome)


@both
@pytest.mark.parametrize("speak", [lambda: None, lambda: 7, lambda: [CALL], lambda: iter([CALL]), lambda: 1 / 0])
def test_what_is_no_flow_decides_nothing(verb: str, speak: Callable[[], Any]) -> None:
    """A verb that is no generator, or fails before there is one, is caught too."""
    assert isinstance(heard(verb, speak, OK), Unclear)


@both
@pytest.mark.parametrize(
    "step",
    [
        None,
        "https://provider.example",
        Wait(-1),
        Wait(math.inf),
        Wait(math.nan),
        Wait(10.0**9),
        Keep(b"x"),  # type: ignore[arg-type]
        Keep("x" * 100_000),
        replace(CALL, body="{}"),
        replace(CALL, body=None),
        replace(CALL, path="@elsewhere.example/x"),
    ],
)
def test_a_step_that_cannot_be_done_is_not_taken(verb: str, step: object) -> None:
    """Only well-formed requests, short waits and short notes leave a connector; anything else ends it, undecided."""
    assert isinstance(heard(verb, says(Captured(proof=PROOF), step), OK), Unclear)


@both
def test_a_connector_that_never_ends_is_ended(verb: str) -> None:
    """A connector that asks on and on is stopped after twenty steps, so that it cannot hold a worker."""
    asked = []

    def forever() -> Flow[Outcome]:
        while True:
            asked.append((yield CALL))

    assert isinstance(heard(verb, forever, *[OK] * 100), Unclear)
    assert len(asked) == STEPS_MAX


@pytest.mark.parametrize(
    "outcome",
    [Captured(proof=PROOF), Declined(reason=REASON), Missing(), Duplicate(), Waiting(phase=Phase.AWAITING_PAYER)],
    ids=lambda outcome: type(outcome).__name__,
)
@both
def test_nothing_is_concluded_from_silence(verb: str, outcome: Outcome) -> None:
    """A connector that swallows a lost answer and says something all the same is not believed."""

    def swallows() -> Flow[Outcome]:
        with suppress(NoReply):
            yield CALL
        return outcome

    assert isinstance(heard(verb, swallows, NoReply("lost")), Lost)


def test_not_sent_is_believed_only_if_nothing_left() -> None:
    """A second request that never left says nothing about the first: without that, a charge would be sent again."""
    unsent = NotSent("The network is away.")
    assert isinstance(heard("begin", says(None, CALL), unsent), Unsent)
    for first in (OK, NoReply("lost")):
        assert isinstance(heard("begin", tries_twice, first, unsent), Lost)
    assert isinstance(heard("begin", says(Unsent(detail="it never left"), CALL), OK), Lost)
    assert isinstance(heard("begin", says(Unsent(detail="it never left"))), Unsent)
    assert isinstance(heard("begin", tries_twice, OK, unsent, payment=replace(PAYMENT, can_rebegin=True)), Unsent)


def test_a_malformed_request_is_refused_only_if_nothing_left() -> None:
    """A field that cannot be sent ends a payment as refused when it came first, and decides nothing afterwards."""
    error = LocalProtocolError("`name` is too long. Nothing was sent.")
    assert isinstance(heard("begin", raises(error)), Declined)
    assert isinstance(heard("begin", raises(error, CALL), OK), Unclear)
    assert isinstance(heard("inquire", raises(error)), Unclear)


@both
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NoReply("lost"), Lost),
        (TransportError("odd"), Lost),
        (RemoteProtocolError("not JSON"), Lost),
        (ChecksumMismatch("not theirs"), Unclear),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_broken_conversations_are_outcomes(verb: str, error: Exception, kind: type) -> None:
    """A lost, unreadable or unsigned answer is an outcome that decides nothing, not an exception."""
    assert isinstance(heard(verb, raises(error, CALL), OK), kind)


def test_duplicate_answers_no_question() -> None:
    """"Duplicate" to a question would let a connector be asked in a circle: it goes to a person instead."""
    assert isinstance(heard("inquire", says(Duplicate(), CALL), OK), Unclear)
    assert isinstance(heard("begin", says(Duplicate(), CALL), OK), Duplicate)


def test_a_connector_cannot_change_what_it_is_compared_with() -> None:
    """A connector that rewrites the payment it is given changes its own copy only."""

    class Forger(Own):
        def begin(self, payment: Payment, account: Account, now: datetime) -> Any:
            msgspec.structs.force_setattr(payment, "amount_paise", 1)
            payment.metadata["paid"] = "yes"
            return says(Captured(proof=replace(PROOF, amount_paise=1)), CALL)()

    outcome = run(framework.begin(Forger(says(None)), PAYMENT, ACCOUNT, NOW), network((OK,)))
    assert isinstance(outcome, Mismatch)
    assert (PAYMENT.amount_paise, PAYMENT.metadata) == (AMOUNT, {})


def test_a_proof_of_another_type_is_made_plain() -> None:
    """What comes out is galla's own type with plain values, whatever class the connector used."""
    sly = SlyProof(**{name: getattr(PROOF, name) for name in PROOF.__struct_fields__})
    outcome = heard("inquire", says(Captured(proof=sly), CALL), OK)
    assert isinstance(outcome, Captured)
    assert type(outcome.proof) is Proof
