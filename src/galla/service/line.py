"""The line to Paytm for one step: one total deadline for all its requests, and the last exchange remembered."""

from __future__ import annotations

from galla.errors import TransportError
from galla.protocol.message import Request, Response
from galla.service.redacted import redacted
from galla.service.till import Till
from galla.store.payments import Exchange

TOO_MANY = 429
REST_S, REST_MAX_S = 30, 3600


class Line:
    """Carries the requests of one step under one total deadline, and remembers the last exchange."""

    def __init__(self, till: Till, timeout_s: float) -> None:
        self._till = till
        self._deadline = till.clock.monotonic() + timeout_s
        self._started_at = till.clock.now()
        self._started = till.clock.monotonic()
        self._request: Request | None = None
        self._response: Response | None = None
        self._error: str | None = None

    async def send(self, request: Request) -> Response:
        """Send one request within what is left of the deadline."""
        self._request, self._response = request, None
        try:
            left_s = self._deadline - self._till.clock.monotonic()
            self._response = await self._till.carry(request, max(left_s, 0.05))
        except TransportError as error:
            self._error = str(error)
            raise
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
            at=self._started_at,
            duration_ms=round((self._till.clock.monotonic() - self._started) * 1000),
            request=redacted(self._request.body),
            response=redacted(self._response.body) if self._response is not None else self._error,
            http_status=self._response.status if self._response is not None else None,
        )
