"""A running galla, asked over HTTP with an API key.

Starting a payment carries an idempotency key, so that a lost answer is repeated without charging twice. The
API's problems become the errors they were in the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import aiohttp
import msgspec

from galla import errors, ids
from galla.cli.desk import Condition
from galla.clock import SYSTEM, Clock

TIMEOUT_S = 20.0
TRIES = 3
LIVE_STATUSES = ("created", "pending", "in_doubt")


class Remote:
    """galla at a URL."""

    def __init__(self, url: str, key: str, *, clock: Clock = SYSTEM) -> None:
        self.place = url.rstrip("/")
        self._key = key
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        if not self.place.startswith(("http://", "https://")):
            raise errors.ConfigError(
                "GALLA_URL is an address such as http://127.0.0.1:8700.", setting="GALLA_URL"
            )
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._key}", "User-Agent": "galla"},
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    async def start(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Start a payment; a lost answer is asked for again under the same idempotency key."""
        headers = {"Idempotency-Key": ids.token()}
        for left in reversed(range(TRIES)):
            try:
                return await self.call("POST", "/v1/payments?wait=0", body=dict(order), headers=headers)
            except (errors.TransportError, errors.IdempotencyInProgress, errors.Unavailable):
                if not left:
                    raise
                await self._clock.sleep(0.5)
        raise AssertionError("the last try either returns or raises")

    async def payment(self, payment_id: str) -> dict[str, Any]:
        """Return a payment with its timeline."""
        return await self.call("GET", f"/v1/payments/{_segment(payment_id)}?expand=timeline")

    async def payments(self, *, limit: int) -> list[dict[str, Any]]:
        """Return the newest payments."""
        page = await self.call("GET", f"/v1/payments?limit={limit}")
        return list(page["data"])

    async def live(self) -> list[dict[str, Any]]:
        """Return the payments that may still become paid, oldest first."""
        path = "/v1/payments?limit=200&status="
        pages = [await self.call("GET", path + status) for status in LIVE_STATUSES]
        return sorted((row for page in pages for row in page["data"]), key=lambda row: row["created_at"])

    async def condition(self) -> Condition:
        """Return what `/readyz` says, and the number of unexplained payments from `/metrics`."""
        said = await self.call("GET", "/readyz", is_failure_an_answer=True)
        return Condition(
            status=str(said.get("status")),
            checks=said.get("checks") or {},
            unexplained=await self._unexplained(),
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        is_failure_an_answer: bool = False,
    ) -> dict[str, Any]:
        """Return the JSON answer to one request.

        Raises:
            NotSent: galla could not be reached.
            NoReply: galla was reached and did not answer.
            PaymentError: galla refused; the class is the one its code names.
            Unavailable: galla cannot take work now.
            ConfigError: the API key is not accepted.
        """
        status, retry_after, said = await self._exchange(method, path, body, headers)
        try:
            answer = msgspec.json.decode(said)
        except msgspec.DecodeError:
            answer = None
        if isinstance(answer, dict) and (status < 400 or (is_failure_an_answer and "status" in answer)):
            return answer
        raise _error(status, answer if isinstance(answer, dict) else {}, self.place, retry_after)

    async def _exchange(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str] | None
    ) -> tuple[int, str, bytes]:
        if self._session is None:
            raise errors.ConfigError("Use Remote in an `async with` block.")
        try:
            async with self._session.request(
                method, self.place + path, json=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status, response.headers.get("Retry-After", ""), await response.read()
        except aiohttp.ClientConnectorError:
            said = f"galla was not reached at {self.place}. Is `galla serve` running?"
            raise errors.NotSent(said) from None
        except (TimeoutError, aiohttp.ClientError, OSError):
            raise errors.NoReply(f"galla at {self.place} did not answer in time.") from None

    async def _unexplained(self) -> int | None:
        status, _, said = await self._exchange("GET", "/metrics", None, None)
        if status != 200:
            return None
        for line in said.decode("utf-8", "replace").splitlines():
            name, _, value = line.rpartition(" ")
            if name.partition("{")[0] == "galla_unexplained":
                return int(float(value))
        return None


_BY_CODE: dict[str, type[errors.PaymentError]] = {
    kind.code: kind for kind in errors.PaymentError.__subclasses__() if kind is not errors.TooSoon
}


def _error(status: int, problem: Mapping[str, Any], place: str, retry_after: str) -> errors.GallaError:
    detail = str(problem.get("detail") or problem.get("title") or f"galla at {place} answered {status}.")
    code = str(problem.get("code") or "")
    if status == 401:
        return errors.ConfigError(
            f"galla at {place} does not accept this API key. Make another: galla key new",
            setting="GALLA_API_KEY",
        )
    if status == 429:
        return errors.TooSoon(detail, retry_after_s=int(retry_after) if retry_after.isdecimal() else 1)
    if status >= 500:
        return errors.Unavailable(detail)
    if not code:
        said = f"What answers at {place} is not galla; check GALLA_URL."
        return errors.ConfigError(said, setting="GALLA_URL")
    kind = _BY_CODE.get(code, errors.PaymentError)
    return kind(detail, code=code, param=problem.get("param"), blocker=problem.get("blocker"))


def _segment(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
