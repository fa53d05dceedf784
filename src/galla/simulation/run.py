"""One simulated run of a shop: what staff, customers, Paytm, network and computer do, and what must hold after each.

A deed does one thing to the real service and asks the model whether the answer was right. Its three small numbers
choose among what there is (the first payment, a quarter of the bill, the second machine …), so that whoever drives
the run, hypothesis or a seed, decides everything and knows nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from galla import ids
from galla.clock import IST, to_millis
from galla.errors import ChecksumMismatch, RemoteProtocolError
from galla.sandbox.outbox import Post
from galla.sandbox.sandbox import DEMO_MID
from galla.sandbox.terminal import Action
from galla.sandbox.terminal import possible as actions
from galla.service import audit, payments
from galla.service.callbacks import Received
from galla.simulation.breach import must
from galla.simulation.deeds import DEEDS
from galla.simulation.model import Bill, Model, Tender
from galla.simulation.playhouse import Playhouse
from galla.simulation.rows import Tender as Row
from galla.simulation.stage import TIDS, Stage
from galla.simulation.verdict import verdict

T = TypeVar("T")
HEALING_S = (300.0, 2_000.0, 7_300.0, 86_500.0, 86_500.0, 86_500.0, 86_500.0)


class Run:
    """A shop with two machines, its customers, its Paytm, and everything that can go wrong between them."""

    def __init__(self, house: Playhouse, tally: Counter[str] | None = None, seed: str = "run") -> None:
        self._house = house
        self._tally = tally if tally is not None else Counter()
        self._seed = ids.seeded(seed)
        self._seed.__enter__()
        self.starts: dict[str, tuple[payments.NewPayment, Bill | None]] = {}
        self.shown: dict[str, str] = {}
        self.codes: dict[str, None] = {}
        self.is_deaf = False
        self.model = Model()
        self.trace = hashlib.sha256()
        self.stage = Stage(house.fresh(), house.heard)
        self.do(self.stage.open())

    def step(self, deed: str, a: int, b: int, c: int) -> None:
        """Do one deed, and see that everything holds after it."""
        self.trace.update(f"{deed} {a} {b} {c}".encode())
        DEEDS[deed](self, a, b, c)
        self._tally["steps"] += 1
        self.holds()

    def holds(self) -> None:
        """Every invariant holds, and every payment stands where the model lets it."""
        self.stage.assert_calm()
        breaches = self.do(self.stage.breaches())
        self._write_down()
        must(not breaches, "\n".join(breaches))
        self._see()

    def end(self) -> None:
        """Mend everything and let four days pass: every rupee is where it belongs, or with a person.

        Then staff ask once more about what came late, and hear the oldest word that Paytm ever had about it. Where the
        shop `is_deaf`, no callback reaches it in all that time.
        """
        stage, box = self.stage, self.stage.box
        stage.doom(0)
        stage.clock.set_wrong(0.0)
        box.clear_faults()
        stage.network.heal()
        for tid in TIDS:
            for action in (Action.BATTERY_BACK, Action.NETWORK_ON):
                self.act(tid, action, "visa_credit")
        for pause in HEALING_S:
            self.do(stage.pass_time(pause))
            for post in box.due_posts():
                if not self.is_deaf:
                    self.tell(post)
                box.posted(post.number, 200)
            self.do(stage.work(30))
        DEEDS["look_back"](self, 0, 0, 0)
        stage.assert_calm()
        breaches = self.do(stage.breaches(is_over=True))
        self._count()
        self._write_down()
        must(not breaches, "\n".join(breaches))
        self._see()
        left = self.rows(_LEFT)
        must(not left, f"after four days nobody is told of {left}")
        must(self.do(audit.verify(stage.till))["first_bad"] is None, "the audit chain is broken")

    def close(self) -> None:
        """Leave the run, whatever became of it."""
        self.do(self.stage.close())
        self._seed.__exit__(None, None, None)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the one event loop."""
        return self._house.run(work)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the books."""
        return self.do(self.stage.rows(query))

    def count(self, what: str) -> None:
        """Count one thing that happened."""
        self._tally[what] += 1

    def now_ms(self) -> int:
        """Return the present instant by the shop's clock."""
        return to_millis(self.stage.clock.now())

    def act(self, tid: str, action: Action, card: str) -> None:
        """Do something at a machine, if it can be done now."""
        if action in actions(self.stage.box.terminals[tid]):
            self.stage.box.act(tid, action, card=card)

    def tell(self, post: Post, body: bytes | None = None, *, is_forged: bool = False) -> None:
        """Let a callback arrive: it is kept, or refused for what is wrong with it; a forged one is never kept."""
        self.stage.observer.prompted[post.about] += 1
        answer = self.do(self.stage.tell(post, body))
        must(answer is None or isinstance(answer, Received | ChecksumMismatch | RemoteProtocolError), repr(answer))
        must(not (is_forged and isinstance(answer, Received)), f"a forged callback was taken in: {body!r}")

    def _write_down(self) -> None:
        """Add to the trace what came of the step: on the wire, in rows that changed, and in rows that were added."""
        books = self.stage.books
        added = [books.digests[table].digest() for table, rows in books.added.items() if rows]
        self.trace.update(self.stage.observer.digest.digest())
        self.trace.update(repr((books.changed, added)).encode())

    def _see(self) -> None:
        """Show the model where everything that has moved stands now."""
        books, model = self.stage.books, self.model
        for row in (books.bills[each] for each in books.touched_bills):
            if row.id not in model.bills:
                model.bills[row.id] = Bill(row.id, row.total)
            model.bills[row.id].is_cancelled = row.is_cancelled == 1
        for payment_id in sorted(books.touched):
            self._see_payment(books.tenders[payment_id])
        for refund in (books.refunds[each] for each in sorted(books.touched_refunds)):
            if refund.kind == "void":
                model.saw_void(refund.payment_id, refund.id, refund.status, refund.created_at)
        for attachment_id, _, bill_id, amount in books.added["attachments"]:
            model.saw_attachment(attachment_id, bill_id, amount)
        for row in (books.bills[each] for each in books.touched_bills):
            received = model.bills[row.id].received
            must(received == row.paid, f"{row.id} says {row.paid} paid, and the model {received}")

    def _see_payment(self, row: Row) -> None:
        if row.id not in self.model.tenders:
            keys = self.stage.books.keys_of.get(row.id, [])
            must(len(keys) == 1 and keys[0] in self.starts, f"{row.id} answers to the keys {keys}, and not to its own")
            key = keys[0]
            new, bill = self.starts[key]
            self.model.tenders[row.id] = Tender(row.id, row.paytm_id, new, bill, row.created_at, key)
        tender = self.model.tenders[row.id]
        if row.link is not None:
            self.shown[row.paytm_id] = row.link
        if row.code is not None:
            self.codes[row.code] = None
        wrong = self.model.saw(tender, row.status, row.refunded, row.refunding)
        must(wrong is None, wrong or "")
        if row.status == "paid" and row.method == "edc" and tender.void_until is None:
            tender.void_until = self._void_until(row.paytm_id)

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
            ((count,),) = self.rows(query)
            self._tally[what] += count
        self._tally.update(verdict(self.stage.books, self.stage.observer.truth()))
        self._tally["deaths"] += self.stage.deaths
        self._tally.update(self.stage.network.tally)


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
_LEFT = (
    "SELECT id, status FROM payments WHERE status IN ('created', 'pending', 'in_doubt') AND needs_review = 0"
    " UNION ALL SELECT id, status FROM refunds WHERE status NOT IN ('done', 'failed') AND needs_review = 0"
)
