"""What a bill comes to: whole paise that add up, whatever the quantities, discounts and rates."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galla.errors import AmountNotAllowed
from galla.ledger.pricing import Discount, Item, Line, price, quantity_text, rates, spread

RATES = st.sampled_from([0, 25, 300, 500, 1200, 1800, 2800])


@st.composite
def items(draw: st.DrawFn) -> list[Item]:
    """Lines with whole and broken quantities, discounts by amount and by rate, and every rate of GST."""
    made = []
    for _ in range(draw(st.integers(1, 8))):
        quantity = draw(st.one_of(st.integers(1, 9).map(lambda whole: 1000 * whole), st.integers(1, 20_000)))
        unit = draw(st.integers(1, 200_000))
        most = (quantity * unit + 500) // 1000
        off = draw(
            st.one_of(
                st.builds(Discount, amount_paise=st.integers(0, most)),
                st.builds(Discount, rate_bp=st.integers(0, 10_000)),
            )
        )
        made.append(
            Item(description="x", quantity_milli=quantity, unit_paise=unit, tax_bp=draw(RATES), discount=off)
        )
    return made


def net(line: Line) -> int:
    """Return what the discounts left of a line."""
    return line.gross_paise - line.discount_paise - line.share_paise


@given(items(), st.integers(0, 10_000), st.booleans())
def test_lines_add_up_without_a_paisa_left_over(asked: list[Item], rate_bp: int, is_included: bool) -> None:
    """Total, tax and discount are the sums of the lines; no line is negative; each tax is the nearest paisa."""
    lines = price(asked, Discount(rate_bp=rate_bp), is_tax_included=is_included)
    before = sum(line.gross_paise - line.discount_paise for line in lines)
    assert sum(line.share_paise for line in lines) == (2 * before * rate_bp + 10_000) // 20_000
    for line in lines:
        assert 0 <= net(line) == (line.amount_paise if is_included else line.taxable_paise)
        exact = Fraction(net(line) * line.tax_bp, 10_000 + line.tax_bp if is_included else 10_000)
        assert abs(line.tax_paise - exact) <= Fraction(1, 2)
        assert 0 <= line.untaxed_discount_paise <= line.discount_paise + line.share_paise
    found = rates([(line.tax_bp, line.taxable_paise, line.tax_paise) for line in lines])
    assert sum(each.tax_paise for each in found) == sum(line.tax_paise for line in lines)
    for each in found:
        assert each.cgst_paise + each.sgst_paise == each.tax_paise
        assert each.cgst_paise - each.sgst_paise in (0, 1)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20), st.data())
def test_a_discount_is_shared_out_to_the_paisa(weights: list[int], data: st.DataObject) -> None:
    """The shares are the whole, each within a paisa of its exact part and never above its line."""
    amount = data.draw(st.integers(0, sum(weights)))
    shares = spread(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share <= weight
        assert abs(share - Fraction(amount * weight, sum(weights) or 1)) < 1


@pytest.mark.parametrize(
    ("is_included", "taxable", "tax", "amount"), [(True, 4576, 824, 5400), (False, 5400, 972, 6372)]
)
def test_gst_is_in_the_rate_or_on_top(is_included: bool, taxable: int, tax: int, amount: int) -> None:
    """One and a half at ₹40 less 10 % is ₹54: GST of 18 % is within it, or comes on top of it."""
    asked = Item(description="x", quantity_milli=1500, unit_paise=4000, tax_bp=1800, discount=Discount(rate_bp=1000))
    (line,) = price([asked], is_tax_included=is_included)
    assert (line.taxable_paise, line.tax_paise, line.amount_paise) == (taxable, tax, amount)
    assert quantity_text(line.quantity_milli) == "1.5"


def test_a_discount_is_not_more_than_what_it_is_taken_off() -> None:
    """A discount above its line, or above the bill, is refused and names its field."""
    asked = Item(description="x", unit_paise=100, discount=Discount(amount_paise=101))
    with pytest.raises(AmountNotAllowed, match=r"lines\[0\].discount_amount"):
        price([asked])
    with pytest.raises(AmountNotAllowed, match="discount_amount"):
        price([Item(description="x", unit_paise=100)], Discount(amount_paise=101))
