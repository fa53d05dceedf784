"""`/v1/webhook_endpoints` and `/v1/deliveries`: who hears of events, and what became of each message (admin)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from galla.service import deliveries, webhooks
from galla.web.api.reply import reply
from galla.web.security import Caller, GuardedRoute, TillHere, needs
from galla.web.webhook_shapes import (
    Deliveries,
    DeliveriesQuery,
    Delivery,
    Endpoint,
    EndpointBody,
    EndpointChange,
    Endpoints,
    ReplayBody,
    Replayed,
    RotateBody,
)

router = APIRouter(prefix="/v1", tags=["webhooks"], route_class=GuardedRoute)
_ONE = "/webhook_endpoints/{endpoint_id}"


@router.post(
    "/webhook_endpoints", status_code=201, responses={201: {"model": Endpoint}}, openapi_extra=needs("admin")
)
async def create_webhook_endpoint(till: TillHere, caller: Caller, body: EndpointBody) -> Response:
    """Add an endpoint. This answer is the only one that ever shows its secret."""
    made = await webhooks.create(till, caller, body.url, events=body.events, description=body.description)
    return reply(made, 201, {"Location": f"/v1/webhook_endpoints/{made['id']}"})


@router.get("/webhook_endpoints", responses={200: {"model": Endpoints}}, openapi_extra=needs("admin"))
async def list_webhook_endpoints(till: TillHere, caller: Caller) -> Response:
    """List the endpoints, with how much waits for each and how much has failed."""
    return reply({"data": await webhooks.find(till, caller), "next_cursor": None})


@router.get(_ONE, responses={200: {"model": Endpoint}}, openapi_extra=needs("admin"))
async def get_webhook_endpoint(till: TillHere, caller: Caller, endpoint_id: str) -> Response:
    """Return one endpoint."""
    return reply(await webhooks.get(till, caller, endpoint_id))


@router.patch(_ONE, responses={200: {"model": Endpoint}}, openapi_extra=needs("admin"))
async def change_webhook_endpoint(
    till: TillHere, caller: Caller, endpoint_id: str, body: EndpointChange
) -> Response:
    """Change where an endpoint is, what it hears of, or whether it is in use."""
    return reply(await webhooks.update(till, caller, endpoint_id, **body.model_dump(exclude_unset=True)))


@router.delete(_ONE, status_code=204, responses={204: {}}, openapi_extra=needs("admin"))
async def remove_webhook_endpoint(till: TillHere, caller: Caller, endpoint_id: str) -> Response:
    """Forget an endpoint and what waits for it."""
    await webhooks.remove(till, caller, endpoint_id)
    return Response(status_code=204)


@router.post(f"{_ONE}/rotate", responses={200: {"model": Endpoint}}, openapi_extra=needs("admin"))
async def rotate_webhook_secret(
    till: TillHere, caller: Caller, endpoint_id: str, body: RotateBody | None = None
) -> Response:
    """Make a new secret, shown in this answer alone. The one before signs too for a while."""
    hours = (body or RotateBody()).overlap_h
    return reply(await webhooks.rotate(till, caller, endpoint_id, overlap_h=hours))


@router.post(f"{_ONE}/test", responses={200: {"model": Endpoint}}, openapi_extra=needs("admin"))
async def test_webhook_endpoint(till: TillHere, caller: Caller, endpoint_id: str) -> Response:
    """Send the event `webhook.tested` to this endpoint alone, on the way that every event takes."""
    return reply(await webhooks.test(till, caller, endpoint_id))


@router.post(f"{_ONE}/replay", responses={200: {"model": Replayed}}, openapi_extra=needs("admin"))
async def replay_failed_deliveries(
    till: TillHere, caller: Caller, endpoint_id: str, body: ReplayBody | None = None
) -> Response:
    """Send again all that failed, and let what waits for its next try go now."""
    since = datetime.fromisoformat(body.since) if body is not None and body.since is not None else None
    return reply({"replayed": await deliveries.replay_failed(till, caller, endpoint_id, since=since)})


@router.get(f"{_ONE}/deliveries", responses={200: {"model": Deliveries}}, openapi_extra=needs("admin"))
async def list_deliveries(
    till: TillHere, caller: Caller, endpoint_id: str, query: Annotated[DeliveriesQuery, Query()]
) -> Response:
    """List what was sent to an endpoint and what came of it, the newest event first."""
    found = await deliveries.find(
        till, caller, endpoint_id, status=query.status, limit=query.limit, cursor=query.cursor
    )
    return reply(found)


@router.post("/deliveries/{delivery_id}/replay", responses={200: {"model": Delivery}}, openapi_extra=needs("admin"))
async def replay_delivery(till: TillHere, caller: Caller, delivery_id: str) -> Response:
    """Send one message again, now, under the same `webhook-id`."""
    return reply(await deliveries.replay(till, caller, delivery_id))
