"""The invariants, one function each, named by number: what must hold after every step of any run.

Each yields a sentence for every breach it finds, from the books (SQL, either engine) and the truth; `breaches` asks
them all. They are written from the rules and use nothing of galla's services, so that they cannot share its mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from galla.simulation.books import Books
from galla.simulation.invariants import course, money, record
from galla.simulation.truth import Truth

Invariant = Callable[[Books, Truth], Iterator[str]]

INVARIANTS: dict[str, Invariant] = {
    "I-01": money.i01, "I-02": money.i02, "I-03": money.i03, "I-04": money.i04, "I-05": money.i05, "I-06": money.i06,
    "I-07": money.i07, "I-08": money.i08, "I-09": money.i09, "I-10": course.i10, "I-11": course.i11,
    "I-12": course.i12, "I-13": course.i13, "I-14": course.i14, "I-15": course.i15, "I-16": course.i16,
    "I-17": course.i17, "I-18": record.i18, "I-19": record.i19, "I-20": record.i20, "I-21": record.i21,
    "I-22": record.i22, "I-23": record.i23, "I-24": record.i24,
}
"""Every invariant by its number."""


def breaches(books: Books, truth: Truth) -> list[str]:
    """Return every breach of every invariant in what the last look touched, each led by its number."""
    return [f"{name}: {breach}" for name, holds in INVARIANTS.items() for breach in holds(books, truth)]


def differences(kept: Books, whole: Books) -> list[str]:
    """Return which tables that only grow read otherwise now than when their rows were first seen (I-18)."""
    kept.look(whole.now_ms)
    return [
        f"I-18: a row of {table} was changed after it had been written"
        for table, digest in kept.digests.items()
        if digest.digest() != whole.digests[table].digest()
    ]
