"""Amounts written out, as Indian papers carry them: lakh and crore."""

from __future__ import annotations

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_STEPS = ((10_000_000, "crore"), (100_000, "lakh"), (1_000, "thousand"), (100, "hundred"))


def in_words(amount_paise: int) -> str:
    """Write an amount of paise, zero or more, in words.

    Example:
        >>> in_words(12345650)
        'Rupees one lakh twenty-three thousand four hundred fifty-six and fifty paise only'
    """
    whole, part = divmod(amount_paise, 100)
    paise = f"{_number(part)} {'paisa' if part == 1 else 'paise'}"
    if whole == 0:
        return f"{paise.capitalize()} only"
    rupees = f"{'Rupee' if whole == 1 else 'Rupees'} {_number(whole)}"
    return f"{rupees} and {paise} only" if part else f"{rupees} only"


def _number(value: int) -> str:
    for step, word in _STEPS:
        if value >= step:
            rest = value % step
            return f"{_number(value // step)} {word}" + (f" {_number(rest)}" if rest else "")
    if value < 20:
        return _SMALL[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")
