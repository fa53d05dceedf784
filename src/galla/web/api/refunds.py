"""`/v1/payments/{id}/refunds` and `/v1/refunds`: give back, look, list."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from galla.service import refunds
from galla.service.refunds import NewRefund
from galla.web import answers
from galla.web.api.payments import IdempotencyKey, checked_key, secret
from galla.web.api.reply import reply
from galla.web.body import fingerprint
from galla.web.requests import RefundBody, RefundsQuery, WaitQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs

router = APIRouter(prefix="/v1", tags=["refunds"], route_class=GuardedRoute)


@router.post(
    "/payments/{payment_id}/refunds",
    status_code=201,
    responses={201: {"model": answers.Refund}},
    openapi_extra=needs("refund"),
)
async def start_refund(
    request: Request,
    till: TillHere,
    caller: Caller,
    payment_id: str,
    body: RefundBody,
    query: Annotated[WaitQuery, Query()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give a paid payment back, all that is left of it or a part; `choice` says why as a void or as a refund.

    Accepted is not given back: follow its status.
    """
    begun = await refunds.start(
        till,
        caller,
        payment_id,
        NewRefund(
            reason=body.reason,
            amount_paise=body.amount,
            kind=body.kind,
            approver=secret(body.approver),
        ),
        wait_s=float(query.wait),
        idempotency_key=checked_key(idempotency_key),
        fingerprint=fingerprint("POST", f"/v1/payments/{payment_id}/refunds", await request.json()),
    )
    headers = {"Location": f"/v1/refunds/{begun.refund['id']}"}
    if begun.is_replay:
        headers["Idempotent-Replayed"] = "true"
    return reply(begun.refund, 201, headers)


@router.get("/refunds", responses={200: {"model": answers.Refunds}}, openapi_extra=needs("read"))
async def list_refunds(till: TillHere, caller: Caller, query: Annotated[RefundsQuery, Query()]) -> Response:
    """List refunds, newest first."""
    filters = query.model_dump(exclude_none=True, exclude={"limit", "cursor"})
    return reply(await refunds.find(till, caller, filters, limit=query.limit, cursor=query.cursor))


@router.get("/refunds/{refund_id}", responses={200: {"model": answers.Refund}}, openapi_extra=needs("read"))
async def get_refund(till: TillHere, caller: Caller, refund_id: str) -> Response:
    """Return one refund."""
    return reply(await refunds.get(till, caller, refund_id))
