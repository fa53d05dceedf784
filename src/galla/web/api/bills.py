"""`/v1/bills`: open, look, list, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from galla.service import bills, paylinks
from galla.service.bills import NewBill
from galla.web import answers, bill_shapes
from galla.web.api.reply import reply
from galla.web.bill_shapes import BillBody
from galla.web.requests import BillsQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs, public_address

router = APIRouter(prefix="/v1", tags=["bills"], route_class=GuardedRoute)


@router.post(
    "/bills",
    status_code=201,
    responses={200: {"model": bill_shapes.Bill}, 201: {"model": bill_shapes.Bill}},
    openapi_extra=needs("collect"),
)
async def create_bill(till: TillHere, caller: Caller, body: BillBody) -> Response:
    """Open a bill. The same `number` with the same content answers 200 and the bill that is there."""
    bill, is_new = await bills.take_in(till, caller, new_bill(body))
    return reply(bill, 201 if is_new else 200, {"Location": f"/v1/bills/{bill['id']}"})


@router.get("/bills", responses={200: {"model": bill_shapes.Bills}}, openapi_extra=needs("read"))
async def list_bills(till: TillHere, caller: Caller, query: Annotated[BillsQuery, Query()]) -> Response:
    """List bills, newest first."""
    return reply(
        await bills.find(till, caller, q=query.q, status=query.status, limit=query.limit, cursor=query.cursor)
    )


@router.get("/bills/{bill_id}", responses={200: {"model": bill_shapes.Bill}}, openapi_extra=needs("read"))
async def get_bill(till: TillHere, caller: Caller, bill_id: str) -> Response:
    """Return one bill with its payments."""
    return reply(await bills.get(till, caller, bill_id))


@router.post("/bills/{bill_id}/cancel", responses={200: {"model": bill_shapes.Bill}}, openapi_extra=needs("collect"))
async def cancel_bill(till: TillHere, caller: Caller, bill_id: str) -> Response:
    """Cancel a bill on which nothing is paid or being paid."""
    return reply(await bills.cancel(till, caller, bill_id))


@router.post(
    "/bills/{bill_id}/pay_link",
    status_code=201,
    responses={201: {"model": answers.PayLink}},
    openapi_extra=needs("collect"),
)
async def make_pay_link(request: Request, till: TillHere, caller: Caller, bill_id: str) -> Response:
    """Return the address at which the customer pays this bill by UPI; the same one while it is in force."""
    token = await paylinks.make(till, caller, bill_id)
    page = await paylinks.behind(till, token)
    url = f"{public_address(request)}/pay/{token}"
    return reply({"url": url, "token": token, "expires_at": page.expires_at}, 201, {"Location": f"/pay/{token}"})


def new_bill(body: BillBody) -> NewBill:
    """Return what the service opens; the counter's form comes this way too."""
    values = {name: getattr(body, name) for name in NewBill.__struct_fields__ if name not in ("customer", "lines")}
    return NewBill(
        **values,
        customer=body.customer.model_dump() if body.customer else None,
        lines=[line.model_dump() for line in body.lines],
    )
