"""Money: whole paise in and out, and nothing else."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galla.errors import AmountNotAllowed
from galla.money import MAX_PAISE, check_amount, format_inr, parse_paise, parse_rupees, rupees

NOT_AMOUNTS = [
    "", " ", "-1", "+1", "1.", ".5", "1.234", "1e3", "1E3", "NaN", "nan", "Infinity", "inf", "0x10", "1_000",
    "1,000", "1 000", " 1", "1 ", "1\n", "\n1", "1.0.0", "१२", "１２", "1٫5", "1。5", "₹1", "1/2", "--1", "12345678901",
    "99999999999.99", "1.१", "\x001", "1\u200b",
]  # fmt: skip


def test_a_million_amounts_round_trip() -> None:
    """F46: each of 1 to 1,000,000 paise, written as rupees and read back, is itself; floats get 6.6 % wrong."""
    assert all(parse_rupees(rupees(paise)) == paise for paise in range(1, 1_000_001))


@given(st.integers(0, MAX_PAISE))
def test_every_amount_round_trips(paise: int) -> None:
    """F46: so does every amount up to the limit, through rupees and through Paytm's paise."""
    if paise < 10**12:
        assert parse_rupees(rupees(paise)) == paise
    assert parse_paise(str(paise)) == paise


@pytest.mark.parametrize(
    ("text", "paise"),
    [("0", 0), ("1", 100), ("1.1", 110), ("1.15", 115), ("4.35", 435), ("19.99", 1999), ("0.01", 1), ("007", 700)],
)
def test_rupees_are_read(text: str, paise: int) -> None:
    """Rupees with none, one or two decimals are read exactly."""
    assert parse_rupees(text) == paise


@pytest.mark.parametrize("text", NOT_AMOUNTS)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """F46: signs, exponents, a third decimal, separators, spaces and foreign digits are refused, never rounded."""
    with pytest.raises(AmountNotAllowed) as caught:
        parse_rupees(text)
    assert caught.value.param == "amount"
    if not (text.isascii() and text.isdigit()):
        with pytest.raises(AmountNotAllowed) as caught:
            parse_paise(text)
        assert caught.value.param == "amount"


@pytest.mark.parametrize("value", [1, 1.5, None, Decimal("1.5"), b"1", ["1"], True])
def test_only_text_is_read(value: Any) -> None:
    """A number is not guessed at: rupees and paise would be a hundredfold apart."""
    for parse in (parse_rupees, parse_paise):
        with pytest.raises(AmountNotAllowed):
            parse(value)


def test_paise_have_twelve_digits() -> None:
    """Paytm's field is twelve digits wide, and no wider is read."""
    assert parse_paise("9" * 12) == MAX_PAISE
    with pytest.raises(AmountNotAllowed):
        parse_paise("9" * 13)


@pytest.mark.parametrize("value", [1, 115, MAX_PAISE])
def test_an_amount_is_checked(value: int) -> None:
    """I-08: 1 paisa to the limit pass as they are."""
    assert check_amount(value) == value


@pytest.mark.parametrize("value", [0, -1, MAX_PAISE + 1, 1.0, 2.5, "1", None, True, Decimal(1), float("nan"), [1], 1j])
def test_other_amounts_are_refused(value: object) -> None:
    """I-08, F46: zero, negatives, more than the limit, floats, texts and truths are refused, naming the field."""
    with pytest.raises(AmountNotAllowed, match=r"^`tip`") as caught:
        check_amount(value, param="tip")
    assert caught.value.param == "tip"
    with pytest.raises(AmountNotAllowed, match=r"^`amount`"):
        check_amount(value)


@pytest.mark.parametrize(
    ("paise", "text"),
    [
        (0, "₹0.00"), (1, "₹0.01"), (99_999, "₹999.99"), (100_000, "₹1,000.00"), (12_345_600, "₹1,23,456.00"),
        (1_000_000_000, "₹1,00,00,000.00"), (-115, "-₹1.15"), (-1, "-₹0.01"), (MAX_PAISE, "₹9,99,99,99,999.99"),
    ],
)  # fmt: skip
def test_money_is_written_the_indian_way(paise: int, text: str) -> None:
    """People read lakhs and crores: groups of two after the first three."""
    assert format_inr(paise) == text
    assert format_inr(paise, symbol="") == text.replace("₹", "")
    assert rupees(paise) == text.replace("₹", "").replace(",", "")


@given(st.integers(-MAX_PAISE, MAX_PAISE))
def test_written_money_loses_nothing(paise: int) -> None:
    """What is written for people still holds every digit, and rupees have two decimals."""
    assert format_inr(paise, symbol="").replace(",", "") == rupees(paise)
    assert rupees(paise)[-3] == "."
