"""The network between the till and Paytm, as bad as it can be: requests wait in it, are lost, and arrive too late.

Time-outs are real: a request is given up when the till's own deadline for it has passed on the till's clock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum

import msgspec

from galla.clock import ManualClock
from galla.errors import NoReply, NotSent
from galla.protocol.message import Request, Response
from galla.sandbox.sandbox import Cut, Sandbox

LATEST_S = 600.0


class Road(StrEnum):
    """What becomes of one request on its way."""

    OPEN = "open"
    HOLD_REQUEST = "hold_request"
    HOLD_ANSWER = "hold_answer"
    STALL = "stall"
    """The answer came in time, and the process slept before it could read it."""


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
    """Carries requests to a sandbox. `plan` lays the roads of the next requests; all others go through.

    `flying` waits to be let go, `lost` has been given up by the till and may still arrive; `overlaps` are the ids
    about which the till had two requests in flight at once.
    """

    def __init__(self, box: Sandbox, clock: ManualClock, overlaps: set[str]) -> None:
        self._box = box
        self._clock = clock
        self._plan: deque[Road] = deque()
        self._overlaps = overlaps
        self.flying: list[Packet] = []
        self.lost: list[Packet] = []
        self.on_change: Callable[[], None] = lambda: None

    @property
    def will_hold(self) -> bool:
        """Whether one of the next requests will wait in the network."""
        return bool(self._plan)

    def plan(self, *roads: Road) -> None:
        """Lay the roads of the next requests, in their order, in place of those laid before."""
        self._plan = deque(roads)

    async def carry(self, request: Request, timeout_s: float) -> Response:
        """Carry one request, as the till's transport does."""
        deadline = self._clock.monotonic() + timeout_s
        self._watch(request)
        road = self._plan.popleft() if self._plan else Road.OPEN
        if road is Road.OPEN:
            return self._through(request, timeout_s)
        packet = Packet(request, road, deadline)
        if road is not Road.HOLD_REQUEST:
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
        self._plan.clear()
        for packet in list(self.flying):
            self.let_go(packet)
        self.lost.clear()

    def _heard(self, request: Request, timeout_s: float) -> Response | Exception:
        try:
            return self._through(request, timeout_s)
        except (NoReply, NotSent) as error:
            return error

    def _through(self, request: Request, timeout_s: float) -> Response:
        answer = self._box.answer(request)
        delay_s = answer.delay_ms / 1000
        if answer.cut is Cut.REFUSED:
            raise NotSent("The connection was refused.")
        self._clock.advance(min(delay_s, timeout_s))
        if answer.response is None or delay_s >= timeout_s:
            raise NoReply("Nothing came back in time.")
        return answer.response

    def _watch(self, request: Request) -> None:
        """Note two requests about one thing at once; a refund and its payment are two things."""
        name = _about(request)
        now = self._clock.monotonic()
        if any(_about(each.request) == name and each.deadline > now and each.is_leased for each in self.flying):
            self._overlaps.add(name)


def _about(request: Request) -> str:
    if "refund" in request.operation:
        return str(msgspec.json.decode(request.body)["body"]["refId"])
    return request.paytm_id or ""


def _arrive(packet: Packet, answer: Response | Exception) -> None:
    if packet.arrival.done():
        return
    if isinstance(answer, Exception):
        packet.arrival.set_exception(answer)
    else:
        packet.arrival.set_result(answer)
