"""What requests and answers about tasks, advances and people's decisions hold, as `requests.py` and `answers.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from galla.service.words import NOTE_MAX
from galla.web.answers import Listed, Shown
from galla.web.requests import Amount, PageQuery, Reference, Strict

TaskKind = Literal[
    "late", "stopped", "excess", "conflict", "mismatch", "unclear", "lost", "past_ladder",
    "refund_failed", "refund_unclear", "refund_past_ladder", "void_unanswered", "webhook_gone", "webhook_failed",
    "not_in_books",
]
Note = Annotated[str, StringConstraints(min_length=1, max_length=NOTE_MAX, strip_whitespace=True)]


class ReviewBody(Strict):
    """What a person found who looked at a payment that did not fit."""

    note: Note


class AttachBody(Strict):
    """Which bill an advance pays, and how much of it."""

    bill: Annotated[Reference, Field(description="`bill_…` or its number.")]
    amount: Annotated[
        Amount | None, Field(description="Whole paise; as much as the bill needs and the advance holds if left out.")
    ] = None


class ResolveBody(Strict):
    """What two people have decided about a payment that Paytm has not decided in time."""

    outcome: Literal["paid", "not_paid"]
    evidence: Annotated[Note, Field(description="What the two have seen: the slip, the dashboard, the bank.")]
    approver: Annotated[
        SecretStr,
        Field(
            min_length=1,
            max_length=200,
            description="The second person's own `name:password` or API key. It is not kept.",
            json_schema_extra={"writeOnly": True},
        ),
    ]


class TasksQuery(PageQuery):
    """Which tasks."""

    status: Literal["open", "closed"] | None = None
    kind: TaskKind | None = None
    payment: Reference | None = None


class Task(Shown):
    """Something that needs a person. `owner` null: anybody may take it; `note` is what whoever closed it found."""

    id: str
    object: Literal["task"]
    kind: TaskKind
    status: Literal["open", "closed"]
    payment: str | None
    refund: str | None
    webhook_endpoint: str | None
    bill: str | None
    amount: int | None
    message: str
    next_step: str
    owner: str | None
    opened_at: str
    closed_at: str | None
    closed_by: str | None
    note: str | None


class Attachment(Shown):
    """An advance, or a part of it, that now pays a bill; `advance_left` still stands for the customer."""

    id: str
    object: Literal["attachment"]
    payment: str
    bill: str
    amount: int
    advance_left: int
    created_at: str


class Tasks(Listed):
    """A page of tasks, newest first; `unexplained` counts what is open in all, whatever the page shows."""

    data: list[Task]
    unexplained: int
