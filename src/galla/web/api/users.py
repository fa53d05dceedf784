"""`/v1/users`: the people who sign in by name (admin). No answer holds a password or its hash."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import IllegalTransition
from galla.service import people
from galla.service.people import NewUser
from galla.service.till import Principal, Till
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.requests import UserBody, UserChange
from galla.web.security import Caller, GuardedRoute, TillHere, needs, public_address

router = APIRouter(prefix="/v1", tags=["users"], route_class=GuardedRoute)


@router.post("/users", status_code=201, responses={201: {"model": answers.User}}, openapi_extra=needs("admin"))
async def create_user(request: Request, till: TillHere, caller: Caller, body: UserBody) -> Response:
    """Add somebody. Without a password this answer carries the one-time link with which they choose it."""
    user = await people.add(till, caller, NewUser(**body.model_dump()))
    if body.password is None:
        user = await _with_link(request, till, caller, user)
    return reply(user, 201, {"Location": f"/v1/users/{user['id']}"})


@router.get("/users", responses={200: {"model": answers.Users}}, openapi_extra=needs("admin"))
async def list_users(till: TillHere, caller: Caller) -> Response:
    """List everybody by name, disabled users last."""
    return reply({"data": await people.find(till, caller), "next_cursor": None})


@router.get("/users/{user_id}", responses={200: {"model": answers.User}}, openapi_extra=needs("admin"))
async def get_user(till: TillHere, caller: Caller, user_id: str) -> Response:
    """Return one user, by `usr_…` or sign-in name."""
    return reply(await people.get(till, caller, user_id))


@router.patch("/users/{user_id}", responses={200: {"model": answers.User}}, openapi_extra=needs("admin"))
async def change_user(
    request: Request, till: TillHere, caller: Caller, user_id: str, body: UserChange
) -> Response:
    """Change a name, a role or a branch, disable or let in again, or make a link for a new password."""
    changes = body.model_dump(exclude_unset=True)
    wants_link = changes.pop("reset_password", False)
    if wants_link and not changes.get("is_active", (await people.get(till, caller, user_id))["is_active"]):
        raise IllegalTransition("The user is disabled; let them in again first.", code="user_disabled")
    user = await people.change(till, caller, user_id, **changes)
    return reply(await _with_link(request, till, caller, user) if wants_link else user)


async def _with_link(request: Request, till: Till, caller: Principal, user: dict[str, Any]) -> dict[str, Any]:
    token = await people.invite(till, caller, user["id"])
    return {**user, "invitation": {"url": f"{public_address(request)}/welcome?token={token}"}}
