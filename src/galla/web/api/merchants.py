"""`/v1/merchants`: who takes the money (admin)."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from galla.errors import NotFound
from galla.service import merchants
from galla.service.merchants import NewMerchant
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.problem import Problem
from galla.web.requests import MerchantBody, MerchantChange
from galla.web.security import Caller, GuardedRoute, TillHere, needs

router = APIRouter(prefix="/v1", tags=["merchants"], route_class=GuardedRoute)


def _key_only(caller: Caller) -> None:
    if caller.is_user:
        raise Problem(403, "forbidden", "A user belongs to one shop. Add another with an API key.")


@router.post(
    "/merchants",
    status_code=201,
    responses={201: {"model": answers.Merchant}},
    openapi_extra=needs("admin"),
    dependencies=[Depends(_key_only)],
)
async def create_merchant(till: TillHere, body: MerchantBody) -> Response:
    """Add a merchant. Its key is sealed at once and never shown again. Needs an API key: a user belongs to one shop."""
    ours = till.settings.environment
    if body.environment is not None and body.environment != ours:
        raise Problem(
            422,
            "invalid_field",
            f"This galla runs on Paytm's {ours}; a merchant of {body.environment} needs another galla.",
            param="environment",
        )
    made = await merchants.create(till, NewMerchant(**body.model_dump(exclude={"environment"})))
    return reply(made, 201, {"Location": f"/v1/merchants/{made['id']}"})


@router.get("/merchants", responses={200: {"model": answers.Listed}}, openapi_extra=needs("admin"))
async def list_merchants(till: TillHere, caller: Caller) -> Response:
    """List the merchants; a user sees their own."""
    found = [each for each in await merchants.find(till) if not caller.is_user or each["id"] == caller.merchant_id]
    return reply({"data": found, "next_cursor": None})


@router.get("/merchants/{merchant_id}", responses={200: {"model": answers.Merchant}}, openapi_extra=needs("admin"))
async def get_merchant(till: TillHere, caller: Caller, merchant_id: str) -> Response:
    """Return one merchant."""
    _own(caller, merchant_id)
    return reply(await merchants.get(till, merchant_id))


@router.patch("/merchants/{merchant_id}", responses={200: {"model": answers.Merchant}}, openapi_extra=needs("admin"))
async def change_merchant(till: TillHere, caller: Caller, merchant_id: str, body: MerchantChange) -> Response:
    """Change a merchant, all but its MID. A sale keeps the void cut-off that was in force when it was made."""
    _own(caller, merchant_id)
    changes = body.model_dump(include=body.model_fields_set)
    return reply(await merchants.change(till, caller, merchant_id, changes))


def _own(caller: Caller, merchant_id: str) -> None:
    if caller.is_user and merchant_id != caller.merchant_id:
        raise NotFound(f"There is no merchant {merchant_id[:60]}.")
