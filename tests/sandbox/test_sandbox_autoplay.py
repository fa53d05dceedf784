"""Machines that act by themselves, under a clock moved by hand."""

from datetime import timedelta

import pytest

from galla.errors import InvalidField
from galla.sandbox.autoplay import Outcome
from tests.sandbox.pretend import FIRST, NOON, SECOND, Till, verdict


@pytest.mark.parametrize(
    ("outcome", "told", "method"),
    [
        ("card", "S 0000", "CREDIT_CARD"),
        ("upi", "S 0000", "UPI"),
        ("decline", "F 0011", None),
        ("wrong_pin", "F 0011", None),
        ("reject", "F 0011", None),
        ("walk_away", "P 0010", None),
    ],
)
@pytest.mark.parametrize("mode", ["ALL", "CARD", "QR"])
@pytest.mark.parametrize("auto_accept", [True, False])
def test_absent_people_finish_a_sale(
    outcome: str, told: str, method: str | None, mode: str, auto_accept: bool
) -> None:
    """Before the delay it is pending; at the delay it ends as chosen, whatever the till asked for."""
    till = Till()
    till.sandbox.play(5, outcome)
    till.sale(payment_mode=mode, auto_accept=auto_accept)
    till.clock.pause(4.999)
    assert till.says() == "P 0010"

    till.clock.pause(0.001)
    reply = till.status()

    assert told == verdict(reply)
    if mode == "ALL":
        assert method == reply.pay_method


def test_things_happen_at_their_own_time() -> None:
    """Seen much later, a payment still bears the instant it was due."""
    till = Till()
    till.sandbox.play(5)
    till.sale()
    till.clock.pause(3600)
    till.says()

    assert NOON + timedelta(seconds=5) == till.sandbox.charges[_key(till)].settled_at


def test_paise_choose_the_outcome() -> None:
    """With `by_amount`, the last two digits decide, and all others pay by card."""
    till = Till()
    till.sandbox.play(1, Outcome.BY_AMOUNT)
    told = {}
    for number, amount in enumerate(("10051", "10075", "10030", "10010", "10000")):
        till.sale(f"CLINIC{number:06d}", transaction_amount=amount)
        till.clock.pause(1)
        reply = till.status(f"CLINIC{number:06d}")
        told[amount] = (verdict(reply), reply.pay_method)

    assert told == {
        "10051": ("F 0011", None),
        "10075": ("F 0011", None),
        "10030": ("F 0011", None),
        "10010": ("S 0000", "UPI"),
        "10000": ("S 0000", "CREDIT_CARD"),
    }


def test_a_void_is_played_too() -> None:
    """Absent people accept a void, or reject it when they reject."""
    till = Till()
    till.sandbox.play(1)
    till.sale()
    till.clock.pause(1)
    till.void()
    till.clock.pause(1)
    assert till.says(event="VOID") == "S 0000"

    till.sale("CLINIC000002")
    till.clock.pause(1)
    assert till.says("CLINIC000002") == "S 0000"
    till.sandbox.play(1, "reject")
    till.void("CLINIC000002")
    till.clock.pause(1)
    assert till.says("CLINIC000002", event="VOID") == "F 0090"


def test_only_the_named_machines_play() -> None:
    """Machines left out wait for a person."""
    till = Till()
    till.sandbox.play(1, tids=frozenset({SECOND}))
    till.sale("CLINIC000001", FIRST)
    till.sale("CLINIC000002", SECOND)
    till.clock.pause(1)

    assert (till.says("CLINIC000001"), till.says("CLINIC000002", SECOND)) == ("P 0010", "S 0000")


def test_a_plan_made_late_takes_up_what_waits() -> None:
    """A request already on the machine is played too, and stops being when the plan is taken back."""
    till = Till()
    till.sale()
    till.sandbox.play(3)
    till.sandbox.stop_play()
    till.clock.pause(10)
    assert till.says() == "P 0010"

    till.sandbox.play(3)
    till.clock.pause(3)

    assert till.says() == "S 0000"


def test_an_offline_machine_plays_when_it_is_back() -> None:
    """The delay starts when the machine has the request."""
    till = Till()
    till.sandbox.play(2)
    till.press("network_off")
    till.sale()
    till.clock.pause(60)
    assert till.says() == "P 0010"

    till.press("network_on")
    till.clock.pause(2)

    assert till.says() == "S 0000"


def test_a_plan_in_the_past_or_of_no_kind_is_refused() -> None:
    """A negative delay or an unknown outcome is refused by name."""
    till = Till()
    with pytest.raises(InvalidField, match="negative"):
        till.sandbox.play(-1)
    with pytest.raises(InvalidField, match="walk_away"):
        till.sandbox.play(1, "dance")


def _key(till: Till) -> tuple[str, str]:
    return next(iter(till.sandbox.charges))
