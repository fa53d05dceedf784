"""The five figures a simulation is judged by, counted at the end of each run from the books and the truth."""

from __future__ import annotations

from collections import Counter

from galla.simulation.books import LIVE, OPEN, Books
from galla.simulation.truth import Truth

LOST, DOUBLED, OVER_REFUNDED, OUT_OF_BALANCE, STUCK = (
    "lost", "doubled", "over-refunded", "paise out of balance", "stuck",
)
FIGURES = (LOST, DOUBLED, OVER_REFUNDED, OUT_OF_BALANCE, STUCK)
"""All must be zero."""


def verdict(books: Books, truth: Truth) -> Counter[str]:
    """Count what is wrong now that everything has had its time.

    Lost: paid at Paytm, and neither paid in the books nor with a person. Doubled: charged again under one id, or a bill
    charged beyond its total without an override. Over-refunded: more given back than taken. Out of balance: paise that
    the ledger cannot place. Stuck: not final and with nobody.
    """
    found = Counter(dict.fromkeys(FIGURES, 0))
    for key in truth.taken:
        tender = books.by_key.get(key)
        found[LOST] += tender is None or (tender.status != "paid" and not books.is_with_a_person(tender))
    found[DOUBLED] = len(truth.charges) - len(truth.taken)
    found[DOUBLED] += sum(_is_doubled(books, truth, each) for each in books.bills)
    given = Counter(dict.fromkeys(truth.taken, 0))
    for back in truth.returns:
        given[back.mid, back.paytm_id] += back.amount_paise
    for key in truth.voided:
        given[key] += truth.taken.get(key, 0)
    found[OVER_REFUNDED] = sum(amount > truth.taken.get(key, 0) for key, amount in given.items())
    found[OUT_OF_BALANCE] = abs(sum(books.balances.values()))
    found[STUCK] = sum(each.status in LIVE and not books.is_with_a_person(each) for each in books.tenders.values())
    found[STUCK] += sum(each.status in OPEN and not books.is_with_a_person(each) for each in books.refunds.values())
    return found


def _is_doubled(books: Books, truth: Truth, bill_id: str) -> bool:
    bill = books.bills[bill_id]
    plain = (each for each in books.of_bill(bill_id) if each.is_exclusive and not each.is_late)
    taken = sum(each.amount for each in plain if each.key in truth.taken or (each.is_cash and each.status == "paid"))
    return taken > bill.total and not bill.is_cancelled
