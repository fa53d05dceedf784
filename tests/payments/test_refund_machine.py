"""The refund machine: only Paytm's word ends a refund, done stays done, and every request names one reference."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galla.payments.machine import Asking
from galla.payments.model import Reason
from galla.payments.refund import (
    GRACE_ASKS,
    GRACE_S,
    OPEN,
    RESENDS,
    TRANSITIONS,
    AlreadyRaised,
    NotNow,
    Raised,
    Refund,
    RefundOutcome,
    RefundStatus,
    RefundStep,
    Rejected,
    Returned,
    Unanswered,
    Unexpected,
    Unknown,
    apply,
    next_asking,
    next_due,
    sending,
)

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
replace = msgspec.structs.replace


def reason(code: str) -> Reason:
    """Return a reason of a code."""
    return Reason(code=code, message="Something was said.", hint="Do something.", paytm_code="619")


DONE = Returned(mid="M", paytm_id="SB1", ref_id="SBR1", amount_paise=1000, refund_id="R1", rrn="6005")
OUTCOMES: tuple[RefundOutcome, ...] = (
    Raised(refund_id="R1"),
    DONE,
    Rejected(reason=reason("refund_refused")),
    Unknown(),
    AlreadyRaised(),
    NotNow(reason=reason("refund_waits")),
    Unanswered(detail="time-out"),
    Unanswered(detail="away", was_sent=False),
    Unexpected(reason=reason("unclear")),
    Unexpected(reason=reason("mismatch")),
)
DECIDES_NOTHING = tuple(one for one in OUTCOMES if not isinstance(one, Returned | Rejected | Unknown))


def later(seconds: float) -> datetime:
    """Return an instant after the refund was made."""
    return NOW + timedelta(seconds=seconds)


def refund(status: RefundStatus = RefundStatus.PENDING, **changes: Any) -> Refund:
    """Return a refund that was sent once and stands at a status."""
    values: dict[str, Any] = {
        "id": "rfd_1",
        "merchant_id": "mer_1",
        "payment_id": "pay_1",
        "kind": "refund",
        "mid": "M",
        "ref_id": "SBR1",
        "amount_paise": 1000,
        "reason": "wrong size",
        "actor": "owner",
        "created_at": NOW,
        "status": status,
        "sends": 1,
        "sent_at": NOW,
        "due_at": NOW if status in OPEN else None,
        "sequence": 3,
        **changes,
    }
    return Refund(**values)


def told(
    before: Refund, outcome: RefundOutcome, asking: Asking = Asking.INQUIRE, seconds: float = 10, scale: float = 1.0
) -> RefundStep:
    """Return the step that an outcome makes some seconds after the refund was made."""
    return apply(before, outcome, asking, later(seconds), scale)


def everything() -> list[tuple[Refund, RefundOutcome, Asking, float]]:
    """Return every status × outcome × question, in every condition that a branch of the machine looks at."""
    conditions: list[dict[str, Any]] = [{}, {"sends": 0}, {"sends": 2}, {"may_resend": True}, {"misses": 6}]
    conditions += [{"not_found_count": 5}, {"sends": 2, "not_found_count": 5}, {"needs_review": True}]
    conditions += [{"needs_review": True, "trouble": reason(code)} for code in ("mismatch", "unclear")]
    return [
        (refund(status, **condition), outcome, asking, age_s)
        for status, condition, outcome, asking, age_s in itertools.product(
            RefundStatus, conditions, OUTCOMES, Asking, (0.0, 150.0, 1000.0, 10.0**7)
        )
        if condition.get("sends") != 0 or asking is Asking.INQUIRE
    ]


def test_no_move_outside_the_table() -> None:
    """Whatever is said, in any state and at any age, a refund stays or moves along a listed edge."""
    for before, outcome, asking, age_s in everything():
        after = told(before, outcome, asking, age_s).refund
        assert after.status is before.status or (before.status, after.status) in TRANSITIONS, (before, outcome, asking)


def test_nothing_leaves_done() -> None:
    """A refund that is done stays done and changes in nothing, whatever comes."""
    assert not [edge for edge in TRANSITIONS if edge[0] is RefundStatus.DONE]
    for before, outcome, asking, age_s in everything():
        if before.status is RefundStatus.DONE:
            assert told(before, outcome, asking, age_s) == RefundStep(refund=before, is_changed=False)


def test_failed_stays_failed_and_a_late_done_is_flagged() -> None:
    """Nothing leaves failed; proof that the money went back after all puts it before a person, once."""
    assert not [edge for edge in TRANSITIONS if edge[0] is RefundStatus.FAILED]
    for before, outcome, asking, age_s in everything():
        if before.status is RefundStatus.FAILED:
            step = told(before, outcome, asking, age_s)
            is_news = isinstance(outcome, Returned) and not before.needs_review
            assert step.is_changed == is_news
            kept = replace(before, needs_review=before.needs_review or is_news, sequence=3 + is_news)
            assert replace(step.refund, due_at=before.due_at) == kept
            assert step.event == ("refund.needs_review" if is_news else None)


def test_only_proof_is_done() -> None:
    """Done follows from Paytm's proof, from every open state, and from nothing else."""
    for before, outcome, asking, age_s in everything():
        if before.is_open:
            after = told(before, outcome, asking, age_s).refund
            assert (after.status is RefundStatus.DONE) == isinstance(outcome, Returned)
            if after.status is RefundStatus.DONE:
                assert (after.refund_id, after.rrn, after.settled_at) == ("R1", "6005", later(age_s))


def test_failed_needs_paytms_word() -> None:
    """Failed follows from a no, or from two requests of which Paytm knows neither after the grace."""
    for before, outcome, asking, age_s in everything():
        after = told(before, outcome, asking, age_s).refund
        if before.is_open and after.status is RefundStatus.FAILED:
            assert isinstance(outcome, Rejected | Unknown), (before, outcome)
            if isinstance(outcome, Unknown):
                assert before.sends >= RESENDS
                assert before.status is not RefundStatus.PENDING
                assert age_s >= GRACE_S
            if isinstance(outcome, Rejected):
                assert asking is Asking.INQUIRE or before.sends <= 1


def test_each_step_is_whole() -> None:
    """A change of status is an event, an event counts one, what is open has a next time and what is over has none."""
    for before, outcome, asking, age_s in everything():
        step = told(before, outcome, asking, age_s)
        after = step.refund
        if not step.is_changed:
            assert (after, step.event) == (before, None)
            continue
        if after.status is not before.status:
            assert step.event in {f"refund.{after.status}", "refund.needs_review"}
        if after.needs_review and not before.needs_review:
            assert step.event == "refund.needs_review", (before, outcome)
        assert after.sequence == before.sequence + (1 if step.event else 0)
        assert after.due_at is not None or not after.is_open
        assert after.due_at is None or after.status is not RefundStatus.DONE
        assert (after.amount_paise, after.fence, after.payment_id) == (1000, before.fence, "pay_1")
        assert after.sends >= 0


def test_every_request_names_the_same_reference() -> None:
    """No step and no sending ever changes the reference: asking twice can never pay back twice."""
    for before, outcome, asking, age_s in everything():
        after = told(before, outcome, asking, age_s).refund
        assert (after.ref_id, sending(after, later(age_s)).ref_id) == ("SBR1", "SBR1")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(DECIDES_NOTHING), st.floats(0, 10**6)), max_size=40))
def test_time_alone_never_ends_a_refund(words: list[tuple[RefundOutcome, float]]) -> None:
    """Without proof, a no, or "unknown reference", no sequence over any time ends a refund or lets it fall silent."""
    now_s, current = 0.0, refund(RefundStatus.CREATED, sends=0, sent_at=None)
    for outcome, seconds in words:
        now_s += seconds
        asking = next_asking(current, NOW)
        if asking is Asking.BEGIN:
            current = sending(current, later(now_s))
        step = told(current, outcome, asking, now_s)
        current = step.refund if step.is_changed else replace(current, due_at=next_due(current, later(now_s), 1.0))
        assert current.is_open
        assert current.due_at is not None
        assert later(now_s) <= current.due_at <= later(now_s + 86_400 * 20)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.floats(0, 400)), max_size=60))
def test_a_request_is_in_doubt_at_most_twice(words: list[tuple[RefundOutcome, float]]) -> None:
    """Of the requests that Paytm may have without having said so there are two at most, in any life."""
    now_s, current, unheard = 0.0, refund(RefundStatus.CREATED, sends=0, sent_at=None), 0
    for outcome, seconds in words:
        now_s += seconds
        asking = next_asking(current, NOW)
        if asking is Asking.BEGIN:
            current = sending(current, later(now_s))
            is_lost = isinstance(outcome, Unanswered) and outcome.was_sent
            unheard += is_lost or isinstance(outcome, Unexpected | Unknown)
        current = told(current, outcome, asking, now_s).refund
    assert unheard <= RESENDS


def test_a_busy_order_is_tried_again_under_the_same_reference() -> None:
    """"Another refund is in progress" is no end: the same reference is sent a minute later, as often as it takes."""
    current = refund(RefundStatus.CREATED, sends=0, sent_at=None)
    for minute in range(1, 6):
        assert next_asking(current, NOW) is Asking.BEGIN
        sent = sending(current, later(60 * minute))
        step = told(sent, NotNow(reason=reason("refund_waits")), Asking.BEGIN, 60 * minute)
        current = step.refund
        assert (current.status, current.ref_id, current.sends) == (RefundStatus.CREATED, "SBR1", 0)
        assert (step.ask_at, current.due_at) == (later(60 * minute + 60), later(60 * minute + 60))
        assert current.trouble == reason("refund_waits")
    assert not told(refund(), NotNow(reason=reason("refund_waits"))).is_changed  # to a question it is no answer
    accepted = told(sending(current, later(400)), Raised(refund_id="R1"), Asking.BEGIN, 400).refund
    assert (accepted.status, accepted.trouble, accepted.refund_id) == (RefundStatus.PENDING, None, "R1")


def test_a_no_after_a_busy_order_is_final() -> None:
    """A request that was put off certainly took nothing, so a no to the next one ends the refund."""
    put_off = told(refund(RefundStatus.CREATED), NotNow(reason=reason("refund_waits")), Asking.BEGIN).refund
    again = sending(put_off, later(70))
    step = told(again, Rejected(reason=reason("refund_refused")), Asking.BEGIN, 70)
    assert (step.refund.status, step.event) == (RefundStatus.FAILED, "refund.failed")


def test_a_no_to_a_second_sending_decides_nothing() -> None:
    """When the first request was lost, "more than is left" to the second may mean that the first one took it: ask."""
    lost = told(refund(RefundStatus.CREATED), Unanswered(detail="time-out"), Asking.BEGIN).refund
    unknown = replace(lost, not_found_count=GRACE_ASKS)
    resend = told(unknown, Unknown(), seconds=200).refund
    assert (resend.may_resend, next_asking(resend, NOW)) == (True, Asking.BEGIN)
    again = sending(resend, later(200))
    step = told(again, Rejected(reason=reason("refund_refused")), Asking.BEGIN, 200)
    assert (step.refund.status, step.event) == (RefundStatus.IN_DOUBT, "refund.in_doubt")
    assert "Do not refund again" in (step.refund.trouble or reason("")).hint
    assert next_asking(step.refund, NOW) is Asking.INQUIRE
    assert told(step.refund, DONE).refund.status is RefundStatus.DONE
    assert told(step.refund, Rejected(reason=reason("refund_failed"))).refund.status is RefundStatus.FAILED


def test_a_lost_answer_is_in_doubt_and_asked_about() -> None:
    """A request whose answer is lost is never repeated on that ground: the next word is a question, seconds later."""
    step = told(refund(RefundStatus.CREATED), Unanswered(detail="time-out"), Asking.BEGIN)
    assert (step.refund.status, step.event) == (RefundStatus.IN_DOUBT, "refund.in_doubt")
    assert (step.ask_at, next_asking(step.refund, NOW)) == (later(15), Asking.INQUIRE)


def test_what_never_left_is_sent_again() -> None:
    """A request that certainly never left counts for nothing and is sent again in five seconds."""
    step = told(refund(RefundStatus.CREATED), Unanswered(detail="away", was_sent=False), Asking.BEGIN)
    assert (step.refund.status, step.refund.sends, step.event) == (RefundStatus.CREATED, 0, None)
    assert (step.ask_at, next_asking(step.refund, NOW)) == (later(15), Asking.BEGIN)


@pytest.mark.parametrize("status", [RefundStatus.CREATED, RefundStatus.IN_DOUBT])
def test_an_unknown_reference_means_nothing_at_first(status: RefundStatus) -> None:
    """"Unknown reference" decides nothing before three answers and two minutes since the last sending."""
    for seconds, count in ((0, 0), (GRACE_S - 1, 50), (10_000, 0), (10_000, GRACE_ASKS - 2)):
        step = told(refund(status, not_found_count=count), Unknown(), seconds=seconds)
        assert (step.refund.status, step.event, step.refund.not_found_count) == (status, None, count + 1)
        assert not step.refund.may_resend


def test_an_unknown_reference_is_sent_once_more_then_given_up() -> None:
    """After the grace the same reference is sent once more; unknown again after another grace, it was never sent."""
    first = told(refund(RefundStatus.IN_DOUBT, not_found_count=2), Unknown(), seconds=GRACE_S)
    assert (first.refund.may_resend, first.ask_at) == (True, later(GRACE_S))
    again = sending(first.refund, later(GRACE_S))
    assert (again.ref_id, again.sends, again.not_found_count) == ("SBR1", 2, 0)
    early = told(replace(again, not_found_count=9), Unknown(), seconds=2 * GRACE_S - 1).refund
    assert early.is_open
    step = told(replace(again, not_found_count=2), Unknown(), seconds=2 * GRACE_S)
    assert (step.refund.status, step.event) == (RefundStatus.FAILED, "refund.failed")
    assert (step.refund.trouble or reason("")).code == "never_sent"


def test_a_raised_refund_that_is_forgotten_goes_to_a_person() -> None:
    """What Paytm had taken in and then does not know is flagged once, never sent again and never given up."""
    before = refund(RefundStatus.PENDING, not_found_count=2)
    step = told(before, Unknown(), seconds=10_000)
    assert (step.refund.status, step.refund.needs_review, step.event) == (
        RefundStatus.PENDING, True, "refund.needs_review",
    )  # fmt: skip
    assert next_asking(step.refund, NOW) is Asking.INQUIRE
    assert told(step.refund, Unknown(), seconds=20_000).event is None


def test_a_repeated_reference_did_arrive() -> None:
    """"Already raised" means that an earlier request arrived: pending, and asked about at once."""
    step = told(refund(RefundStatus.IN_DOUBT, sends=2), AlreadyRaised(), Asking.BEGIN)
    assert (step.refund.status, step.ask_at) == (RefundStatus.PENDING, later(10))
    assert next_asking(step.refund, NOW) is Asking.INQUIRE


def test_a_poll_without_news_changes_nothing() -> None:
    """The common answer, still on its way, is no change at all; after misses it forgets them."""
    assert not told(refund(refund_id="R1"), Raised(refund_id="R1")).is_changed
    missed = told(refund(misses=3, not_found_count=1), Raised(refund_id="R1"))
    assert (missed.refund.misses, missed.refund.not_found_count, missed.event) == (0, 0, None)


def test_a_mismatch_is_never_washed_away() -> None:
    """Once Paytm spoke of another refund a person must look, also when this one is done afterwards."""
    flagged = told(refund(), Unexpected(reason=reason("mismatch"))).refund
    assert (flagged.status, flagged.needs_review) == (RefundStatus.PENDING, True)
    for outcome in (Raised(refund_id="R1"), Unexpected(reason=reason("unclear")), Unanswered(detail="x"), DONE):
        after = told(flagged, outcome).refund
        assert (after.needs_review, (after.trouble or reason("")).code) == (True, "mismatch")


def test_a_smaller_trouble_passes() -> None:
    """An answer that decided nothing is flagged once, and forgotten when the refund is done."""
    flagged = told(refund(), Unexpected(reason=reason("unclear")))
    assert (flagged.refund.needs_review, flagged.event) == (True, "refund.needs_review")
    assert not told(flagged.refund, Unexpected(reason=reason("unclear"))).is_changed
    done = told(flagged.refund, DONE).refund
    assert (done.status, done.needs_review, done.trouble) == (RefundStatus.DONE, False, None)


def test_an_open_refund_is_asked_about_for_ever() -> None:
    """Soon at first, four times a day for ten days, once a day for ever after: never silent while open."""
    gaps = []
    for age_s in (0, 300, 1800, 7200, 5 * 86_400, 30 * 86_400, 1000 * 86_400):
        due_at = next_due(refund(), later(age_s), 1.0)
        assert due_at is not None
        gaps.append((due_at - later(age_s)).total_seconds())
    assert gaps == [5, 30, 300, 3600, 21_600, 86_400, 86_400]
    assert next_due(refund(RefundStatus.DONE), NOW, 1.0) is None
    watches = [next_due(refund(RefundStatus.FAILED), later(age_s), 1.0) for age_s in (0, 3600, 86_400, 3 * 86_400)]
    assert watches == [later(3600), later(86_400), later(3 * 86_400), None]
