"""Every deed of a simulated run by its name, and how often it is done among the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from galla.simulation import again, counter, customers, pair, paytm, staff, surroundings

if TYPE_CHECKING:
    from galla.simulation.run import Run

Deed = Callable[["Run", int, int, int], None]

WEIGHTS = {
    "bill": 4, "card": 8, "upi": 8, "cash": 2, "code": 3, "click_again": 2, "cancel": 3, "check": 6, "refund": 6,
    "other_body": 1, "two_at_once": 2, "refund_again": 1, "cancel_bill": 1, "look_at": 1, "close_task": 1, "attach": 2,
    "resolve": 1, "give_back_twice": 1, "pay_twice": 1, "look_back": 1, "give_again": 1,
    "pay_by_card": 8, "type_code": 5, "pay_by_phone": 8, "at_the_machine": 7, "on_the_phone": 6,
    "work": 6, "pause": 7, "work_on": 1, "callbacks": 3, "rush": 5,
}
TROUBLES = {
    "spoil": 5, "bad_road": 8, "delay": 3, "told_late": 5, "bad_refund": 2, "bad_callback": 1, "callback_again": 2,
    "hold": 8, "let_go": 7, "arrive_late": 3, "wrong_clock": 1, "doom": 3, "die": 1,
}
"""What people do, and what is wrong, each with its share of the steps."""

DEEDS: dict[str, Deed] = {
    name: getattr(module, name)
    for module in (counter, staff, again, pair, customers, paytm, surroundings)
    for name in (*WEIGHTS, *TROUBLES)
    if hasattr(module, name)
}
