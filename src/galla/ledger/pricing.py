"""What the lines of a bill come to: quantity, rate, discount and GST, in whole paise.

One rule of rounding: a part of a paisa is rounded half up, once per line and per step. What is shared out (a discount
on the whole bill) is shared exactly: floors first, then a paisa each to the largest remainders. So the lines of a bill
add up to its total, and the taxes of its lines to its tax, without a paisa left over.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec

from galla.errors import AmountNotAllowed
from galla.ledger.posting import included_tax
from galla.money import format_inr

WHOLE = 1000
"""Quantities are whole thousandths: 1500 is one and a half."""


class Discount(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken off: an amount in paise, or else a rate in hundredths of a percent; neither is nothing."""

    amount_paise: int = 0
    rate_bp: int = 0

    def of(self, whole_paise: int, param: str) -> int:
        """Return the discount on an amount, in paise.

        Raises:
            AmountNotAllowed: it is more than the amount itself.
        """
        off = self.amount_paise or _half_up(whole_paise * self.rate_bp, 10_000)
        if off > whole_paise:
            raise AmountNotAllowed(
                f"`{param}` takes {format_inr(off)} off {format_inr(whole_paise)}. A discount cannot be more than "
                "what it is taken off.",
                param=param,
            )
        return off


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One line before it is added up: quantity in thousandths, rate in paise, GST in hundredths of a percent."""

    description: str
    quantity_milli: int = WHOLE
    unit_paise: int
    tax_bp: int = 0
    hsn: str | None = None
    discount: Discount = Discount()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a bill, added up; amounts in paise.

    `discount_paise` is the line's own discount, `share_paise` its share of the bill's. What is left of `gross_paise` is
    `amount_paise` where the rate includes GST, and `taxable_paise` where GST comes on top.
    """

    description: str
    quantity_milli: int
    unit_paise: int
    gross_paise: int
    discount_paise: int
    share_paise: int
    tax_bp: int
    taxable_paise: int
    tax_paise: int
    hsn: str | None = None

    @property
    def amount_paise(self) -> int:
        """What the customer owes for the line, GST in it."""
        return self.taxable_paise + self.tax_paise

    @property
    def untaxed_discount_paise(self) -> int:
        """What its discounts took off the sale alone, without the GST that was never owed."""
        off = self.discount_paise + self.share_paise
        is_included = self.gross_paise - off == self.amount_paise
        return off - included_tax(off, self.tax_bp) if is_included else off


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """The GST of one rate over a bill, in paise. Where it is odd, the centre's half has the paisa more.

    `is_interstate`: to another state, so that all of it is the integrated tax.
    """

    tax_bp: int
    taxable_paise: int
    tax_paise: int
    is_interstate: bool = False

    @property
    def sgst_paise(self) -> int:
        """The state's half."""
        return 0 if self.is_interstate else self.tax_paise // 2

    @property
    def cgst_paise(self) -> int:
        """The centre's half."""
        return 0 if self.is_interstate else self.tax_paise - self.sgst_paise

    @property
    def igst_paise(self) -> int:
        """The integrated tax of a sale to another state."""
        return self.tax_paise if self.is_interstate else 0


def price(items: list[Item], discount: Discount | None = None, *, is_tax_included: bool = True) -> list[Line]:
    """Add up the lines of a bill.

    Args:
        items: the lines as they were asked for.
        discount: what is taken off the whole bill after the lines' own discounts, before any GST on top.
        is_tax_included: whether rates include GST; otherwise it comes on top.

    Raises:
        AmountNotAllowed: a discount is more than what it is taken off.
    """
    gross = [_half_up(item.quantity_milli * item.unit_paise, WHOLE) for item in items]
    own = [
        item.discount.of(whole, f"lines[{place}].discount_amount")
        for place, (item, whole) in enumerate(zip(items, gross, strict=True))
    ]
    net = [whole - off for whole, off in zip(gross, own, strict=True)]
    shares = spread((discount or Discount()).of(sum(net), "discount_amount"), net)
    return [
        _line(item, whole, off, share, is_tax_included=is_tax_included)
        for item, whole, off, share in zip(items, gross, own, shares, strict=True)
    ]


def spread(amount_paise: int, weights: list[int]) -> list[int]:
    """Share an amount out in proportion, to the paisa; none gets more than its weight if all do not.

    Example:
        >>> spread(100, [1, 1, 1])
        [34, 33, 33]
    """
    whole = sum(weights)
    if amount_paise == 0 or whole == 0:
        return [0] * len(weights)
    shares = [amount_paise * weight // whole for weight in weights]
    largest = sorted(range(len(weights)), key=lambda place: (-(amount_paise * weights[place] % whole), place))
    for place in largest[: amount_paise - sum(shares)]:
        shares[place] += 1
    return shares


def rates(taxes: list[tuple[int, int, int]], *, is_interstate: bool = False) -> list[Rate]:
    """Return the GST by rate, lowest first, of lines given as (`tax_bp`, `taxable_paise`, `tax_paise`)."""
    taxable: defaultdict[int, int] = defaultdict(int)
    tax: defaultdict[int, int] = defaultdict(int)
    for tax_bp, base, owed in taxes:
        taxable[tax_bp] += base
        tax[tax_bp] += owed
    return [
        Rate(tax_bp=bp, taxable_paise=taxable[bp], tax_paise=tax[bp], is_interstate=is_interstate)
        for bp in sorted(tax)
        if bp
    ]


def quantity_text(quantity_milli: int) -> str:
    """Write a quantity for people.

    Example:
        >>> quantity_text(1500)
        '1.5'
    """
    whole, part = divmod(quantity_milli, WHOLE)
    return f"{whole}.{part:03d}".rstrip("0").rstrip(".")


def _line(item: Item, gross: int, off: int, share: int, *, is_tax_included: bool) -> Line:
    net = gross - off - share
    tax = included_tax(net, item.tax_bp) if is_tax_included else _half_up(net * item.tax_bp, 10_000)
    return Line(
        description=item.description,
        quantity_milli=item.quantity_milli,
        unit_paise=item.unit_paise,
        gross_paise=gross,
        discount_paise=off,
        share_paise=share,
        tax_bp=item.tax_bp,
        taxable_paise=net - tax if is_tax_included else net,
        tax_paise=tax,
        hsn=item.hsn,
    )


def _half_up(amount: int, divisor: int) -> int:
    return (2 * amount + divisor) // (2 * divisor)
