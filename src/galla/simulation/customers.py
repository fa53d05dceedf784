"""What customers do, at machines and on phones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galla.errors import GallaError, IllegalTransition, InvalidField, NotFound
from galla.sandbox.phone import possible as taps
from galla.sandbox.sandbox import DEMO_MID
from galla.sandbox.terminal import Action, Screen
from galla.sandbox.terminal import possible as actions
from galla.simulation.pick import pick
from galla.simulation.stage import TIDS

if TYPE_CHECKING:
    from galla.simulation.run import Run

WATCHED_S = 70 * 3_600


def at_the_machine(run: Run, a: int, b: int, c: int) -> None:
    """Somebody does something to a machine."""
    tid = TIDS[b % len(TIDS)]
    can = [each for each in actions(run.stage.box.terminals[tid]) if not each.startswith("paper")]
    if can:
        run.act(tid, can[c % len(can)], ("visa_credit", "no_funds", "rupay_debit")[a % 3])


def pay_by_card(run: Run, a: int, b: int, c: int) -> None:
    """A customer pays at a machine."""
    tids = [tid for tid in TIDS if run.stage.box.terminals[tid].screen is Screen.CONFIRM] or TIDS
    for action in (Action.ACCEPT, Action.INSERT, Action.PIN_RIGHT):
        run.act(pick(tids, a), action, "visa_credit")


def type_code(run: Run, a: int, b: int, c: int) -> None:
    """Somebody types a code that the counter shows into a machine, and perhaps pays there."""
    codes = list(run.codes)
    if not codes:
        return
    tid = TIDS[b % len(TIDS)]
    try:
        run.stage.box.type_code(tid, pick(codes, a))
    except GallaError:  # the machine is busy, or the code is over
        return
    for action in (Action.INSERT, Action.PIN_RIGHT) if c % 4 else ():
        run.act(tid, action, "visa_credit")


def pay_by_phone(run: Run, a: int, b: int, c: int) -> None:
    """A customer opens a link or scans a code, and approves."""
    prompt = _prompt(run, a)
    for tap in ("approve", "pin_right"):
        if prompt is not None and tap in taps(run.stage.box.prompts[prompt]):
            run.stage.box.tap(prompt, tap)


def on_the_phone(run: Run, a: int, b: int, c: int) -> None:
    """A customer does something on the phone; no bank sends money that is three days late."""
    box, prompt = run.stage.box, _prompt(run, a)
    can = taps(box.prompts[prompt]) if prompt is not None else ()
    if prompt is None or not can:
        return
    tap = can[c % len(can)]
    made_at = box.orders[box.prompts[prompt].order].made_at
    if tap == "pay_late" and (box.clock.now() - made_at).total_seconds() > WATCHED_S:
        return
    try:
        box.tap(prompt, tap)
    except IllegalTransition:
        return


def _prompt(run: Run, which: int) -> str | None:
    """Let a customer open a link that the shop has shown; return the request on the phone."""
    box = run.stage.box
    unpaid = [each for each in run.shown if box.orders[DEMO_MID, each].paid is None]
    if not unpaid:
        return None
    paytm_id = pick(unpaid, which)
    try:
        return box.open_link(run.shown[paytm_id]).id
    except (IllegalTransition, NotFound, InvalidField):
        order = box.orders[DEMO_MID, paytm_id]
        return next((each.id for each in reversed(order.tries) if each.id in box.prompts), None)
