"""The network between the till and Paytm, as bad as it can be: requests wait in it, are lost, and arrive too late.

Time-outs are real: a request is given up when the till's own deadline for it has passed on the till's clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from enum import StrEnum

import msgspec

from galla.clock import ManualClock
from galla.errors import InvalidField, NoReply, NotSent
from galla.protocol.message import Request, Response
from galla.sandbox.faults import ON_SALE, STARTS, Fault
from galla.sandbox.sandbox import Cut, Sandbox

LATEST_S = 600.0


class Road(StrEnum):
    """What becomes of one request on its way."""

    OPEN = "open"
    HOLD_REQUEST = "hold_request"
    HOLD_ANSWER = "hold_answer"
    STALL = "stall"
    """The answer came in time, and the process slept before it could read it."""
    STALE = "stale"
    """The question is answered by a replica that lags behind: with the first answer it ever gave to this question."""


HOLDS = frozenset({Road.HOLD_REQUEST, Road.HOLD_ANSWER, Road.STALL})
INQUIRIES = frozenset({"status", "order_status", "queue_status", "refund_status"})
AHEAD = 4
Trouble = Road | Fault
"""What befalls one request: on its road, or at Paytm."""


class Packet:
    """One request that waits in the network, or whose answer does."""

    def __init__(self, request: Request, road: Road, deadline: float) -> None:
        self.request = request
        self.road = road
        self.deadline = deadline
        self.answer: Response | Exception | None = None
        self.is_leased = True
        self.arrival: asyncio.Future[Response] = asyncio.get_running_loop().create_future()


class Network:
    """Carries requests to a sandbox. `plan` lays the roads of the next requests, `weather` those of all others.

    `flying` waits to be let go, `lost` has been given up by the till and may still arrive; `overlaps` are the ids
    about which the till had two requests in flight at once; `tally` counts the requests, and what befell them.
    """

    def __init__(self, box: Sandbox, clock: ManualClock, overlaps: set[str]) -> None:
        self._box = box
        self._clock = clock
        self._plan: deque[Trouble] = deque()
        self._first: dict[tuple[str, str], Response] = {}
        self._overlaps = overlaps
        self.flying: list[Packet] = []
        self.lost: list[Packet] = []
        self.on_change: Callable[[], None] = lambda: None
        self.weather: Callable[[], Trouble] | None = None
        self.tally: Counter[str] = Counter()

    @property
    def will_hold(self) -> bool:
        """Whether one of the next requests will wait in the network."""
        return any(each in HOLDS for each in self._ahead())

    @property
    def is_clear(self) -> bool:
        """Whether nothing will befall the next requests on their way, and none is under way."""
        return not self.flying and all(each is Road.OPEN for each in self._ahead())

    def plan(self, *roads: Road) -> None:
        """Lay the roads of the next requests, in their order, in place of those laid before."""
        self._plan = deque(roads)

    async def carry(self, request: Request, timeout_s: float) -> Response:
        """Carry one request, as the till's transport does."""
        deadline = self._clock.monotonic() + timeout_s
        self._watch(request)
        self.tally["calls"] += 1
        self._ahead()
        trouble = self._plan.popleft() if self._plan else Road.OPEN
        if isinstance(trouble, Fault):
            return self._through(request, timeout_s, trouble)
        if trouble is Road.OPEN:
            return self._through(request, timeout_s)
        if trouble is Road.STALE:
            return self._stale(request, timeout_s)
        self._befell(trouble)
        packet = Packet(request, trouble, deadline)
        if trouble is not Road.HOLD_REQUEST:
            packet.answer = self._heard(request, timeout_s)
        self.flying.append(packet)
        self.on_change()
        return await packet.arrival

    def let_go(self, packet: Packet) -> None:
        """Let a waiting request, or its answer, arrive."""
        self.flying.remove(packet)
        if packet.answer is None:
            packet.answer = self._heard(packet.request, max(0.0, packet.deadline - self._clock.monotonic()))
        _arrive(packet, packet.answer)

    def lose(self, packet: Packet) -> None:
        """Lose a waiting request or its answer: the till hears nothing."""
        self.flying.remove(packet)
        _arrive(packet, NoReply("Nothing came back."))

    def expire(self) -> None:
        """Let the till give up what it has waited for long enough; what is on its way may still arrive."""
        now = self._clock.monotonic()
        for packet in [each for each in self.flying if each.deadline <= now and each.road is not Road.STALL]:
            self.lose(packet)
            if packet.answer is None:
                self.lost.append(packet)
        self.lost = [each for each in self.lost if now - each.deadline < LATEST_S]

    def arrive_late(self, packet: Packet) -> None:
        """Let a request arrive at Paytm that the till has given up; nobody hears the answer."""
        self.lost.remove(packet)
        self._box.answer(packet.request)

    def end_leases(self) -> None:
        """The shop's clock was set ahead: its leases may be over for what is under way, and others may ask."""
        for packet in self.flying:
            packet.is_leased = False

    def cut_off(self) -> None:
        """The process has died: nobody waits for answers any more, and requests under way may still arrive."""
        self.lost += [each for each in self.flying if each.answer is None]
        self.flying.clear()
        self._plan.clear()

    def heal(self) -> None:
        """Lay open roads and let everything arrive that is under way."""
        self.weather = None
        self._plan.clear()
        for packet in list(self.flying):
            self.let_go(packet)
        self.lost.clear()

    def _heard(self, request: Request, timeout_s: float) -> Response | Exception:
        try:
            return self._through(request, timeout_s)
        except (NoReply, NotSent) as error:
            return error

    def _through(self, request: Request, timeout_s: float, fault: Fault | None = None) -> Response:
        placed = self._place(fault, request) if fault is not None else None
        answer = self._box.answer(request)
        self._befell(*self._box.wire.latest(1)[0].faults)
        if placed is not None:
            self._box.clear_faults(placed.number)  # it found nothing to spoil in this answer
        delay_s = answer.delay_ms / 1000
        if answer.cut is Cut.REFUSED:
            raise NotSent("The connection was refused.")
        self._clock.advance(min(delay_s, timeout_s))
        if answer.response is None or delay_s >= timeout_s:
            raise NoReply("Nothing came back in time.")
        if request.operation in INQUIRIES:
            self._first.setdefault((request.operation, _about(request)), answer.response)
        return answer.response

    def _stale(self, request: Request, timeout_s: float) -> Response:
        first = self._first.get((request.operation, _about(request)))
        answer = self._through(request, timeout_s)
        if first is None or first.body == answer.body:
            return answer
        self._befell(Road.STALE)
        return first

    def _place(self, fault: Fault, request: Request) -> Fault | None:
        """Put a fault in force for just this request, if it can befall it."""
        if fault.kind in ON_SALE and request.operation not in STARTS:
            return None
        try:
            return self._box.add_fault(msgspec.structs.replace(fault, operation=request.operation))
        except InvalidField:
            return None

    def _befell(self, *kinds: str) -> None:
        for kind in kinds:
            self.tally[f"fault: {kind}"] += 1
        self.tally["calls with a fault"] += bool(kinds)

    def _ahead(self) -> list[Trouble]:
        """Return what awaits the next few requests."""
        while self.weather is not None and len(self._plan) < AHEAD:
            self._plan.append(self.weather())
        return list(self._plan)

    def _watch(self, request: Request) -> None:
        """Note two requests about one thing at once; a payment and what gives it back are two things."""
        name = _about(request)
        now = self._clock.monotonic()
        if any(_about(each.request) == name and each.deadline > now and each.is_leased for each in self.flying):
            self._overlaps.add(name)


def _about(request: Request) -> str:
    if "refund" in request.operation:
        return str(msgspec.json.decode(request.body)["body"]["refId"])
    is_void = request.operation == "void" or (request.operation == "status" and b'"VOID"' in request.body)
    return f"the void of {request.paytm_id}" if is_void else request.paytm_id or ""


def _arrive(packet: Packet, answer: Response | Exception) -> None:
    if packet.arrival.done():
        return
    if isinstance(answer, Exception):
        packet.arrival.set_exception(answer)
    else:
        packet.arrival.set_result(answer)
