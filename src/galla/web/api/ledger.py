"""`/v1/ledger`: what the money did. Read only, for ever."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from galla.service import ledgers
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.requests import BalanceQuery, PageQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs

router = APIRouter(prefix="/v1/ledger", tags=["ledger"], route_class=GuardedRoute)


@router.get("/accounts", responses={200: {"model": answers.Listed}}, openapi_extra=needs("read"))
async def list_accounts(till: TillHere, caller: Caller) -> Response:
    """List the accounts."""
    found = await ledgers.accounts(till, caller)
    return reply(found if isinstance(found, dict) else {"data": found, "next_cursor": None})


@router.get("/entries", responses={200: {"model": answers.Listed}}, openapi_extra=needs("read"))
async def list_entries(till: TillHere, caller: Caller, query: Annotated[PageQuery, Query()]) -> Response:
    """List the entries, each with its postings, newest first."""
    return reply(await ledgers.entries(till, caller, limit=query.limit, cursor=query.cursor))


@router.get("/trial_balance", responses={200: {"model": answers.TrialBalance}}, openapi_extra=needs("read"))
async def trial_balance(till: TillHere, caller: Caller, query: Annotated[BalanceQuery, Query()]) -> Response:
    """Return every account's debits, credits and balance up to and including a day."""
    on = date.fromisoformat(query.on) if query.on else None
    return reply(await ledgers.trial_balance(till, caller, on))
