"""What the counter, the customer's page and the customer's screen say of a UPI payment, state by state."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from galla.clock import rfc3339
from galla.web.pages.customer_screen import screen_view
from galla.web.pages.pay import app_links
from galla.web.pages.payer import ASKED as ASKED_OF
from galla.web.pages.payer import COME_BACK, DO_NOT_REPEAT, payer_view
from galla.web.pages.upi_panel import OVER, STOPPING, upi_panel_of
from galla.web.pages.wording import left, place

NOW = datetime(2026, 11, 21, 8, 44, 30, tzinfo=UTC)
LINK = "upi://pay?pa=a@b&pn=A%20B&am=2500.00&sign=Ab+/=="
APPROVE = {"type": "approve_in_upi_app", "text": "Ask the customer to approve.", "upi_id": "ra***@oksbi"}
ASKED = {"method": "upi_collect", "next_action": APPROVE}
SOON, PAST = rfc3339(NOW + timedelta(seconds=60)), rfc3339(NOW - timedelta(seconds=1))
SCAN = {"type": "scan_qr", "text": "Ask the customer to scan.", "upi_link": LINK, "expires_at": SOON}
OVERDUE = {**SCAN, "expires_at": PAST}
NONE = {"type": "none", "text": "We are checking."}
OPEN: dict[str, Any] = {
    "id": "pay_1",
    "method": "upi_qr",
    "status": "pending",
    "phase": "awaiting_payer",
    "amount": 250000,
    "reference": "INV-1",
    "needs_review": False,
    "is_late": False,
    "created_at": rfc3339(NOW - timedelta(seconds=20)),
    "sent_at": rfc3339(NOW - timedelta(seconds=20)),
    "settled_at": None,
    "cancel_requested_at": None,
    "next_action": SCAN,
    "reason": None,
    "proof": None,
}
REASON = {"code": "declined", "message": "The bank declined.", "hint": "Try another way.", "paytm_message": "X"}
PROOF = {"rrn": "612345", "upi_id": "r••••@ybl", "mode": "UPI", "paid_at": rfc3339(NOW)}
PAID = {"status": "paid", "phase": "none", "proof": PROOF, "settled_at": rfc3339(NOW), "next_action": NONE}
FAILED = {"status": "not_paid", "phase": "none", "reason": REASON, "settled_at": rfc3339(NOW), "next_action": NONE}
DOUBT = {"status": "in_doubt", "reason": REASON, "next_action": NONE}
STOPPED = {"cancel_requested_at": rfc3339(NOW)}
BILL: dict[str, Any] = {"number": "INV-1", "status": "open", "total": 250000, "paid": 0, "live": 0, "due": 250000}


@pytest.mark.parametrize(
    ("change", "state", "heading", "offers"),
    [
        ({"status": "created", "phase": "sending", "next_action": NONE}, "waiting", "Making the code", ""),
        ({}, "waiting", "Waiting for the customer's app", "code"),
        ({"next_action": OVERDUE}, "checking", "The code has run out", "renew"),
        (STOPPED, "checking", "Stopped waiting, still checking", ""),
        (DOUBT, "checking", "We are checking with Paytm", ""),
        (PAID, "paid", "Paid", ""),
        ({**PAID, "is_late": True}, "paid", "Paid after all", ""),
        ({**PAID, **STOPPED}, "paid", "Paid after all", ""),
        (FAILED, "not-paid", "Not paid", "renew"),
        ({"needs_review": True, "reason": REASON}, "person", "A person must look at this payment", ""),
        ({**ASKED, "status": "created", "phase": "sending", "next_action": NONE}, "waiting", "Sending the request", ""),
        (ASKED, "waiting", "Waiting for the customer's app", ""),
        ({**ASKED, **FAILED}, "not-paid", "Not paid", "over"),
    ],
)
def test_the_counter_in_each_state(change: dict[str, Any], state: str, heading: str, offers: str) -> None:
    """State, heading, and what is offered: a code only while it can be paid, a new one only once it cannot."""
    panel = upi_panel_of({**OPEN, **change}, NOW)
    assert (state, heading) == (panel.state, panel.heading)
    assert ("code" in offers, "renew" in offers) == (panel.code is not None, panel.can_renew)
    assert ("over" in offers) == panel.can_start_over
    assert panel.is_live == ({**OPEN, **change}["status"] in ("created", "pending", "in_doubt"))
    assert panel.code is None or panel.code.link == LINK


def test_running_out_and_stopping_tell_the_truth() -> None:
    """A code that has run out may have been used; a stopped one may still be."""
    assert upi_panel_of({**OPEN, "next_action": OVERDUE}, NOW).sentences == (OVER,)
    assert upi_panel_of({**OPEN, **STOPPED}, NOW).sentences[0] == STOPPING
    assert upi_panel_of({**OPEN, **DOUBT}, NOW).sentences[0] == "Do not take this payment again."


@pytest.mark.parametrize(
    ("bill", "change", "state", "offers"),
    [
        ({}, None, "ready", "start"),
        ({"paid": 50000, "due": 200000, "status": "partly_paid"}, None, "ready", "start"),
        ({"live": 250000}, None, "checking", ""),
        ({"live": 250000}, {}, "waiting", "code check"),
        ({"live": 250000}, {"status": "created", "phase": "sending", "next_action": NONE}, "waiting", ""),
        ({"live": 250000}, {"next_action": OVERDUE}, "checking", "start check"),
        ({"live": 250000}, STOPPED, "checking", "check"),
        ({"live": 250000}, DOUBT, "checking", "check"),
        ({"live": 250000}, {"needs_review": True}, "checking", "check"),
        ({}, FAILED, "not-paid", "start"),
        ({"live": 250000}, FAILED, "checking", ""),
        ({"due": 0, "paid": 250000, "status": "paid"}, PAID, "paid", ""),
        ({"due": 0, "paid": 250000, "status": "paid"}, {}, "paid", ""),
        ({"due": 0, "paid": 250000, "status": "paid"}, FAILED, "paid", ""),
        ({"due": 0, "paid": 250000, "status": "paid"}, None, "paid", ""),
        ({"due": 0, "status": "cancelled"}, None, "not-paid", ""),
    ],
)
def test_the_customers_page_in_each_state(
    bill: dict[str, Any], change: dict[str, Any] | None, state: str, offers: str
) -> None:
    """What the customer may do: never pay a second time what is paid, being paid, or being checked."""
    payment = None if change is None else {**OPEN, **change}
    view = payer_view({"bill": {**BILL, **bill}, "payment": payment}, NOW)
    assert view.state == state
    assert set(offers.split()) == {
        name
        for name, is_there in (("start", view.can_start), ("check", view.can_check), ("code", view.code))
        if is_there
    }


def test_a_result_page_offers_nothing_to_pay() -> None:
    """The page of one payment shows its state and starts nothing, whatever became of it."""
    for change in ({}, {"next_action": OVERDUE}, DOUBT, PAID, FAILED):
        assert not payer_view({"bill": None, "payment": {**OPEN, **change}}, NOW).can_start
    assert DO_NOT_REPEAT in payer_view({"bill": None, "payment": {**OPEN, **DOUBT}}, NOW).sentences
    assert payer_view({"bill": None, "payment": None}, NOW).code is None


@pytest.mark.parametrize(
    ("change", "later_s", "state"),
    [
        ({}, 0, "waiting"),
        ({"next_action": OVERDUE}, 0, "checking"),
        (STOPPED, 0, "idle"),
        (DOUBT, 0, "checking"),
        (DOUBT, 3600, "idle"),
        (PAID, 29, "paid"),
        (PAID, 31, "idle"),
        ({**PAID, "is_late": True}, 0, "idle"),
        (FAILED, 19, "not-paid"),
        (FAILED, 21, "idle"),
        ({"method": "edc", "next_action": NONE}, 0, "waiting"),
        ({"method": "upi_collect", "next_action": NONE}, 0, "waiting"),
    ],
)
def test_the_screen_in_each_state(change: dict[str, Any], later_s: int, state: str) -> None:
    """What is over is soon forgotten, so that the next customer sees nothing of the last one."""
    view = screen_view({**OPEN, **change}, NOW + timedelta(seconds=later_s))
    assert view.state == state
    assert (view.amount_paise is None) == (state == "idle")


def test_a_request_says_where_it_went_and_never_speaks_of_a_code() -> None:
    """Counter, customer's page and screen name the masked id or the app; nothing on them is to be scanned."""
    for change in ({"status": "created", "phase": "sending", "next_action": NONE}, {}, STOPPED, DOUBT, FAILED, PAID):
        payment = {**OPEN, **ASKED, **change}
        panel, view = upi_panel_of(payment, NOW), payer_view({"bill": None, "payment": payment}, NOW)
        said = [panel.heading, *panel.sentences, *(step.word for step in panel.steps), view.heading, *view.sentences]
        assert "code" not in " ".join(said), said
    assert upi_panel_of({**OPEN, **ASKED}, NOW).sentences[0] == "Sent to ra***@oksbi."
    asked = payer_view({"bill": None, "payment": {**OPEN, **ASKED}}, NOW)
    assert asked.sentences == (ASKED_OF.format(upi_id="ra***@oksbi"), COME_BACK)
    assert "approve the request" in screen_view({**OPEN, **ASKED}, NOW).sentence


def test_an_empty_screen_says_welcome() -> None:
    """Before the first payment there is nothing to show."""
    assert (screen_view(None, NOW).state, screen_view(None, NOW).code) == ("idle", None)


def test_apps_get_the_same_bytes() -> None:
    """Each app's own link is its scheme before the very same query; a signature in it stays whole."""
    assert {link.partition("?")[2] for _, link in app_links(LINK)} == {LINK.partition("?")[2]}


def test_time_left_and_places_are_worded() -> None:
    """Countdowns never go below zero; a payment is named by its machine or by what the customer acts on."""
    assert (left(SOON, NOW), left(PAST, NOW)) == ("1:00", "0:00")
    assert place(OPEN, {}, "a machine") == "UPI QR"
    assert place({"method": "edc", "terminal": "term_1"}, {"term_1": "Counter 1"}, "a machine") == "Counter 1"
    assert place({"method": "edc", "terminal": "term_2"}, {}, "a machine") == "a machine"
