"""Errors over HTTP: every one is RFC 9457 problem+json, and every status is chosen in this file.

Nothing here decides what is an error; the service and the edge raise, this file words and numbers them.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from galla import errors

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[errors.GallaError], int] = {
    errors.InvalidField: 422,
    errors.NotFound: 404,
    errors.IllegalTransition: 409,
    errors.AmountNotAllowed: 422,
    errors.TerminalBusy: 409,
    errors.BillHasLivePayment: 409,
    errors.ReferenceHasLivePayment: 409,
    errors.IdempotencyMismatch: 422,
    errors.IdempotencyInProgress: 409,
    errors.TooSoon: 429,
    errors.Unreachable: 503,
    errors.Forbidden: 403,
    errors.PaymentError: 409,
    errors.Unavailable: 503,
    errors.StaleClaim: 503,
}
"""The one table from an error to its status; a class that is not listed answers as its nearest parent, else 500."""

CONFLICTS = frozenset({"over_refund", "bill_exists"})
"""Codes that are 409 whatever their class: the request is fine, what galla knows stands against it."""

TITLES: dict[str, str] = {
    "invalid_request": "The request cannot be read.",
    "invalid_json": "The body is not JSON that galla reads.",
    "invalid_field": "A field cannot be used.",
    "unknown_field": "A field is not known.",
    "missing_field": "A field is missing.",
    "amount_not_allowed": "The amount cannot be taken.",
    "amount_exceeds_due": "The amount is above what is due.",
    "amount_above_limit": "The amount is above the limit of this method.",
    "amount_below_minimum": "The amount is below what this method can take.",
    "method_not_offered": "This way to pay is not offered.",
    "payment_not_final": "The payment is not final yet.",
    "nothing_to_review": "The payment needs no look.",
    "void_unanswered": "The void of this payment is being asked about.",
    "approval_needed": "A second person is needed.",
    "approver_unknown": "The second person is not known, or may not approve.",
    "approver_same_person": "The second person is the first.",
    "nothing_to_attach": "Nothing of the payment stands as an advance.",
    "nothing_due": "Nothing is due on the bill.",
    "not_rerouted": "The code could not be exchanged for a machine.",
    "shift_open": "A shift is open at this counter.",
    "shift_closed": "The shift is closed already.",
    "shift_unfinished": "Payments of the shift are unfinished.",
    "paytm_differs": "Paytm's list differs from the books.",
    "paytm_not_asked": "Paytm's list could not be had.",
    "drawer_short": "There is less in the drawer.",
    "difference_unexplained": "The counted cash differs without a reason.",
    "webhook_disabled": "The webhook endpoint is switched off.",
    "task_closed": "The task is closed already.",
    "payment_final": "The payment is decided already.",
    "too_early": "It is too early for that.",
    "supervisor_needed": "This needs a supervisor.",
    "terminal_required": "The machine must be named.",
    "terminal_unknown": "There is no such machine.",
    "terminal_inactive": "The machine is switched off in galla.",
    "terminal_exists": "The machine is there already.",
    "customer_unknown": "There is no such customer.",
    "customer_has_open_money": "Money of the customer has not come to its end.",
    "bill_unknown": "There is no such bill.",
    "bill_cancelled": "The bill is cancelled.",
    "bill_exists": "The bill number is taken by another bill.",
    "number_reserved": "The number belongs to galla's own series.",
    "series_full": "The branch has no bill number left.",
    "nothing_to_print": "Nothing is proven yet, so there is nothing to print.",
    "bill_has_payments": "Something is paid on the bill, or may still be.",
    "merchant_exists": "The MID is there already.",
    "tendered_too_little": "Less cash was handed over than is to be paid.",
    "name_taken": "Somebody has this name already.",
    "password_refused": "The password would be guessed.",
    "last_admin": "Somebody must stay admin.",
    "user_disabled": "The user is disabled.",
    "not_a_user": "An API key has no password.",
    "password_changed": "The password was changed meanwhile.",
    "over_refund": "More would be given back than was paid.",
    "refund_not_possible": "This payment cannot be refunded.",
    "payment_not_paid": "The payment is not paid.",
    "void_not_possible": "This payment cannot be voided any more.",
    "collect_not_permitted": "UPI Collect is not permitted for this merchant.",
    "invalid_vpa": "The UPI id cannot be used.",
    "checksum_mismatch": "The signature does not belong to the message.",
    "unauthenticated": "The caller is not known.",
    "csrf": "The form did not come from this page.",
    "forbidden": "The caller may not do this.",
    "not_found": "There is no such thing, or none that the caller may see.",
    "method_not_allowed": "This address does not take this method.",
    "request_timeout": "The body did not arrive in time.",
    "illegal_transition": "The state does not allow this.",
    "terminal_busy": "Another payment holds the machine.",
    "bill_has_live_payment": "Another payment may still pay this bill.",
    "reference_has_live_payment": "Another payment may still pay this reference.",
    "idempotency_mismatch": "The idempotency key belongs to a different request.",
    "idempotency_in_progress": "The first request with this idempotency key is still running.",
    "body_too_large": "The body is too large.",
    "unsupported_media_type": "The body is not of a type this address reads.",
    "too_many_requests": "Asked too often.",
    "provider_unreachable": "Paytm cannot be reached.",
    "unavailable": "galla cannot take work now.",
    "internal": "galla failed.",
}
"""What each code means, in one sentence that never changes; `detail` says what happened this time."""


class Problem(Exception):
    """An error of the edge itself, ready to be answered: unreadable, unknown, forbidden, too large."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        param: str | None = None,
        blocker: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.param = param
        self.blocker = blocker
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the members of the problem document."""
        document: dict[str, Any] = {
            "type": f"/docs#{self.code}",
            "title": TITLES.get(self.code) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.param is not None:
            document["param"] = self.param
        if self.blocker is not None:
            document["blocker"] = self.blocker
        return document

    def response(self, request_id: str) -> Response:
        """Return the problem as an HTTP answer."""
        return Response(
            msgspec.json.encode(self.body(request_id)),
            status_code=self.status,
            media_type=MEDIA_TYPE,
            headers=self.headers,
        )


def from_error(error: errors.GallaError) -> Problem:
    """Return the problem that an error of the service is to the caller.

    Only the messages of `PaymentError` and `Unavailable` are written for callers; any other is kept to the log.
    """
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if isinstance(error, errors.PaymentError):
        return Problem(
            409 if error.code in CONFLICTS else status,
            error.code,
            str(error),
            param=error.param,
            blocker=error.blocker,
            headers=_retry_after(error),
        )
    if status == 503:
        detail = "galla cannot take work right now and changed nothing. Send the same request again in a moment."
        return Problem(503, "unavailable", detail, headers={"Retry-After": "2"})
    return internal()


def internal() -> Problem:
    """Return the last resort: nothing about the failure but where to look it up."""
    return Problem(
        500, "internal", "Something failed inside galla. Quote the request id; the log has the cause beside it."
    )


def not_found() -> Problem:
    """Return the answer for an address that leads nowhere."""
    return Problem(404, "not_found", "There is nothing at this address. `/docs` lists the addresses there are.")


def _retry_after(error: errors.PaymentError) -> dict[str, str]:
    if isinstance(error, errors.TooSoon | errors.Unreachable):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, errors.IdempotencyInProgress):
        return {"Retry-After": "1"}
    return {}
