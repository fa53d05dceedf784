"""What requests and answers about bills hold, as `requests.py` and `answers.py`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from galla.money import MAX_PAISE
from galla.service.bill_asked import QUANTITY_MAX
from galla.web.answers import Customer, Listed, Shown
from galla.web.requests import Amount, BillStatus, CustomerBody, Line, Metadata, Name, Reference, Strict

Percent = Annotated[
    str,
    StringConstraints(pattern=r"^([0-9]{1,2}(\.[0-9]{1,2})?|100(\.0{1,2})?)$", max_length=6),
    Field(description="Per cent, as text: `18`, `2.5`.", examples=["18"]),
]
_TEXT = "^[0-9]{1,6}([.][0-9]{1,3})?$"


def _quantity(given: Any) -> Any:
    if type(given) is int and 1 <= given <= QUANTITY_MAX:
        return given
    if isinstance(given, str) and re.fullmatch(_TEXT, given, re.ASCII) and any(char in "123456789" for char in given):
        return given
    raise ValueError(f'is a whole number from 1 to {QUANTITY_MAX}, or a text with up to three decimals, such as "1.5"')


Quantity = Annotated[
    Any,
    AfterValidator(_quantity),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": QUANTITY_MAX},
                {"type": "string", "pattern": _TEXT, "examples": ["1.5"]},
            ],
            "description": "A whole number, or a text with up to three decimals.",
        }
    ),
]


class LineBody(Strict):
    """One line of a bill."""

    description: Line
    quantity: Quantity = 1
    unit_amount: Annotated[int, Field(ge=1, le=MAX_PAISE, description="Whole paise.")]
    discount_amount: Annotated[Amount | None, Field(description="Whole paise off this line.")] = None
    discount_rate: Annotated[Percent | None, Field(description="Or per cent off this line.")] = None
    tax_rate: Annotated[Percent | None, Field(description="GST, per cent.")] = None
    hsn: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$", max_length=8)] | None,
        Field(description="HSN or SAC.", examples=["9993"]),
    ] = None


class ForWhom(CustomerBody):
    """Whose bill it is: a customer galla knows, or what the caller knows of them. Shown as `Ramesh K.`."""

    id: Annotated[Reference | None, Field(description="`cust_…`")] = None
    external_id: Annotated[Reference | None, Field(description="The customer's id in the caller's own system.")] = None


class BillBody(Strict):
    """A bill to open: with `lines`, or with only a `total` where the lines are kept in another system."""

    number: Annotated[
        Reference | None, Field(description="The caller's own; left out, galla gives the next of its series.")
    ] = None
    branch: Annotated[Name | None, Field(description="Whose series numbers it; the caller's own if left out.")] = None
    customer: ForWhom | None = None
    lines: list[LineBody] = Field(default_factory=list, max_length=100)
    total: Annotated[Amount | None, Field(description="Whole paise, in place of `lines`.")] = None
    description: Annotated[Line | None, Field(description="What a bill of only a `total` is for.")] = None
    discount_amount: Annotated[Amount | None, Field(description="Whole paise off the whole bill.")] = None
    discount_rate: Annotated[Percent | None, Field(description="Or per cent off the whole bill.")] = None
    tax_included: Annotated[
        bool, Field(description="Whether amounts hold the GST; `false` puts it on top, after discounts.")
    ] = True
    place_of_supply: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$", max_length=2)] | None,
        Field(
            description="The GST code of the state the sale goes to: another than the shop's makes the GST IGST. "
            "The shop's own if left out.",
            examples=["27"],
        ),
    ] = None
    metadata: Metadata = Field(default_factory=dict)


class ImportBody(Strict):
    """Bills of another billing system, each as for `POST /v1/bills`, with its `number`."""

    bills: list[dict[str, Any]] = Field(min_length=1, max_length=500)


class BillCustomer(Customer):
    """Whose bill it is; the name is shortened, the whole is at `/v1/customers/{id}`."""

    id: str | None


class BillLine(Shown):
    """One line of a bill; amounts in paise. `bill_discount` is its share of the discount on the whole bill."""

    description: str
    hsn: str | None
    quantity: int | str
    unit_amount: int
    discount: int
    bill_discount: int
    tax_rate: str | None
    tax: int
    amount: int


class RateTax(Shown):
    """The GST of one rate; amounts in paise. `cgst` and `sgst` are its halves, an odd paisa is in `cgst`.

    Of a sale to another state it is all in `igst`.
    """

    rate: str
    taxable: int
    tax: int
    cgst: int
    sgst: int
    igst: int


class Attached(Shown):
    """An advance that pays part of a bill."""

    id: str
    payment: str
    amount: int


class Bill(Shown):
    """What is owed; `due` is `total − paid`, `live` what unproven payments reserve, `tax` is within `total`."""

    id: str
    object: str
    number: str
    branch: str | None
    customer: BillCustomer
    lines: list[BillLine]
    discount: int
    total: int
    tax: int
    taxes: list[RateTax]
    place_of_supply: str | None
    paid: int
    live: int
    due: int
    status: BillStatus
    metadata: dict[str, str]
    payments: list[Any] | None = None
    attached: list[Attached] | None = None
    created_at: str


class Bills(Listed):
    """A page of bills, newest first."""

    data: list[Bill]


class RowError(Shown):
    """Why a bill was not taken in."""

    code: str
    detail: str
    param: str | None


class ImportedRow(Shown):
    """What became of one bill of an import; `known`: it was in already, with the same content."""

    number: str | None
    result: Literal["created", "known", "refused"]
    bill: str | None
    error: RowError | None


class Imported(Shown):
    """What became of each bill of an import, in the order they were sent."""

    data: list[ImportedRow]
    created: int
    known: int
    refused: int
