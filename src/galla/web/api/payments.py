"""`/v1/payments`: start, look, list, check, cancel, review."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from pydantic import SecretStr
from starlette.responses import Response

from galla.config import Secret
from galla.service import attaching, payments, resolving, reviews
from galla.service.payments import NewPayment
from galla.web import answers
from galla.web.api.reply import reply
from galla.web.body import fingerprint
from galla.web.problem import Problem
from galla.web.requests import CancelBody, ExpandQuery, PaymentBody, PaymentsQuery, WaitQuery
from galla.web.security import Caller, GuardedRoute, TillHere, needs
from galla.web.task_shapes import AttachBody, Attachment, ResolveBody, ReviewBody

router = APIRouter(prefix="/v1", tags=["payments"], route_class=GuardedRoute)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="1 to 255 visible ASCII characters of the caller's own. The same key and body never charge twice.",
    ),
]
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@router.post(
    "/payments", status_code=201, responses={201: {"model": answers.Payment}}, openapi_extra=needs("collect")
)
async def start_payment(
    request: Request,
    till: TillHere,
    caller: Caller,
    body: PaymentBody,
    query: Annotated[WaitQuery, Query()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a payment and answer after its first step, or after `wait` seconds."""
    started = await payments.start(
        till,
        caller,
        new_payment(body),
        wait_s=float(query.wait),
        idempotency_key=checked_key(idempotency_key),
        fingerprint=fingerprint("POST", "/v1/payments", await request.json()),
    )
    headers = {"Location": f"/v1/payments/{started.payment['id']}"}
    if started.is_replay:
        headers["Idempotent-Replayed"] = "true"
    return reply(started.payment, 201, headers)


@router.get("/payments", responses={200: {"model": answers.Payments}}, openapi_extra=needs("read"))
async def list_payments(till: TillHere, caller: Caller, query: Annotated[PaymentsQuery, Query()]) -> Response:
    """List payments, newest first."""
    filters = query.model_dump(exclude_none=True, exclude={"limit", "cursor"})
    return reply(await payments.find(till, caller, filters, limit=query.limit, cursor=query.cursor))


@router.get("/payments/{payment_id}", responses={200: {"model": answers.Payment}}, openapi_extra=needs("read"))
async def get_payment(
    till: TillHere, caller: Caller, payment_id: str, query: Annotated[ExpandQuery, Query()]
) -> Response:
    """Return one payment; with `expand=timeline` everything that happened to it, redacted."""
    expand = frozenset({query.expand}) if query.expand else frozenset[str]()
    return reply(await payments.get(till, caller, payment_id, expand=expand))


@router.post(
    "/payments/{payment_id}/check", responses={200: {"model": answers.Payment}}, openapi_extra=needs("collect")
)
async def check_payment(
    till: TillHere, caller: Caller, payment_id: str, query: Annotated[WaitQuery, Query()]
) -> Response:
    """Ask Paytm now. Never charges."""
    return reply(await payments.check(till, caller, payment_id, wait_s=float(query.wait)))


@router.post(
    "/payments/{payment_id}/cancel", responses={200: {"model": answers.Payment}}, openapi_extra=needs("collect")
)
async def cancel_payment(till: TillHere, caller: Caller, payment_id: str, body: CancelBody | None = None) -> Response:
    """Stop waiting, and keep watching: the machine may still take the card."""
    return reply(await payments.cancel(till, caller, payment_id, body.reason if body else None))


@router.post(
    "/payments/{payment_id}/review", responses={200: {"model": answers.Payment}}, openapi_extra=needs("refund")
)
async def review_payment(till: TillHere, caller: Caller, payment_id: str, body: ReviewBody) -> Response:
    """Say that a person has looked at a final payment that was flagged, and what they found."""
    return reply(await reviews.looked_at(till, caller, payment_id, body.note))


@router.post(
    "/payments/{payment_id}/attach",
    status_code=201,
    responses={201: {"model": Attachment}},
    openapi_extra=needs("collect"),
)
async def attach_payment(
    request: Request,
    till: TillHere,
    caller: Caller,
    payment_id: str,
    body: AttachBody,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Put what stands as the customer's advance on a bill that is still due, or a part of it."""
    done = await attaching.attach(
        till,
        caller,
        payment_id,
        body.bill,
        body.amount,
        idempotency_key=checked_key(idempotency_key),
        fingerprint=fingerprint("POST", f"/v1/payments/{payment_id}/attach", await request.json()),
    )
    return reply(done.attachment, 201, {"Idempotent-Replayed": "true"} if done.is_replay else {})


@router.post(
    "/payments/{payment_id}/resolve", responses={200: {"model": answers.Payment}}, openapi_extra=needs("refund")
)
async def resolve_payment(till: TillHere, caller: Caller, payment_id: str, body: ResolveBody) -> Response:
    """Decide, as two people, a payment that Paytm has not decided within its ladder; not before that."""
    decided = await resolving.resolve(
        till,
        caller,
        payment_id,
        is_paid=body.outcome == "paid",
        evidence=body.evidence,
        approver=Secret(body.approver.get_secret_value()),
    )
    return reply(decided)


def checked_key(key: str | None) -> str | None:
    """Return an idempotency key as it was sent.

    Raises:
        Problem: 422 when no header could carry it, or it is too long.
    """
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(
            422,
            "invalid_field",
            "`Idempotency-Key` must be 1 to 255 visible ASCII characters, without spaces.",
            param="Idempotency-Key",
        )
    return key


def secret(given: SecretStr | None) -> Secret | None:
    """Return a credential in the wrapping that never shows it."""
    return Secret(given.get_secret_value()) if given is not None else None


def new_payment(body: PaymentBody) -> NewPayment:
    """Return what the service starts from; the counter's form comes this way too."""
    return NewPayment(
        amount_paise=body.amount,
        method=body.method,
        reference=body.reference,
        bill=body.bill,
        terminal=body.terminal,
        accept=body.accept,
        customer=body.customer.model_dump() if body.customer else None,
        description=body.description,
        metadata=body.metadata,
        tendered_paise=body.tendered,
        allow_parallel=body.allow_parallel,
        approver=secret(body.approver),
        vpa=body.vpa,
        platform=body.platform,
        return_url=body.return_url,
        expires_in=body.expires_in,
    )
