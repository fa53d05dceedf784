"""One simulated run of a shop: what staff, customers, Paytm, network and computer do, and what must hold after each.

A deed does one thing to the real service and asks the model whether the answer was right. Its three small numbers
choose among what there is (the first payment, a quarter of the bill, the second machine …), so that whoever drives
the run, hypothesis or a seed, decides everything and knows nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from galla import ids
from galla.clock import IST, to_millis
from galla.errors import (
    ChecksumMismatch,
    GallaError,
    IdempotencyInProgress,
    IllegalTransition,
    InvalidField,
    NotFound,
    PaymentError,
    RemoteProtocolError,
    TooSoon,
)
from galla.sandbox.charge import told_of_sale
from galla.sandbox.faults import STARTS, Fault, Kind
from galla.sandbox.order import told_of_order
from galla.sandbox.outbox import Post
from galla.sandbox.phone import possible as taps
from galla.sandbox.sandbox import DEMO_MID
from galla.sandbox.terminal import Action, Screen
from galla.sandbox.terminal import possible as actions
from galla.service import attaching, audit, bills, payments, refunds, resolving, reviews, tasks
from galla.service.callbacks import Received
from tests.simulation.model import LIVE, Bill, Model, Tender
from tests.simulation.network import Road
from tests.simulation.stage import TIDS, Playhouse, Stage

T = TypeVar("T")
TOTALS = (250_000, 100, 250_001, 99_999, 1_00_000_00, 5_000)
PAUSES = (0.2, 1.1, 4, 6, 20, 61, 200, 900, 2_000, 3_600, 20_000, 86_400)
SPOILED = (
    Kind.HTTP_500, Kind.HTML, Kind.TRUNCATED_JSON, Kind.UNKNOWN_STATUS, Kind.WRONG_AMOUNT, Kind.WRONG_MID,
    Kind.WRONG_ID, Kind.BAD_SIGNATURE, Kind.INTERNAL_0012, Kind.SYSTEM_501, Kind.NO_CHECKSUM,
)
BAD_ROADS = (
    Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.DROP_AFTER, Kind.REFUSE_CONNECTION, Kind.DUPLICATE, Kind.RATE_LIMITED,
)
TOLD_LATE = (Kind.LATE_SUCCESS, Kind.LATE_SUCCESS_AFTER_FAILURE, Kind.NOT_FOUND_WINDOW)
BAD_CALLBACKS = (
    Kind.WRONG_AMOUNT, Kind.BAD_SIGNATURE, Kind.OUT_OF_ORDER, Kind.DUPLICATE, Kind.JSON_STYLE, Kind.WRONG_ID,
)
CALLS = (None, "sale", "status", "order_status", "process", "refund", "void", "queue", "queue_status")
LATE_MS = (3_000, 40_000, 400_000, 2_000_000, 5_000_000, 50_000_000)
DELAYS_MS = (200, 3_000, 6_000, 14_000, 16_000, 31_000)
WRONG_BY_S = (0.0, -30.0, -400.0, 20.0, 300.0, 0.0)
HEALING_S = (300.0, 2_000.0, 7_300.0, 86_500.0, 86_500.0, 86_500.0)
NO_ATTACHING = {"nothing_to_attach", "nothing_due", "bill_cancelled", "bill_has_live_payment", "amount_exceeds_due"}
MOST_BILLS, MOST_FAULTS = 8, 3
WATCHED_S = 70 * 3_600

WEIGHTS = {
    "bill": 4, "card": 8, "upi": 8, "cash": 2, "code": 3, "click_again": 2, "cancel": 3, "check": 6, "refund": 6,
    "refund_again": 1, "cancel_bill": 1, "look_at": 1, "close_task": 1, "attach": 2,
    "resolve": 1,
    "pay_by_card": 8, "type_code": 5, "pay_by_phone": 8, "at_the_machine": 7, "on_the_phone": 6,
    "work": 6, "pause": 7, "work_on": 1, "callbacks": 3,
}
TROUBLES = {
    "spoil": 5, "bad_road": 8, "delay": 3, "told_late": 5, "bad_refund": 1, "bad_callback": 1, "callback_again": 2,
    "hold": 8, "let_go": 7, "arrive_late": 3, "wrong_clock": 1, "doom": 3, "die": 1,
}
"""Every deed, and how often it is done among the others."""


class Run:
    """A shop with two machines, its customers, its Paytm, and everything that can go wrong between them."""

    def __init__(self, house: Playhouse, tally: Counter[str] | None = None) -> None:
        self._house = house
        self._tally = tally if tally is not None else Counter()
        self._seed = ids.seeded("run")
        self._seed.__enter__()
        self._starts: dict[str, tuple[payments.NewPayment, Bill | None]] = {}
        self._shown: dict[str, str] = {}
        self._codes: dict[str, None] = {}
        self._attached: set[str] = set()
        self.model = Model()
        self.stage = Stage(house.fresh(), house.heard)
        self._do(self.stage.open())

    def step(self, deed: str, a: int, b: int, c: int) -> None:
        """Do one deed, and see that everything holds after it."""
        getattr(self, deed)(a, b, c)
        self._tally["steps"] += 1
        self.holds()

    # Staff.

    def bill(self, a: int, b: int, c: int) -> None:
        """Staff write a bill."""
        if len(self.model.bills) >= MOST_BILLS:
            return
        line = {"description": "Consultation", "quantity": 1, "unit_amount": TOTALS[a], "tax_rate": "18"}
        new = bills.NewBill(lines=[line])
        self._do(self.stage.doing(bills.create(self.stage.till, self.stage.principal, new)))

    def card(self, a: int, b: int, c: int) -> None:
        """Staff start a payment on a machine."""
        self._start("edc", a, b, c, TIDS[c % 2])

    def upi(self, a: int, b: int, c: int) -> None:
        """Staff show a link or a code."""
        self._start(("upi_intent", "upi_qr")[c % 2], a, b, c, None)

    def cash(self, a: int, b: int, c: int) -> None:
        """Staff take cash."""
        self._start("cash", a, b, c, None)

    def code(self, a: int, b: int, c: int) -> None:
        """Staff ask for a code to be typed into a machine."""
        self._start("queue", a, b, c, None)

    def click_again(self, a: int, b: int, c: int) -> None:
        """A double click, a retry, a page sent again: the same key makes the same payment, or at last the first."""
        if self._starts:
            self._ask(_pick(list(self._starts), a))

    def cancel(self, a: int, b: int, c: int) -> None:
        """Staff want to stop; it decides nothing."""
        tender = self._tender(a, LIVE if b else None)
        if tender is None:
            return
        self._prompted(tender)
        try:
            seen = self._do(self.stage.doing(payments.cancel(self.stage.till, self.stage.principal, tender.id)))
        except IllegalTransition:
            assert not tender.is_live or tender.method == "cash", "a live payment could not be cancelled"
            return
        assert seen is None or seen["status"] == tender.status, "a cancel decided about money"

    def check(self, a: int, b: int, c: int) -> None:
        """Staff ask Paytm now: if the answer can be had, it is the truth."""
        tender = self._tender(a, LIVE if b else None)
        if tender is None:
            return
        stage, before, is_clear, told = self.stage, tender.status, self._is_clear(), self._told(tender)
        asked, deaths = self._asked(tender), stage.deaths
        self._prompted(tender)
        try:
            self._do(stage.doing(payments.check(stage.till, stage.principal, tender.id, wait_s=0)))
        except TooSoon:
            return
        self._look()
        if is_clear and told is not None and self._asked(tender) > asked and deaths == stage.deaths:
            ends = {"S": ("paid",), "F": ("not_paid",), "P": LIVE}[told]
            is_kept = before == "paid" or (before == "not_paid" and told == "P")
            said = f"Paytm says {told}, and a check makes {tender.method} {tender.status}"
            assert tender.status in ends or is_kept, said

    def refund(self, a: int, b: int, c: int) -> None:
        """Staff give money back, all of it or a part, with a key of their own."""
        tender = self._tender(a, ("paid",) if c % 8 else None)
        amount = (None, None, tender.left // 2, 100, tender.left, tender.left + 1)[b] if tender else 0
        if tender is None or amount == 0:
            return
        key = f"refund-{len(tender.refund_keys)}-{tender.id}"
        kind = ("auto", "auto", "void", "refund", "auto", "auto")[a] if b < 2 else "auto"
        refusals = self.model.why_not_return(tender, amount, kind, self._now_ms())
        tender.refund_keys.append((key, amount, kind))
        try:
            begun = self._do(self.stage.doing(self._refunding(tender, amount, kind, key)))
        except PaymentError as error:
            self._refused(error, refusals)
            return
        assert begun is None or not refusals, f"a refund began, though {refusals}"

    def refund_again(self, a: int, b: int, c: int) -> None:
        """The same refund is asked for again with its key: it is the same refund, or at last the first."""
        asked = [each for each in self.model.tenders if each.refund_keys]
        if not asked:
            return
        tender = _pick(asked, a)
        key, amount, kind = _pick(tender.refund_keys, b)
        ((known,),) = self._rows(f"SELECT COUNT(*) FROM idempotency_keys WHERE key = '{key}'")
        refusals = set() if known else self.model.why_not_return(tender, amount, kind, self._now_ms())
        try:
            begun = self._do(self.stage.doing(self._refunding(tender, amount, kind, key)))
        except IdempotencyInProgress:
            assert known, "a new key is said to be in use"
            return
        except PaymentError as error:
            self._refused(error, refusals)
            return
        assert begun is None or not refusals, f"a refund began, though {refusals}"
        assert begun is None or not known or begun.is_replay, "the same key made another refund"

    def cancel_bill(self, a: int, b: int, c: int) -> None:
        """Staff cancel a bill."""
        if not self.model.bills:
            return
        bill = _pick(self.model.bills, a)
        refusals = self.model.why_not_cancel_bill(bill)
        try:
            made = self._do(self.stage.doing(bills.cancel(self.stage.till, self.stage.principal, bill.id)))
        except IllegalTransition as error:
            self._refused(error, refusals)
            return
        assert made is None or bill.is_cancelled or not refusals, "a bill with payments was cancelled"

    def look_at(self, a: int, b: int, c: int) -> None:
        """A person looks at a flagged payment: no money moves."""
        tender = self._tender(a)
        if tender is None:
            return
        try:
            seen = self._do(self.stage.doing(reviews.looked_at(self.stage.till, self.stage.principal, tender.id, "ok")))
        except IllegalTransition:
            return
        assert seen is None or seen["status"] == tender.status, "a look moved money"

    def close_task(self, a: int, b: int, c: int) -> None:
        """A person closes a task with a word: no money moves."""
        stage = self.stage
        waiting = self._rows("SELECT id FROM tasks WHERE closed_at IS NULL ORDER BY id")
        if waiting:
            try:
                self._do(stage.doing(tasks.close_task(stage.till, stage.principal, _pick(waiting, a)[0], "seen")))
            except IllegalTransition as error:
                self._refused(error, {"payment_not_final"})

    def attach(self, a: int, b: int, c: int) -> None:
        """Staff put an advance on a bill that is still due."""
        stage = self.stage
        tender = self._tender(a, ("paid",))
        if tender is None or not self.model.bills:
            return
        bill, amount = _pick(self.model.bills, b), (None, 100)[c % 2]
        work = attaching.attach(stage.till, stage.principal, tender.id, bill.id, amount)
        try:
            done = self._do(stage.doing(work))
        except PaymentError as error:
            self._refused(error, NO_ATTACHING)
            return
        assert done is None or tender.bill is not None, "money without a bill stood as an advance"

    def resolve(self, a: int, b: int, c: int) -> None:
        """Two people decide what Paytm has not: never early."""
        stage, tender = self.stage, self._tender(a, LIVE)
        if tender is None or stage.second is None:
            return
        charged = any(each.key[1] == tender.paytm_id for each in stage.observer.truth().charges)
        age_ms = self._now_ms() - tender.created_at
        deciding = resolving.resolve(
            stage.till, stage.principal, tender.id, is_paid=charged, evidence="the bank's word", approver=stage.second
        )
        try:
            decided = self._do(stage.doing(deciding))
        except IllegalTransition as error:
            self._refused(error, {"too_early", "payment_final"})
            return
        assert decided is None or age_ms > 24 * 3_600_000, "a payment was decided before its ladder had ended"

    # Customers.

    def at_the_machine(self, a: int, b: int, c: int) -> None:
        """Somebody does something to a machine."""
        tid = TIDS[b % 2]
        can = [each for each in actions(self.stage.box.terminals[tid]) if not each.startswith("paper")]
        if can:
            self._act(tid, can[c % len(can)], ("visa_credit", "no_funds", "rupay_debit")[a % 3])

    def pay_by_card(self, a: int, b: int, c: int) -> None:
        """A customer pays at a machine."""
        tids = [tid for tid in TIDS if self.stage.box.terminals[tid].screen is Screen.CONFIRM] or TIDS
        for action in (Action.ACCEPT, Action.INSERT, Action.PIN_RIGHT):
            self._act(_pick(tids, a), action, "visa_credit")

    def type_code(self, a: int, b: int, c: int) -> None:
        """Somebody types a code that the counter shows into a machine, and perhaps pays there."""
        codes = list(self._codes)
        if not codes:
            return
        tid = TIDS[b % 2]
        try:
            self.stage.box.type_code(tid, _pick(codes, a))
        except GallaError:  # the machine is busy, or the code is over
            return
        for action in (Action.INSERT, Action.PIN_RIGHT) if c % 4 else ():
            self._act(tid, action, "visa_credit")

    def pay_by_phone(self, a: int, b: int, c: int) -> None:
        """A customer opens a link or scans a code, and approves."""
        prompt = self._prompt(a)
        for tap in ("approve", "pin_right"):
            if prompt is not None and tap in taps(self.stage.box.prompts[prompt]):
                self.stage.box.tap(prompt, tap)

    def on_the_phone(self, a: int, b: int, c: int) -> None:
        """A customer does something on the phone; no bank sends money that is three days late."""
        box, prompt = self.stage.box, self._prompt(a)
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

    # Paytm.

    def spoil(self, a: int, b: int, c: int) -> None:
        """An answer will be spoiled."""
        self._fault(Fault(kind=SPOILED[c % len(SPOILED)], operation=CALLS[a + c % 4], times=1 + b))

    def bad_road(self, a: int, b: int, c: int) -> None:
        """A request or an answer will be lost, refused or doubled."""
        kind = BAD_ROADS[c % len(BAD_ROADS)]
        self._fault(Fault(kind=kind, operation=CALLS[a + b % 4], times=1 + b % 3, retry_after_s=5))

    def delay(self, a: int, b: int, c: int) -> None:
        """An answer will come late, perhaps later than anybody waits."""
        self._fault(Fault(kind=Kind.DELAY, operation=CALLS[b + c % 4], after_ms=DELAYS_MS[a]))

    def told_late(self, a: int, b: int, c: int) -> None:
        """The next payment will be told late, wrongly or not at all for a while."""
        self._fault(Fault(kind=TOLD_LATE[b % 3], operation=STARTS[c % len(STARTS)], after_ms=LATE_MS[a]))

    def bad_refund(self, a: int, b: int, c: int) -> None:
        """The bank will reject the next refunds in the end."""
        self._fault(Fault(kind=Kind.REFUND_FAILS, operation="refund", times=1 + a % 2))

    def bad_callback(self, a: int, b: int, c: int) -> None:
        """A callback will be forged, misordered or in another form."""
        self._fault(Fault(kind=BAD_CALLBACKS[a], operation="callback"))

    def callbacks(self, a: int, b: int, c: int) -> None:
        """Callbacks that are due are delivered, or lost, or delivered in the wrong order."""
        posts = list(self.stage.box.due_posts())
        self.stage.posts = (self.stage.posts + posts)[-20:]
        for post in reversed(posts) if a == 1 else posts:
            if a != 0:
                self._tell(post)
            self.stage.box.posted(post.number, 200)

    def callback_again(self, a: int, b: int, c: int) -> None:
        """An old callback comes again, from Paytm or from somebody who has listened; perhaps with another digit."""
        if not self.stage.posts:
            return
        post = _pick(self.stage.posts, c)
        body = post.body
        places = [place for place, byte in enumerate(body) if 48 <= byte <= 57] if b % 2 else []
        if places:
            place = places[(a * 64 + c) * 7 % len(places)]
            body = body[:place] + (b"9" if body[place] != 57 else b"1") + body[place + 1 :]
        self._tell(post, body)

    # The network, time and the computer.

    def hold(self, a: int, b: int, c: int) -> None:
        """One of the next requests, or its answer, will wait in the network."""
        road = (Road.HOLD_REQUEST, Road.HOLD_ANSWER, Road.STALL)[a % 3]
        self.stage.network.plan(*[Road.OPEN] * max(0, b - 3), road)

    def let_go(self, a: int, b: int, c: int) -> None:
        """What waits in the network arrives, or is lost."""
        network = self.stage.network
        if network.flying:
            packet = _pick(network.flying, a)
            (network.lose if b == 5 else network.let_go)(packet)
            self._do(self.stage.pass_time(0))

    def arrive_late(self, a: int, b: int, c: int) -> None:
        """A request that was given up arrives at Paytm after all."""
        if self.stage.network.lost:
            self.stage.network.arrive_late(_pick(self.stage.network.lost, a))

    def work(self, a: int, b: int, c: int) -> None:
        """A worker does what is due."""
        self._do(self.stage.work())

    def pause(self, a: int, b: int, c: int) -> None:
        """Time passes and nothing runs, as on a sleeping computer; then, perhaps, a worker looks."""
        self._do(self.stage.pass_time(PAUSES[min(a + c % 7, 11)]))
        if b:
            self._do(self.stage.work(1))

    def work_on(self, a: int, b: int, c: int) -> None:
        """Time passes with a worker running."""
        self._do(self.stage.work_for((5.0, 15.0, 60.0, 200.0, 300.0, 2_000.0)[a]))

    def wrong_clock(self, a: int, b: int, c: int) -> None:
        """Somebody sets the computer's clock wrong, or right again."""
        self.stage.clock.set_wrong(WRONG_BY_S[a])
        self.stage.network.end_leases()

    def doom(self, a: int, b: int, c: int) -> None:
        """The process will die at one of its next uses of database and network."""
        self.stage.doom(1 + c % 14)

    def die(self, a: int, b: int, c: int) -> None:
        """The process dies where it stands and is started again."""
        self._do(self.stage.die())

    # What must hold.

    def holds(self) -> None:
        """Every invariant holds, and every payment stands where the model lets it."""
        self.stage.assert_calm()
        breaches = self._do(self.stage.breaches())
        assert not breaches, "\n".join(breaches)
        self._look()

    def end(self) -> None:
        """Mend everything and let three days pass: every rupee is where it belongs, or with a person."""
        stage, box = self.stage, self.stage.box
        stage.doom(0)
        stage.clock.set_wrong(0.0)
        box.clear_faults()
        stage.network.heal()
        for tid in TIDS:
            for action in (Action.BATTERY_BACK, Action.NETWORK_ON):
                self._act(tid, action, "visa_credit")
        for pause in HEALING_S:
            self._do(stage.pass_time(pause))
            for post in box.due_posts():
                self._tell(post)
                box.posted(post.number, 200)
            self._do(stage.work(30))
        self._count()
        stage.assert_calm()
        breaches = self._do(stage.breaches(is_over=True))
        assert not breaches, "\n".join(breaches)
        self._look()
        left = self._rows(_LEFT)
        assert not left, f"after three days nobody is told of {left}"
        assert self._do(audit.verify(stage.till))["first_bad"] is None, "the audit chain is broken"

    def close(self) -> None:
        """Leave the run, whatever became of it."""
        self._do(self.stage.close())
        self._seed.__exit__(None, None, None)

    # How it is done.

    @staticmethod
    def _refused(error: PaymentError, refusals: set[str]) -> None:
        """The service has refused something: it must be for one of the model's reasons."""
        assert error.code in refusals, f"refused with {error.code}, and the rules say {refusals or 'yes'}: {error}"

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._house.run(work)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._do(self.stage.rows(query))

    def _tender(self, which: int, statuses: Sequence[str] | None = None) -> Tender | None:
        """Choose a payment, of those that stand so if any do."""
        tenders = self.model.tenders
        chosen = [each for each in tenders if statuses is None or each.status in statuses] or tenders
        return _pick(chosen, which) if chosen else None

    def _prompted(self, tender: Tender) -> None:
        self.stage.observer.prompted[tender.paytm_id] += 1

    def _start(self, method: str, a: int, b: int, c: int, tid: str | None) -> None:
        """Start a payment of a bill, in whole, in part or too much; or of a reference."""
        open_bills = [each for each in self.model.bills if each.received < each.total] or self.model.bills
        bill = _pick(open_bills, a) if a < 5 and open_bills else None
        due = max(1, bill.total - bill.received) if bill is not None else 5_000
        new = payments.NewPayment(
            amount_paise=(due, due, due, max(1, due // 2), max(1, due - 100), due + c % 2)[b],
            method=method,
            reference=f"R{b % 3}" if bill is None else None,
            bill=bill.id if bill is not None else None,
            terminal=tid,
            allow_parallel=c >= 48,
        )
        key = f"click-{len(self._starts)}"
        self._starts[key] = (new, bill)
        self._ask(key)

    def _ask(self, key: str) -> None:
        """Ask for a payment under a key, and see whether it was right to begin, to refuse or to repeat."""
        stage, (new, bill) = self.stage, self._starts[key]
        known = next((each for each in self.model.tenders if each.key == key), None)
        refusals = set() if known else self.model.why_not_start(new, bill, self._now_ms())
        asking = payments.start(
            stage.till, stage.principal, new, wait_s=self._wait_s(), idempotency_key=key, fingerprint=repr(new)
        )
        try:
            started = self._do(stage.doing(asking))
        except IdempotencyInProgress as error:
            blocker = error.blocker
            assert blocker == (known.id if known is not None else "nothing"), "a new key is said to be in use"
            return
        except PaymentError as error:
            self._refused(error, refusals)
            return
        assert started is None or not refusals, f"a payment began, though {refusals}"
        if started is not None and known is not None:
            assert (started.is_replay, started.payment["id"]) == (True, known.id), "the same key made another payment"

    def _refunding(
        self, tender: Tender, amount: int | None, kind: str, key: str
    ) -> Coroutine[Any, Any, refunds.Begun]:
        new = refunds.NewRefund(reason="returned", amount_paise=amount, kind=kind)
        till, principal = self.stage.till, self.stage.principal
        wait_s = self._wait_s()
        return refunds.start(
            till, principal, tender.id, new, wait_s=wait_s, idempotency_key=key, fingerprint=repr(new)
        )

    def _wait_s(self) -> float:
        """How long a caller waits for the first step: not at all if the network will hold it."""
        return 0.0 if self.stage.network.will_hold else 30.0

    def _now_ms(self) -> int:
        return to_millis(self.stage.clock.now())

    def _asked(self, tender: Tender) -> int:
        return self.stage.observer.truth().asked.get(tender.paytm_id, 0)

    def _is_clear(self) -> bool:
        """Whether nothing is foreseen to go wrong with the next question."""
        network = self.stage.network
        return not (self.stage.box.faults.waiting or network.will_hold or network.flying)

    def _told(self, tender: Tender) -> str | None:
        """Return the letter of what Paytm would say of a payment now; None: it does not know it."""
        box = self.stage.box
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

    def _prompt(self, which: int) -> str | None:
        """Let a customer open a link that the shop has shown; return the request on the phone."""
        box = self.stage.box
        unpaid = [each for each in self._shown if box.orders[DEMO_MID, each].paid is None]
        if not unpaid:
            return None
        paytm_id = _pick(unpaid, which)
        try:
            return box.open_link(self._shown[paytm_id]).id
        except (IllegalTransition, NotFound, InvalidField):
            order = box.orders[DEMO_MID, paytm_id]
            return next((each.id for each in reversed(order.tries) if each.id in box.prompts), None)

    def _act(self, tid: str, action: Action, card: str) -> None:
        if action in actions(self.stage.box.terminals[tid]):
            self.stage.box.act(tid, action, card=card)

    def _fault(self, fault: Fault) -> None:
        if len(self.stage.box.faults.waiting) >= MOST_FAULTS:
            self.stage.box.clear_faults()
        try:
            self.stage.box.add_fault(fault)
        except InvalidField:
            return

    def _tell(self, post: Post, body: bytes | None = None) -> None:
        self.stage.observer.prompted[post.about] += 1
        answer = self._do(self.stage.tell(post, body))
        assert answer is None or isinstance(answer, Received | ChecksumMismatch | RemoteProtocolError), repr(answer)

    def _look(self) -> None:
        """Show the model where everything stands now."""
        of_bill = {each.id: each for each in self.model.bills}
        rows = self._rows(_BILLS)
        for bill_id, total, _, is_cancelled in rows:
            if bill_id not in of_bill:
                of_bill[bill_id] = Bill(bill_id, total)
                self.model.bills.append(of_bill[bill_id])
            of_bill[bill_id].is_cancelled = is_cancelled == 1
        known = {each.id: each for each in self.model.tenders}
        for id_, paytm_id, key, created_at, status, refunded, refunding, link, code in self._rows(_TENDERS):
            if id_ not in known:
                new, bill = self._starts[key]
                known[id_] = Tender(id_, paytm_id, new, bill, created_at, key)
                self.model.tenders.append(known[id_])
            if link is not None:
                self._shown[paytm_id] = link
            if code is not None:
                self._codes[code] = None
            wrong = self.model.saw(known[id_], status, refunded, refunding)
            assert wrong is None, wrong
            if status == "paid" and known[id_].method == "edc" and known[id_].void_until is None:
                known[id_].void_until = self._void_until(paytm_id)
        for each in known.values():
            each.has_open_void = False
        for payment_id, status, created_at in self._rows(_VOIDS):
            known[payment_id].has_failed_void |= status == "failed"
            if status in LIVE:
                known[payment_id].has_open_void, known[payment_id].voiding_since = True, created_at
        for attachment_id, bill_id, amount in self._rows("SELECT id, bill_id, amount_paise FROM attachments"):
            if attachment_id not in self._attached:
                self._attached.add(attachment_id)
                of_bill[bill_id].received += amount
        for bill_id, _, received, _ in rows:
            assert of_bill[bill_id].received == received, f"{bill_id} received {received}"

    def _void_until(self, paytm_id: str) -> int | None:
        """Return when a sale's day ends: five past midnight in India after the customer paid."""
        paid_at = self.stage.box.charges[DEMO_MID, paytm_id].settled_at
        if paid_at is None:
            return None
        midnight = paid_at.astimezone(IST).replace(hour=0, minute=5, second=0, microsecond=0) + timedelta(days=1)
        return to_millis(midnight)

    def _count(self) -> None:
        """Count what this run has seen, to show that the deeds reach where it hurts."""
        for what, query in TALLIES.items():
            ((count,),) = self._rows(query)
            self._tally[what] += count
        self._tally["deaths"] += self.stage.deaths


def _pick(things: Sequence[T], which: int) -> T:
    """Choose one, the latest first."""
    return things[-1 - which % len(things)]


TALLIES = {
    "payments": "SELECT COUNT(*) FROM payments",
    "paid": "SELECT COUNT(*) FROM payments WHERE status = 'paid'",
    "paid late": "SELECT COUNT(*) FROM payments WHERE is_late = 1",
    "in doubt for a while": "SELECT COUNT(DISTINCT object_id) FROM events WHERE type = 'payment.in_doubt'",
    "flagged": "SELECT COUNT(DISTINCT object_id) FROM events WHERE type = 'payment.needs_review'",
    "sent twice": "SELECT COUNT(*) FROM payments WHERE sends > 1",
    "attached": "SELECT COUNT(*) FROM attachments",
    "decided by two": "SELECT COUNT(*) FROM audit WHERE detail LIKE '%\"decision\"%'",
    "tasks": "SELECT COUNT(*) FROM tasks",
    "advances": "SELECT COUNT(*) FROM postings WHERE account = 'advances' AND amount_paise < 0",
    "refunds": "SELECT COUNT(*) FROM refunds",
    "refunds done": "SELECT COUNT(*) FROM refunds WHERE status = 'done'",
    "voids": "SELECT COUNT(*) FROM refunds WHERE kind = 'void'",
    "voids done": "SELECT COUNT(*) FROM refunds WHERE kind = 'void' AND status = 'done'",
    "refunds failed": "SELECT COUNT(*) FROM refunds WHERE status = 'failed'",
}
"""What the summary shows besides the steps."""
_BILLS = "SELECT id, total_paise, paid_paise, is_cancelled FROM bills ORDER BY id"
_TENDERS = (
    "SELECT p.id, p.paytm_id, k.key, p.created_at, p.status, p.refunded_paise, p.refunding_paise, p.link, p.code"
    " FROM payments p LEFT JOIN idempotency_keys k ON k.merchant_id = p.merchant_id AND k.object_id = p.id"
    " ORDER BY p.id"
)
_VOIDS = "SELECT payment_id, status, created_at FROM refunds WHERE kind = 'void' ORDER BY id"
_LEFT = (
    "SELECT id, status FROM payments WHERE status IN ('created', 'pending', 'in_doubt') AND needs_review = 0"
    " UNION ALL SELECT id, status FROM refunds WHERE status NOT IN ('done', 'failed') AND needs_review = 0"
)
