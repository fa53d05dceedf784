"""The money invariants, one function each, named by number: what must hold after every step of any run.

Each yields a sentence for every breach it finds, from the books (SQL, either engine) and the truth; `breaches` asks
them all. They are written from the rules and use nothing of galla's services, so that they cannot share its mistakes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import msgspec

from galla.money import MAX_PAISE
from galla.store.schema import metadata
from tests.simulation.books import LIVE, OPEN, Books, Tender
from tests.simulation.truth import Truth

Breach = str
Invariant = Callable[[Books, Truth], Iterator[Breach]]

HOUR_S, DAY_S = 3_600, 86_400
CARD_LADDER = ((300, 5), (1_800, 30), (7_200, 300), (DAY_S, HOUR_S))
UPI_LADDER = (
    (10, 5), (20, 10), (35, 15), (65, 30), (900, 60), (HOUR_S, 900), (6 * HOUR_S, HOUR_S), (DAY_S, 6 * HOUR_S),
    (3 * DAY_S, DAY_S),
)
REFUND_LADDER = ((60, 5), (600, 30), (HOUR_S, 300), (DAY_S, HOUR_S), (10 * DAY_S, 6 * HOUR_S), (10**9, DAY_S))
"""Until this age in seconds, ask this often."""

ALLOWED = frozenset({
    ("created", "pending"), ("created", "in_doubt"), ("created", "paid"), ("created", "not_paid"),
    ("pending", "in_doubt"), ("pending", "paid"), ("pending", "not_paid"),
    ("in_doubt", "pending"), ("in_doubt", "paid"), ("in_doubt", "not_paid"),
    ("not_paid", "paid"),
    ("created", "done"), ("created", "failed"), ("pending", "done"), ("pending", "failed"),
    ("in_doubt", "done"), ("in_doubt", "failed"), ("failed", "done"),
})
"""Every change of status a payment, a refund or a void may make."""


def breaches(books: Books, truth: Truth) -> list[Breach]:
    """Return every breach of every invariant, each led by its number."""
    return [f"{name}: {breach}" for name, holds in INVARIANTS.items() for breach in holds(books, truth)]


def i01(books: Books, truth: Truth) -> Iterator[Breach]:
    """Every ledger entry has two lines or more that sum to zero, and no line is without its entry."""
    for entry, lines, total in books.rows(
        "SELECT e.id, COUNT(l.line), COALESCE(SUM(l.amount_paise), 0) FROM entries e LEFT JOIN postings l"
        " ON l.merchant_id = e.merchant_id AND l.entry_id = e.id GROUP BY e.merchant_id, e.id"
        " HAVING COUNT(l.line) < 2 OR COALESCE(SUM(l.amount_paise), 0) <> 0"
    ):
        yield f"entry {entry} has {lines} lines that sum to {total}"
    for (entry,) in books.rows(
        "SELECT l.entry_id FROM postings l LEFT JOIN entries e ON e.merchant_id = l.merchant_id AND e.id = l.entry_id"
        " WHERE e.id IS NULL"
    ):
        yield f"a line belongs to the entry {entry}, which does not exist"


def i02(books: Books, truth: Truth) -> Iterator[Breach]:
    """Every charge is a payment that is written down, and in the end one that is paid with just that amount."""
    for charge in truth.charges:
        tender = books.by_key.get((charge.mid, charge.paytm_id))
        if tender is None:
            yield f"{charge.amount_paise} paise were taken under {charge.paytm_id}, which is written down nowhere"
        elif books.is_over and tender.status != "paid" and not books.is_with_a_person(tender):
            yield f"{tender.id} is {tender.status} and nobody is told, though {charge.amount_paise} paise were taken"
        elif tender.status == "paid" and tender.amount != charge.amount_paise:
            yield f"{tender.id} is paid with {tender.amount}, and {charge.amount_paise} paise were taken"


def i03(books: Books, truth: Truth) -> Iterator[Breach]:
    """Every paid payment is a charge of the same id, amount and currency."""
    charged = {each.key: each.amount_paise for each in truth.charges}
    by_people = {row[0] for row in books.rows("SELECT payment_id FROM proofs WHERE source = 'person'")}
    for tender in books.tenders:
        if tender.status != "paid" or tender.is_cash or tender.id in by_people:
            continue
        if charged.get(tender.key) != tender.amount or tender.currency != "INR":
            yield f"{tender.id} is paid with {tender.amount} {tender.currency}, and no such charge exists"


def i04(books: Books, truth: Truth) -> Iterator[Breach]:
    """One intent is charged once; where a customer paid twice, the excess stands as an advance, to the paisa."""
    for key, count in Counter(each.key for each in truth.charges).items():
        if count > 1:
            yield f"{key[1]} was charged {count} times"
    for object_id, count in books.rows(
        "SELECT object_id, COUNT(*) FROM idempotency_keys GROUP BY merchant_id, object_id HAVING COUNT(*) > 1"
    ):
        yield f"{object_id} answers to {count} idempotency keys"
    charged = {each.key for each in truth.charges}
    advances = dict(books.rows(
        "SELECT e.object_id, -SUM(l.amount_paise) FROM entries e"
        " JOIN postings l ON l.merchant_id = e.merchant_id AND l.entry_id = e.id"
        " WHERE e.event = 'payment.paid' AND l.account = 'advances' GROUP BY e.object_id"
    ))
    paid: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    excess: Counter[str] = Counter()
    for tender in books.tenders:
        if tender.bill_id is None:
            continue
        if tender.status == "paid":
            paid[tender.bill_id] += tender.amount
            excess[tender.bill_id] += int(advances.get(tender.id, 0))
        is_plain = tender.is_exclusive and not tender.is_late and tender.status != "not_paid"
        if is_plain and (tender.is_cash or tender.key in charged):
            plain[tender.bill_id] += tender.amount
    for bill_id, number, total, received, is_cancelled in books.rows(
        "SELECT id, number, total_paise, paid_paise, is_cancelled FROM bills"
    ):
        if plain[bill_id] > total and not is_cancelled:
            yield f"bill {number} of {total} was charged {plain[bill_id]}, and nobody overrode anything"
        own = received - books.attached.get(bill_id, 0)
        if paid[bill_id] - own != excess[bill_id]:
            yield f"bill {number}: {paid[bill_id]} paid, {own} received, yet {excess[bill_id]} in advances"


def i05(books: Books, truth: Truth) -> Iterator[Breach]:
    """Never is more given back than was paid, a void is whole and alone, and both are counted on the payment."""
    for tender in books.tenders:
        back = books.refunds_of.get(tender.id, [])
        done = sum(each.amount for each in back if each.status == "done")
        live = sum(each.amount for each in back if each.status in OPEN)
        if (tender.refunded, tender.refunding) != (done, live):
            counted_as = f"{tender.refunded} + {tender.refunding}"
            yield f"{tender.id} counts {counted_as} given back, and its refunds say {done} + {live}"
        if done + live > (tender.amount if tender.status == "paid" else 0):
            yield f"{tender.id} of {tender.amount} ({tender.status}) has {done} given back and {live} on the way"
        counted = [each for each in back if each.status != "failed"]
        voids = [each for each in counted if each.kind == "void"]
        if voids and (len(counted) > 1 or voids[0].amount != tender.amount):
            yield f"{tender.id} is voided in part, twice, or beside a refund"
    taken = {each.key: each.amount_paise for each in truth.charges}
    given: Counter[tuple[str, str]] = Counter()
    for each in truth.returns:
        given[each.mid, each.paytm_id] += each.amount_paise
    for key in truth.voided:
        given[key] += taken.get(key, 0)
    for key, amount in given.items():
        if amount > taken.get(key, 0):
            yield f"Paytm gave {amount} back of {key[1]}, and took {taken.get(key, 0)}"


def i06(books: Books, truth: Truth) -> Iterator[Breach]:
    """Every refund at Paytm is written down once, and is done in the books only if it is done there."""
    for ref, count in Counter((each.mid, each.ref_id) for each in truth.returns).items():
        if count > 1:
            yield f"the reference {ref[1]} was refunded {count} times"
    ours = {(each.mid, each.ref_id): each for each in books.refunds if each.kind == "refund"}
    for back in truth.returns:
        refund = ours.get((back.mid, back.ref_id))
        if refund is None or refund.amount != back.amount_paise:
            yield f"Paytm gives {back.amount_paise} back under {back.ref_id}, which is not written down so"
        elif books.is_over and back.is_done and refund.status != "done" and not books.is_with_a_person(refund):
            yield f"{refund.id} is {refund.status} and nobody is told, though the money went back"
    done = {(back.mid, back.ref_id) for back in truth.returns if back.is_done}
    known = set()
    tenders = {each.id: each for each in books.tenders}
    for each in books.refunds:
        if each.payment_id not in tenders:
            yield f"{each.id} gives back {each.payment_id}, which does not exist"
            continue
        key = tenders[each.payment_id].key
        is_true = key in truth.voided if each.kind == "void" else (each.mid, each.ref_id) in done
        if each.status == "done" and not is_true and not tenders[each.payment_id].is_cash:
            yield f"{each.id} is done in the books, and not at Paytm"
        if each.kind == "void" and (each.status == "done" or books.is_with_a_person(each)):
            known.add(key)
    if books.is_over:
        for key in truth.voided - known:
            yield f"{key[1]} was voided at the machine, and no void of ours says so"


def i07(books: Books, truth: Truth) -> Iterator[Breach]:
    """A bill holds what the ledger gave it and no more than its total, and reserves exactly what is live."""
    live: Counter[str] = Counter()
    for tender in books.tenders:
        if tender.bill_id is not None and tender.status in LIVE:
            live[tender.bill_id] += tender.amount
    for bill_id, number, total, paid, reserved, is_over, is_cancelled in books.rows(
        "SELECT id, number, total_paise, paid_paise, live_paise, is_overcommitted, is_cancelled FROM bills"
    ):
        allocated = int(books.allocated.get(bill_id, 0)) + books.attached.get(bill_id, 0)
        if not 0 <= paid <= total or paid != allocated:
            yield f"bill {number} of {total} says {paid} paid, and received {allocated}"
        if reserved != live[bill_id]:
            yield f"bill {number} reserves {reserved}, and {live[bill_id]} is live"
        if paid + reserved > total and not is_over:
            yield f"bill {number} of {total} has {paid} paid and {reserved} live, and no override says so"
        if is_cancelled and paid:
            yield f"bill {number} is cancelled with {paid} paid"


def i08(books: Books, truth: Truth) -> Iterator[Breach]:
    """Every amount is a whole number of paise, and what is paid, billed or given back is within the cap."""
    for table, column, value in books.rows(_ODD_AMOUNTS):
        yield f"{table}.{column} holds {value!r}"
    for tender in books.tenders:
        if not 1 <= tender.amount <= MAX_PAISE:
            yield f"{tender.id} is for {tender.amount} paise"
    for refund in books.refunds:
        if not 1 <= refund.amount <= MAX_PAISE:
            yield f"{refund.id} is for {refund.amount} paise"


def i09(books: Books, truth: Truth) -> Iterator[Breach]:
    """Clearing and drawer hold what was taken less what went back; in the end it is what Paytm owes and people see."""
    booked: Counter[str] = Counter()
    for account, total in books.rows(
        "SELECT account, SUM(amount_paise) FROM postings WHERE account LIKE 'clearing:%' OR account = 'cash_drawer'"
        " GROUP BY account"
    ):
        booked[account.removeprefix("clearing:")] += int(total)
    ours, seen = Counter[str](), Counter[str]()
    tenders = {each.id: each for each in books.tenders}
    taken = {each.key: each.amount_paise for each in truth.charges}
    returned = {(each.mid, each.ref_id): each.amount_paise for each in truth.returns if each.is_done}
    for tender in books.tenders:
        ours[tender.held_in] += tender.amount if tender.status == "paid" else 0
        if tender.status != "paid" and books.is_with_a_person(tender):
            seen[tender.mid] += taken.get(tender.key, 0)
    for refund in books.refunds:
        if refund.payment_id not in tenders:
            continue
        tender = tenders[refund.payment_id]
        ours[tender.held_in] -= refund.amount if refund.status == "done" else 0
        if refund.status != "done" and books.is_with_a_person(refund):
            is_voided = refund.kind == "void" and tender.key in truth.voided
            seen[refund.mid] -= refund.amount if is_voided else returned.get((refund.mid, refund.ref_id), 0)
    for mid in booked.keys() | ours.keys():
        if booked[mid] != ours[mid]:
            yield f"the account of {mid} stands at {booked[mid]}, and its payments and refunds make {ours[mid]}"
    if books.is_over:
        owed: Counter[str] = Counter()
        for (mid, _), amount in taken.items():
            owed[mid] += amount
        for (mid, _), amount in returned.items():
            owed[mid] -= amount
        for key in truth.voided:
            owed[key[0]] -= taken[key]
        for mid in (owed.keys() | ours.keys()) - {"cash_drawer"}:
            if owed[mid] != ours[mid] + seen[mid]:
                yield f"Paytm owes {owed[mid]} to {mid}; the books say {ours[mid]}, and people see {seen[mid]} more"


class _Move(msgspec.Struct, frozen=True):
    before: str | None = None
    after: str | None = None


_moves = msgspec.json.Decoder(_Move)


def i10(books: Books, truth: Truth) -> Iterator[Breach]:
    """The audit trail of each payment and refund is a chain of listed changes that ends where the row stands."""
    stands = {each.id: each.status for each in (*books.tenders, *books.refunds)}
    last = dict.fromkeys(stands, "created")
    for object_id, action, detail in books.rows("SELECT object_id, action, detail FROM audit ORDER BY position"):
        if object_id not in last or '"after"' not in detail:
            continue
        move = _moves.decode(detail)
        if move.before is None or move.after is None:
            continue
        if move.before != last[object_id]:
            yield f"{object_id}: {action} starts from {move.before}, and the trail stood at {last[object_id]}"
        if move.before != move.after and (move.before, move.after) not in ALLOWED:
            yield f"{object_id} went from {move.before} to {move.after}"
        last[object_id] = move.after
    for object_id, status in stands.items():
        if last[object_id] != status:
            yield f"{object_id} is {status}, and its trail ends at {last[object_id]}"


def i11(books: Books, truth: Truth) -> Iterator[Breach]:
    """Not paid means that Paytm said so, or that nothing was sent: a silence or the clock alone never decides it."""
    for payment_id, sends in books.rows(
        "SELECT p.id, p.sends FROM payments p WHERE p.status = 'not_paid' AND p.sends > 0 AND p.method <> 'cash'"
        " AND NOT EXISTS (SELECT 1 FROM exchanges x WHERE x.merchant_id = p.merchant_id AND x.payment_id = p.id"
        " AND x.outcome IN ('declined', 'missing'))"
        " AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.merchant_id = p.merchant_id AND a.object_id = p.id"
        " AND a.action = 'payment.not_paid' AND a.detail LIKE '%\"decision\"%')"
    ):
        yield f"{payment_id} is not paid after {sends} sendings, and Paytm never said so"


def i12(books: Books, truth: Truth) -> Iterator[Breach]:
    """Paid means a proof of just this id, MID, amount and currency, kept together with the answer it came from."""
    for payment_id, source, evidence, is_own, answers in books.rows(
        "SELECT p.id, f.source, f.data, CASE WHEN f.mid = p.mid AND f.paytm_id = p.paytm_id"
        " AND f.amount_paise = p.amount_paise AND f.currency = p.currency THEN 1 ELSE 0 END,"
        " (SELECT COUNT(*) FROM exchanges x WHERE x.merchant_id = p.merchant_id AND x.payment_id = p.id"
        " AND x.outcome = 'captured' AND x.response IS NOT NULL)"
        " FROM payments p LEFT JOIN proofs f ON f.merchant_id = p.merchant_id AND f.payment_id = p.id"
        " WHERE p.status = 'paid'"
    ):
        if source is None or not is_own:
            yield f"{payment_id} is paid without a proof of its own"
        elif source == "status" and not answers:
            yield f"{payment_id} is paid, and no answer of Paytm's was kept that proves it"
        elif source == "person" and '"evidence":"' not in evidence:
            yield f"{payment_id} was declared paid by people who noted no evidence"
    for payment_id, status in books.rows(
        "SELECT p.id, p.status FROM payments p JOIN proofs f ON f.merchant_id = p.merchant_id AND f.payment_id = p.id"
        " WHERE p.status <> 'paid'"
    ):
        yield f"{payment_id} has a proof and is {status}"


def i13(books: Books, truth: Truth) -> Iterator[Breach]:
    """Paytm's id of a payment is its own, and was committed before anybody spoke of it."""
    for (mid, paytm_id), count in Counter(each.key for each in books.tenders).items():
        if count > 1:
            yield f"{count} payments of {mid} share {paytm_id}"
    for paytm_id in truth.named - {each.paytm_id for each in books.tenders}:
        yield f"Paytm was asked about {paytm_id}, which is written down nowhere"


def i14(books: Books, truth: Truth) -> Iterator[Breach]:
    """One machine has one live payment, and a bill or reference has no second one that nobody allowed."""
    for terminal_id, count in books.rows(
        "SELECT terminal_id, COUNT(*) FROM payments WHERE holds_terminal = 1 GROUP BY merchant_id, terminal_id"
        " HAVING COUNT(*) > 1"
    ):
        yield f"{count} payments hold the machine {terminal_id}"
    for payment_id, status in books.rows(
        "SELECT id, status FROM payments WHERE holds_terminal = 1 AND status NOT IN ('created', 'pending', 'in_doubt')"
    ):
        yield f"{payment_id} is {status} and holds its machine"
    for reference, count in books.rows(
        "SELECT reference, COUNT(*) FROM payments WHERE status IN ('created', 'pending', 'in_doubt')"
        " AND is_exclusive = 1 AND bill_id IS NULL AND reference IS NOT NULL"
        " GROUP BY merchant_id, reference HAVING COUNT(*) > 1"
    ):
        yield f"{count} live payments are for the reference {reference}"
    for number, total, live in books.rows(
        "SELECT b.number, b.total_paise, SUM(p.amount_paise) FROM bills b JOIN payments p"
        " ON p.merchant_id = b.merchant_id AND p.bill_id = b.id"
        " WHERE p.is_exclusive = 1 AND p.status IN ('created', 'pending', 'in_doubt')"
        " GROUP BY b.merchant_id, b.id, b.number, b.total_paise HAVING SUM(p.amount_paise) > b.total_paise"
    ):
        yield f"bill {number} of {total} has {live} in live payments"


def i15(books: Books, truth: Truth) -> Iterator[Breach]:
    """Whatever is open is asked about in its ladder's time; what is flagged or outlives it is with a person."""
    for tender in books.tenders:
        if tender.status not in LIVE:
            continue
        ladder = CARD_LADDER if tender.method in ("edc", "queue") else UPI_LADDER
        if tender.due_at is None:
            yield f"{tender.id} is {tender.status} and will never be asked about"
        elif tender.due_at > (latest := _asked_by(books, tender.created_at, ladder)):
            yield f"{tender.id} is asked about {(tender.due_at - latest) / 1000:.1f} s later than its ladder says"
        is_past = books.now_ms - tender.created_at > (3 * DAY_S + HOUR_S) * 1000
        if books.is_over and is_past and not books.is_with_a_person(tender):
            yield f"{tender.id} is {tender.status} after three days, and nobody is told"
    for tender in books.tenders:
        if (tender.needs_review == 1) is not (tender.id in books.with_a_task):
            yield f"{tender.id} is {'flagged without' if tender.needs_review else 'not flagged, with'} an open task"
    for refund in books.refunds:
        if refund.status not in OPEN:
            continue
        if refund.due_at is None:
            yield f"{refund.id} is {refund.status} and will never be asked about"
        elif refund.due_at > (latest := _asked_by(books, refund.created_at, REFUND_LADDER)):
            yield f"{refund.id} is asked about {(refund.due_at - latest) / 1000:.1f} s later than its ladder says"


def i16(books: Books, truth: Truth) -> Iterator[Breach]:
    """No payment is asked about more often than its ladder and people ask for, nor twice at once."""
    for paytm_id in truth.overlaps:
        yield f"two requests about {paytm_id} were in flight together"
    for tender in books.tenders:
        asked = truth.asked.get(tender.paytm_id, 0)
        budget = _rungs_climbed(tender, books.now_ms) + truth.prompted.get(tender.paytm_id, 0)
        if asked > budget:
            yield f"{tender.id} was asked about {asked} times, and its ladder allows {budget}"


def i17(books: Books, truth: Truth) -> Iterator[Breach]:
    """Events of each object are numbered without a gap or a repeat, and the row knows the last number."""
    last: dict[str, int] = {}
    for object_id, count, first, final in books.rows(
        "SELECT object_id, COUNT(*), MIN(sequence), MAX(sequence) FROM events GROUP BY merchant_id, object_id"
    ):
        last[object_id] = final
        if first != 1 or final != count:
            yield f"{object_id} has {count} events, numbered {first} to {final}"
    for each in (*books.tenders, *books.refunds):
        if last.get(each.id) != each.sequence:
            yield f"{each.id} stands at {each.sequence}, and its last event is {last.get(each.id)}"


def i19(books: Books, truth: Truth) -> Iterator[Breach]:
    """Each paid payment and each refund that is done is booked once, and nothing else is."""
    booked: defaultdict[str, list[str]] = defaultdict(list)
    for object_id, event in books.rows("SELECT object_id, event FROM entries"):
        booked[object_id].append(event)
    for tender in books.tenders:
        found = booked.get(tender.id, [])
        if found.count("payment.paid") != (tender.status == "paid") or len(found) != len(set(found)):
            yield f"{tender.id} is {tender.status} and booked as {found}"
    for refund in books.refunds:
        found = booked.get(refund.id, [])
        if len(found) != (refund.status == "done"):
            yield f"{refund.id} is {refund.status} and booked as {found}"


INVARIANTS: dict[str, Invariant] = {
    "I-01": i01, "I-02": i02, "I-03": i03, "I-04": i04, "I-05": i05, "I-06": i06, "I-07": i07, "I-08": i08,
    "I-09": i09, "I-10": i10, "I-11": i11, "I-12": i12, "I-13": i13, "I-14": i14, "I-15": i15, "I-16": i16,
    "I-17": i17, "I-19": i19,
}
"""Every invariant by its number."""


def _asked_by(books: Books, created_at: int, ladder: tuple[tuple[int, int], ...]) -> int:
    """Return the latest instant at which the next inquiry may fall due, in milliseconds.

    An interval may be stretched by a tenth, silence may make it two minutes, and a minute is for the work itself.
    """
    now_ms = books.now_ms + books.set_back_ms
    age_s = (now_ms - created_at) / 1000
    every_s = next((every for until, every in ladder if age_s < until), HOUR_S)
    return now_ms + round(max(every_s, 120) * 1100) + 60_000


def _rungs_climbed(tender: Tender, now_ms: int) -> int:
    """Return how many inquiries the ladder asks for up to this age, the late watch and the grace included."""
    ladder = CARD_LADDER if tender.method in ("edc", "queue") else UPI_LADDER
    age_s, start, count = (now_ms - tender.created_at) / 1000, 0, 0.0
    for until, every in ladder:
        count += max(0.0, min(age_s, until) - start) / every
        start = until
    return int(count + max(0.0, age_s - start) / HOUR_S) + 10


def _typed() -> str:
    """Return the SQL that finds amounts which are no whole numbers, in every column that holds any."""
    parts = [
        f"SELECT '{table.name}', '{column.name}', CAST({column.name} AS TEXT) FROM {table.name}"
        f" WHERE CAST({column.name} AS TEXT) <> CAST(CAST({column.name} AS BIGINT) AS TEXT)"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_paise")
    ]
    return " UNION ALL ".join(parts)


_ODD_AMOUNTS = _typed()
