"""`/v1/events`: what was committed, as a list and as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from galla.service import feed
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.problem import Problem
from galla.web.requests import EventsQuery, StreamQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs
from galla.web.stream import KEEP_ALIVE, message, streaming

router = APIRouter(prefix="/v1", tags=["events"], route_class=GuardedRoute)

NEWEST = 2**62
LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="The id of the last event received: the stream goes on after it."),
]


@router.get("/events", responses={200: {"model": answers.Events}}, openapi_extra=needs("read"))
async def list_events(till: TillHere, caller: Caller, query: Annotated[EventsQuery, Query()]) -> Response:
    """List events, newest first. To follow what happens without gaps, read the stream."""
    before = position(query.cursor, "cursor")
    found = await feed.page(
        till,
        caller,
        before=NEWEST if before is None else before,
        limit=query.limit,
        payment=query.payment,
        bill=query.bill,
        kind=query.type,
    )
    is_full = len(found) == query.limit and found[-1]["id"] != "1"
    return reply({"data": found, "next_cursor": found[-1]["id"] if is_full else None})


@router.get(
    "/events/stream",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    openapi_extra=needs("read"),
)
async def stream_events(
    request: Request,
    till: TillHere,
    caller: Caller,
    query: Annotated[StreamQuery, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Stream events as they are committed (SSE); resumes after `Last-Event-ID`."""
    after = position(last_event_id, "Last-Event-ID")
    events = feed.follow(till, caller, after=after, payment=query.payment, bill=query.bill)
    return streaming(_written(events), request.app.state.closing)


def position(text: str | None, param: str) -> int | None:
    """Read a place in the feed.

    Raises:
        Problem: 422 when it is not one that galla gave out.
    """
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Problem(422, "invalid_field", f"`{param}` must be the id of an event, such as 42.", param=param)
    return int(text)


async def _written(events: AsyncIterator[dict[str, Any] | None]) -> AsyncIterator[bytes]:
    async for event in events:
        if event is None:
            yield KEEP_ALIVE
        else:
            yield message(msgspec.json.encode(event).decode(), event=event["type"], position=event["id"])
