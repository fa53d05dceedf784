"""What staff do, right or wrong: bills, payments, refunds, questions, tasks."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from galla.errors import (
    IdempotencyInProgress,
    IdempotencyMismatch,
    IllegalTransition,
    PaymentError,
    TooSoon,
    Unreachable,
)
from galla.sandbox.charge import told_of_sale
from galla.sandbox.order import told_of_order
from galla.sandbox.sandbox import DEMO_MID
from galla.service import attaching, bills, payments, refunds, resolving, reviews, tasks
from galla.service.views import View
from galla.simulation.breach import must
from galla.simulation.model import LIVE, Tender
from galla.simulation.pick import pick
from galla.simulation.stage import TIDS

if TYPE_CHECKING:
    from galla.simulation.run import Run

TOTALS = (250_000, 100, 250_001, 99_999, 1_00_000_00, 5_000)
NO_ATTACHING = {"nothing_to_attach", "nothing_due", "bill_cancelled", "bill_has_live_payment", "amount_exceeds_due"}
MOST_BILLS = 8
ANSWERS_WITHIN_MS = 61_000


def bill(run: Run, a: int, b: int, c: int) -> None:
    """Staff write a bill."""
    if len(run.model.bills) < MOST_BILLS:
        write_bill(run, TOTALS[a])


def write_bill(run: Run, total: int) -> View | None:
    """Write a bill of one line, in paise, and return it."""
    line = {"description": "Consultation", "quantity": 1, "unit_amount": total, "tax_rate": "18"}
    new = bills.NewBill(lines=[line])
    return run.do(run.stage.doing(bills.create(run.stage.till, run.stage.principal, new)))


def card(run: Run, a: int, b: int, c: int) -> None:
    """Staff start a payment on a machine."""
    _start(run, "edc", a, b, c, TIDS[c % len(TIDS)])


def upi(run: Run, a: int, b: int, c: int) -> None:
    """Staff show a link or a code."""
    _start(run, ("upi_intent", "upi_qr")[c % 2], a, b, c, None)


def cash(run: Run, a: int, b: int, c: int) -> None:
    """Staff take cash."""
    _start(run, "cash", a, b, c, None)


def code(run: Run, a: int, b: int, c: int) -> None:
    """Staff ask for a code to be typed into a machine."""
    _start(run, "queue", a, b, c, None)


def click_again(run: Run, a: int, b: int, c: int) -> None:
    """A double click, a retry, a page sent again: the same key makes the same payment, or at last the first."""
    keys, known = list(run.starts), run.stage.books.keys
    unheard = [key for key in keys if key in known and not known[key].is_answered] if c % 2 else []
    if keys:
        ask(run, pick(unheard or keys, a))


def other_body(run: Run, a: int, b: int, c: int) -> None:
    """A key that was used for one payment comes with another amount: nothing is executed."""
    used = [each for each in run.model.tenders.values() if each.key in run.starts]
    if not used:
        return
    tender = pick(used, a)
    new = msgspec.structs.replace(run.starts[tender.key][0], amount_paise=tender.amount + 1)
    stage = run.stage
    asking = payments.start(
        stage.till, stage.principal, new, wait_s=0, idempotency_key=tender.key, fingerprint=repr(new)
    )
    try:
        begun = run.do(stage.doing(asking))
    except IdempotencyMismatch:
        return
    except PaymentError as error:
        _refused(error, {"amount_above_limit"})
        return
    must(begun is None, "a key was taken for another request than its first")


def cancel(run: Run, a: int, b: int, c: int) -> None:
    """Staff want to stop; it decides nothing."""
    tender = choose_tender(run, a, LIVE if b else None)
    if tender is None:
        return
    _prompted(run, tender)
    try:
        seen = run.do(run.stage.doing(payments.cancel(run.stage.till, run.stage.principal, tender.id)))
    except IllegalTransition:
        must(not tender.is_live or tender.method == "cash", "a live payment could not be cancelled")
        return
    must(seen is None or seen["status"] == tender.status, "a cancel decided about money")


def check(run: Run, a: int, b: int, c: int) -> None:
    """Staff ask Paytm now: if the answer can be had, it is the truth."""
    tender = choose_tender(run, a, LIVE if b % 3 else None)
    if tender is not None:
        ask_paytm(run, tender)


def ask_paytm(run: Run, tender: Tender) -> None:
    """Ask Paytm about a payment: if the answer can be had, it is the truth."""
    stage, before, is_clear, told = run.stage, tender.status, _is_clear(run), _told(run, tender)
    asked, deaths = _asked(run, tender), stage.deaths
    _prompted(run, tender)
    try:
        run.do(stage.doing(payments.check(stage.till, stage.principal, tender.id, wait_s=0)))
    except TooSoon:
        return
    run.holds()
    if is_clear and told is not None and _asked(run, tender) > asked and deaths == stage.deaths:
        ends = {"S": ("paid",), "F": ("not_paid",), "P": LIVE}[told]
        is_kept = before == "paid" or (before == "not_paid" and told == "P")
        said = f"Paytm says {told}, and a check makes {tender.method} {tender.status}"
        must(tender.status in ends or is_kept, said)


def refund(run: Run, a: int, b: int, c: int) -> None:
    """Staff give money back, all of it or a part, with a key of their own."""
    tender = choose_tender(run, a, ("paid",) if c % 8 else None)
    amount = (None, None, tender.left // 2, 100, tender.left, tender.left + 1)[b] if tender else 0
    if tender is None or amount == 0:
        return
    give_back(run, tender, amount, ("auto", "auto", "void", "refund", "auto", "auto")[a] if b < 2 else "auto")


def give_back(run: Run, tender: Tender, amount: int | None, kind: str) -> None:
    """Give back so many paise, or all that is left, under a new key: it goes as the model says, or is refused."""
    key = f"refund-{len(tender.refund_keys)}-{tender.id}"
    refusals = run.model.why_not_return(tender, amount, kind, run.now_ms())
    way = run.model.way_back(tender, amount, kind, run.now_ms())
    tender.refund_keys.append((key, amount, kind))
    try:
        begun = run.do(run.stage.doing(refunding(run, tender, amount, kind, key)))
    except PaymentError as error:
        _refused(error, refusals)
        return
    must(begun is None or not refusals, f"a refund began, though {refusals}")
    must(begun is None or begun.refund["kind"] == way, f"a {way} was due, and {begun and begun.refund} was begun")


def refund_again(run: Run, a: int, b: int, c: int) -> None:
    """The same refund is asked for again with its key: it is the same refund, or at last the first."""
    asked = [each for each in run.model.tenders.values() if each.refund_keys]
    if not asked:
        return
    tender = pick(asked, a)
    key, amount, kind = pick(tender.refund_keys, b)
    known = (key,) in run.rows("SELECT key FROM idempotency_keys")
    refusals = set() if known else run.model.why_not_return(tender, amount, kind, run.now_ms())
    try:
        begun = run.do(run.stage.doing(refunding(run, tender, amount, kind, key)))
    except IdempotencyInProgress:
        must(known, "a new key is said to be in use")
        return
    except PaymentError as error:
        _refused(error, refusals)
        return
    must(begun is None or not refusals, f"a refund began, though {refusals}")
    must(begun is None or not known or begun.is_replay, "the same key made another refund")


def cancel_bill(run: Run, a: int, b: int, c: int) -> None:
    """Staff cancel a bill."""
    if not run.model.bills:
        return
    bill = pick(list(run.model.bills.values()), a)
    refusals = run.model.why_not_cancel_bill(bill)
    try:
        made = run.do(run.stage.doing(bills.cancel(run.stage.till, run.stage.principal, bill.id)))
    except IllegalTransition as error:
        _refused(error, refusals)
        return
    must(made is None or bill.is_cancelled or not refusals, "a bill with payments was cancelled")


def look_at(run: Run, a: int, b: int, c: int) -> None:
    """A person looks at a flagged payment: no money moves."""
    tender = choose_tender(run, a)
    if tender is None:
        return
    try:
        seen = run.do(run.stage.doing(reviews.looked_at(run.stage.till, run.stage.principal, tender.id, "ok")))
    except IllegalTransition:
        return
    must(seen is None or seen["status"] == tender.status, "a look moved money")


def close_task(run: Run, a: int, b: int, c: int) -> None:
    """A person closes a task with a word: no money moves."""
    stage = run.stage
    waiting = run.rows("SELECT id FROM tasks WHERE closed_at IS NULL ORDER BY id")
    if waiting:
        try:
            run.do(stage.doing(tasks.close_task(stage.till, stage.principal, pick(waiting, a)[0], "seen")))
        except IllegalTransition as error:
            _refused(error, {"payment_not_final"})


def attach(run: Run, a: int, b: int, c: int) -> None:
    """Staff put an advance on a bill that is still due."""
    stage = run.stage
    tender = choose_tender(run, a, ("paid",))
    if tender is None or not run.model.bills:
        return
    bill, amount = pick(list(run.model.bills.values()), b), (None, 100)[c % 2]
    work = attaching.attach(stage.till, stage.principal, tender.id, bill.id, amount)
    try:
        done = run.do(stage.doing(work))
    except PaymentError as error:
        _refused(error, NO_ATTACHING)
        return
    must(done is None or tender.bill is not None, "money without a bill stood as an advance")


def resolve(run: Run, a: int, b: int, c: int) -> None:
    """Two people decide what Paytm has not: never early."""
    stage, tender = run.stage, choose_tender(run, a, LIVE)
    if tender is None or stage.second is None:
        return
    charged = any(each.key[1] == tender.paytm_id for each in stage.observer.truth().charges)
    age_ms = run.now_ms() - tender.created_at
    deciding = resolving.resolve(
        stage.till, stage.principal, tender.id, is_paid=charged, evidence="the bank's word", approver=stage.second
    )
    try:
        decided = run.do(stage.doing(deciding))
    except IllegalTransition as error:
        _refused(error, {"too_early", "payment_final"})
        return
    must(decided is None or age_ms > 24 * 3_600_000, "a payment was decided before its ladder had ended")


def _start(run: Run, method: str, a: int, b: int, c: int, tid: str | None) -> None:
    """Start a payment of a bill, in whole, in part or too much; or of a reference."""
    every = list(run.model.bills.values())
    open_bills = [each for each in every if each.received < each.total] or every
    bill = pick(open_bills, a) if a < 5 and open_bills else None
    due = max(1, bill.total - bill.received) if bill is not None else 5_000
    new = payments.NewPayment(
        amount_paise=(due, due, due, max(1, due // 2), max(1, due - 100), due + c % 2)[b],
        method=method,
        reference=f"R{b % 3}" if bill is None else None,
        bill=bill.id if bill is not None else None,
        terminal=tid,
        allow_parallel=c >= 48,
    )
    key = f"click-{len(run.starts)}"
    run.starts[key] = (new, bill)
    ask(run, key)


def ask(run: Run, key: str) -> View | None:
    """Ask for a payment under a key, see whether it was right to begin, to refuse or to repeat, and return it."""
    stage, (new, bill) = run.stage, run.starts[key]
    known = next((each for each in run.model.tenders.values() if each.key == key), None)
    refusals = set() if known else run.model.why_not_start(new, bill, run.now_ms())
    asking = payments.start(
        stage.till, stage.principal, new, wait_s=wait_s(run), idempotency_key=key, fingerprint=repr(new)
    )
    try:
        started = run.do(stage.doing(asking))
    except IdempotencyInProgress as error:
        must(known is not None and error.blocker == known.id, "a new key is said to be in use")
        must(known is None or _is_fresh(run, known), "a key is in use for ever, though its first request has died")
        return None
    except Unreachable:  # whether enough has failed for that is the breaker's own test
        must(known is None, "what was begun already is refused because Paytm is away")
        return None
    except PaymentError as error:
        _refused(error, refusals)
        return None
    if started is None:
        return None
    must(not refusals, f"a payment began, though {refusals}")
    if known is not None:
        must((started.is_replay, started.payment["id"]) == (True, known.id), "the same key made another payment")
    return started.payment


def _is_fresh(run: Run, tender: Tender) -> bool:
    """Whether the first request for a payment may still be under way, by any clock the shop has had."""
    age_ms = run.now_ms() - run.stage.clock.set_back_ms - tender.created_at
    return age_ms <= ANSWERS_WITHIN_MS


def refunding(
    run: Run, tender: Tender, amount: int | None, kind: str, key: str
) -> Coroutine[Any, Any, refunds.Begun]:
    """Return the work of giving money back under a key."""
    new = refunds.NewRefund(reason="returned", amount_paise=amount, kind=kind)
    till, principal = run.stage.till, run.stage.principal
    return refunds.start(
        till, principal, tender.id, new, wait_s=wait_s(run), idempotency_key=key, fingerprint=repr(new)
    )


def choose_tender(run: Run, which: int, statuses: Sequence[str] | None = None) -> Tender | None:
    """Choose a payment, of those that stand so if any do."""
    tenders = list(run.model.tenders.values())
    chosen = [each for each in tenders if statuses is None or each.status in statuses] or tenders
    return pick(chosen, which) if chosen else None


def _prompted(run: Run, tender: Tender) -> None:
    run.stage.observer.prompted[tender.paytm_id] += 1


def _told(run: Run, tender: Tender) -> str | None:
    """Return the letter of what Paytm would say of a payment now; None: it does not know it."""
    box = run.stage.box
    box.settle()
    key = (DEMO_MID, tender.paytm_id)
    if key in box.charges:
        told = told_of_sale(box.charges[key], box.clock.now())
        is_open = tender.method == "queue" and told.letter == "F"  # a failed try is not the end of a code
        return None if told.code == "0404" or is_open else told.letter
    if key in box.orders:
        status = told_of_order(box.orders[key], box.clock.now()).status
        return {"TXN_SUCCESS": "S", "TXN_FAILURE": "F", "PENDING": "P"}.get(status)
    return None


def _asked(run: Run, tender: Tender) -> int:
    return run.stage.observer.truth().asked.get(tender.paytm_id, 0)


def _is_clear(run: Run) -> bool:
    """Whether nothing is foreseen to go wrong with the next question."""
    return run.stage.network.is_clear and not run.stage.box.faults.waiting


def wait_s(run: Run) -> float:
    """How long a caller waits for the first step: not at all if the network will hold it."""
    return 0.0 if run.stage.network.will_hold else 30.0


def _refused(error: PaymentError, refusals: set[str]) -> None:
    """The service has refused something: it must be for one of the model's reasons."""
    must(error.code in refusals, f"refused with {error.code}, and the rules say {refusals or 'yes'}: {error}")
