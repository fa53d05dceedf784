"""The transition table: only proof moves money, a request is re-sent once, and time alone decides nothing."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galla.errors import IllegalTransition
from galla.payments.ladder import EDC, scaled
from galla.payments.machine import (
    TRANSITIONS,
    UNSENT_TRIES,
    Asking,
    Step,
    apply,
    next_asking,
    sending,
)
from galla.payments.model import (
    LIVE,
    Captured,
    Declined,
    Duplicate,
    Lost,
    Mismatch,
    Missing,
    Outcome,
    Payment,
    Phase,
    Status,
    Unclear,
    Unsent,
    Waiting,
)
from galla.payments.person import cancel
from tests.payments.standing import NOW, PROOF, later, payment, reason

replace = msgspec.structs.replace


OUTCOMES: tuple[Outcome, ...] = (
    Waiting(phase=Phase.ON_DEVICE),
    Captured(proof=PROOF),
    Declined(reason=reason("declined")),
    Missing(paytm_code="0404"),
    Duplicate(paytm_code="0233"),
    Unsent(detail="refused"),
    Lost(detail="time-out"),
    Unclear(reason=reason("unclear")),
    Mismatch(reason=reason("mismatch"), fields=("amount",)),
)
SAY_NOTHING = tuple(one for one in OUTCOMES if isinstance(one, Waiting | Duplicate | Lost | Unclear | Mismatch))


def told(before: Payment, outcome: Outcome, asking: Asking = Asking.INQUIRE, seconds: float = 10) -> Step:
    """Return the step that an outcome makes some seconds after the payment was made."""
    return apply(before, outcome, asking, later(seconds), EDC)


def everything() -> list[tuple[Payment, Outcome, Asking, float]]:
    """Return every status × outcome × question, in every condition that a branch of the machine looks at."""
    conditions: list[dict[str, Any]] = [{}, {"sends": 0}, {"sends": 2}, {"accepted_at": NOW}, {"may_resend": True}]
    conditions += [{"cancel_requested_at": NOW}, {"not_found_count": 5}, {"unsent_count": 2}, {"misses": 6}]
    conditions += [{"needs_review": True, "reason": reason(code)} for code in ("mismatch", "unclear", "conflict")]
    conditions += [{"sends": 2, "not_found_count": 5}, {"accepted_at": NOW, "not_found_count": 5}]
    return [
        (payment(status, **condition), outcome, asking, age_s)
        for status, condition, outcome, asking, age_s in itertools.product(
            Status, conditions, OUTCOMES, Asking, (0.0, 200.0, 1000.0, 10.0**7)
        )
    ]


def test_no_move_outside_the_table() -> None:
    """I-10: whatever is said, in any state and at any age, the status stays or moves along a listed edge."""
    for before, outcome, asking, age_s in everything():
        after = told(before, outcome, asking, age_s).payment
        assert after.status is before.status or (before.status, after.status) in TRANSITIONS, (before, outcome, asking)


def test_nothing_leaves_paid() -> None:
    """F07: a paid payment stays paid and keeps its proof, whatever comes; contrary words are flagged."""
    assert not [edge for edge in TRANSITIONS if edge[0] is Status.PAID]
    for before, outcome, asking, age_s in everything():
        if before.status is Status.PAID:
            step = told(before, outcome, asking, age_s)
            assert (step.payment.status, step.payment.proof) == (Status.PAID, PROOF)
            if isinstance(outcome, Declined) and step.is_changed:
                assert step.payment.needs_review
                assert step.event == "payment.needs_review"


def test_not_paid_yields_to_proof_only() -> None:
    """F06: from not paid there is one way, a late proof, and it is marked as late."""
    assert [edge for edge in TRANSITIONS if edge[0] is Status.NOT_PAID] == [(Status.NOT_PAID, Status.PAID)]
    for before, outcome, asking, age_s in everything():
        if before.status is Status.NOT_PAID:
            after = told(before, outcome, asking, age_s).payment
            assert (after.status is Status.PAID) == isinstance(outcome, Captured)
            assert after.is_late == isinstance(outcome, Captured)


def test_proof_pays_from_every_state() -> None:
    """I-12: a proof makes every payment paid, and nothing else makes any."""
    for before, outcome, asking, age_s in everything():
        after = told(before, outcome, asking, age_s).payment
        if isinstance(outcome, Captured):
            assert after.status is Status.PAID
            assert after.proof == PROOF
        elif before.status is not Status.PAID:
            assert after.status is not Status.PAID
            assert after.proof is None


def test_not_paid_needs_evidence() -> None:
    """I-11: not paid follows from a decline, from a request that never left, or from repeated unknown-id answers."""
    for before, outcome, asking, age_s in everything():
        after = told(before, outcome, asking, age_s).payment
        if after.status is Status.NOT_PAID and before.is_live:
            assert isinstance(outcome, Declined | Missing | Unsent), (before, outcome)
            if isinstance(outcome, Unsent):
                assert asking is Asking.BEGIN
                assert before.sends <= 1


def test_each_step_is_whole() -> None:
    """I-23: a change of status is one counted event; what is live has a next time, what is over holds nothing."""
    for before, outcome, asking, age_s in everything():
        step = told(before, outcome, asking, age_s)
        after = step.payment
        if not step.is_changed:
            assert after == before
            assert step.event is None
            continue
        if after.status is not before.status:
            assert step.event in {f"payment.{after.status}", "payment.needs_review"}
            assert after.sequence == before.sequence + sum(each is not None for each in (step.event, step.alert))
        assert (after.due_at is not None) >= after.is_live
        assert not (after.holds_terminal and not after.is_live)
        assert (after.amount_paise, after.paytm_id, after.fence) == (1000, "SB1", before.fence)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SAY_NOTHING), st.floats(0, 10**6)), max_size=40), st.booleans())
def test_time_alone_never_makes_not_paid(words: list[tuple[Outcome, float]], is_cancelled: bool) -> None:
    """I-11: without a decline, an unknown id or an unsent request no sequence over any time ends as not paid."""
    now_s, current = 0.0, payment(Status.CREATED)
    if is_cancelled:
        current = cancel(current, NOW).payment
    for outcome, seconds in words:
        now_s += seconds
        current = told(current, outcome, next_asking(current, later(now_s), EDC), now_s).payment
        assert current.is_live
        assert current.due_at is not None


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.floats(0, 400)), max_size=60))
def test_a_request_leaves_at_most_twice(words: list[tuple[Outcome, float]]) -> None:
    """Rule 4: of all requests that may have left, one is the first and one a re-send; never a third, in any life."""
    now_s, left, current = 0.0, 0, payment(Status.CREATED, sends=0, sent_at=None)
    for outcome, seconds in words:
        now_s += seconds
        asking = next_asking(current, later(now_s), EDC)
        if asking is Asking.BEGIN:
            assert current.accepted_at is None
            current = sending(current, later(now_s))
            left += not isinstance(outcome, Unsent)
        before = current
        current = told(current, outcome, asking, now_s).payment
        assert current.status is before.status or (before.status, current.status) in TRANSITIONS
    assert left <= 2


def test_an_unknown_id_means_nothing_at_first() -> None:
    """C15, F04: an unknown id decides nothing before three answers and three minutes since the last send."""
    for seconds, count in ((0, 0), (179.9, 50), (10_000, 0), (10_000, 1)):
        before = payment(Status.IN_DOUBT, not_found_count=count)
        step = told(before, Missing(), seconds=seconds)
        assert (step.payment.status, step.event) == (Status.IN_DOUBT, None)
        assert step.payment.not_found_count == count + 1
        assert not step.payment.may_resend


def test_grace_counts_from_the_latest_send() -> None:
    """C15: the three minutes begin again when the request was sent again."""
    before = payment(Status.IN_DOUBT, not_found_count=5, sends=2, sent_at=later(500))
    assert told(before, Missing(), seconds=679).payment.status is Status.IN_DOUBT
    assert told(before, Missing(), seconds=680).payment.status is Status.NOT_PAID


@pytest.mark.parametrize(
    ("condition", "seconds", "status", "may_resend"),
    [
        ({}, 180, Status.IN_DOUBT, True),
        ({}, 899, Status.IN_DOUBT, True),
        ({}, 900, Status.NOT_PAID, False),
        ({"sends": 2}, 180, Status.NOT_PAID, False),
        ({"cancel_requested_at": NOW}, 180, Status.NOT_PAID, False),
        ({"accepted_at": NOW}, 180, Status.IN_DOUBT, False),
        ({"accepted_at": NOW, "sends": 2}, 10**6, Status.IN_DOUBT, False),
    ],
)
def test_after_the_grace(condition: dict[str, Any], seconds: float, status: Status, may_resend: bool) -> None:
    """F04: then the same request is sent once more, or given up; what Paytm had accepted goes to a person instead."""
    step = told(payment(Status.IN_DOUBT, not_found_count=2, **condition), Missing(), seconds=seconds)

    assert (step.payment.status, step.payment.may_resend) == (status, may_resend)
    assert step.payment.needs_review == ("accepted_at" in condition)
    if may_resend:
        assert step.ask_at == later(seconds)
        assert next_asking(step.payment, NOW, EDC) is Asking.BEGIN
        assert next_asking(sending(step.payment, later(seconds)), later(seconds), EDC) is Asking.INQUIRE


def test_the_resend_keeps_the_id() -> None:
    """F11: what is sent again is the same payment under the same id; "duplicate" then means that it did arrive."""
    again = sending(payment(Status.IN_DOUBT, may_resend=True), later(200))
    assert (again.paytm_id, again.sends, again.sent_at) == ("SB1", 2, later(200))

    step = told(again, Duplicate(), Asking.BEGIN, 200)

    assert (step.payment.status, step.ask_at) == (Status.PENDING, later(200))
    assert next_asking(step.payment, NOW, EDC) is Asking.INQUIRE
    unknown = told(replace(step.payment, not_found_count=9), Missing(), seconds=600).payment
    assert (unknown.status, unknown.needs_review, unknown.may_resend) == (Status.IN_DOUBT, True, False)


@pytest.mark.parametrize("code", ["terminal_busy", "refused"])
def test_a_refused_resend_decides_nothing(code: str) -> None:
    """F11, F12: a machine that is busy when we send again may be busy with this very payment: keep asking."""
    again = sending(payment(Status.IN_DOUBT, may_resend=True), later(200))

    step = told(again, Declined(reason=reason(code)), Asking.BEGIN, 200)

    assert step.payment.status is Status.IN_DOUBT
    assert "Do not take this payment again" in (step.payment.reason or reason("")).hint
    assert next_asking(step.payment, NOW, EDC) is Asking.INQUIRE
    assert told(step.payment, Captured(proof=PROOF)).payment.status is Status.PAID
    assert told(step.payment, Declined(reason=reason("declined"))).payment.status is Status.NOT_PAID
    assert told(replace(step.payment, not_found_count=2), Missing(), seconds=400).payment.status is Status.NOT_PAID


def test_a_first_refusal_is_final() -> None:
    """A first request that Paytm refuses outright is not paid at once, so that the cashier can go on."""
    step = told(payment(Status.CREATED), Declined(reason=reason("terminal_busy")), Asking.BEGIN)
    assert step.payment.status is Status.NOT_PAID


def test_a_lost_answer_is_in_doubt() -> None:
    """F01: a lost answer to the request is in doubt and asked about by its id; a lost inquiry only costs patience."""
    lost = told(payment(Status.CREATED), Lost(detail="time-out"), Asking.BEGIN)
    assert (lost.payment.status, lost.event, lost.ask_at) == (Status.IN_DOUBT, "payment.in_doubt", later(13))
    assert next_asking(lost.payment, NOW, EDC) is Asking.INQUIRE
    missed = told(lost.payment, Lost(detail="time-out"), Asking.INQUIRE)
    assert (missed.payment.status, missed.payment.misses, missed.event) == (Status.IN_DOUBT, 1, None)


def test_what_never_left_is_sent_again() -> None:
    """F02: a request that certainly never left is tried three times, a second apart, then was never sent."""
    current = payment(Status.CREATED, sends=0, sent_at=None)
    for count in range(1, UNSENT_TRIES):
        step = told(sending(current, NOW), Unsent(detail="refused"), Asking.BEGIN)
        current = step.payment
        assert (current.status, current.sends, step.event) == (Status.CREATED, 0, None)
        assert step.ask_at == later(10 + count)
        assert next_asking(current, NOW, EDC) is Asking.BEGIN
    last = told(sending(current, NOW), Unsent(detail="refused"), Asking.BEGIN).payment
    assert (last.status, last.sends, (last.reason or reason("")).code) == (Status.NOT_PAID, 0, "never_sent")


def test_a_resend_that_never_left_may_be_tried_again() -> None:
    """F02: when the re-send did not leave, the first request is still in doubt, and one re-send is still allowed."""
    again = sending(payment(Status.IN_DOUBT, may_resend=True), later(200))
    step = told(again, Unsent(detail="refused"), Asking.BEGIN, 200)
    assert (step.payment.status, step.payment.sends) == (Status.IN_DOUBT, 1)
    assert told(replace(step.payment, not_found_count=2), Missing(), seconds=400).payment.may_resend


def test_a_stale_answer_undoes_nothing() -> None:
    """F07: "pending" after paid or not paid is an old copy: it changes nothing at all."""
    for status in (Status.PAID, Status.NOT_PAID):
        assert not told(payment(status), Waiting(phase=Phase.ON_DEVICE)).is_changed


def test_a_poll_without_news_writes_nothing() -> None:
    """The common answer, still pending, is no change at all; after misses it forgets them."""
    calm = payment(phase=Phase.ON_DEVICE, accepted_at=NOW)
    assert not told(calm, Waiting(phase=Phase.ON_DEVICE)).is_changed
    missed = told(replace(calm, misses=3, not_found_count=1), Waiting(phase=Phase.ON_DEVICE))
    assert (missed.payment.misses, missed.payment.not_found_count, missed.event) == (0, 0, None)


def test_every_wait_follows_the_scale() -> None:
    """On a ladder made quicker, what is asked again after a lost look or an unsent request is asked quicker too."""
    half = scaled(EDC, 0.5)
    late = apply(payment(Status.NOT_PAID), Lost(detail="time-out"), Asking.INQUIRE, later(10), half)
    unsent = apply(payment(Status.CREATED), Unsent(detail="refused"), Asking.BEGIN, later(10), half)
    assert (late.payment.due_at, unsent.payment.due_at) == (later(160), later(10.5))


def test_a_mismatch_is_never_washed_away() -> None:
    """F09: once Paytm spoke of other money a person must look, also when the payment becomes paid afterwards."""
    flagged = told(payment(), Mismatch(reason=reason("mismatch"), fields=("amount",))).payment
    assert (flagged.status, flagged.needs_review) == (Status.IN_DOUBT, True)
    for outcome in (Waiting(phase=Phase.ON_DEVICE), Unclear(reason=reason("unclear")), Lost(detail="x")):
        assert told(flagged, outcome).payment.needs_review
    assert told(flagged, Captured(proof=PROOF)).payment.needs_review


def test_a_second_transaction_is_a_conflict() -> None:
    """F34: the same proof again is nothing new; another transaction for the same payment is flagged once."""
    done = payment(Status.PAID)
    assert not told(done, Captured(proof=PROOF)).is_changed
    second = told(done, Captured(proof=replace(PROOF, transaction_id="T2")))
    assert (second.payment.needs_review, second.payment.proof, second.event) == (True, PROOF, "payment.needs_review")
    assert not told(second.payment, Captured(proof=replace(PROOF, transaction_id="T3"))).is_changed


@pytest.mark.parametrize("status", list(Status))
def test_cancel_never_decides(status: Status) -> None:
    """F13: cancel is a wish, noted once and asked about at once; the payment is watched on and may still be paid."""
    before = payment(status)
    if status not in LIVE:
        with pytest.raises(IllegalTransition, match="nothing to cancel"):
            cancel(before, NOW)
        return
    step = cancel(before, later(5))
    assert step.payment == replace(before, cancel_requested_at=later(5), due_at=later(5), sequence=4)
    assert step.event == "payment.cancel_requested"
    assert not cancel(step.payment, later(6)).is_changed
    assert told(step.payment, Waiting(phase=Phase.ON_DEVICE)).payment.is_live
    assert told(step.payment, Captured(proof=PROOF)).payment.status is Status.PAID


def test_a_cancelled_payment_is_not_sent_again() -> None:
    """F13: after a cancel nothing more is sent for this payment, whatever was planned."""
    planned = payment(Status.IN_DOUBT, may_resend=True)
    assert next_asking(planned, NOW, EDC) is Asking.BEGIN
    assert next_asking(cancel(planned, NOW).payment, NOW, EDC) is Asking.INQUIRE


def test_a_machine_is_given_back() -> None:
    """F12: a machine is free when its payment is over, and after half an hour even when that one is still in doubt."""
    holding = payment(Status.IN_DOUBT, holds_terminal=True)
    news = Waiting(phase=Phase.ON_DEVICE)
    assert told(holding, news, seconds=1800).payment.holds_terminal
    assert not told(holding, news, seconds=1801).payment.holds_terminal
    assert not told(holding, Declined(reason=reason("declined"))).payment.holds_terminal
