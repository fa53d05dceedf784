"""What the books say, read by SQL from a real database on either engine: the left side of every invariant.

`Books` is a copy that is kept in step. A look reads the rows that were added since the last one and compares those
that may change, so that the invariants need look only at what is new; the first look reads everything.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from galla.simulation.rows import CHANGING, GROWING, Attached, AuditRow, BillRow, GivenBack, KeyRow, Tender

Rows = Callable[[str], list[tuple[Any, ...]]]
LIVE = ("created", "pending", "in_doubt")
OPEN = LIVE


class Books:
    """One shop's books.

    `rows` runs one statement without parameters; all statements of a look must see the same snapshot. `is_growing`
    reads only the new rows of tables that only grow, which SQLite numbers. `is_over`: everything that can be learned
    has had its time, so the books must equal the truth and not merely not contradict it. `set_back_ms`: by how much
    the shop's clock has been set back since anything now due was planned.

    `touched`, `touched_refunds` and `touched_bills` are the ids that the last look found new, changed or spoken of;
    `before` how changed payments and refunds stood; `added` the new rows by table.
    """

    def __init__(self, rows: Rows, *, is_growing: bool = False) -> None:
        self.rows = rows
        self._is_growing = is_growing
        self.now_ms = self.set_back_ms = 0
        self.is_over, self.is_whole = False, True
        self.tenders: dict[str, Tender] = {}
        self.refunds: dict[str, GivenBack] = {}
        self.bills: dict[str, BillRow] = {}
        self.keys: dict[str, KeyRow] = {}
        self.by_key: dict[tuple[str, str], Tender] = {}
        self.by_ref: dict[tuple[str, str], GivenBack] = {}
        self.refunds_of: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.tenders_of: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.keys_of: defaultdict[str, list[str]] = defaultdict(list)
        self.with_a_task: dict[str, None] = {}
        self.lines: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        self.entries: dict[str, tuple[str, str]] = {}
        self.entries_of: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.events_booked: defaultdict[str, list[str]] = defaultdict(list)
        self.balances: Counter[str] = Counter()
        self.attached: Counter[str] = Counter()
        self.attachments: dict[str, Attached] = {}
        self.proofs: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.numbers: defaultdict[str, list[int]] = defaultdict(list)
        self.told: Counter[tuple[str, str]] = Counter()
        self.told_of: Counter[str] = Counter()
        self.noted: Counter[tuple[str, str]] = Counter()
        self.decided: set[str] = set()
        self.stands: dict[str, str] = {}
        self.chain: dict[str, tuple[int, str]] = {}
        self.heads: dict[str, tuple[int, int, str]] = {}
        self.digests = {table: hashlib.sha256() for table in GROWING}
        self.counts: Counter[str] = Counter()
        self.added: dict[str, list[tuple[Any, ...]]] = {}
        self._last = dict.fromkeys(GROWING, 0)
        self._clear()

    def _clear(self) -> None:
        self.touched: dict[str, None] = {}
        self.touched_refunds: dict[str, None] = {}
        self.touched_bills: dict[str, None] = {}
        self.before: dict[str, Tender | GivenBack] = {}
        self.changed: list[tuple[Any, ...]] = []

    def look(self, now_ms: int, *, is_over: bool = False, set_back_ms: int = 0) -> None:
        """Take in what has changed, at the instant `now_ms` of the shop's clock."""
        self.now_ms, self.is_over, self.set_back_ms = now_ms, is_over, set_back_ms
        self.is_whole = not self.counts
        self._clear()
        for name in CHANGING:
            getattr(self, f"_look_at_{name}")(self.rows(CHANGING[name]))
        for name, query in GROWING.items():
            self.added[name] = self._new(name, query)
        for name, added in self.added.items():
            if added:
                getattr(self, f"_add_{name}")(added)

    def rest(self) -> None:
        """Nothing has changed since the last look."""
        self._clear()
        self.added = {table: [] for table in GROWING}

    def speak_of(self, keys: Iterable[tuple[str, str]]) -> None:
        """Look at these payments too, by MID and Paytm's id: something was said or done about them outside."""
        for key in keys:
            tender = self.by_key.get(key)
            if tender is not None:
                self._touch(tender.id)

    def is_with_a_person(self, thing: Tender | GivenBack) -> bool:
        """Whether somebody is asked to look at it."""
        return thing.needs_review == 1 or thing.id in self.with_a_task

    @property
    def live(self) -> list[Tender]:
        """The payments that are not final."""
        return [each for each in self.tenders.values() if each.status in LIVE]

    def of_bill(self, bill_id: str) -> list[Tender]:
        """Return the payments of a bill."""
        return [self.tenders[each] for each in self.tenders_of.get(bill_id, ())]

    def given_back(self, payment_id: str) -> list[GivenBack]:
        """Return the refunds and voids of a payment."""
        return [self.refunds[each] for each in self.refunds_of.get(payment_id, ())]

    def booked(self, object_id: str, event: str, account: str) -> int:
        """Return what an object's entries of an event put into an account, in paise."""
        found = self.entries_of.get((object_id, event), ())
        return sum(amount for entry in found for name, amount in self.lines[entry] if name == account)

    def _touch(self, object_id: str | None) -> None:
        if object_id in self.tenders:
            self.touched[object_id] = None
            bill = self.tenders[object_id].bill_id
            if bill is not None:
                self.touched_bills[bill] = None
        elif object_id in self.refunds:
            self.touched_refunds[object_id] = None
            self._touch(self.refunds[object_id].payment_id)
        elif object_id in self.bills:
            self.touched_bills[object_id] = None

    def _look_at_bills(self, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            if self.bills.get(row[0]) != row:
                self.bills[row[0]] = BillRow._make(row)
                self.touched_bills[row[0]] = None
                self.changed.append(row)

    def _look_at_payments(self, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            known = self.tenders.get(row[0])
            if known == row:
                continue
            self.tenders[row[0]] = now = Tender._make(row)
            if known is None:
                self.by_key.setdefault(now.key, now)
                if now.bill_id is not None:
                    self.tenders_of[now.bill_id][now.id] = None
            else:
                self.before[now.id] = known
                if known.key == now.key:
                    self.by_key[now.key] = now
            self._touch(now.id)
            self.changed.append(row)

    def _look_at_refunds(self, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            known = self.refunds.get(row[0])
            if known == row:
                continue
            self.refunds[row[0]] = now = GivenBack._make(row)
            if known is not None:
                self.before[now.id] = known
            if now.kind == "refund":
                self.by_ref[now.mid, now.ref_id] = now
            self.refunds_of[now.payment_id][now.id] = None
            self._touch(now.id)
            self.changed.append(row)

    def _look_at_tasks(self, rows: list[tuple[Any, ...]]) -> None:
        found = dict.fromkeys(row[0] for row in rows)
        for each in (*found, *self.with_a_task):
            if (each in found) is not (each in self.with_a_task):
                self._touch(each)
        self.with_a_task = found

    def _look_at_idempotency_keys(self, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            now = KeyRow._make(row)
            if self.keys.get(now.key) != now:
                self._touch(now.object_id)
                if now.key not in self.keys:
                    self.keys_of[now.object_id].append(now.key)
                else:
                    self.changed.append(row)
                self.keys.setdefault(now.key, now)
                if self.keys[now.key].object_id == now.object_id and now.is_answered:
                    self.keys[now.key] = now

    def _look_at_heads(self, rows: list[tuple[Any, ...]]) -> None:
        self.heads = {merchant: (events, audit, last) for merchant, events, audit, last in rows}

    def _new(self, table: str, query: str) -> list[tuple[Any, ...]]:
        if not self._is_growing:
            found = self.rows(query.format(number="0", since=" ORDER BY 2, 3"))
        else:
            found = self.rows(query.format(number="rowid", since=f" WHERE rowid > {self._last[table]} ORDER BY rowid"))
        if found:
            self._last[table] = found[-1][0]
            self.counts[table] += len(found)
            for row in found:
                self.digests[table].update(repr(row[1:]).encode())
        return [row[1:] for row in found]

    def _add_entries(self, rows: list[tuple[Any, ...]]) -> None:
        for entry, object_id, event, *_ in rows:
            self.entries[entry] = (object_id, event)
            self.entries_of[object_id, event].append(entry)
            self.events_booked[object_id].append(event)
            self._touch(object_id)

    def _add_postings(self, rows: list[tuple[Any, ...]]) -> None:
        for entry, _, account, amount in rows:
            self.lines[entry].append((account, amount))
            self.balances[account] += amount

    def _add_attachments(self, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            made = Attached._make(row)
            self.attachments[made.id] = made
            self.attached[made.bill_id] += made.amount
            self.touched_bills[made.bill_id] = None
            self._touch(made.payment_id)

    def _add_proofs(self, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            self.proofs[row[0]].append(row[1:])
            self._touch(row[0])

    def _add_exchanges(self, rows: list[tuple[Any, ...]]) -> None:
        for payment_id, _, outcome, _, response in rows:
            self.answers[payment_id][outcome] += 1
            self.answers[payment_id][f"{outcome} with an answer"] += response is not None
            self._touch(payment_id)

    def _add_events(self, rows: list[tuple[Any, ...]]) -> None:
        for merchant, _, kind, object_id, sequence, *_ in rows:
            self.told_of[merchant] += 1
            self.numbers[object_id].append(sequence)
            self.told[object_id, kind] += 1
            self._touch(object_id)

    def _add_audit(self, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            note = AuditRow._make(row)
            self.noted[note.object_id, note.action] += 1
            if '"decision"' in note.detail and note.action == "payment.not_paid":
                self.decided.add(note.object_id)
            self._touch(note.object_id)
