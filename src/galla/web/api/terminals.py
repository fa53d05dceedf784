"""`/v1/terminals`: the card machines."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from galla.service import terminals
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.requests import TerminalBody, TerminalChange
from galla.web.security import Caller, GuardedRoute, TillHere, needs

router = APIRouter(prefix="/v1", tags=["terminals"], route_class=GuardedRoute)


@router.post(
    "/terminals", status_code=201, responses={201: {"model": answers.Terminal}}, openapi_extra=needs("admin")
)
async def create_terminal(till: TillHere, caller: Caller, body: TerminalBody) -> Response:
    """Add a card machine by its TID."""
    terminal = await terminals.create(till, caller, body.tid, body.label, body.branch or "Main", body.is_active)
    return reply(terminal, 201, {"Location": f"/v1/terminals/{terminal['id']}"})


@router.get("/terminals", responses={200: {"model": answers.Terminals}}, openapi_extra=needs("read"))
async def list_terminals(till: TillHere, caller: Caller) -> Response:
    """List the machines, each with the payment that holds it."""
    return reply({"data": await terminals.find(till, caller), "next_cursor": None})


@router.get("/terminals/{terminal_id}", responses={200: {"model": answers.Terminal}}, openapi_extra=needs("read"))
async def get_terminal(till: TillHere, caller: Caller, terminal_id: str) -> Response:
    """Return one machine, by `term_…` or TID."""
    return reply(await terminals.get(till, caller, terminal_id))


@router.patch("/terminals/{terminal_id}", responses={200: {"model": answers.Terminal}}, openapi_extra=needs("admin"))
async def change_terminal(till: TillHere, caller: Caller, terminal_id: str, body: TerminalChange) -> Response:
    """Rename a machine, move it to another branch, or take it out of use."""
    return reply(await terminals.update(till, caller, terminal_id, **body.model_dump(exclude_unset=True)))
