"""When what a dead process was about is taken up: at once, but for the pause that is due after its last word."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from galla.payments.ladder import EDC, UPI, Ladder
from galla.payments.left_behind import payment_due, refund_due
from galla.payments.model import Method, Payment, Status
from galla.payments.refund import Refund

BORN = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
PAYMENT = Payment(
    id="pay_1", merchant_id="mer_1", environment="sandbox", mid="SHOP", method=Method.EDC, amount_paise=1000,
    paytm_id="SB1", created_at=BORN,
)  # fmt: skip
REFUND = Refund(
    id="rfd_1", merchant_id="mer_1", payment_id="pay_1", kind="refund", mid="SHOP", ref_id="SB2", amount_paise=1000,
    reason="returned", actor="desk", created_at=BORN,
)  # fmt: skip


def at(seconds: float) -> datetime:
    """Return an instant so long after the payment was made."""
    return BORN + timedelta(seconds=seconds)


@pytest.mark.parametrize("ladder", [EDC, UPI])
@pytest.mark.parametrize(
    ("sends", "sent_s", "asked_s", "now_s", "due_s"),
    [
        (0, None, None, 1, 1),
        (0, None, 1, 2, 2),
        (1, 0, None, 1, "first"),
        (1, 0, None, 60, 60),
        (1, 0, 100, 101, 105),
        (1, 0, 100, 106, 106),
        (2, 200, 199, 201, "first after 200"),
        (2, 200, 200, 201, "first after 200"),
    ],
)
def test_the_shortest_wait_after_the_last_word(
    ladder: Ladder, sends: int, sent_s: float | None, asked_s: float | None, now_s: float, due_s: float | str
) -> None:
    """What never left is due now; a sending is asked about after the first wait, a question again after one rung."""
    values = {
        "sends": sends,
        "sent_at": at(sent_s) if sent_s is not None else None,
        "asked_at": at(asked_s) if asked_s is not None else None,
    }
    if isinstance(due_s, str):
        due_s = (200 if "after" in due_s else 0) + ladder.first_s
    assert payment_due(msgspec.structs.replace(PAYMENT, **values), ladder, at(now_s)) == at(due_s)


def test_a_failure_is_looked_at_again_soon() -> None:
    """A payment that is not paid is asked about again in five minutes, as after a lost reply."""
    failed = msgspec.structs.replace(PAYMENT, status=Status.NOT_PAID, sends=1, sent_at=BORN, asked_at=at(7_200))
    assert payment_due(failed, EDC, at(7_201)) == at(7_501)


def test_a_refund_waits_as_after_a_lost_answer() -> None:
    """A refund is asked about five seconds after its last word, at once when that is over or nothing has left."""
    sent = msgspec.structs.replace(REFUND, sends=1, sent_at=BORN)
    assert refund_due(REFUND, 1.0, at(1)) == at(1)
    assert refund_due(sent, 1.0, at(1)) == at(5)
    assert refund_due(sent, 0.2, at(0.5)) == at(1)
    assert refund_due(msgspec.structs.replace(sent, asked_at=at(90)), 1.0, at(91)) == at(95)
    assert refund_due(sent, 1.0, at(90)) == at(90)
