"""`/v1/tasks`: what needs a person, who has it, and what they found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from galla.service import tasks
from galla.web.api.reply import reply
from galla.web.security import Caller, GuardedRoute, TillHere, needs
from galla.web.task_shapes import ReviewBody, Task, Tasks, TasksQuery

router = APIRouter(prefix="/v1", tags=["tasks"], route_class=GuardedRoute)


@router.get("/tasks", responses={200: {"model": Tasks}}, openapi_extra=needs("read"))
async def list_tasks(till: TillHere, caller: Caller, query: Annotated[TasksQuery, Query()]) -> Response:
    """List tasks, newest first, with the number of what is unexplained."""
    filters = query.model_dump(exclude_none=True, exclude={"limit", "cursor"})
    return reply(await tasks.find(till, caller, filters, limit=query.limit, cursor=query.cursor))


@router.post("/tasks/{task_id}/take", responses={200: {"model": Task}}, openapi_extra=needs("collect"))
async def take_task(till: TillHere, caller: Caller, task_id: str) -> Response:
    """Take an open task: the caller owns it from now on."""
    return reply(await tasks.take(till, caller, task_id))


@router.post("/tasks/{task_id}/close", responses={200: {"model": Task}}, openapi_extra=needs("collect"))
async def close_task(till: TillHere, caller: Caller, task_id: str, body: ReviewBody) -> Response:
    """Close an open task with what was found. All but `late` and `stopped` need the scope `refund` too."""
    return reply(await tasks.close_task(till, caller, task_id, body.note))
