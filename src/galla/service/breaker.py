"""The breaker of one provider's host: who may speak to it now, and who waits.

*Closed*, everything passes, as long as not too many questions are on their way at once. After `OPENS_AFTER` failures in
a row it is *open*: questions wait without being sent, and a new sale is refused before anything is written. When the
wait is over one request goes through as a probe; its answer closes the breaker, and those who waited are let through
at a pace that grows from `RATE` a second, the longest waiting first, each merchant in its turn. Nothing here decides
anything about a payment: to wait is no answer. Each process has breakers of its own.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import NamedTuple

import structlog

from galla.clock import IST, Clock
from galla.errors import NotSent, TransportError, Unreachable
from galla.protocol.message import Host

log = structlog.get_logger("galla.breaker")

OPENS_AFTER = 5
FIRST_S, LONGEST_S = 5.0, 60.0  # how long it stays open; twice as long after each probe that fails
AT_ONCE = 384  # questions on their way to one host: three quarters of a worker's hands, so that none takes them all
RATE = 50  # questions a second, at first, after an outage
DOUBLES_S, STEPS = 60.0, 5  # twice the rate after each minute; after the fifth there is no more limit
MOMENT_S = 1.0
HELD_MAX_S = 120.0


class Leave(NamedTuple):
    """Leave to send one request, which must then be `ended`; or, with `wait_s` above 0, how long there is none."""

    wait_s: float = 0.0
    is_probe: bool = False


class Breaker:
    """One host's breaker. `scale` shortens its waits as it does the ladder's."""

    def __init__(self, host: Host | str, clock: Clock, scale: float = 1.0) -> None:
        self._host = host
        self._clock = clock
        self._scale = min(1.0, scale)
        self._failures: set[str] = set()
        self._first_failure_at: datetime | None = None
        self._is_open = False
        self._is_probing = False
        self._until = 0.0
        self._wait_s = FIRST_S
        self._closed_at: float | None = None
        self._passed: deque[float] = deque()
        self._queues: dict[str, float] = {}  # when the last turn of a merchant's is over
        self._turns: dict[str, float] = {}  # when each of those who wait may come again
        self._counted_at = 0.0
        self._flying = 0

    @property
    def is_open(self) -> bool:
        """Whether the host has stopped answering."""
        return self._is_open

    def refusal(self) -> Unreachable | None:
        """Return what a new sale is told while nobody answers; None when it may be tried."""
        left_s = self._until - self._clock.monotonic()
        if not self._is_open or (left_s <= 0 and not self._is_probing):
            return None
        since = (self._first_failure_at or self._clock.now()).astimezone(IST)
        whom = "Paytm" if isinstance(self._host, Host) else "The provider"
        retry_after_s = max(1, round(left_s + 0.5))
        return Unreachable(
            f"{whom} cannot be reached since {since:%H:%M}. Nothing was sent and no money has moved. Take cash, or try "
            f"again in {retry_after_s} s.",
            retry_after_s=retry_after_s,
        )

    def asked(self, subject: str, merchant_id: str | None) -> Leave:
        """Give a request leave to be sent, or say how long it has to wait.

        Args:
            subject: what it is about.
            merchant_id: in whose queue a question waits; None for a request that waits for no better pace.
        """
        now = self._clock.monotonic()
        turn = self._turns.pop(subject, None)
        if self._is_open and (now < self._until or self._is_probing):
            opens_at = max(self._until, now + MOMENT_S * self._scale)
            wait_s = opens_at - now if merchant_id is None else self._queued(subject, merchant_id, opens_at, RATE)
        elif merchant_id is None:
            wait_s = 0.0
        else:
            wait_s = self._slowed(subject, merchant_id, now, has_turn=turn is not None and turn <= now)
        if wait_s:
            return Leave(wait_s=wait_s)
        self._is_probing = self._is_open
        self._flying += 1
        return Leave(is_probe=self._is_open)

    def ended(self, leave: Leave, subject: str, end: TransportError | int | None) -> None:
        """Note how a request ended.

        Args:
            leave: what it was given.
            subject: what it was about. One that fails again and again says nothing about all the others.
            end: the HTTP status of the answer, or why there was none; None when the caller went away.
        """
        self._flying -= 1
        if leave.is_probe:
            self._is_probing = False
        if end is None:
            return
        if isinstance(end, int) and end < 500:
            self._answered()
            return
        if not self._failures:
            self._first_failure_at = self._clock.now()
        is_unheard = isinstance(end, NotSent)  # then its subject is not the cause
        self._failures.add(f"{subject}/{len(self._failures)}" if is_unheard else subject)
        if leave.is_probe:
            self._open(min(self._wait_s * 2, LONGEST_S))
        elif not self._is_open and len(self._failures) >= OPENS_AFTER:
            log.warning("provider_unreachable", host=str(self._host))
            self._open(FIRST_S)

    def _open(self, wait_s: float) -> None:
        self._is_open, self._closed_at, self._wait_s = True, None, wait_s
        self._until = self._clock.monotonic() + wait_s * self._scale

    def _answered(self) -> None:
        self._failures.clear()
        if self._is_open:
            log.info("provider_answers", host=str(self._host))
            self._is_open, self._closed_at = False, self._clock.monotonic()

    def _slowed(self, subject: str, merchant_id: str, now: float, *, has_turn: bool) -> float:
        """Return how long a question waits because too many are on their way, or have just been."""
        moment = MOMENT_S * self._scale
        if self._flying >= AT_ONCE:
            return self._queued(subject, merchant_id, now + moment, AT_ONCE)
        if self._closed_at is None:
            return 0.0
        step = int((now - self._closed_at) / (DOUBLES_S * self._scale))
        if step >= STEPS:
            self._closed_at = None
            self._passed.clear()
            return 0.0
        rate = RATE * 2**step
        while self._passed and self._passed[0] <= now - moment:
            self._passed.popleft()
        is_first = has_turn or self._queues.get(merchant_id, 0.0) <= now
        if is_first and len(self._passed) < rate:
            self._passed.append(now)
            return 0.0
        if has_turn:  # it was its turn, and somebody else's too: it does not go to the end again
            self._turns[subject] = now + moment
            return moment
        return self._queued(subject, merchant_id, now + moment, rate)

    def _queued(self, subject: str, merchant_id: str, begins: float, rate: float) -> float:
        """Return how long it is to the end of a merchant's queue; all of them together leave at `rate` a second."""
        now = self._clock.monotonic()
        if now >= self._counted_at + MOMENT_S * self._scale:
            self._counted_at = now
            self._queues = {name: at for name, at in self._queues.items() if at > now}
            gone = now - HELD_MAX_S * self._scale  # some other worker has it
            self._turns = {name: at for name, at in self._turns.items() if at > gone}
        others = len(self._queues.keys() - {merchant_id})
        turn = min(max(self._queues.get(merchant_id, begins), begins), begins + HELD_MAX_S * self._scale)
        self._queues[merchant_id] = turn + (1 + others) / rate * self._scale
        self._turns[subject] = turn
        return turn - now


class Breakers:
    """The breakers of every host that was spoken to."""

    def __init__(self, clock: Clock, scale: float = 1.0) -> None:
        self._clock = clock
        self._scale = scale
        self._of: dict[str, Breaker] = {}

    def of(self, host: Host | str) -> Breaker:
        """Return the breaker of a host."""
        known = self._of.get(host)
        if known is None:
            known = self._of[host] = Breaker(host, self._clock, self._scale)
        return known

    def seen(self) -> dict[str, bool]:
        """Return every host that was spoken to, and whether it has stopped answering."""
        return {str(host): breaker.is_open for host, breaker in sorted(self._of.items())}
