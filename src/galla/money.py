"""Money: whole paise, and the texts it is written in.

An amount is always an `int` of paise. No float, no rounding, no `Decimal` crosses this module.
"""

from __future__ import annotations

import re

from galla.errors import AmountNotAllowed

MAX_PAISE = 99_99_99_99_99_99  # twelve digits, the width of Paytm's transactionAmount
_RUPEES = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?", re.ASCII)
_PAISE = re.compile(r"[0-9]{1,12}", re.ASCII)


def check_amount(amount_paise: object, *, param: str = "amount") -> int:
    """Return the amount if it is a whole number of paise from 1 to `MAX_PAISE`.

    Raises:
        AmountNotAllowed: it is anything else, `True` and `1.0` included.
    """
    if type(amount_paise) is not int:
        raise AmountNotAllowed(
            f"`{param}` must be a whole number of paise, such as 250000 for ₹2,500.00.", param=param
        )
    if not 1 <= amount_paise <= MAX_PAISE:
        raise AmountNotAllowed(
            f"`{param}` must be from 1 paisa to {format_inr(MAX_PAISE)}; {amount_paise} paise is not.",
            param=param,
        )
    return amount_paise


def parse_rupees(text: str) -> int:
    """Read rupees such as `2500`, `2500.5` or `2500.00` as paise.

    Raises:
        AmountNotAllowed: anything but plain ASCII digits with at most two decimals.

    Example:
        >>> parse_rupees("1.15")
        115
    """
    if not isinstance(text, str) or _RUPEES.fullmatch(text) is None:
        raise AmountNotAllowed(
            "Write the amount in rupees with at most two decimals, such as 2500 or 2500.50.", param="amount"
        )
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int((part + "00")[:2])


def parse_paise(text: str) -> int:
    """Read Paytm's paise text, such as `250000`.

    Raises:
        AmountNotAllowed: anything but one to twelve ASCII digits.
    """
    if not isinstance(text, str) or _PAISE.fullmatch(text) is None:
        raise AmountNotAllowed("An amount in paise is one to twelve digits.", param="amount")
    return int(text)


def rupees(amount_paise: int) -> str:
    """Write paise as rupees with two decimals, as Paytm's online APIs want them: `2500.00`."""
    sign = "-" if amount_paise < 0 else ""
    whole, part = divmod(abs(amount_paise), 100)
    return f"{sign}{whole}.{part:02d}"


def format_inr(amount_paise: int, *, symbol: str = "₹") -> str:
    """Write paise for people, in Indian grouping.

    Example:
        >>> format_inr(12345600)
        '₹1,23,456.00'
    """
    sign = "-" if amount_paise < 0 else ""
    whole, part = divmod(abs(amount_paise), 100)
    text = str(whole)
    head, tail = text[:-3], text[-3:]
    groups = [tail]
    while head:
        groups.append(head[-2:])
        head = head[:-2]
    return f"{sign}{symbol}{','.join(reversed(groups))}.{part:02d}"
