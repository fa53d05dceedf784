"""Where people come in: what Paytm has not decided when nobody waits for it any more."""

import msgspec
import pytest

from galla.payments.ladder import EDC, LATE_WATCH_S
from galla.payments.machine import MISSES_MAX, Asking, Step, apply
from galla.payments.model import Declined, Lost, Missing, Outcome, Payment, Phase, Status, Unsent, Waiting
from galla.payments.person import ASK_ON_S, called
from tests.payments.standing import later, payment, reason

PENDING = Waiting(phase=Phase.CHECKING)
WATCHED_S = LATE_WATCH_S[-1]


def told(before: Payment, outcome: Outcome, seconds: float) -> Step:
    """Return the step that an answer makes some seconds after the payment was made."""
    now = later(seconds)
    return called(apply(before, outcome, Asking.INQUIRE, now, EDC), outcome, EDC, now)


def claimed(before: Payment) -> Payment:
    """Return a payment as a claim leaves it that finds no look to come."""
    return msgspec.structs.replace(before, due_at=None)


def test_what_is_pending_when_the_late_watch_has_ended_needs_a_person() -> None:
    """No copy is three days old: Paytm has what it said nobody had paid. A person is called, and it is asked on."""
    given_up = payment(Status.NOT_PAID, reason=reason("expired"))
    step = told(given_up, PENDING, WATCHED_S)
    after = step.payment
    assert (after.status, after.needs_review, after.reason) == (Status.NOT_PAID, True, given_up.reason)
    assert (step.event, after.sequence) == ("payment.needs_review", given_up.sequence + 1)
    assert after.due_at == later(WATCHED_S + ASK_ON_S)


def test_a_person_is_called_once_and_paytm_is_asked_on() -> None:
    """While it is pending it is asked about every day; who was called and has not looked yet is not called again."""
    flagged = told(payment(Status.NOT_PAID, reason=reason("expired")), PENDING, WATCHED_S).payment
    step = told(claimed(flagged), PENDING, WATCHED_S + ASK_ON_S)
    assert (step.is_changed, step.event, step.payment.sequence) == (True, None, flagged.sequence)
    assert step.payment.due_at == later(WATCHED_S + 2 * ASK_ON_S)


def test_a_stale_copy_calls_nobody() -> None:
    """While there are looks to come, and for any other answer, nothing is changed by it."""
    given_up = payment(Status.NOT_PAID, reason=reason("expired"))
    assert not told(given_up, PENDING, WATCHED_S - 3_600).is_changed
    assert not told(given_up, Missing(), WATCHED_S).is_changed
    assert not told(given_up, Declined(reason=reason("expired")), WATCHED_S).is_changed
    assert not told(payment(Status.PAID), PENDING, WATCHED_S).is_changed


@pytest.mark.parametrize("outcome", [Lost(detail="time-out"), Unsent(detail="refused")])
def test_a_last_look_without_an_answer_was_no_look(outcome: Outcome) -> None:
    """After some quick tries it is asked once a day until there is an answer: an outage hides no late success."""
    given_up = payment(Status.NOT_PAID, reason=reason("expired"), misses=MISSES_MAX)
    step = told(given_up, outcome, WATCHED_S)
    assert (step.is_changed, step.event, step.payment.needs_review) == (True, None, False)
    assert step.payment.due_at == later(WATCHED_S + ASK_ON_S)
    quick = told(msgspec.structs.replace(given_up, misses=0), outcome, WATCHED_S)
    assert quick.payment.due_at == later(WATCHED_S + 300)
