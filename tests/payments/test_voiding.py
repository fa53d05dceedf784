"""The void clock: which instant ends a day's voids, and which way of giving back is chosen, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galla.clock import IST, business_date
from galla.errors import IllegalTransition
from galla.payments.model import Payment, Proof, Status
from galla.payments.voiding import choose, is_cutoff, until, void_until

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
INSTANTS = st.datetimes(min_value=datetime(2025, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC))
PAYMENT = Payment(
    id="pay_1",
    merchant_id="mer_1",
    environment="sandbox",
    mid="M",
    method="edc",
    amount_paise=250_000,
    paytm_id="SB1",
    created_at=NOW,
    status=Status.PAID,
    machine="Counter 1",
    void_cutoff="00:05",
    proof=Proof(mid="M", paytm_id="SB1", amount_paise=250_000, paid_at=NOW),
)


def paid(**changes: Any) -> Payment:
    """Return a paid card sale with changes."""
    return msgspec.structs.replace(PAYMENT, **changes)


@given(INSTANTS)
def test_the_usual_cutoff_is_five_past_the_next_midnight_in_india(paid_at: datetime) -> None:
    """Whatever the instant, its voids end at 00:05 of the day after its day in India, within a day and five minutes."""
    ends_at = void_until(paid_at, "00:05").astimezone(IST)
    assert (ends_at.hour, ends_at.minute, ends_at.second) == (0, 5, 0)
    assert business_date(ends_at) - business_date(paid_at) == timedelta(days=1)
    assert timedelta(0) < ends_at - paid_at <= timedelta(days=1, minutes=5)


@given(INSTANTS, st.integers(0, 23), st.integers(0, 59))
def test_a_cutoff_before_noon_is_tomorrows_and_from_noon_on_todays(paid_at: datetime, hour: int, minute: int) -> None:
    """The cut-off's own clock time decides which day it belongs to."""
    ends_at = void_until(paid_at, f"{hour:02d}:{minute:02d}")
    days = (business_date(ends_at) - business_date(paid_at)).days
    assert days == (1 if hour < 12 else 0)
    assert ends_at.tzinfo is UTC


@pytest.mark.parametrize("text", ["24:00", "0:05", "", "12:60", "٠٠:٠٥", "00:05:00"])
def test_a_cutoff_is_a_time_of_day(text: str) -> None:
    """HH:MM in plain digits, and nothing else."""
    assert is_cutoff("00:05")
    assert is_cutoff("23:59")
    assert not is_cutoff(text)


def test_a_sale_without_a_time_of_its_own_is_dated_by_when_it_was_made() -> None:
    """A proof without a time never makes the void clock longer."""
    assert until(paid(proof=msgspec.structs.replace(PAYMENT.proof, paid_at=None))) == until(PAYMENT)


TOMORROW = NOW + timedelta(days=1)
POSSIBLE = "The whole sale is taken back on Counter 1. That is possible until 12:05 am on 6 Jan."
PART = "A void takes back the whole sale of ₹2,500.00, not a part of it."
LATE = "This sale could be voided until 12:05 am on 6 Jan, and that time is over."
DRAWER = "Cash goes back as cash, out of the drawer."
ELSEWHERE = "Only a sale on a card machine can be voided."
BEGUN = "A void takes back the whole sale, and a part of this one is given back already or on its way."
CHOICES = [
    (PAYMENT, 250_000, NOW, False, "void", POSSIBLE),
    (PAYMENT, 1, NOW, False, "refund", f"{PART} So it is refunded."),
    (PAYMENT, 250_000, NOW, True, "refund", "A void of this sale has failed already. So it is refunded."),
    (PAYMENT, 250_000, TOMORROW, False, "refund", f"{LATE} So it is refunded."),
    (paid(void_cutoff=None), 250_000, NOW, False, "refund", f"{ELSEWHERE} So it is refunded."),
    (paid(method="cash", void_cutoff=None), 250_000, NOW, False, "refund", DRAWER),
    (paid(refunded_paise=100), 249_900, NOW, False, "refund", f"{BEGUN} So it is refunded."),
]


@pytest.mark.parametrize(("payment", "amount", "at", "has_failed", "kind", "why"), CHOICES)
def test_auto_chooses_and_says_why(
    payment: Payment, amount: int, at: datetime, has_failed: bool, kind: str, why: str
) -> None:
    """A whole sale before its cut-off is voided, anything else is refunded; the sentence says which and why."""
    choice = choose(payment, "auto", amount, at, has_failed=has_failed)
    assert (choice.kind, choice.why) == (kind, why)


@pytest.mark.parametrize(("payment", "amount", "at", "has_failed", "kind", "why"), CHOICES)
def test_a_void_by_name_is_a_void_or_a_refusal(
    payment: Payment, amount: int, at: datetime, has_failed: bool, kind: str, why: str
) -> None:
    """A void that is not possible is refused with the reason and what to do; it never becomes a refund silently."""
    if kind == "void" or has_failed:
        assert choose(payment, "void", amount, at, has_failed=has_failed).kind == "void"
        return
    with pytest.raises(IllegalTransition) as no:
        choose(payment, "void", amount, at, has_failed=has_failed)
    assert (no.value.code, no.value.param) == ("void_not_possible", "kind")
    reason = ELSEWHERE if payment.method == "cash" else why.removesuffix(" So it is refunded.")
    assert str(no.value).startswith(reason)
    assert "refund instead" in str(no.value)


def test_a_refund_by_name_is_a_refund() -> None:
    """Whoever asks for a refund gets one, even while a void is possible."""
    assert choose(PAYMENT, "refund", 250_000, NOW).kind == "refund"
