"""What the panel says in each state, and how values are worded."""

from datetime import UTC, datetime
from typing import Any

import pytest

from galla.web.pages.panel import MEANWHILE, STOPPING, method_of, panel_of, title_of
from galla.web.pages.wording import at, elapsed, label, plain, pretty, second

NOW = datetime(2026, 11, 21, 8, 44, 30, tzinfo=UTC)

LIVE: dict[str, Any] = {
    "id": "pay_1",
    "status": "pending",
    "phase": "on_device",
    "amount": 250000,
    "reference": "INV-1",
    "needs_review": False,
    "is_voided": False,
    "amount_refunded": 0,
    "amount_refundable": 250000,
    "is_late": False,
    "sent_at": "2026-11-21T08:44:16.000Z",
    "cancel_requested_at": None,
    "next_action": {"type": "approve_on_terminal", "text": "Ask the patient to tap."},
    "reason": None,
    "proof": None,
}
REASON = {"code": "declined", "message": "The card was declined.", "hint": "Try another card.", "paytm_message": "X"}
PROOF = {"card_network": "VISA", "card_last4": "1234", "rrn": "612345", "auth_code": "A1", "upi_id": None, "mode": None}


def test_each_state_has_its_own_look_and_word() -> None:
    """State, heading and offers follow the payment: only a live one is counted, only a failed one sent again."""
    for change, state, heading, offers in (
        ({"status": "created", "phase": "sending", "sent_at": None}, "waiting", "Sending to Counter 2", "stop"),
        ({}, "waiting", "Waiting for the card on Counter 2", "stop"),
        ({"cancel_requested_at": "x"}, "checking", "Stopped waiting, still checking", ""),
        ({"status": "in_doubt", "reason": REASON}, "checking", "We are checking with Paytm", "stop"),
        ({"status": "paid", "proof": PROOF}, "paid", "Paid", ""),
        ({"status": "paid", "proof": PROOF, "is_late": True}, "paid", "Paid after all", ""),
        ({"status": "paid", "proof": PROOF, "cancel_requested_at": "x"}, "paid", "Paid after all", ""),
        ({"status": "not_paid", "reason": REASON}, "not-paid", "Not paid", "again"),
        ({"needs_review": True, "reason": REASON}, "person", "A person must look at this payment", "stop"),
    ):
        panel = panel_of({**LIVE, **change}, "Counter 2")
        assert (state, heading) == (panel.state, panel.heading)
        assert ("again" in offers) == panel.can_retry
        assert ("stop" in offers) == (panel.is_live and not panel.is_stopping)


def test_doubt_and_stopping_tell_the_truth() -> None:
    """Doubt forbids a second charge; stopping says that the machine may still take the card; both go on alone."""
    doubt = panel_of({**LIVE, "status": "in_doubt", "reason": REASON}, "Counter 2")
    assert doubt.sentences == ("Do not take this payment again.", "The card was declined.", MEANWHILE)
    assert panel_of({**LIVE, "cancel_requested_at": "x"}, "Counter 2").sentences == (STOPPING, MEANWHILE)
    person = panel_of({**LIVE, "needs_review": True, "reason": REASON}, "Counter 2")
    assert "Do not take this payment again" in person.sentences[-1]


def test_paytms_words_are_quoted_never_ours() -> None:
    """Paytm's own message is kept apart from the reason."""
    panel = panel_of({**LIVE, "status": "not_paid", "reason": REASON}, "Counter 2")
    assert (panel.quote, panel.sentences) == ("X", ("The card was declined.", "Try another card."))


def test_proof_is_named_in_full() -> None:
    """A paid payment shows how, the RRN and the auth code."""
    panel = panel_of({**LIVE, "status": "paid", "proof": PROOF}, "Counter 2")
    assert panel.facts == (("Paid by", "Visa •••• 1234"), ("RRN", "612345"), ("Auth code", "A1"))
    assert method_of({"upi_id": "r••••@ybl"}) == "UPI r••••@ybl"
    assert method_of({"mode": "CREDIT_CARD"}) == "Credit card"
    assert method_of({}) == "Paytm"
    assert title_of(panel, 250000) == "Paid · ₹2,500.00"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-21T08:44:00.000Z", "2:14 pm, today"),
        ("2026-11-20T20:00:00.000Z", "1:30 am, today"),
        ("2026-11-20T18:00:00.000Z", "11:30 pm, yesterday"),
        ("2026-01-05T04:50:00.000Z", "10:20 am, 5 Jan 2026"),
        (None, "–"),
    ],
)
def test_times_are_indias(text: str | None, said: str) -> None:
    """Times read as a cashier says them, in India's day."""
    assert said == at(text, NOW)


def test_waits_are_counted() -> None:
    """Elapsed time grows from seconds to days; a clock that ran ahead counts from zero."""
    for text, said in (
        ("2026-11-21T08:44:16.000Z", "0:14"),
        ("2026-11-21T08:32:25.000Z", "12:05"),
        ("2026-11-21T05:24:00.000Z", "3 h 20 min"),
        ("2026-11-18T08:44:00.000Z", "3 days"),
        ("2026-11-21T08:45:00.000Z", "0:00"),
    ):
        assert said == elapsed(text, NOW)


def test_small_words() -> None:
    """Columns carry no sign, a payment without a reference is named by its end, messages are opened."""
    assert plain(12345600) == "1,23,456.00"
    assert label({"id": "pay_01ABCDEF", "reference": None}) == "…ABCDEF"
    assert second("2026-11-21T08:44:05.000Z", NOW) == "2:14:05 pm"
    assert second("2026-11-20T08:44:05.000Z", NOW) == "20 Nov 2026, 2:14:05 pm"
    assert '"body": {' in pretty({"request": '{"body": {"a": 1}}'})
    assert "{broken" in pretty({"request": "{broken"})


def test_a_voided_sale_does_not_look_paid() -> None:
    """The money went back: neither the colour nor the word of a paid one, and no button that sends it again."""
    paid = {**LIVE, "status": "paid", "proof": PROOF, "amount_refunded": 250000, "amount_refundable": 0}
    panel = panel_of({**paid, "is_voided": True}, "Counter 2")
    assert (panel.state, panel.word, panel.can_retry) == ("not-paid", "Voided", False)
    assert "taken back on Counter 2" in panel.sentences[0]
    assert "given back" in panel_of(paid, "Counter 2").sentences[0]
    on_its_way = panel_of({**paid, "amount_refunded": 0}, "Counter 2")
    assert on_its_way.sentences == ("₹2,500.00 is on its way back, and is not given back yet.",)
