"""What must hold of the course each payment and refund takes: I-10 to I-17."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from galla.simulation.books import LIVE, OPEN, Books
from galla.simulation.rows import GivenBack, Tender
from galla.simulation.truth import Truth

HOUR_S, DAY_S = 3_600, 86_400
CARD_LADDER = ((300, 5), (1_800, 30), (7_200, 300), (DAY_S, HOUR_S))
UPI_LADDER = (
    (10, 5), (20, 10), (35, 15), (65, 30), (900, 60), (HOUR_S, 900), (6 * HOUR_S, HOUR_S), (DAY_S, 6 * HOUR_S),
    (3 * DAY_S, DAY_S),
)
REFUND_LADDER = ((60, 5), (600, 30), (HOUR_S, 300), (DAY_S, HOUR_S), (10 * DAY_S, 6 * HOUR_S), (10**9, DAY_S))
"""Until this age in seconds, ask this often."""

LEAST_ASKED = 3
"""So often Paytm must have said that it does not know a payment before that is believed."""

ALLOWED = frozenset({
    ("created", "pending"), ("created", "in_doubt"), ("created", "paid"), ("created", "not_paid"),
    ("pending", "in_doubt"), ("pending", "paid"), ("pending", "not_paid"),
    ("in_doubt", "pending"), ("in_doubt", "paid"), ("in_doubt", "not_paid"),
    ("not_paid", "paid"),
    ("created", "done"), ("created", "failed"), ("pending", "done"), ("pending", "failed"),
    ("in_doubt", "done"), ("in_doubt", "failed"), ("failed", "done"),
})
"""Every change of status a payment, a refund or a void may make."""


class _Move(msgspec.Struct, frozen=True):
    before: str | None = None
    after: str | None = None


_moves = msgspec.json.Decoder(_Move)


def i10(books: Books, truth: Truth) -> Iterator[str]:
    """The audit trail of each payment and refund is a chain of listed changes that ends where the row stands."""
    for row in books.added["audit"]:
        object_id, action, detail = row[6], row[5], row[7]
        if '"after"' not in detail or not (object_id in books.tenders or object_id in books.refunds):
            continue
        move = _moves.decode(detail)
        if move.before is None or move.after is None:
            continue
        stood = books.stands.get(object_id, "created")
        if move.before != stood:
            yield f"{object_id}: {action} starts from {move.before}, and the trail stood at {stood}"
        if move.before != move.after and (move.before, move.after) not in ALLOWED:
            yield f"{object_id} went from {move.before} to {move.after}"
        books.stands[object_id] = move.after
    for each in _touched(books):
        stood = books.stands.get(each.id, "created")
        if stood != each.status:
            yield f"{each.id} is {each.status}, and its trail ends at {stood}"


def i11(books: Books, truth: Truth) -> Iterator[str]:
    """Not paid means that Paytm said so, or that nothing was sent: a silence or the clock alone never decides it."""
    for tender in (books.tenders[each] for each in books.touched):
        if tender.status != "not_paid" or tender.sends == 0 or tender.is_cash or tender.id in books.decided:
            continue
        if books.answers[tender.id]["declined"]:
            continue
        if not books.answers[tender.id]["missing"]:
            yield f"{tender.id} is not paid after {tender.sends} sendings, and Paytm never said so"
        elif truth.asked and (asked := _asked(truth, tender.paytm_id)) < LEAST_ASKED:
            yield f"{tender.id} is said never to have arrived, and Paytm was asked about it {asked} times only"


def i12(books: Books, truth: Truth) -> Iterator[str]:
    """Paid means a proof of just this id, MID, amount and currency, kept together with the answer it came from."""
    for tender in (books.tenders[each] for each in books.touched):
        proofs = books.proofs[tender.id]
        if tender.status != "paid":
            if proofs:
                yield f"{tender.id} has a proof and is {tender.status}"
            continue
        own = (tender.mid, tender.paytm_id, tender.amount, tender.currency)
        if len(proofs) != 1 or proofs[0][:4] != own:
            yield f"{tender.id} is paid without a proof of its own"
            continue
        source, evidence = proofs[0][4:]
        if source == "status" and not books.answers[tender.id]["captured with an answer"]:
            yield f"{tender.id} is paid, and no answer of Paytm's was kept that proves it"
        elif source == "person" and '"evidence":"' not in evidence:
            yield f"{tender.id} was declared paid by people who noted no evidence"


def i13(books: Books, truth: Truth) -> Iterator[str]:
    """Paytm's id of a payment is its own, never changes, and was committed before anybody spoke of it."""
    for tender in (books.tenders[each] for each in books.touched):
        if books.by_key[tender.key].id != tender.id if tender.key in books.by_key else True:
            yield f"{tender.id} shares {tender.paytm_id} of {tender.mid} with another payment, or has taken it later"
    for paytm_id in sorted(truth.named - {key[1] for key in books.by_key}):
        yield f"Paytm was asked about {paytm_id}, which is written down nowhere"


def i14(books: Books, truth: Truth) -> Iterator[str]:
    """One machine has one live payment, and a bill or reference has no second one that nobody allowed."""
    machines, references, bills = Counter[str](), Counter[str](), Counter[str]()
    for tender in books.tenders.values():
        if tender.holds_terminal:
            machines[tender.terminal_id or ""] += 1
            if tender.status not in LIVE:
                yield f"{tender.id} is {tender.status} and holds its machine"
        if tender.status in LIVE and tender.is_exclusive:
            if tender.bill_id is not None:
                bills[tender.bill_id] += tender.amount
            elif tender.reference is not None:
                references[tender.reference] += 1
    for terminal_id, count in machines.items():
        if count > 1:
            yield f"{count} payments hold the machine {terminal_id}"
    for reference, count in references.items():
        if count > 1:
            yield f"{count} live payments are for the reference {reference}"
    for bill_id, live in bills.items():
        if live > books.bills[bill_id].total:
            yield f"bill {books.bills[bill_id].number} of {books.bills[bill_id].total} has {live} in live payments"


def i15(books: Books, truth: Truth) -> Iterator[str]:
    """Whatever is open is asked about in its ladder's time; what is flagged or outlives it is with a person."""
    for tender in books.live:
        ladder = CARD_LADDER if tender.method in ("edc", "queue") else UPI_LADDER
        if tender.due_at is None:
            yield f"{tender.id} is {tender.status} and will never be asked about"
        elif tender.due_at > (latest := _asked_by(books, tender.created_at, ladder)):
            yield f"{tender.id} is asked about {(tender.due_at - latest) / 1000:.1f} s later than its ladder says"
        is_past = books.now_ms - tender.created_at > (3 * DAY_S + HOUR_S) * 1000
        if books.is_over and is_past and not books.is_with_a_person(tender):
            yield f"{tender.id} is {tender.status} after three days, and nobody is told"
    for tender in (books.tenders[each] for each in books.touched):
        if (tender.needs_review == 1) is not (tender.id in books.with_a_task):
            yield f"{tender.id} is {'flagged without' if tender.needs_review else 'not flagged, with'} an open task"
    for refund in books.refunds.values():
        if refund.status not in OPEN:
            continue
        if refund.due_at is None:
            yield f"{refund.id} is {refund.status} and will never be asked about"
        elif refund.due_at > (latest := _asked_by(books, refund.created_at, REFUND_LADDER)):
            yield f"{refund.id} is asked about {(refund.due_at - latest) / 1000:.1f} s later than its ladder says"


def i16(books: Books, truth: Truth) -> Iterator[str]:
    """No payment is asked about more often than its ladder and people ask for, nor twice at once."""
    for paytm_id in sorted(truth.overlaps):
        yield f"two requests about {paytm_id} were in flight together"
    for tender in (books.tenders[each] for each in books.touched):
        asked = truth.asked.get(tender.paytm_id, 0)
        budget = _rungs_climbed(tender, books.now_ms + books.set_back_ms) + truth.prompted.get(tender.paytm_id, 0)
        if asked > budget:
            yield f"{tender.id} was asked about {asked} times, and its ladder allows {budget}"


def i17(books: Books, truth: Truth) -> Iterator[str]:
    """Events of each object are numbered without a gap or a repeat, and the row knows the last; nothing goes back."""
    for each in _touched(books):
        numbers = books.numbers.get(each.id, [])
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"{each.id} has {len(numbers)} events, numbered {min(numbers)} to {max(numbers)}"
        if (numbers[-1] if numbers else None) != each.sequence:
            yield f"{each.id} stands at {each.sequence}, and its last event is {numbers[-1:]}"
        before = books.before.get(each.id)
        if before is not None and (each.fence < before.fence or each.sequence < before.sequence):
            were, are = (before.fence, before.sequence), (each.fence, each.sequence)
            yield f"{each.id} went back from fence and event {were} to {are}"


def _asked(truth: Truth, paytm_id: str) -> int:
    return truth.asked.get(paytm_id, 0) + truth.withdrawn.get(paytm_id, 0)


def _touched(books: Books) -> Iterator[Tender | GivenBack]:
    """Yield the payments, refunds and voids that the last look touched."""
    for payment_id in books.touched:
        yield books.tenders[payment_id]
    for refund_id in books.touched_refunds:
        yield books.refunds[refund_id]


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
