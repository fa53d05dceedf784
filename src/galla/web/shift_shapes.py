"""What requests and answers about shifts hold, as `requests.py` and `answers.py`. Amounts in whole paise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from galla.money import MAX_PAISE
from galla.web.answers import Listed, Shown
from galla.web.requests import Amount, Lenient, Line, PageQuery, Reference, Strict

Cash = Annotated[int, Field(ge=0, le=MAX_PAISE, description="Whole paise: 250000 is ₹2,500.00.")]


class OpenShiftBody(Strict):
    """A shift to begin."""

    counter: Annotated[Reference, Field(max_length=40, description="The counter's name, as payments carry it.")]
    float: Annotated[Cash, Field(description="What lies in the drawer, in whole paise.")] = 0


class CloseShiftBody(Strict):
    """The end of a shift."""

    counted: Annotated[Cash, Field(description="The cash in the drawer, in whole paise.")]
    reason: Annotated[Line | None, Field(description="Why the cash is more or less than the books say.")] = None
    paytm_reason: Annotated[
        Line | None, Field(description="What a lead says to it where Paytm's list differs or cannot be had.")
    ] = None
    approver: Annotated[
        SecretStr,
        Field(
            min_length=1,
            max_length=200,
            description="Whoever takes over: their own `name:password` or API key. It is not kept.",
            json_schema_extra={"writeOnly": True},
        ),
    ]


class MovementBody(Strict):
    """Cash that is put into the drawer or taken out of it."""

    kind: Literal["pay_in", "pay_out"]
    amount: Amount
    reason: Annotated[Line, Field(description="Why, such as `tea for the waiting room` or `to the bank`.")]


class ShiftsQuery(PageQuery):
    """Which shifts."""

    counter: Reference | None = None


class ShiftReportQuery(Lenient):
    """How a report is to be printed. `width` is of text and printer bytes, `paper` of a PDF."""

    format: Literal["html", "pdf", "text", "escpos"] = "html"
    width: Annotated[Literal["32", "42", "48"], Field(description="Columns of the roll: 32 on 58 mm.")] = "32"
    paper: Literal["a4", "a5", "80mm"] = "a5"


class ShiftSum(Shown):
    """One line of a report; what is given back has a minus sign."""

    name: str
    count: int
    collected: int
    given_back: int
    net: int


class MachineSum(ShiftSum):
    """The line of one machine: `name` is its TID, `label` what it was called."""

    label: str | None


class Movement(Shown):
    """Cash put into the drawer, or taken out with a minus sign."""

    id: str
    kind: Literal["pay_in", "pay_out"]
    amount: int
    reason: str
    actor: str
    at: str


class BesideMachine(Shown):
    """What one machine took by galla's books and by Paytm's list; without a machine `name` is empty."""

    name: str
    label: str | None
    count: int
    ours: int
    theirs: int


class OnlyOurs(Shown):
    """A payment that is paid in galla and not in Paytm's list; `theirs` is the list's amount where that differs."""

    payment: str
    reference: str | None
    tid: str | None
    amount: int
    theirs: int | None = None


class OnlyTheirs(Shown):
    """An order of Paytm's list that galla does not hold paid; `payment` where galla knows it at all."""

    payment: str | None
    paytm_id: str
    mode: str | None
    rrn: str | None
    at: str | None
    amount: int | None


class Beside(Shown):
    """A shift beside Paytm's list. `trouble` says why there is none; `reason` is what the lead `by` said to it."""

    status: Literal["agrees", "differs", "not_asked"]
    trouble: str | None
    by_machine: list[BesideMachine]
    only_ours: list[OnlyOurs]
    only_theirs: list[OnlyTheirs]
    differ: list[OnlyOurs]
    reason: str | None
    by: str | None


class ShiftReport(Shown):
    """What a counter took and gave back; `old_dues` is the part for bills older than the shift.

    `before_opening` is the part that was proven after the last shift had closed; its cash lies in the float already.
    `on_its_way_back`: refunds that Paytm has taken in and not paid yet; they count in the shift in which they are.
    """

    payments: int
    refunds: int
    collected: int
    given_back: int
    net: int
    before_opening: int
    old_dues: int
    by_mode: list[ShiftSum]
    by_machine: list[MachineSum]
    by_user: list[ShiftSum]
    cash_taken: int
    cash_given_back: int
    put_in: int
    taken_out: int
    movements: list[Movement]
    cash_expected: int
    refunds_on_their_way: int
    on_its_way_back: int
    unfinished: list[str]
    paytm: Beside | None


class Shift(Shown):
    """A shift. `report` is null in a list while it is open; `number` is that of its Z report, once it is closed."""

    id: str
    object: Literal["shift"]
    status: Literal["open", "closed"]
    counter: str
    number: int | None
    opened_by: str
    opened_at: str
    float: int
    closed_by: str | None
    witness: str | None
    closed_at: str | None
    counted: int | None
    difference: int | None
    difference_reason: str | None
    report: ShiftReport | None


class Shifts(Listed):
    """A page of shifts, newest first."""

    data: list[Shift]
