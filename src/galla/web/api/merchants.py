"""`/v1/merchants`: who takes the money (admin)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from galla.service import merchants
from galla.service.merchants import NewMerchant
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.problem import Problem
from galla.web.requests import MerchantBody
from galla.web.security import GuardedRoute, TillHere, needs

router = APIRouter(tags=["merchants"], route_class=GuardedRoute)


@router.post(
    "/merchants", status_code=201, responses={201: {"model": answers.Merchant}}, openapi_extra=needs("admin")
)
async def create_merchant(till: TillHere, body: MerchantBody) -> Response:
    """Add a merchant. Its key is sealed at once and never shown again."""
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
async def list_merchants(till: TillHere) -> Response:
    """List the merchants."""
    return reply({"data": await merchants.find(till), "next_cursor": None})


@router.get("/merchants/{merchant_id}", responses={200: {"model": answers.Merchant}}, openapi_extra=needs("admin"))
async def get_merchant(till: TillHere, merchant_id: str) -> Response:
    """Return one merchant."""
    return reply(await merchants.get(till, merchant_id))
