"""The phone in process: each tap, each absent payer, and how late money is told."""

import pytest

from galla.errors import IllegalTransition, InvalidField, NotFound
from galla.sandbox import Fault, Kind
from galla.sandbox.phone import Prompt, Step, Tap, possible
from tests.sandbox.online_pretend import Shop

NEHA = "neha@okhdfcbank"


@pytest.fixture
def shop() -> Shop:
    """A shop whose clock stands still."""
    return Shop()


def opened(shop: Shop, *taps: str) -> Prompt:
    return shop.tap(shop.sandbox.open_link(shop.link()), *taps)


def test_a_request_says_whom_how_much_and_for_what(shop: Shop) -> None:
    """The app shows payee, amount and order, and offers to pay, to decline and to wait."""
    prompt = opened(shop)

    assert (prompt.payee, prompt.amount_paise, prompt.note) == ("Sandbox Skin Clinic", 250_000, "ORD-0412")
    assert possible(prompt) == (Tap.APPROVE, Tap.DECLINE, Tap.TIME_OUT)


@pytest.mark.parametrize(
    ("taps", "step", "says"),
    [
        ((), "asked", "PENDING 402"),
        (("approve",), "pin", "PENDING 402"),
        (("approve", "pin_right"), "paid", "TXN_SUCCESS 01"),
        (("approve", "pin_wrong", "pin_wrong", "pin_right"), "paid", "TXN_SUCCESS 01"),
        (("approve", "pin_wrong", "pin_wrong", "pin_wrong"), "failed", "TXN_FAILURE 401"),
        (("approve", "no_funds"), "failed", "TXN_FAILURE 227"),
        (("decline",), "declined", "TXN_FAILURE 227"),
        (("approve", "decline"), "declined", "TXN_FAILURE 227"),
        (("time_out",), "expired", "TXN_FAILURE 810"),
        (("approve", "bank_silent"), "stuck", "PENDING 402"),
        (("approve", "bank_silent", "pay_late"), "paid", "TXN_SUCCESS 01"),
        (("approve", "bank_silent", "time_out"), "expired", "TXN_FAILURE 810"),
        (("time_out", "pay_late"), "paid", "TXN_SUCCESS 01"),
        (("approve", "no_funds", "pay_late"), "paid", "TXN_SUCCESS 01"),
    ],
)
def test_what_a_person_does_is_what_paytm_says(
    shop: Shop, taps: tuple[str, ...], step: str, says: str
) -> None:
    """Each way through the app ends in its status; late money turns a failure into a success."""
    prompt = opened(shop, *taps)

    assert (prompt.step.value, shop.says()) == (step, says)


def test_wrong_pins_are_counted(shop: Shop) -> None:
    """The app says how many tries are left."""
    prompt = opened(shop, "approve", "pin_wrong")
    assert prompt.notice == "Wrong UPI PIN. 2 tries left."

    assert shop.tap(prompt, "pin_wrong").notice == "Wrong UPI PIN. 1 try left."


def test_what_the_app_does_not_offer_is_refused(shop: Shop) -> None:
    """A tap out of turn names what is possible; a paid request offers nothing."""
    prompt = opened(shop)
    with pytest.raises(IllegalTransition, match="approve, decline, time_out"):
        shop.tap(prompt, "pin_right")

    paid = shop.tap(prompt, "approve", "pin_right")
    assert possible(paid) == ()
    with pytest.raises(IllegalTransition, match="nothing"):
        shop.tap(paid, "decline")


def test_unknown_things_are_said_so(shop: Shop) -> None:
    """A request, a tap or a phone that does not exist is not found."""
    prompt = opened(shop)
    for wrong in (("nothing", "approve"), (prompt.id, "dance")):
        with pytest.raises(NotFound):
            shop.sandbox.tap(*wrong)
    with pytest.raises(NotFound):
        shop.sandbox.open_link(shop.link("ORD2"), vpa="nobody@okbank")


@pytest.mark.parametrize("text", ["", "hello", "https://example.com", "upi://pay?pa=pretend@sandbox"])
def test_what_is_no_link_is_refused(shop: Shop, text: str) -> None:
    """An app opens payment links with a reference, and nothing else."""
    with pytest.raises(InvalidField, match="no payment link"):
        shop.sandbox.open_link(text)


def test_an_altered_or_unknown_link_is_refused(shop: Shop) -> None:
    """A link of another amount, and one that Paytm never made, cannot be paid."""
    link = shop.link()
    with pytest.raises(InvalidField, match="altered"):
        shop.sandbox.open_link(link.replace("am=2500.00", "am=1.00"))
    with pytest.raises(NotFound, match="does not know"):
        shop.sandbox.open_link(link.replace("tr=2026", "tr=2027"))


def test_a_payment_is_open_on_one_phone(shop: Shop) -> None:
    """The same phone sees its request again, another is told that it is taken."""
    link = shop.link()
    prompt = shop.sandbox.open_link(link)

    assert shop.sandbox.open_link(f" {link}\n") == prompt
    with pytest.raises(IllegalTransition, match="Somebody else"):
        shop.sandbox.open_link(link, vpa=NEHA)


def test_a_link_is_for_one_try(shop: Shop) -> None:
    """After a decline the same link opens no more."""
    link = shop.link()
    shop.tap(shop.sandbox.open_link(link), "decline")

    with pytest.raises(IllegalTransition, match="used"):
        shop.sandbox.open_link(link)


def test_money_cannot_come_late_for_an_order_that_is_paid(shop: Shop) -> None:
    """One QR, two customers: the first one's late money is refused once the second has paid."""
    text = shop.qr().qr_data or ""
    first = shop.tap(shop.sandbox.open_link(text), "time_out")
    shop.tap(shop.sandbox.open_link(text, vpa=NEHA), "approve", "pin_right")

    with pytest.raises(IllegalTransition, match="another try"):
        shop.tap(first, "pay_late")


def test_time_ends_a_request_on_the_phone(shop: Shop) -> None:
    """What nobody answers runs out by itself, and can still turn out paid."""
    prompt = opened(shop, "approve")
    shop.sandbox.clock.advance(900)
    assert shop.says() == "TXN_FAILURE 810"
    assert shop.sandbox.prompts[prompt.id].step is Step.EXPIRED

    shop.tap(prompt, "pay_late")
    assert shop.says() == "TXN_SUCCESS 01"


def test_a_silent_bank_is_waited_for_72_hours(shop: Shop) -> None:
    """Pending beyond the link's own time, failed in the end."""
    opened(shop, "approve", "bank_silent")
    shop.sandbox.clock.advance(72 * 3600 - 1)
    assert shop.says() == "PENDING 402"

    shop.sandbox.clock.advance(1)
    assert shop.says() == "TXN_FAILURE 810"


@pytest.mark.parametrize(
    ("outcome", "amount", "says"),
    [
        ("approve", "2500.00", "TXN_SUCCESS 01"),
        ("decline", "2500.00", "TXN_FAILURE 227"),
        ("wrong_pin", "2500.00", "TXN_FAILURE 401"),
        ("no_funds", "2500.00", "TXN_FAILURE 227"),
        ("bank_silent", "2500.00", "PENDING 402"),
        ("time_out", "2500.00", "TXN_FAILURE 810"),
        ("late", "2500.00", "TXN_FAILURE 810"),
        ("ignore", "2500.00", "PENDING 402"),
        ("by_amount", "1.00", "TXN_SUCCESS 01"),
        ("by_amount", "1.51", "TXN_FAILURE 227"),
        ("by_amount", "1.75", "TXN_FAILURE 401"),
        ("by_amount", "1.68", "PENDING 402"),
    ],
)
def test_absent_payers_act_by_themselves(shop: Shop, outcome: str, amount: str, says: str) -> None:
    """After the seconds given, and not before, the link is opened and answered as the plan says."""
    shop.sandbox.play_phone(10, outcome)
    shop.link(amount=amount)
    shop.sandbox.clock.advance(9.9)
    assert shop.says() == "PENDING 402"

    shop.sandbox.clock.advance(0.1)

    assert shop.says() == says


def test_an_absent_payer_pays_late(shop: Shop) -> None:
    """`late` reports a failure first and moves the money a minute afterwards."""
    shop.sandbox.play_phone(10, "late")
    shop.link()
    shop.sandbox.clock.advance(69)
    assert shop.says() == "TXN_FAILURE 810"

    shop.sandbox.clock.advance(1)
    assert shop.says() == "TXN_SUCCESS 01"


def test_absent_payers_scan_qrs_and_answer_requests() -> None:
    """A QR and a collect request are paid by themselves too, those already out included."""
    shop = Shop(collects=True)
    shop.qr("ORD1")
    shop.collect(NEHA, "ORD2")
    shop.sandbox.play_phone(2)
    shop.qr("ORD3")
    shop.sandbox.clock.advance(2)

    assert [shop.says(id_) for id_ in ("ORD1", "ORD2", "ORD3")] == ["TXN_SUCCESS 01"] * 3
    assert shop.sandbox.orders["SANDBX00000000000001", "ORD2"].tries[0].vpa == NEHA


def test_a_person_is_quicker_than_the_plan(shop: Shop) -> None:
    """What somebody has ended is left alone, and a stopped plan does nothing."""
    shop.sandbox.play_phone(10)
    opened(shop, "decline")
    shop.sandbox.clock.advance(20)
    assert shop.says() == "TXN_FAILURE 227"

    shop.link("ORD2")
    shop.sandbox.stop_phone_play()
    shop.sandbox.clock.advance(20)
    assert shop.says("ORD2") == "PENDING 402"


@pytest.mark.parametrize(("after_s", "outcome"), [(-1, "approve"), (1, "dance")])
def test_a_plan_that_cannot_be_kept_is_refused(shop: Shop, after_s: float, outcome: str) -> None:
    """A delay below zero and an unknown outcome are told at once."""
    with pytest.raises(InvalidField):
        shop.sandbox.play_phone(after_s, outcome)


@pytest.mark.parametrize("operation", ["initiate", "process", "qr"])
@pytest.mark.parametrize(
    ("kind", "meanwhile"),
    [(Kind.LATE_SUCCESS, "PENDING 402"), (Kind.LATE_SUCCESS_AFTER_FAILURE, "TXN_FAILURE 227")],
)
def test_a_success_is_told_late(shop: Shop, operation: str, kind: Kind, meanwhile: str) -> None:
    """Whichever call the fault was put on, status says otherwise for the milliseconds, then the truth."""
    shop.sandbox.add_fault(Fault(kind=kind, operation=operation, after_ms=30_000))
    text = shop.qr().qr_data or "" if operation == "qr" else shop.link()
    shop.tap(shop.sandbox.open_link(text), "approve", "pin_right")
    assert shop.says() == meanwhile

    shop.sandbox.clock.advance(30)
    assert shop.says() == "TXN_SUCCESS 01"


def test_an_order_is_hidden_for_a_while(shop: Shop) -> None:
    """Within the window even a try under way is 331."""
    shop.sandbox.add_fault(Fault(kind=Kind.NOT_FOUND_WINDOW, operation="process", after_ms=5_000))
    shop.link()
    assert shop.says() == "NO_RECORD_FOUND 331"

    shop.sandbox.clock.advance(5)
    assert shop.says() == "PENDING 402"


def test_pages_learn_that_a_result_has_been_shown(shop: Shop) -> None:
    """Twenty seconds after the end there is news for pages, so that the phone goes home."""
    opened(shop, "decline")
    before = shop.sandbox.version
    shop.sandbox.clock.advance(19)
    shop.sandbox.settle()
    assert shop.sandbox.version == before

    shop.sandbox.clock.advance(1)
    shop.sandbox.settle()
    assert shop.sandbox.version > before


def test_a_reset_forgets_payments_and_keeps_phones(shop: Shop) -> None:
    """Orders, requests and times set are gone; people keep their phones."""
    opened(shop)
    shop.sandbox.add_phone("asha@okbank", name="Asha")
    shop.sandbox.refund_delay_s = 99

    shop.sandbox.reset()

    sandbox = shop.sandbox
    assert (sandbox.orders, sandbox.prompts, sandbox.links, sandbox.refund_delay_s) == ({}, {}, {}, 5.0)
    assert "asha@okbank" in sandbox.phones
    with pytest.raises(InvalidField):
        sandbox.add_phone("not a upi id")
