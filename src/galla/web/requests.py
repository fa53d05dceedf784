"""What a request may hold, field by field. Pydantic lives here and in `answers.py`, nowhere deeper.

A field that is not listed is refused; `true` is not 1, and no amount is a float.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from galla.clock import IST, rfc3339
from galla.money import MAX_PAISE

Status = Literal["created", "pending", "in_doubt", "paid", "not_paid"]
BillStatus = Literal["open", "partly_paid", "paid", "cancelled"]
RefundStatus = Literal["created", "pending", "in_doubt", "done", "failed"]
Scope = Literal["read", "collect", "refund", "admin"]
Role = Literal["cashier", "lead", "accountant", "admin"]


def _instant(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        return rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=IST))
    except (ValueError, OverflowError):
        raise ValueError("is not an instant such as 2026-11-21T08:30:00Z") from None


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("is not a day such as 2026-11-21") from None


Amount = Annotated[int, Field(ge=1, le=MAX_PAISE, description="Whole paise: 250000 is ₹2,500.00.", examples=[250000])]
Method = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40),
    Field(description="A way to pay: galla's own, or one of an installed connector.", examples=["edc"]),
]
"""Which ones there are is known only when galla runs: the service refuses the others, the document lists them."""
Reference = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Phone = Annotated[str, StringConstraints(pattern=r"^[+0-9 -]{4,20}$", max_length=20, strip_whitespace=True)]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40)],
        Annotated[str, StringConstraints(min_length=1, max_length=200)],
    ],
    Field(max_length=20),
]


def _one_text(given: Any) -> Any:
    """Put a second person's name and password into one text, as the service takes them."""
    if not isinstance(given, dict):
        return given
    name, password = given.get("name"), given.get("password")
    if set(given) != {"name", "password"} or not (isinstance(name, str) and isinstance(password, str)) or ":" in name:
        raise ValueError("is a text, or an object of the texts `name` and `password`")
    return f"{name}:{password}"


Approver = Annotated[
    Annotated[SecretStr, Field(min_length=1, max_length=200)] | None,
    BeforeValidator(_one_text),
    Field(
        description="A second person, where one alone may not do this: their name and password, or their API key "
        "as text. It is not kept."
    ),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 200},
                {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "pattern": "^[^:]+$", "maxLength": 40},
                        "password": {"type": "string", "minLength": 1, "maxLength": 128},
                    },
                    "required": ["name", "password"],
                    "additionalProperties": False,
                },
                {"type": "null"},
            ],
            "writeOnly": True,
        }
    ),
]
Cutoff = Annotated[
    str,
    StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5),
    Field(description="Until when a day's card sales can be voided, India time.", examples=["00:05"]),
]
Gstin = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Z]{15}$", max_length=15),
    Field(description="As on receipts; it says in which state the shop is.", examples=["27AAPFU0939F1ZV"]),
]
RefundLimit = Annotated[
    int | None,
    Field(ge=0, le=MAX_PAISE, description="Whole paise of a payment that one person may give back alone; none: all."),
]


class Strict(BaseModel):
    """A body, or a part of one: only known fields, only their own types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Lenient(BaseModel):
    """A query: only known names, their texts read as what they stand for."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CustomerBody(Strict):
    """Whose bill it is. Shown as `Ramesh K.`."""

    name: Name | None = None
    phone: Phone | None = None


class PaymentBody(Strict):
    """A payment to start."""

    amount: Amount
    method: Method
    reference: Reference | None = None
    bill: Reference | None = None
    terminal: Annotated[
        Reference | None, Field(description="`term_…` or a TID; may be left out when there is one machine.")
    ] = None
    vpa: Annotated[Line | None, Field(description="The customer's UPI id, for `upi_collect`.")] = None
    platform: Annotated[
        Literal["android", "ios", "web"] | None,
        Field(description="What the customer holds; where the rules allow `upi_collect` depends on it."),
    ] = None
    accept: Literal["all", "card", "qr"] = "all"
    customer: CustomerBody | None = None
    description: Line | None = None
    metadata: Metadata = {}
    tendered: Annotated[
        Amount | None, Field(description="What the customer hands over, for `cash`; the amount itself if left out.")
    ] = None
    return_url: Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None = None
    expires_in: Annotated[
        int | None, Field(ge=1, le=86_400, description="Seconds a UPI link or QR can be paid: 60 to 900.")
    ] = None
    allow_parallel: bool = False
    approver: Approver = None


class CancelBody(Strict):
    """Why we stop waiting."""

    reason: Line | None = None


class RefundBody(Strict):
    """What to give back of a paid payment."""

    amount: Annotated[
        Amount | None, Field(description="Whole paise; all that can still be given back if left out.")
    ] = None
    reason: Line
    kind: Literal["auto", "void", "refund"] = "auto"
    approver: Approver = None


class TerminalBody(Strict):
    """A card machine to add."""

    tid: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$", max_length=8)]
    label: Name
    branch: Name | None = None
    is_active: bool = True


class TerminalChange(Strict):
    """What to change about a card machine; what is left out stays."""

    label: Name | None = None
    branch: Name | None = None
    is_active: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> TerminalChange:
        if not self.model_fields_set or any(getattr(self, name) is None for name in self.model_fields_set - {"branch"}):
            raise ValueError("Send at least one of `label`, `branch`, `is_active`, with a value.")
        return self


class MerchantBody(Strict):
    """A merchant to add. `key` is written once and never shown again."""

    name: Name
    mid: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,50}$", max_length=50)]
    key: Annotated[str, StringConstraints(min_length=1, max_length=64), Field(json_schema_extra={"writeOnly": True})]
    website: Name | None = None
    client_id: Name | None = None
    channel_id: Name | None = None
    mcc: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$", max_length=4)] | None = None
    gstin: Gstin | None = None
    upi_limit: Annotated[int, Field(ge=1, le=MAX_PAISE)] | None = None
    collect_allowed: bool | None = None
    void_cutoff: Cutoff | None = None
    refund_limit: RefundLimit = None
    environment: Literal["sandbox", "staging", "production"] | None = None


class MerchantChange(Strict):
    """What to change about a merchant; what is left out stays.

    null takes `client_id`, `mcc`, `gstin` or `refund_limit` away.
    """

    name: Name | None = None
    key: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=64),
        Field(json_schema_extra={"writeOnly": True}, description="Paytm's merchant key; never shown."),
    ] = None
    website: Name | None = None
    client_id: Name | None = None
    channel_id: Name | None = None
    mcc: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$", max_length=4)] | None = None
    gstin: Gstin | None = None
    upi_limit: Annotated[int, Field(ge=1, le=MAX_PAISE, description="Whole paise.")] | None = None
    collect_allowed: bool | None = None
    void_cutoff: Cutoff | None = None
    refund_limit: RefundLimit = None

    @model_validator(mode="after")
    def _says_something(self) -> MerchantChange:
        empty = {name for name in self.model_fields_set if getattr(self, name) is None}
        if not self.model_fields_set or empty - {"client_id", "mcc", "gstin", "refund_limit"}:
            raise ValueError("needs at least one field; only client_id, mcc, gstin and refund_limit may be null")
        return self


class ApiKeyBody(Strict):
    """An API key to make."""

    merchant: Reference | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    label: Name


class UserBody(Strict):
    """Somebody to let in. Without `password` the answer carries a link with which they choose one."""

    name: Annotated[
        str,
        StringConstraints(min_length=2, max_length=40),
        Field(description="What they type to sign in: letters, digits or . _ - @ +, no spaces.", examples=["asha"]),
    ]
    display_name: Annotated[Name, Field(description="As the others see it; theirs alone in the shop.")]
    role: Role
    branch: Name | None = None
    password: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=128),
        Field(json_schema_extra={"writeOnly": True}, description="8 characters or more, 15 advised; not shown again."),
    ] = None


class UserChange(Strict):
    """What to change about a user; what is left out stays. A new name or role, and disabling, end their sessions."""

    display_name: Name | None = None
    role: Role | None = None
    branch: Annotated[Name | None, Field(description="null takes the branch away.")] = None
    is_active: bool | None = None
    reset_password: Annotated[
        bool | None, Field(description="true: answer with a one-time link for a new password.")
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> UserChange:
        if not self.model_fields_set or any(getattr(self, name) is None for name in self.model_fields_set - {"branch"}):
            raise ValueError("needs display_name, role, branch, is_active or reset_password, with a value")
        return self


Limit = Annotated[int, Field(ge=1, le=200)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.=:-]+$")]
Instant = Annotated[
    str,
    StringConstraints(min_length=10, max_length=40),
    AfterValidator(_instant),
    Field(description="RFC 3339; a bare day begins at midnight in India.", examples=["2026-11-21T08:30:00Z"]),
]
Day = Annotated[
    str, StringConstraints(min_length=10, max_length=10), AfterValidator(_day), Field(examples=["2026-11-21"])
]
Search = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class WaitQuery(Lenient):
    """How long a start may wait for its first step."""

    wait: Annotated[int, Field(ge=0, le=25, description="Seconds; 0 does not wait.")] = 5


class ExpandQuery(Lenient):
    """What to add to a payment."""

    expand: Literal["timeline"] | None = None


class PageQuery(Lenient):
    """A page of a list."""

    limit: Limit = 50
    cursor: Cursor | None = None


class PaymentsQuery(PageQuery):
    """Which payments."""

    status: Status | None = None
    method: Method | None = None
    reference: Reference | None = None
    bill: Reference | None = None
    terminal: Reference | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None
    rrn: Reference | None = None
    q: Search | None = None


class RefundsQuery(PageQuery):
    """Which refunds."""

    payment: Reference | None = None
    status: RefundStatus | None = None


class BillsQuery(PageQuery):
    """Which bills."""

    status: BillStatus | None = None
    q: Search | None = None


class EventsQuery(PageQuery):
    """Which events."""

    payment: Reference | None = None
    bill: Reference | None = None
    type: Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z_.]+$")] | None = None


class ReceiptQuery(Lenient):
    """How a paper is to be printed. `width` is of text and printer bytes, `paper` of a PDF."""

    format: Literal["html", "pdf", "text", "escpos"] = "html"
    width: Annotated[Literal["32", "42", "48"], Field(description="Columns of the roll: 32 on 58 mm.")] = "32"
    paper: Literal["a4", "a5", "80mm"] = "a5"


class MerchantQuery(Lenient):
    """Whose keys; the caller's own merchant when it is left out."""

    merchant: Reference | None = None


class StreamQuery(Lenient):
    """Which events to follow."""

    payment: Reference | None = None
    bill: Reference | None = None


class BalanceQuery(Lenient):
    """The business day, India time; today when it is left out."""

    on: Day | None = None
