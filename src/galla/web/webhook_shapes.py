"""What requests and answers about webhooks hold, as `requests.py` and `answers.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from galla.service.webhooks import EVENTS, OVERLAP_H, OVERLAP_MAX_H
from galla.web.answers import Listed, Shown
from galla.web.requests import Instant, Name, PageQuery, Strict

Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000),
    Field(description="https, on the public internet, port 443 or 8443.", examples=["https://billing.example/hook"]),
]
Kinds = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=40)]],
    Field(max_length=50, description=f"Kinds of event; none: all. There are {', '.join(EVENTS)}."),
]
Status = Literal["waiting", "delivered", "failed"]


class EndpointBody(Strict):
    """Where to send what happens from now on."""

    url: Address
    events: Kinds | None = None
    description: Name | None = None


class EndpointChange(Strict):
    """What to change about an endpoint; what is left out stays."""

    url: Address | None = None
    events: Kinds | None = None
    description: Annotated[Name | None, Field(description="null takes the description away.")] = None
    is_enabled: Annotated[
        bool | None, Field(description="true: switched on again, it gets all that happened meanwhile, in order.")
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> EndpointChange:
        given = self.model_fields_set
        if not given or any(getattr(self, name) is None for name in given - {"description"}):
            raise ValueError("needs url, events, description or is_enabled, with a value")
        return self


class RotateBody(Strict):
    """How long the secret before signs beside the new one."""

    overlap_h: Annotated[int, Field(ge=0, le=OVERLAP_MAX_H, description="Hours; 0 ends it at once.")] = OVERLAP_H


class ReplayBody(Strict):
    """What is to be sent again."""

    since: Annotated[Instant | None, Field(description="Of what failed, only what was sent since; else all.")] = None


class DeliveriesQuery(PageQuery):
    """Which deliveries."""

    status: Status | None = None


class Endpoint(Shown):
    """A system that hears of events. `secret` only in the answer that made it; `waiting`, `failed`: messages."""

    id: str
    object: Literal["webhook_endpoint"]
    url: str
    description: str | None
    events: list[str]
    is_enabled: bool
    disabled_reason: Literal["gone", "switched_off"] | None
    disabled_at: str | None
    previous_secret_until: str | None
    waiting: int
    failed: int
    created_at: str
    secret: str | None = None


class Endpoints(Listed):
    """The endpoints, oldest first."""

    data: list[Endpoint]


class Delivery(Shown):
    """One event on its way to one endpoint; `id` is its `webhook-id`. `answer` is the beginning of what came back."""

    id: str
    object: Literal["delivery"]
    endpoint: str
    event: str
    type: str
    about: str
    status: Status
    attempts: int
    answer_status: int | None
    answer: str | None
    created_at: str
    tried_at: str | None
    ended_at: str | None
    next_try_at: str | None


class Deliveries(Listed):
    """A page of deliveries, the newest event first."""

    data: list[Delivery]


class Replayed(Shown):
    """How many messages go out again."""

    replayed: int
