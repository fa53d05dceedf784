"""`/v1/customers`: who bills are for; find, look, forget."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from galla.service import customers, patient
from galla.web.api.reply import reply
from galla.web.customer_shapes import CustomerInFull, Customers, CustomersQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs

router = APIRouter(prefix="/v1", tags=["customers"], route_class=GuardedRoute)


@router.get("/customers", responses={200: {"model": Customers}}, openapi_extra=needs("read"))
async def list_customers(till: TillHere, caller: Caller, query: Annotated[CustomersQuery, Query()]) -> Response:
    """List customers, newest first; with `q`, those whose name or phone begins so, by name, on one page."""
    if query.q is not None:
        found = await customers.find(till, caller, query.q, limit=query.limit)
        return reply({"data": found, "next_cursor": None})
    return reply(await customers.page(till, caller, limit=query.limit, cursor=query.cursor))


@router.get("/customers/{customer_id}", responses={200: {"model": CustomerInFull}}, openapi_extra=needs("read"))
async def get_customer(till: TillHere, caller: Caller, customer_id: str) -> Response:
    """Return one customer with what is billed, paid, due, and stands as their advance."""
    return reply(await patient.get(till, caller, customer_id))


@router.post(
    "/customers/{customer_id}/erase", responses={200: {"model": CustomerInFull}}, openapi_extra=needs("admin")
)
async def erase_customer(till: TillHere, caller: Caller, customer_id: str) -> Response:
    """Forget who a customer is; bills, payments and the ledger stay. 409 while any of their money is open."""
    return reply(await patient.erase(till, caller, customer_id))
