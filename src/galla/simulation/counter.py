"""A busy hour at the counters: customers come, pay in every way there is, and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galla.clock import to_millis
from galla.errors import GallaError
from galla.sandbox.sandbox import DEMO_MID
from galla.sandbox.terminal import Action
from galla.service import payments
from galla.service.views import View
from galla.simulation.dice import Dice
from galla.simulation.model import Bill, Tender
from galla.simulation.staff import ask, give_back, write_bill
from galla.simulation.stage import TIDS

if TYPE_CHECKING:
    from galla.simulation.run import Run

METHODS = ("edc", "edc", "edc", "upi_intent", "upi_intent", "upi_qr", "upi_qr", "queue", "cash")
TOTALS = (25_000, 100, 1, 99_999, 1_50_000, 33_333, 5_00_000, 1_999)
CARDS = ("visa_credit", "visa_credit", "visa_credit", "rupay_debit", "no_funds")
SERVED_S = 4.0
AWAY_S = (0.0, 60.0, 1_200.0, 9_000.0)


def rush(run: Run, a: int, b: int, c: int) -> None:
    """Some customers come one after another, most pay at once, and a worker follows; one may bring something back."""
    dice = Dice(f"{a} {b} {c} {len(run.starts)}")
    for _ in range(2 + a % 4):
        paying = _come(run, dice)
        if paying is None:  # refused, or the counter waits for the network
            break
        if dice.below(8):
            pay(run, dice, paying)
    served(run)
    if dice.below(3) == 0:
        _bring_back(run, dice)


def _bring_back(run: Run, dice: Dice) -> None:
    """A customer comes back, perhaps after a while, and gets all of the money or a part; what has failed goes again."""
    run.do(run.stage.pass_time(dice.one_of(AWAY_S)))
    run.holds()
    paid = [each for each in run.model.tenders.values() if each.status == "paid" and each.left]
    if paid:
        tender = dice.one_of(paid)
        give_back(run, tender, dice.one_of((None, None, 100, tender.left)), "auto")
        served(run)
        run.holds()
        if tender.left and any(each.status == "failed" for each in run.stage.books.given_back(tender.id)):
            give_back(run, tender, None, "auto")


def served(run: Run) -> None:
    """Customers have gone, and a worker follows what they did."""
    run.do(run.stage.pass_time(SERVED_S))
    run.do(run.stage.work())


def _come(run: Run, dice: Dice) -> View | None:
    """A customer comes with something to pay; return the payment as the counter shows it."""
    method, tid = dice.one_of(METHODS), None
    if method == "edc":
        free = [each for each in TIDS if not run.model.is_busy(each, run.now_ms())]
        method, tid = ("edc", dice.one_of(free)) if free else ("upi_qr", None)
    total = dice.one_of(TOTALS)
    bill = write_down(run, total) if dice.below(3) == 0 else None
    key = f"visit-{len(run.starts)}"
    new = payments.NewPayment(
        amount_paise=max(1, total // 2) if dice.below(6) == 0 else total,
        method=method,
        reference=key if bill is None else None,
        bill=bill.id if bill is not None else None,
        terminal=tid,
    )
    return begin(run, key, new, bill)


def begin(run: Run, key: str, new: payments.NewPayment, bill: Bill | None) -> View | None:
    """Ask for a payment; return it as the counter shows it, or None where it was refused or nobody has heard yet."""
    run.starts[key] = (new, bill)
    begun = ask(run, key)
    if begun is not None:
        _tell_model(run, key, begun)
    return begun


def write_down(run: Run, total: int) -> Bill | None:
    """Write a bill of so many paise, and let the model know of it at once."""
    written = write_bill(run, total)
    if written is None:
        return None
    bill = run.model.bills[written["id"]] = Bill(written["id"], written["total"])
    return bill


def _tell_model(run: Run, key: str, begun: View) -> None:
    """Let the model know at once: the next customer's machine may be this one's."""
    new, bill = run.starts[key]
    tender = Tender(begun["id"], begun["paytm"]["id"], new, bill, to_millis(run.stage.clock.now()), key)
    run.model.tenders[tender.id] = tender
    run.model.saw(tender, begun["status"], 0, 0)


def pay(run: Run, dice: Dice, paying: View) -> None:
    """Pay what the counter shows: at the machine, on the phone, or by a code typed into a machine."""
    box, action, card = run.stage.box, paying["next_action"], dice.one_of(CARDS)
    key = (DEMO_MID, paying["paytm"]["id"])
    if "upi_link" in action and action["upi_link"] is not None:
        try:
            prompt = box.open_link(action["upi_link"]).id
            box.tap(prompt, "approve")
            box.tap(prompt, "pin_right")
        except GallaError:
            return
    elif "code" in action:
        tid = dice.one_of(TIDS)
        try:
            box.type_code(tid, action["code"])
        except GallaError:  # the machine is busy
            return
        _tap(run, tid, card, (Action.INSERT, Action.PIN_RIGHT))
    elif key in box.charges:
        _tap(run, box.charges[key].tid, card, (Action.ACCEPT, Action.INSERT, Action.PIN_RIGHT))


def _tap(run: Run, tid: str, card: str, actions: tuple[Action, ...]) -> None:
    for action in actions:
        run.act(tid, action, card)
