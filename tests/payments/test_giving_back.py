"""The limits of giving back: never more than is left, nothing Paytm refuses, and two people above the limit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galla.errors import AmountNotAllowed
from galla.payments.giving_back import amount_to_give, given_paise, left_paise, needs_second
from galla.payments.model import Payment, Status

PAYMENT = Payment(
    id="pay_1",
    merchant_id="mer_1",
    environment="sandbox",
    mid="M",
    method="upi",
    amount_paise=250_000,
    paytm_id="SB1",
    created_at=datetime(2026, 1, 5, 4, 50, tzinfo=UTC),
    status=Status.PAID,
)


def paid(**changes: Any) -> Payment:
    """Return a paid payment of ₹2,500.00 with changes."""
    return msgspec.structs.replace(PAYMENT, **changes)


def refusal(payment: Payment, wanted_paise: int | None) -> tuple[str | None, str | None, str]:
    """Return code, field and words of the refusal of an amount."""
    with pytest.raises(AmountNotAllowed) as raised:
        amount_to_give(payment, wanted_paise)
    return raised.value.code, raised.value.param, str(raised.value)


def test_what_is_on_its_way_counts_as_given_back() -> None:
    """What is left is the amount less what is given back and what is on its way."""
    part = paid(refunded_paise=70_000, refunding_paise=30_000)
    assert (given_paise(part), left_paise(part)) == (100_000, 150_000)
    assert (given_paise(paid()), left_paise(paid())) == (0, 250_000)


@pytest.mark.parametrize("method", ["upi", "cash"])
@pytest.mark.parametrize("wanted", [None, 250_000])
def test_the_whole_of_it_goes_back_named_or_not(wanted: int | None, method: str) -> None:
    """Nothing named is all that is left; all of it is allowed by name too, down to a payment of one paisa."""
    assert amount_to_give(paid(method=method), wanted) == 250_000
    assert amount_to_give(paid(method=method, amount_paise=1), wanted and 1) == 1


@pytest.mark.parametrize("wanted", [None, 150_000])
def test_the_rest_goes_back_named_or_not(wanted: int | None) -> None:
    """After a part, nothing named is the rest."""
    assert amount_to_give(paid(refunded_paise=70_000, refunding_paise=30_000), wanted) == 150_000


def test_one_paisa_more_than_is_left_is_refused() -> None:
    """The refusal names the field and says what is left, given back and on its way."""
    code, field, words = refusal(paid(refunded_paise=70_000, refunding_paise=30_000), 150_001)
    assert (code, field) == ("over_refund", "amount")
    assert "At most ₹1,500.00 of payment pay_1" in words
    assert "(₹700.00 is given back, ₹300.00 is on its way)" in words


@pytest.mark.parametrize("wanted", [None, 1, 250_000])
@pytest.mark.parametrize("method", ["upi", "cash"])
def test_of_nothing_left_nothing_goes_back(wanted: int | None, method: str) -> None:
    """When all is given back or on its way, any amount is too much, and so is "the rest"."""
    payment = paid(method=method, refunded_paise=150_000, refunding_paise=100_000)
    assert refusal(payment, wanted)[:2] == ("over_refund", "amount")


@pytest.mark.parametrize("wanted", [99, 1, 249_901, 249_999])
def test_a_part_below_a_rupee_is_refused_and_so_is_leaving_one_over(wanted: int) -> None:
    """Paytm refuses less than ₹1.00: as a part, and later as what the part left over."""
    code, field, words = refusal(paid(), wanted)
    assert (code, field) == ("amount_below_minimum", "amount")
    assert words.endswith("or all of the ₹2,500.00.")


@pytest.mark.parametrize("wanted", [100, 101, 249_900, 249_899])
def test_a_rupee_may_go_back_and_a_rupee_may_stay(wanted: int) -> None:
    """Just ₹1.00 is enough on either side."""
    assert amount_to_give(paid(), wanted) == wanted


def test_a_rest_below_a_rupee_cannot_go_back_through_paytm() -> None:
    """Named or not, a rest that Paytm would refuse is not sent."""
    payment = paid(refunded_paise=249_901)
    assert refusal(payment, None)[0] == refusal(payment, 99)[0] == "amount_below_minimum"
    assert amount_to_give(paid(refunded_paise=249_900), None) == 100


@pytest.mark.parametrize("wanted", [1, 99, 249_999])
def test_cash_goes_back_to_the_paisa(wanted: int) -> None:
    """No Paytm stands between a drawer and a customer."""
    assert amount_to_give(paid(method="cash"), wanted) == wanted


@given(st.data())
def test_no_sequence_of_parts_gives_back_more_than_was_paid(data: st.DataObject) -> None:
    """Whatever parts are asked for one after another, together they never exceed the payment."""
    payment = paid(method=data.draw(st.sampled_from(["upi", "cash"])), amount_paise=data.draw(st.integers(1, 1_000)))
    for wanted in data.draw(st.lists(st.integers(1, 1_100), max_size=8)):
        try:
            amount = amount_to_give(payment, wanted)
        except AmountNotAllowed:
            continue
        assert amount == wanted
        payment = msgspec.structs.replace(payment, refunding_paise=payment.refunding_paise + amount)
        assert left_paise(payment) >= 0


def test_two_people_are_needed_from_one_paisa_above_the_limit() -> None:
    """The limit counts what the payment has given back before and what is on its way; without one nobody is needed."""
    part = paid(refunded_paise=70_000, refunding_paise=30_000)
    assert not needs_second(part, 50_000, 150_000)
    assert needs_second(part, 50_001, 150_000)
    assert needs_second(paid(), 1, 0)
    assert not needs_second(paid(), 250_000, None)
