"""The words and lines the command line shows for a payment."""

from __future__ import annotations

from typing import Any

import pytest

from galla.cli import screen


def payment(**changes: Any) -> dict[str, Any]:
    """Return a payment as the API shows it, pending on a machine unless changed."""
    made: dict[str, Any] = {
        "id": "pay_1",
        "status": "pending",
        "phase": "on_device",
        "amount": 12_345_600,
        "reference": "INV-1",
        "bill": None,
        "paytm": {"id": "SB1", "tid": "12345671"},
        "next_action": {"type": "approve_on_terminal", "text": "Ask the customer to tap."},
        "reason": None,
        "proof": None,
        "is_late": False,
        "needs_review": False,
        "created_at": "2026-11-21T08:44:09.000Z",
        "settled_at": None,
    }
    return {**made, **changes}


PROOF = {
    "card_network": "VISA",
    "card_last4": "1234",
    "rrn": "632606052914",
    "upi_id": None,
    "mode": "CREDIT_CARD",
}
UPI = {
    "card_network": None,
    "card_last4": None,
    "rrn": "632606052915",
    "upi_id": "ra***@okbank",
    "mode": "UPI",
}
DECLINED = {
    "code": "declined",
    "message": "The card was declined.",
    "hint": "Try another card.",
    "paytm_code": "0011",
}


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("Waiting ₹1,23,456.00 · on the machine", {}),
        ("Sending ₹1,23,456.00 · sending to Paytm", {"status": "created", "phase": "sending"}),
        ("Checking ₹1,23,456.00 · checking with Paytm", {"status": "in_doubt", "phase": "checking"}),
        (
            "Paid ₹1,23,456.00 · VISA •••• 1234 · RRN 632606052914",
            {"status": "paid", "phase": "none", "proof": PROOF},
        ),
        (
            "Paid ₹1,23,456.00 · UPI ra***@okbank · RRN 632606052915",
            {"status": "paid", "phase": "none", "proof": UPI},
        ),
        (
            "Not paid ₹1,23,456.00 · The card was declined.",
            {"status": "not_paid", "phase": "none", "reason": DECLINED},
        ),
        ("Needs a person ₹1,23,456.00 · on the machine", {"needs_review": True}),
    ],
    ids=lambda value: value.partition(" ₹")[0] if isinstance(value, str) else "",
)
def test_the_result_is_one_line(line: str, changes: dict[str, Any]) -> None:
    """Each state has its own word before the amount, so that colour is never needed to tell them apart."""
    assert screen.headline(payment(**changes)).plain == line


def test_the_next_step_comes_first() -> None:
    """What to do now is the first detail of a payment that is not settled, and absent once it is paid."""
    assert screen.details(payment())[0] == ("Do now", "Ask the customer to tap.")
    assert screen.details(payment(status="not_paid", reason=DECLINED))[0] == ("Do now", "Try another card.")
    assert "Do now" not in dict(screen.details(payment(status="paid", proof=PROOF)))
    assert "Do now" in dict(screen.details(payment(status="paid", proof=PROOF, is_late=True)))


def test_times_are_indias() -> None:
    """An instant is shown in India's time, on a twelve-hour clock."""
    assert screen.clock_text("2026-11-21T08:44:09.000Z") == "21 Nov 2026, 2:14:09 pm"
    assert screen.clock_text("2026-11-21T18:30:00Z") == "22 Nov 2026, 12:00:00 am"
    assert screen.clock_text(None) == ""


def test_waits_are_readable() -> None:
    """A short wait is in seconds with one decimal, a long one in minutes."""
    assert [screen.seconds(value) for value in (0.04, 59.9, 65, 3600)] == ["0.0 s", "59.9 s", "1:05", "60:00"]


def test_each_stage_is_printed_once_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Where a line cannot be rewritten, a stage is one line however long it lasts."""
    with screen.live(screen.console()) as show:
        for text in (
            "₹5.00 · sending · 0.1 s",
            "₹5.00 · on the machine · 0.6 s",
            "₹5.00 · on the machine · 1.1 s",
        ):
            show(text)
    assert capsys.readouterr().out == "₹5.00 · sending\n₹5.00 · on the machine\n"
