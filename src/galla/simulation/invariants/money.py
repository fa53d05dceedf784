"""What must hold of the money: I-01 to I-09."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from galla.money import MAX_PAISE
from galla.simulation.books import LIVE, OPEN, Books
from galla.simulation.invariants.course import LEAST_ASKED
from galla.simulation.truth import Truth
from galla.store import bill_tables, guards  # noqa: F401 - every table, before their amounts are looked for
from galla.store.schema import metadata


def i01(books: Books, truth: Truth) -> Iterator[str]:
    """Every ledger entry has two lines or more that sum to zero, and no line is without its entry."""
    for entry, *_ in books.added["entries"]:
        lines, total = len(books.lines[entry]), sum(amount for _, amount in books.lines[entry])
        if lines < 2 or total != 0:
            yield f"entry {entry} has {lines} lines that sum to {total}"
    for entry in dict.fromkeys(row[0] for row in books.added["postings"]):
        if entry not in books.entries:
            yield f"a line belongs to the entry {entry}, which does not exist"
        elif sum(amount for _, amount in books.lines[entry]) != 0:
            yield f"a line was added to the entry {entry}, which is not in balance any more"


def i02(books: Books, truth: Truth) -> Iterator[str]:
    """Every charge is a payment that is written down, and in the end one that is paid with just that amount."""
    for charge in truth.charges:
        tender = books.by_key.get(charge.key)
        if tender is None:
            yield f"{charge.amount_paise} paise were taken under {charge.paytm_id}, which is written down nowhere"
        elif books.is_over and tender.status != "paid" and not books.is_with_a_person(tender):
            yield f"{tender.id} is {tender.status} and nobody is told, though {charge.amount_paise} paise were taken"
        elif tender.amount != charge.amount_paise:
            yield f"{tender.id} is for {tender.amount}, and {charge.amount_paise} paise were taken"


def i03(books: Books, truth: Truth) -> Iterator[str]:
    """Every paid payment is a charge of the same id, amount and currency."""
    for tender in (books.tenders[each] for each in books.touched):
        if tender.status != "paid" or tender.is_cash or any(proof[4] == "person" for proof in books.proofs[tender.id]):
            continue
        if truth.taken.get(tender.key) != tender.amount or tender.currency != "INR":
            yield f"{tender.id} is paid with {tender.amount} {tender.currency}, and no such charge exists"


def i04(books: Books, truth: Truth) -> Iterator[str]:
    """One intent is sent and charged once; where a customer paid twice, the excess is an advance, to the paisa."""
    if len(truth.charges) != len(truth.taken):
        for key, count in Counter(each.key for each in truth.charges).items():
            if count > 1:
                yield f"{key[1]} was charged {count} times"
    for object_id in (*books.touched, *books.touched_refunds):
        if len(books.keys_of.get(object_id, ())) > 1:
            yield f"{object_id} answers to {len(books.keys_of[object_id])} idempotency keys"
    for tender in (books.tenders[each] for each in books.touched):
        in_force = truth.sent.get(tender.paytm_id, 0) - truth.withdrawn.get(tender.paytm_id, 0)
        was_asked = truth.asked.get(tender.paytm_id, 0) >= LEAST_ASKED
        if in_force > 1 and not (was_asked and books.answers[tender.id]["missing"]):
            yield f"{tender.id} was sent again, and Paytm had not said {LEAST_ASKED} times that it does not know it"
    for bill in (books.bills[each] for each in books.touched_bills):
        paid = plain = excess = 0
        for tender in books.of_bill(bill.id):
            if tender.status == "paid":
                paid += tender.amount
                excess -= books.booked(tender.id, "payment.paid", "advances")
            is_plain = tender.is_exclusive and not tender.is_late and tender.status != "not_paid"
            if is_plain and (tender.is_cash or tender.key in truth.taken):
                plain += tender.amount
        if plain > bill.total and not bill.is_cancelled:
            yield f"bill {bill.number} of {bill.total} was charged {plain}, and nobody overrode anything"
        own = bill.paid - books.attached[bill.id]
        if paid - own != excess:
            yield f"bill {bill.number}: {paid} paid, {own} received, yet {excess} in advances"


def i05(books: Books, truth: Truth) -> Iterator[str]:
    """Never is more given back than was paid, a void is whole and alone, and both are counted on the payment."""
    for tender in (books.tenders[each] for each in books.touched):
        back = books.given_back(tender.id)
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
    given: Counter[tuple[str, str]] = Counter()
    for each in truth.returns:
        given[each.mid, each.paytm_id] += each.amount_paise
    for key in truth.voided:
        given[key] += truth.taken.get(key, 0)
    for key, amount in given.items():
        if amount > truth.taken.get(key, 0):
            yield f"Paytm gave {amount} back of {key[1]}, and took {truth.taken.get(key, 0)}"


def i06(books: Books, truth: Truth) -> Iterator[str]:
    """Every refund at Paytm is written down once; it is done or failed in the books only if it is so there."""
    for ref, count in Counter((each.mid, each.ref_id) for each in truth.returns).items():
        if count > 1:
            yield f"the reference {ref[1]} was refunded {count} times"
    for back in truth.returns:
        refund = books.by_ref.get((back.mid, back.ref_id))
        if refund is None or refund.amount != back.amount_paise:
            yield f"Paytm gives {back.amount_paise} back under {back.ref_id}, which is not written down so"
        elif books.is_over and back.is_done and refund.status != "done" and not books.is_with_a_person(refund):
            yield f"{refund.id} is {refund.status} and nobody is told, though the money went back"
    done = {(back.mid, back.ref_id) for back in truth.returns if back.is_done}
    alive = {(back.mid, back.ref_id) for back in truth.returns}
    for each in (books.refunds[refund] for refund in books.touched_refunds):
        tender = books.tenders.get(each.payment_id)
        if tender is None:
            yield f"{each.id} gives back {each.payment_id}, which does not exist"
            continue
        is_true = tender.key in truth.voided if each.kind == "void" else (each.mid, each.ref_id) in done
        if each.status == "done" and not is_true and not tender.is_cash:
            yield f"{each.id} is done in the books, and not at Paytm"
        if each.status == "failed" and each.kind == "refund" and (each.mid, each.ref_id) in alive:
            yield f"{each.id} has failed in the books, and Paytm gives it back"
    if books.is_over:
        yield from _unknown_voids(books, truth)


def _unknown_voids(books: Books, truth: Truth) -> Iterator[str]:
    known = {
        books.tenders[each.payment_id].key
        for each in books.refunds.values()
        if each.kind == "void" and (each.status == "done" or books.is_with_a_person(each))
    }
    for key in sorted(truth.voided - known):
        yield f"{key[1]} was voided at the machine, and no void of ours says so"


def i07(books: Books, truth: Truth) -> Iterator[str]:
    """A bill holds what the ledger gave it and no more than its total, and reserves exactly what is live."""
    for bill in (books.bills[each] for each in books.touched_bills):
        ours = books.of_bill(bill.id)
        live = sum(each.amount for each in ours if each.status in LIVE)
        allocated = -sum(books.booked(each.id, "payment.paid", "receivable") for each in ours)
        allocated += books.attached[bill.id]
        if not 0 <= bill.paid <= bill.total or bill.paid != allocated:
            yield f"bill {bill.number} of {bill.total} says {bill.paid} paid, and received {allocated}"
        if bill.live != live:
            yield f"bill {bill.number} reserves {bill.live}, and {live} is live"
        if bill.paid + bill.live > bill.total and not bill.is_overcommitted:
            taken = f"{bill.paid} paid and {bill.live} live"
            yield f"bill {bill.number} of {bill.total} has {taken}, and no override says so"
        if bill.is_cancelled and bill.paid:
            yield f"bill {bill.number} is cancelled with {bill.paid} paid"


def i08(books: Books, truth: Truth) -> Iterator[str]:
    """Every amount is a whole number of paise, and what is paid, billed or given back is within the cap."""
    if books.is_whole:
        for table, column, value in books.rows(_ODD_AMOUNTS):
            yield f"{table}.{column} holds {value!r}"
    found = [(each, books.tenders[each].amount) for each in books.touched]
    found += [(each, books.refunds[each].amount) for each in books.touched_refunds]
    found += [(each, books.bills[each].total) for each in books.touched_bills]
    for object_id, amount in found:
        if type(amount) is not int or not 1 <= amount <= MAX_PAISE:
            yield f"{object_id} is for {amount!r} paise"
    for entry, _, account, amount in books.added["postings"]:
        if type(amount) is not int:
            yield f"the entry {entry} puts {amount!r} paise into {account}"


def i09(books: Books, truth: Truth) -> Iterator[str]:
    """Clearing and drawer hold what was taken less what went back; in the end it is what Paytm owes and people see."""
    ours, seen = Counter[str](), Counter[str]()
    returned = {(each.mid, each.ref_id): each.amount_paise for each in truth.returns if each.is_done}
    for tender in books.tenders.values():
        if tender.status == "paid":
            ours[tender.held_in] += tender.amount
        elif books.is_over and books.is_with_a_person(tender):
            seen[tender.mid] += truth.taken.get(tender.key, 0)
    for refund in books.refunds.values():
        refunded = books.tenders.get(refund.payment_id)
        if refunded is None:
            continue
        if refund.status == "done":
            ours[refunded.held_in] -= refund.amount
        elif books.is_over and books.is_with_a_person(refund):
            is_voided = refund.kind == "void" and refunded.key in truth.voided
            seen[refund.mid] -= refund.amount if is_voided else returned.get((refund.mid, refund.ref_id), 0)
    booked: Counter[str] = Counter()
    for account, total in books.balances.items():
        if account.startswith("clearing:") or account == "cash_drawer":
            booked[account.removeprefix("clearing:")] += total
    for mid in sorted(booked.keys() | ours.keys()):
        if booked[mid] != ours[mid]:
            yield f"the account of {mid} stands at {booked[mid]}, and its payments and refunds make {ours[mid]}"
    if books.is_over:
        owed: Counter[str] = Counter()
        for (mid, _), amount in truth.taken.items():
            owed[mid] += amount
        for (mid, _), amount in returned.items():
            owed[mid] -= amount
        for key in truth.voided:
            owed[key[0]] -= truth.taken[key]
        for mid in sorted((owed.keys() | ours.keys()) - {"cash_drawer"}):
            if owed[mid] != ours[mid] + seen[mid]:
                yield f"Paytm owes {owed[mid]} to {mid}; the books say {ours[mid]}, and people see {seen[mid]} more"


def _typed() -> str:
    """Return the SQL that finds amounts which are no whole numbers, in every column that holds any."""
    parts = [
        f"SELECT '{table.name}', '{column.name}', CAST({column.name} AS TEXT) FROM {table.name}"  # noqa: S608 - our own
        f" WHERE CAST({column.name} AS TEXT) <> CAST(CAST({column.name} AS BIGINT) AS TEXT)"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_paise")
    ]
    return " UNION ALL ".join(parts)


_ODD_AMOUNTS = _typed()
