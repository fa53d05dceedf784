"""`/v1/api_keys`: who may ask (admin)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from galla.errors import NotFound
from galla.service import access
from galla.service.till import Principal
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.requests import ApiKeyBody, MerchantQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs

router = APIRouter(prefix="/v1", tags=["api_keys"], route_class=GuardedRoute)


@router.post("/api_keys", status_code=201, responses={201: {"model": answers.ApiKey}}, openapi_extra=needs("admin"))
async def create_api_key(till: TillHere, caller: Caller, body: ApiKeyBody) -> Response:
    """Make a key. This answer is the only one that ever shows it."""
    owner = _for(caller, body.merchant)
    key = await access.create_key(till, owner.merchant_id, list(body.scopes), body.label)
    made = [shown for shown in await access.list_keys(till, owner) if key.startswith(shown["prefix"])]
    return reply({**made[-1], "key": key}, 201)


@router.get("/api_keys", responses={200: {"model": answers.Listed}}, openapi_extra=needs("admin"))
async def list_api_keys(till: TillHere, caller: Caller, query: Annotated[MerchantQuery, Query()]) -> Response:
    """List the keys by their prefixes, revoked ones too."""
    return reply({"data": await access.list_keys(till, _for(caller, query.merchant)), "next_cursor": None})


@router.delete("/api_keys/{key_id}", status_code=204, responses={204: {}}, openapi_extra=needs("admin"))
async def revoke_api_key(
    till: TillHere, caller: Caller, key_id: str, query: Annotated[MerchantQuery, Query()]
) -> Response:
    """Revoke a key at once and for ever."""
    await access.revoke_key(till, _for(caller, query.merchant), key_id)
    return Response(status_code=204)


def _for(caller: Principal, merchant_id: str | None) -> Principal:
    """Return the caller standing for another merchant, which an `admin` key may; a user belongs to one shop."""
    if merchant_id and merchant_id != caller.merchant_id and caller.is_user:
        raise NotFound(f"There is no merchant {merchant_id}.")
    return msgspec.structs.replace(caller, merchant_id=merchant_id) if merchant_id else caller
