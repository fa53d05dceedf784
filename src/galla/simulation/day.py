"""One run as a seed decides it: so much trouble, so many steps, and whatever may happen in each.

How much goes wrong differs from run to run, so that some find what only a quiet shop shows and some what only a
storm does. Together more than a fifth of all requests to Paytm meet a fault.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from galla.sandbox.faults import Fault, Kind
from galla.simulation.deeds import TROUBLES, WEIGHTS
from galla.simulation.dice import Choice, Dice
from galla.simulation.network import Road, Trouble
from galla.simulation.paytm import BAD_ROADS, DELAYS_MS, SPOILED, TOLD_LATE, told_so
from galla.simulation.playhouse import Playhouse
from galla.simulation.run import Run

STEPS = 48
RUSH = 100
OFTEN = {
    "refund": 20, "refund_again": 3, "two_at_once": 4, "other_body": 3, "attach": 4, "cancel_bill": 2, "cancel": 5,
    "callback_again": 4, "give_back_twice": 4, "pay_twice": 3, "bad_refund": 4, "look_back": 6, "give_again": 4,
    "click_again": 6,
}
WORSE = {"doom": 8}
FROM_THE_SKY = {"spoil", "bad_road", "delay", "told_late", "hold"}
BUSY = {**WEIGHTS, **OFTEN}
BAD = {name: weight for name, weight in {**TROUBLES, **WORSE}.items() if name not in FROM_THE_SKY}
SWARM = (0, 1, 1, 4)
"""By which of these the share of a deed is multiplied, in each run anew: some have no refunds, some many."""
TROUBLED = (25, 40, 50, 55, 60, 75, 90)
"""In how many of a hundred requests something goes wrong, one of these in each run."""
BEFALLS = {"spoiled": 5, "bad road": 6, "delayed": 2, "told late": 2, "held": 4, "stale": 2}
_BEFALLS = Choice(BEFALLS)
HOLDS = (Road.HOLD_REQUEST, Road.HOLD_ANSWER, Road.STALL)


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one run: what it counted, the hash of all that happened in it, and what broke at which step."""

    number: int
    tally: dict[str, int]
    trace: str
    breach: str | None = None
    step: int | None = None


def play(house: Playhouse, seed: str, number: int, steps: int = STEPS, rush: int = RUSH) -> Played:
    """Play one run of a seed to its end, or to the first breach; `rush` is the share of busy hours among the deeds."""
    name = f"{seed}/{number}"
    dice, tally = Dice(name), Counter[str]()
    step, breach = 0, None  # the last step is the end itself
    run = Run(house, tally, seed=name)
    try:
        troubled = dice.one_of(TROUBLED)
        run.stage.network.weather = lambda: _weather(dice, troubled)
        run.is_deaf = dice.below(2) == 1
        deeds = _mixed(dice, rush)
        while step < steps:
            step += 1
            run.step(deeds.draw(dice), dice.below(6), dice.below(6), dice.below(64))
        step += 1
        run.end()
    except Exception as error:
        breach = f"{type(error).__name__}: {error}"
    finally:
        trace = run.trace.hexdigest()
        run.close()
    return Played(number=number, tally=dict(tally), trace=trace, breach=breach, step=step if breach else None)


def _mixed(dice: Dice, rush: int) -> Choice:
    """Mix the deeds of one run: what hides behind one kind of deed shows where another kind is left out."""
    weights = {**BUSY, **BAD} if dice.below(8) else BUSY
    return Choice({**{name: weight * dice.one_of(SWARM) for name, weight in weights.items()}, "rush": rush})


def _weather(dice: Dice, troubled: int) -> Trouble:
    """Decide what befalls one request."""
    if dice.below(100) >= troubled:
        return Road.OPEN
    match _BEFALLS.draw(dice):
        case "spoiled":
            return Fault(kind=dice.one_of(SPOILED))
        case "bad road":
            return Fault(kind=dice.one_of(BAD_ROADS), retry_after_s=5)
        case "delayed":
            return Fault(kind=Kind.DELAY, after_ms=dice.one_of(DELAYS_MS))
        case "told late":
            return told_so(dice.one_of(TOLD_LATE), dice.below(64))
        case "held":
            return dice.one_of(HOLDS)
        case _:
            return Road.STALE
