"""What requests and answers about reports hold, as `requests.py` and `answers.py`. Amounts in whole paise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from galla.web.answers import Shown
from galla.web.requests import Day, Lenient


class SummaryQuery(Lenient):
    """Which business days, India time, both included; today's when both are left out."""

    since: Annotated[Day | None, Field(alias="from", description="The first day.")] = None
    until: Annotated[Day | None, Field(alias="to", description="The last day; the first itself if left out.")] = None


class SummaryLine(Shown):
    """One name's payments; what was given back has a minus sign."""

    name: str
    count: int
    amount: int
    paid_count: int
    paid: int
    given_back: int
    net: int


class Share(Shown):
    """A share per cent, as text with one decimal, and what it should be; null where there is nothing to share."""

    count: int
    of: int
    percent: str | None
    at_least: int | None
    at_most: int | None
    is_met: bool | None


class Wait(Shown):
    """How long payments took from the counter to their proof, cash left out; the threshold is for the median."""

    of: int
    median_ms: int | None
    p95_ms: int | None
    threshold_ms: int
    is_met: bool | None


class Summary(Shown):
    """The payments begun on these days. `from` and `to` are days in India."""

    object: Literal["summary"]
    since: Annotated[str, Field(alias="from")]
    to: str
    payments: int
    amount: int
    paid_count: int
    paid: int
    given_back: int
    net: int
    by_status: list[SummaryLine]
    by_method: list[SummaryLine]
    by_terminal: list[SummaryLine]
    by_cashier: list[SummaryLine]
    success_rate: Annotated[Share, Field(description="Paid, of all that are decided.")]
    timeout_rate: Annotated[Share, Field(description="Time ran out, of all that are decided or past their ladder.")]
    void_rate: Annotated[Share, Field(description="Voided, of all that were paid.")]
    time_to_proof: Wait
