"""What two counters do at one instant or beside each other: about one reference, one bill, one payment to give back."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from galla.errors import PaymentError
from galla.service import payments, refunds
from galla.simulation.breach import must
from galla.simulation.counter import TOTALS, begin, pay, served, write_down
from galla.simulation.dice import Dice
from galla.simulation.staff import choose_tender, wait_s
from galla.simulation.stage import TIDS

if TYPE_CHECKING:
    from galla.simulation.run import Run


def two_at_once(run: Run, a: int, b: int, c: int) -> None:
    """Two counters ask at one instant: with one key, or each with its own for the same bill or reference."""
    stage = run.stage
    method, tids = (("upi_qr", (None, None)), ("edc", (TIDS[0], TIDS[1])), ("edc", (TIDS[2], TIDS[2])))[a % 3]
    reference = f"both-{len(run.starts)}"
    keys = (f"{reference}-1", f"{reference}-1" if c % 3 == 0 else f"{reference}-2")
    asked = {}
    for key, tid in zip(keys, tids, strict=True):
        new = payments.NewPayment(amount_paise=7_700, method=method, reference=reference, terminal=tid)
        asked[key] = run.starts.setdefault(key, (new, None))[0]
    for_s = wait_s(run)
    both = []
    for key, who in zip(keys, stage.counters, strict=True):
        new = asked[key]
        work = payments.start(stage.till, who, new, wait_s=for_s, idempotency_key=key, fingerprint=repr(new))
        both.append(work)
    found = _together(run, both)
    made = {each.payment["id"] for each in found if isinstance(each, payments.Started)}
    must(len(made) <= 1, f"two counters have both begun: {sorted(made)}")


def give_back_twice(run: Run, a: int, b: int, c: int) -> None:
    """Two counters give the same payment back at one instant, each the greater part of it: one of them is refused."""
    tender = choose_tender(run, a, ("paid",))
    if tender is None or tender.left == 0:
        return
    amount = tender.left if b % 2 else tender.left // 2 + 1
    refusals = run.model.why_not_return(tender, amount, "auto", run.now_ms())
    key = f"back-{len(tender.refund_keys)}-{tender.id}"
    keys = (f"{key}-1", f"{key}-1" if c % 3 == 0 else f"{key}-2")
    tender.refund_keys += [(each, amount, "auto") for each in dict.fromkeys(keys)]
    new, for_s, both = refunds.NewRefund(reason="returned", amount_paise=amount), wait_s(run), []
    for each, who in zip(keys, run.stage.counters, strict=True):
        work = refunds.start(
            run.stage.till, who, tender.id, new, wait_s=for_s, idempotency_key=each, fingerprint=repr(new)
        )
        both.append(work)
    found = _together(run, both)
    made = {each.refund["id"] for each in found if isinstance(each, refunds.Begun)}
    must(len(made) <= (0 if refusals else 1), f"given back at once: {sorted(made)}, though {refusals or 'once is all'}")


def pay_twice(run: Run, a: int, b: int, c: int) -> None:
    """A supervisor lets a second payment stand beside the first one of a bill, and the customer pays both."""
    dice = Dice(f"twice {a} {b} {c} {len(run.starts)}")
    bill = write_down(run, dice.one_of(TOTALS))
    if bill is None:
        return
    begun = []
    for is_second in (False, True):
        method = dice.one_of(("upi_intent", "upi_qr", "queue"))
        new = payments.NewPayment(
            amount_paise=bill.total, method=method, bill=bill.id, allow_parallel=is_second
        )
        begun.append(begin(run, f"twice-{len(run.starts)}", new, bill))
    for each in begun:
        if each is not None:
            pay(run, dice, each)
    served(run)


def _together(run: Run, both: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Do two things at one instant; a refusal is an answer, anything else that went wrong is not."""
    found = run.do(run.stage.doing_both(*both))
    wrong = [each for each in found if isinstance(each, Exception) and not isinstance(each, PaymentError)]
    must(not wrong, f"two at once made {wrong!r}")
    return found
