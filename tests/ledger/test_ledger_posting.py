"""Which entry each event makes, and that no entry out of balance can exist even in memory."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galla.errors import LedgerError
from galla.ledger.accounts import (
    ADVANCES,
    FIXED,
    GST_OUTPUT,
    HOST_RECEIVABLE,
    RECEIVABLE,
    SALES,
    AccountKind,
    clearing,
)
from galla.ledger.posting import (
    Entry,
    Posting,
    for_bill,
    for_bill_cancelled,
    for_payment,
    for_refund,
    included_tax,
)
from galla.money import MAX_PAISE
from galla.payments.model import Method, Payment, Proof

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
AMOUNTS = st.integers(1, MAX_PAISE)


def entry(*amounts: Any) -> Entry:
    """Return an entry with lines of these amounts."""
    lines = tuple(Posting(SALES, amount) for amount in amounts)
    return Entry(object_id="o", event="e", at=NOW, on=date(2026, 1, 5), description="", postings=lines)


def payment(amount_paise: int, **changes: Any) -> tuple[Payment, Proof]:
    """Return a payment and its proof."""
    made = Payment(
        id="pay_1",
        merchant_id="m",
        environment="sandbox",
        mid="MID",
        method=Method.EDC,
        amount_paise=amount_paise,
        paytm_id="SB1",
        created_at=NOW,
        **changes,
    )
    return made, Proof(mid="MID", paytm_id="SB1", amount_paise=amount_paise)


def sums(made: Entry) -> dict[str, int]:
    """Return the signed amount of each account."""
    return {line.account.code: line.amount_paise for line in made.postings}


@given(st.lists(st.integers(-MAX_PAISE, MAX_PAISE), max_size=8))
def test_an_unbalanced_entry_cannot_be_built(amounts: list[int]) -> None:
    """I-01: an entry exists only with two lines or more, none of zero, that sum to zero."""
    is_sound = len(amounts) >= 2 and 0 not in amounts and sum(amounts) == 0
    if is_sound:
        assert len(entry(*amounts).postings) == len(amounts)
    else:
        with pytest.raises(LedgerError, match=r"for o"):
            entry(*amounts)


@given(st.lists(st.integers(-MAX_PAISE, MAX_PAISE).filter(bool), min_size=1, max_size=8))
def test_a_balanced_entry_can_be_built(amounts: list[int]) -> None:
    """I-01: any lines and their counterweight make an entry."""
    total = sum(amounts)
    made = entry(*amounts, -total) if total else entry(*amounts, 1, -1)
    assert sum(line.amount_paise for line in made.postings) == 0


@pytest.mark.parametrize("bad", [1.0, "1", True, None])
def test_a_line_is_whole_paise(bad: object) -> None:
    """I-08: a line of a float, a text or a truth is no line."""
    with pytest.raises(LedgerError):
        entry(bad, -1)


@given(AMOUNTS, st.data(), st.booleans())
def test_a_payment_is_booked_whole(amount_paise: int, data: st.DataObject, has_bill: bool) -> None:
    """I-04, I-09: Paytm owes the whole amount; the bill gets what it needed, the rest is the customer's advance."""
    allocated = data.draw(st.integers(0, amount_paise)) if has_bill else amount_paise
    made, proof = payment(amount_paise, bill_id="bill_1" if has_bill else None)

    booked = sums(for_payment(made, proof, allocated, NOW))

    owed = RECEIVABLE if has_bill else HOST_RECEIVABLE
    wanted = {"clearing:MID": amount_paise, owed.code: -allocated, ADVANCES.code: allocated - amount_paise}
    assert booked == {code: amount for code, amount in wanted.items() if amount}
    assert sum(booked.values()) == 0


def test_a_payment_is_booked_on_its_day_in_india() -> None:
    """F43: the business date is India's, of the instant that Paytm names, not of when galla heard."""
    made, proof = payment(1000)
    late = datetime(2026, 1, 31, 18, 30, tzinfo=UTC)
    assert for_payment(made, proof, 1000, late).on == date(2026, 2, 1)
    paid_at = datetime(2026, 1, 31, 18, 29, 59, tzinfo=UTC)
    assert for_payment(made, msgspec.structs.replace(proof, paid_at=paid_at), 1000, late).on == date(2026, 1, 31)


@given(AMOUNTS, st.data())
def test_a_bill_owes_its_tax(total_paise: int, data: st.DataObject) -> None:
    """A bill is owed whole by the customer; its tax is owed on, the rest is sales; cancelling reverses all of it."""
    tax = data.draw(st.integers(0, total_paise))
    made = for_bill("bill_1", "INV-1", total_paise, tax, NOW)
    wanted = {RECEIVABLE.code: total_paise, SALES.code: tax - total_paise, GST_OUTPUT.code: -tax}
    assert sums(made) == {code: amount for code, amount in wanted.items() if amount}
    undone = for_bill_cancelled("bill_1", "INV-1", total_paise, tax, NOW)
    assert sums(undone) == {code: -amount for code, amount in sums(made).items()}
    assert undone.event != made.event


@given(AMOUNTS, st.integers(0, MAX_PAISE))
def test_a_refund_takes_the_advance_first(amount_paise: int, advance_paise: int) -> None:
    """A refund lessens what Paytm owes; an advance goes back first, and only the rest is money given back."""
    made, _ = payment(MAX_PAISE)
    booked = sums(for_refund("ref_1", made, amount_paise, advance_paise, NOW))
    assert booked["clearing:MID"] == -amount_paise
    assert booked.get(ADVANCES.code, 0) == min(amount_paise, advance_paise)
    assert sum(booked.values()) == 0


@pytest.mark.parametrize(
    ("amount_paise", "tax_bp", "tax"),
    [(11800, 1800, 1800), (10500, 500, 500), (100, 0, 0), (3, 1800, 0), (4, 1800, 1), (99999, 2800, 21875)],
)
def test_included_tax(amount_paise: int, tax_bp: int, tax: int) -> None:
    """The tax inside a tax-inclusive amount is rounded half up to a paisa."""
    assert included_tax(amount_paise, tax_bp) == tax


@given(st.integers(0, MAX_PAISE), st.integers(0, 10_000))
def test_included_tax_is_the_nearest_paisa(amount_paise: int, tax_bp: int) -> None:
    """The tax is within half a paisa of the exact fraction, for any amount and rate, without a float."""
    error = 2 * (included_tax(amount_paise, tax_bp) * (10_000 + tax_bp) - amount_paise * tax_bp)
    assert -(10_000 + tax_bp) < error <= 10_000 + tax_bp


def test_the_chart_is_stable() -> None:
    """Accounts have unique codes, and each MID has a clearing account of its own."""
    assert len({account.code for account in FIXED}) == len(FIXED)
    assert (clearing("A").code, clearing("A").kind) == ("clearing:A", AccountKind.ASSET)
    assert clearing("A") != clearing("B")
