"""The line to Paytm for one step: one deadline for all its requests, the breaker, and the last exchange remembered."""

from __future__ import annotations

from datetime import datetime

from galla.errors import NotSent, TransportError
from galla.protocol.message import Request, Response
from galla.service.redacted import redacted
from galla.service.till import Till
from galla.store.payments import Exchange

TOO_MANY = 429
REST_S, REST_MAX_S = 30, 3600
LEASE_MARGIN_S = 0.25


class Line:
    """Carries the requests of one step under one total deadline, and remembers the last exchange.

    `started_at` is the present instant, when the step begins. `turn_of` is the merchant in whose turn its questions
    may be kept waiting; None for what cannot wait. `held_s` is how long the breaker has told the last one to wait.
    """

    def __init__(
        self,
        till: Till,
        timeout_s: float,
        lease_until: datetime | None,
        started_at: datetime,
        *,
        turn_of: str | None = None,
    ) -> None:
        self._till = till
        self._turn_of = turn_of
        self.held_s = 0.0
        self.started_at = started_at
        if lease_until is not None:  # nobody else may begin while we still talk
            left_s = (lease_until - started_at).total_seconds() - LEASE_MARGIN_S
            timeout_s = min(timeout_s, left_s)
        self._started = till.clock.monotonic()
        self._deadline = self._started + timeout_s
        self._request: Request | None = None
        self._response: Response | None = None
        self._error: str | None = None

    async def send(self, request: Request) -> Response:
        """Send one request within what is left of the deadline."""
        left_s = self._deadline - self._till.clock.monotonic()
        if left_s <= 0:
            raise NotSent("The time for this step had run out before the request left; nothing was sent.")
        breaker = self._till.breakers.of(request.host)
        subject = request.paytm_id or request.operation
        leave = breaker.asked(subject, self._turn_of)
        self.held_s = leave.wait_s
        if leave.wait_s:
            raise NotSent("Nobody has answered there for a while, so the request was kept back; nothing was sent.")
        self._request, self._response = request, None
        end: TransportError | int | None = None
        try:
            self._response = await self._till.carry(request, left_s)
            end = self._response.status
        except TransportError as error:
            self._error, end = str(error), error
            raise
        finally:
            breaker.ended(leave, subject, end)
        return self._response

    @property
    def rest_s(self) -> int:
        """How long Paytm asked us to leave it alone, in seconds; 0 when it did not."""
        response = self._response
        if response is None or response.status != TOO_MANY:
            return 0
        text = response.headers.get("retry-after", "")
        return min(int(text), REST_MAX_S) if text.isascii() and text.isdigit() and len(text) < 7 else REST_S

    def exchange(self, outcome: object) -> Exchange | None:
        """Return the last exchange, redacted."""
        if self._request is None:
            return None
        return Exchange(
            operation=self._request.operation,
            outcome=type(outcome).__name__.lower(),
            at=self.started_at,
            duration_ms=round((self._till.clock.monotonic() - self._started) * 1000),
            request=redacted(self._request.body),
            response=redacted(self._response.body) if self._response is not None else self._error,
            http_status=self._response.status if self._response is not None else None,
        )
