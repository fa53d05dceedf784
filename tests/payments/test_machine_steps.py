"""Every step of the machine, whole: what an answer changes in a payment, what it leaves, and when to ask again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from galla.errors import IllegalTransition
from galla.payments import machine, reasons
from galla.payments.ladder import EDC
from galla.payments.machine import Asking, Step, apply, is_withdrawn, next_asking, rested, sending
from galla.payments.model import (
    Captured,
    Declined,
    Duplicate,
    Lost,
    Mismatch,
    Missing,
    Outcome,
    Phase,
    Status,
    Unclear,
    Unsent,
    Waiting,
)
from tests.payments.standing import NOW, PROOF, payment
from tests.payments.standing import later as at
from tests.payments.standing import reason as why

CREATED, PENDING, IN_DOUBT, PAID, NOT_PAID = Status
BEGIN, INQUIRE = Asking
replace = msgspec.structs.replace


BY_PEOPLE = replace(PROOF, source="person", transaction_id=None, rrn=None)
ON_DEVICE = Waiting(phase=Phase.ON_DEVICE)
SHOWN = Waiting(phase=Phase.AWAITING_PAYER, link="upi://pay", code="4711", expires_at=at(300))
PAYS, NO = Captured(proof=PROOF), Declined(reason=why("declined"))
UNKNOWN, KNOWN = Missing(paytm_code="0404"), Duplicate(paytm_code="0233")
UNSENT, LOST, UNCLEAR = Unsent(detail="refused"), Lost(detail="time-out"), Unclear(reason=why("unclear"))
OTHER = Mismatch(reason=why("mismatch"), fields=("amount",))
OTHER_AGAIN = Mismatch(reason=why("mismatch", "0999"), fields=("amount",))
MISMATCHED = {"needs_review": True, "reason": why("mismatch")}
SECOND = reasons.conflict("Paytm reports a second transaction for this payment.", None)
ENDED = {"status": PAID, "phase": Phase.NONE, "proof": PROOF}
DOUBT = {"status": IN_DOUBT, "phase": Phase.CHECKING}
UNREACHED = reasons.never_sent("We could not reach Paytm, so nothing was sent.")
NEVER = reasons.never_sent("Paytm never received this payment.")
UNSEEN = reasons.lost_code(None)
CANCELLED = reasons.never_sent("Cancelled before anything was sent.")
WAITS: dict[str, Any] = {"status": PENDING, "phase": Phase.ON_DEVICE, "accepted_at": NOW}
OVER = {"status": NOT_PAID, "phase": Phase.NONE}
PART = {"status": PENDING, "phase": Phase.CHECKING, "reason": None, "may_resend": False}
Row = tuple[dict[str, Any], Outcome, Asking, float, dict[str, Any] | None, str | None, float | None]

# how the payment stands · what is said · to what · when (s) · what changes (None: nothing) · event · next question (s)
WAITING: list[Row] = [
    ({"status": CREATED}, ON_DEVICE, BEGIN, 10, {**WAITS, "accepted_at": at(10)}, "pending", 13),
    (
        {"status": IN_DOUBT, "reason": why("lost_reply"), "misses": 2, "not_found_count": 1, "may_resend": True},
        ON_DEVICE, INQUIRE, 10,
        {**WAITS, "accepted_at": at(10), "reason": None, "misses": 0, "not_found_count": 0, "may_resend": False},
        "pending", 15,
    ),
    (
        {"status": CREATED}, SHOWN, BEGIN, 10,
        {
            "status": PENDING, "phase": Phase.AWAITING_PAYER, "accepted_at": at(10),
            "link": "upi://pay", "code": "4711", "expires_at": at(300),
        },
        "pending", 13,
    ),
    (
        {**WAITS, "link": "old", "code": "1", "expires_at": at(400)}, Waiting(phase=Phase.QUEUED), INQUIRE, 10,
        {"phase": Phase.QUEUED}, "pending", 15,
    ),
    ({"status": IN_DOUBT, **MISMATCHED}, ON_DEVICE, INQUIRE, 10, {**WAITS, "accepted_at": at(10)}, "pending", 15),
    (
        {"status": IN_DOUBT, "needs_review": True, "reason": why("past_ladder")}, ON_DEVICE, INQUIRE, 10,
        {**WAITS, "accepted_at": at(10)}, "pending", 15,
    ),
    (
        {**WAITS, "needs_review": True, "reason": why("unclear")}, ON_DEVICE, INQUIRE, 10,
        {"reason": None, "needs_review": False}, "pending", 15,
    ),
    ({**WAITS, **MISMATCHED}, ON_DEVICE, INQUIRE, 10, None, None, 0),
    (WAITS, ON_DEVICE, INQUIRE, 10, None, None, 0),
    ({**WAITS, "misses": 3}, ON_DEVICE, INQUIRE, 10, {"misses": 0}, None, 15),
    ({**WAITS, "not_found_count": 1}, ON_DEVICE, INQUIRE, 10, {"not_found_count": 0}, None, 15),
    ({"status": NOT_PAID}, ON_DEVICE, INQUIRE, 10, None, None, 0),
]  # fmt: skip
CAPTURED: list[Row] = [
    (
        {"misses": 2, "may_resend": True, "holds_terminal": True}, PAYS, INQUIRE, 10,
        {**ENDED, "settled_at": at(10), "misses": 0, "may_resend": False, "holds_terminal": False}, "paid", None,
    ),
    (
        {"cancel_requested_at": NOW}, PAYS, INQUIRE, 10,
        {**ENDED, "settled_at": at(10), "reason": reasons.stopped(), "needs_review": True}, "paid", None,
    ),
    (
        {"status": NOT_PAID}, PAYS, INQUIRE, 10,
        {**ENDED, "settled_at": at(10), "reason": reasons.late(), "needs_review": True, "is_late": True},
        "paid paid_late", None,
    ),
    (MISMATCHED, PAYS, INQUIRE, 10, {**ENDED, "settled_at": at(10)}, "paid", None),
    (
        {"status": NOT_PAID, **MISMATCHED}, PAYS, INQUIRE, 10,
        {**ENDED, "settled_at": at(10), "is_late": True}, "paid paid_late", None,
    ),
    ({"status": PAID, "proof": PROOF}, PAYS, INQUIRE, 10, None, None, 0),
    ({"status": PAID}, PAYS, INQUIRE, 10, {"needs_review": True, "reason": SECOND}, "needs_review", None),
    (
        {"status": PAID, "proof": BY_PEOPLE}, PAYS, INQUIRE, 10,
        {"reason": reasons.confirmed("T1", "6005")}, "confirmed", None,
    ),
    (
        {"status": PAID, "proof": BY_PEOPLE, "reason": why("late")}, PAYS, INQUIRE, 10,
        {"reason": reasons.confirmed("T1", "6005")}, "confirmed", None,
    ),
    (
        {"status": PAID, "proof": BY_PEOPLE, "reason": reasons.confirmed("T1", "6005")}, PAYS, INQUIRE, 10,
        None, None, 0,
    ),
    (
        {"status": PAID, "proof": BY_PEOPLE, "reason": reasons.confirmed("T0", None)}, PAYS, INQUIRE, 10,
        {"needs_review": True, "reason": SECOND}, "needs_review", None,
    ),
    ({"status": PAID, "proof": BY_PEOPLE, "needs_review": True, "reason": SECOND}, PAYS, INQUIRE, 10, None, None, 0),
]  # fmt: skip
DECLINED: list[Row] = [
    (
        {"status": PAID, "proof": PROOF}, NO, INQUIRE, 10,
        {
            "needs_review": True,
            "reason": reasons.conflict("Paytm now reports this paid payment as not paid.", "0330"),
        },
        "needs_review", None,
    ),
    ({"status": NOT_PAID, "misses": 2}, NO, INQUIRE, 10, {"misses": 0}, None, 300),
    ({"status": NOT_PAID, "misses": 1}, NO, INQUIRE, 10, {"misses": 0}, None, 300),
    ({"status": NOT_PAID}, NO, INQUIRE, 10, None, None, 0),
    (
        {"status": IN_DOUBT, "sends": 2}, NO, BEGIN, 10,
        {**DOUBT, "reason": reasons.resend_refused(why("declined"))}, "in_doubt", 15,
    ),
    (
        {"status": CREATED, "may_resend": True, "misses": 1}, NO, BEGIN, 10,
        {**OVER, "reason": why("declined"), "settled_at": at(10), "may_resend": False, "misses": 0}, "not_paid", 300,
    ),
    (
        {"sends": 2, **MISMATCHED}, NO, INQUIRE, 10,
        {**OVER, "reason": why("declined"), "settled_at": at(10)}, "not_paid", 300,
    ),
    (
        {"needs_review": True, "reason": why("unclear")}, NO, INQUIRE, 10,
        {**OVER, "reason": why("declined"), "settled_at": at(10), "needs_review": False}, "not_paid", 300,
    ),
]  # fmt: skip
MISSING: list[Row] = [
    ({"status": NOT_PAID}, UNKNOWN, INQUIRE, 10, None, None, 0),
    ({"misses": 2}, UNKNOWN, INQUIRE, 10, {"misses": 0, "not_found_count": 1}, None, 15),
    ({"misses": 2, "sent_at": None, "not_found_count": 2}, UNKNOWN, INQUIRE, 179, {"misses": 0, "not_found_count": 3},
     None, 184),
    ({"not_found_count": 1}, UNKNOWN, INQUIRE, 200, {"not_found_count": 2}, None, 205),
    (
        {"not_found_count": 2, "sent_at": None}, UNKNOWN, INQUIRE, 180,
        {**DOUBT, "may_resend": True, "reason": reasons.never_arrived()}, "in_doubt", 180,
    ),
    (
        {"not_found_count": 2, "accepted_at": NOW}, UNKNOWN, INQUIRE, 180,
        {**DOUBT, "needs_review": True, "reason": reasons.lost_after_acceptance("0404")}, "needs_review", 185,
    ),
    (
        {"not_found_count": 2, "sends": 2}, UNKNOWN, INQUIRE, 180,
        {**OVER, "reason": NEVER, "settled_at": at(180)}, "not_paid", 300,
    ),
    (
        {"not_found_count": 2, "expires_at": at(100), "misses": 1}, UNKNOWN, INQUIRE, 279.9,
        {"not_found_count": 3, "misses": 0}, None, 284.9,
    ),
    ({"not_found_count": 1, "expires_at": at(100)}, UNKNOWN, INQUIRE, 281, {"not_found_count": 2}, None, 286),
    (
        {"not_found_count": 2, "expires_at": at(100)}, UNKNOWN, INQUIRE, 280,
        {**OVER, "reason": reasons.expired(), "settled_at": at(280)}, "not_paid", 300,
    ),
]  # fmt: skip
WITHOUT_ANSWER: list[Row] = [
    (
        {"status": IN_DOUBT, "reason": why("lost_reply"), "may_resend": True}, KNOWN, BEGIN, 10,
        {**PART, "accepted_at": at(10)}, "pending", 10,
    ),
    ({"status": IN_DOUBT, "accepted_at": NOW}, KNOWN, BEGIN, 10, PART, "pending", 10),
    (
        {"status": IN_DOUBT, **MISMATCHED}, KNOWN, BEGIN, 10,
        {"status": PENDING, "phase": Phase.CHECKING, "accepted_at": at(10)}, "pending", 10,
    ),
    ({"status": NOT_PAID}, KNOWN, BEGIN, 10, None, None, 0),
    ({}, UNSENT, INQUIRE, 10, {"misses": 1}, None, 20),
    ({"status": NOT_PAID}, UNSENT, BEGIN, 10, {"misses": 1}, None, 310),
    (
        {"status": IN_DOUBT, "sends": 2}, UNSENT, BEGIN, 10,
        {**DOUBT, "sends": 1, "reason": reasons.never_arrived()}, "in_doubt", 15,
    ),
    ({"status": CREATED}, UNSENT, BEGIN, 10, {"sends": 0, "unsent_count": 1, "phase": Phase.SENDING}, None, 11),
    (
        {"status": CREATED, "unsent_count": 1}, UNSENT, BEGIN, 10,
        {"sends": 0, "unsent_count": 2, "phase": Phase.SENDING}, None, 12,
    ),
    (
        {"status": CREATED, "unsent_count": 2}, UNSENT, BEGIN, 10,
        {**OVER, "sends": 0, "unsent_count": 3, "reason": UNREACHED, "settled_at": at(10)}, "not_paid", 300,
    ),
    (
        {"status": CREATED, "cancel_requested_at": NOW}, UNSENT, BEGIN, 10,
        {**OVER, "sends": 0, "unsent_count": 1, "reason": CANCELLED, "settled_at": at(10)}, "not_paid", 300,
    ),
    (
        {"status": CREATED}, UNSENT, BEGIN, 900,
        {**OVER, "sends": 0, "unsent_count": 1, "reason": UNREACHED, "settled_at": at(900)}, "not_paid", 1800,
    ),
    (
        {"status": CREATED, "expires_at": at(10)}, UNSENT, BEGIN, 10,
        {**OVER, "sends": 0, "unsent_count": 1, "reason": UNREACHED, "settled_at": at(10)}, "not_paid", 300,
    ),
    ({}, LOST, INQUIRE, 10, {"misses": 1}, None, 20),
    ({"misses": 5}, LOST, INQUIRE, 10, {"misses": 6}, None, 90),
    ({"misses": 6}, LOST, INQUIRE, 10, None, None, 0),
    ({"status": PAID, "proof": PROOF}, LOST, INQUIRE, 10, None, None, 0),
    ({"status": NOT_PAID}, LOST, INQUIRE, 10, {"misses": 1}, None, 310),
    ({"status": NOT_PAID}, LOST, BEGIN, 10, {"misses": 1}, None, 310),
    ({"status": CREATED, "can_rebegin": True, "sends": 3}, LOST, BEGIN, 10, {}, None, 13),
    (
        {"status": CREATED, "can_rebegin": True, "sends": 4}, LOST, BEGIN, 10,
        {**DOUBT, "reason": reasons.lost_reply(None)}, "in_doubt", 13,
    ),
    ({"status": CREATED}, LOST, BEGIN, 10, {**DOUBT, "reason": reasons.lost_reply(None)}, "in_doubt", 13),
    ({"status": CREATED, "method": "queue"}, LOST, BEGIN, 10, {**DOUBT, "reason": UNSEEN}, "in_doubt", 13),
    ({"status": IN_DOUBT, "reason": why("mismatch")}, LOST, INQUIRE, 10, {"misses": 1, "needs_review": True}, None, 20),
]  # fmt: skip
FLAGGED: list[Row] = [
    ({}, UNCLEAR, INQUIRE, 10, {"needs_review": True, "reason": why("unclear")}, "needs_review", 15),
    (
        {"status": CREATED}, UNCLEAR, BEGIN, 10,
        {**DOUBT, "needs_review": True, "reason": why("unclear")}, "needs_review", 15,
    ),
    ({"reason": why("unclear")}, UNCLEAR, INQUIRE, 10, {"needs_review": True}, "needs_review", 15),
    ({"needs_review": True, "reason": why("unclear")}, UNCLEAR, INQUIRE, 10, None, None, 0),
    (
        {"needs_review": True, "reason": why("unclear", "0111")}, UNCLEAR, INQUIRE, 10,
        {"reason": why("unclear")}, "needs_review", 15,
    ),
    (
        {"needs_review": True, "reason": why("lost_reply")}, UNCLEAR, INQUIRE, 10,
        {"reason": why("unclear")}, "needs_review", 15,
    ),
    (MISMATCHED, UNCLEAR, INQUIRE, 10, None, None, 0),
    ({}, OTHER, INQUIRE, 10, {**DOUBT, **MISMATCHED}, "needs_review", 15),
    (MISMATCHED, OTHER_AGAIN, INQUIRE, 10, {**DOUBT, "reason": why("mismatch", "0999")}, "needs_review", 15),
    (
        {"status": NOT_PAID, "reason": why("declined")}, UNCLEAR, INQUIRE, 10,
        {"needs_review": True}, "needs_review", 300,
    ),
    ({"status": NOT_PAID, "needs_review": True, "reason": why("declined")}, UNCLEAR, INQUIRE, 10, None, None, 0),
    (
        {"status": NOT_PAID, "needs_review": True, "reason": why("declined")}, OTHER, INQUIRE, 10,
        {"reason": why("mismatch")}, "needs_review", 300,
    ),
    ({"status": NOT_PAID, **MISMATCHED}, OTHER, INQUIRE, 10, None, None, 0),
    ({"status": NOT_PAID, **MISMATCHED}, UNCLEAR, INQUIRE, 10, None, None, 0),
    (
        {"status": PAID, "proof": PROOF, "needs_review": True, "reason": why("late")}, OTHER, INQUIRE, 10,
        {"reason": reasons.conflict("Something was said.", "0330")}, "needs_review", None,
    ),
    (
        {"status": PAID, "proof": PROOF, "reason": why("conflict")}, OTHER, INQUIRE, 10,
        {"needs_review": True, "reason": reasons.conflict("Something was said.", "0330")}, "needs_review", None,
    ),
    ({"status": PAID, "proof": PROOF, "needs_review": True, "reason": why("conflict")}, OTHER, INQUIRE, 10,
     None, None, 0),
]  # fmt: skip


@pytest.mark.parametrize("row", [*WAITING, *CAPTURED, *DECLINED, *MISSING, *WITHOUT_ANSWER, *FLAGGED])
def test_an_answer_changes_just_this(row: Row) -> None:
    """Each answer in each condition that matters changes what its row says, and nothing else of the payment."""
    stands, outcome, asking, seconds, changes, events, due_s = row
    before = payment(**{"proof": None, "due_at": NOW, **stands})
    step = apply(before, outcome, asking, at(seconds), EDC)
    if changes is None:
        assert step == Step(payment=before, is_changed=False)
        return
    told = [f"payment.{word}" for word in (events or "").split()]
    due_at = at(due_s) if due_s is not None else None
    assert step.payment == replace(before, **changes, due_at=due_at, sequence=3 + len(told))
    assert [word for word in (step.event, step.alert) if word is not None] == told
    assert step.is_changed


@pytest.mark.parametrize(
    ("stands", "seconds", "asking"),
    [
        ({"status": CREATED, "sends": 0}, 0, BEGIN),
        ({"status": CREATED, "sends": 0, "cancel_requested_at": NOW}, 10_000, BEGIN),
        ({"status": CREATED}, 0, INQUIRE),
        ({"status": PENDING, "sends": 0}, 0, INQUIRE),
        ({"status": IN_DOUBT, "may_resend": True}, 899.9, BEGIN),
        ({"status": IN_DOUBT, "may_resend": True}, 900, INQUIRE),
        ({"status": IN_DOUBT, "may_resend": True, "expires_at": at(5)}, 4.9, BEGIN),
        ({"status": IN_DOUBT, "may_resend": True, "expires_at": at(5)}, 5, INQUIRE),
        ({"status": IN_DOUBT, "may_resend": True, "cancel_requested_at": NOW}, 0, INQUIRE),
        ({"status": CREATED, "can_rebegin": True}, 0, BEGIN),
        ({"status": CREATED, "can_rebegin": True, "link": "upi://pay"}, 0, INQUIRE),
        ({"status": CREATED, "can_rebegin": True, "code": "4711"}, 0, INQUIRE),
        ({"status": CREATED, "can_rebegin": True, "cancel_requested_at": NOW}, 0, INQUIRE),
        ({"status": PENDING, "can_rebegin": True}, 0, INQUIRE),
    ],
)
def test_the_next_word_is_a_request_only_where_it_may_leave(
    stands: dict[str, Any], seconds: float, asking: Asking
) -> None:
    """Rule 4: what has left, is cancelled or is too old is asked about, never sent."""
    assert next_asking(payment(**stands), at(seconds), EDC) is asking
    assert list(Asking) == ["begin", "inquire"]


@pytest.mark.parametrize(
    ("stands", "seconds", "is_over"),
    [
        ({"status": CREATED, "sends": 0}, 899.9, False),
        ({"status": CREATED, "sends": 0}, 900, True),
        ({"status": CREATED, "sends": 0, "cancel_requested_at": NOW}, 0, True),
        ({"status": CREATED, "sends": 0, "expires_at": at(5)}, 5, True),
        ({"status": CREATED, "cancel_requested_at": NOW}, 10_000, False),
        ({"status": IN_DOUBT, "sends": 0, "cancel_requested_at": NOW}, 10_000, False),
    ],
)
def test_what_never_left_is_withdrawn_by_a_cancel_or_by_age(
    stands: dict[str, Any], seconds: float, is_over: bool
) -> None:
    """A request that never left does not leave after a cancel or a quarter of an hour; one that left is not unsent."""
    assert is_withdrawn(payment(**stands), at(seconds), EDC) is is_over


def test_a_sending_is_written_down_whole() -> None:
    """Before a request leaves, its number and instant are kept, and what Paytm did not know before counts no more."""
    before = payment(status=IN_DOUBT, may_resend=True, not_found_count=5)
    sent = {"sends": 2, "may_resend": False, "sent_at": at(200), "phase": Phase.SENDING, "not_found_count": 0}
    assert sending(before, at(200)) == replace(before, **sent)


def test_a_rest_puts_a_question_off_and_never_brings_it_forward() -> None:
    """When Paytm asks to be left alone, only what would come sooner is put off, and that is written down."""
    step = Step(payment=payment(due_at=at(5)), is_changed=False)
    assert rested(step, at(60)) == Step(payment=payment(due_at=at(60)), is_changed=True)
    assert rested(step, at(5)) is rested(step, at(4)) is step
    over = Step(payment=payment(status=PAID, due_at=None), is_changed=False)
    assert rested(over, at(60)) is over


def test_a_move_that_is_not_in_the_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """I-10: were a branch ever wrong, the table has the last word and nothing is changed."""
    monkeypatch.setattr(machine, "TRANSITIONS", machine.TRANSITIONS - {(PENDING, PAID)})
    with pytest.raises(IllegalTransition, match="from pending to paid"):
        apply(payment(), PAYS, INQUIRE, at(10), EDC)
    assert apply(payment(**WAITS), Waiting(phase=Phase.QUEUED), INQUIRE, at(10), EDC).is_changed


def test_a_step_is_a_value() -> None:
    """A step is made by the names of its fields and never changed."""
    step: Any = Step(payment=payment())
    with pytest.raises(AttributeError):
        step.event = "payment.paid"
    with pytest.raises(TypeError):
        Step(payment())  # type: ignore[call-arg, misc]
