"""The webhooks' part of the worker: each endpoint has its own queue and hands, so that a slow one delays no other."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import structlog
from sqlalchemy import Row

from galla.clock import to_millis
from galla.errors import Unavailable
from galla.service.delivering import Claim, Post, deliver, take
from galla.service.till import Till
from galla.store import webhooks

log = structlog.get_logger("galla.worker")

AT_ONCE = 8  # posts in flight to one endpoint, from this process
IN_FLIGHT_MAX = 256
GATHER_S = 0.02  # posts that end together are followed by one look
PACE_S = 0.2  # the least between two looks, however much is committed meanwhile
LOOK_EVERY_S = 0.5
NOBODY_S = 1.0  # between two looks while nobody wants to hear anything
ENDING_S = 30.0


class WebhookWorker:
    """Delivers events to endpoints until told to stop. `send` posts in place of HTTP."""

    def __init__(self, till: Till, send: Post | None = None) -> None:
        self._till = till
        self._send = send
        self._flying: Counter[str] = Counter()
        self._posts: set[asyncio.Task[None]] = set()
        self._has_news = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then let what is in flight finish."""
        while not stop.is_set():
            idle_s, count = LOOK_EVERY_S, self._till.bell.count
            self._has_news.clear()
            try:
                idle_s = LOOK_EVERY_S if await self._round() else NOBODY_S
            except Unavailable as error:
                log.error("database_unavailable", detail=str(error))
            except Exception:
                log.exception("round_failed")
            await self._rest(stop, idle_s, count)
        if self._posts:
            await asyncio.wait(self._posts, timeout=ENDING_S)

    async def drain_due(self) -> int:
        """Deliver everything due at this instant and return how many posts that was. For tests and simulation."""
        count = 0
        while True:
            listening = await self._till.database.read(webhooks.listening)
            claims = await self._claims(listening)
            if not claims and all(each.position >= each.event_position for each in listening):
                return count
            await asyncio.gather(*(self._deliver(claim) for claim in claims))
            count += len(claims)

    async def _round(self) -> bool:
        """Begin what there is room for; return whether anybody wants to hear anything at all."""
        listening = await self._till.database.read(webhooks.listening)
        for claim in await self._claims(listening):
            task = asyncio.create_task(self._deliver(claim))
            self._posts.add(task)
            task.add_done_callback(self._posts.discard)
        return bool(listening)

    async def _claims(self, listening: list[Row[Any]]) -> list[Claim]:
        till = self._till
        at = to_millis(till.clock.now())
        found: list[Claim] = []
        for each in listening:
            has_work = each.event_position > each.position or (each.next_due_at is not None and each.next_due_at <= at)
            room = min(AT_ONCE - self._flying[each.id], IN_FLIGHT_MAX - self._flying.total())
            if has_work and room > 0:
                taken = await till.database.write(take, till, each.merchant_id, each.id, room)
                self._flying[each.id] += len(taken)
                found += taken
        return found

    async def _deliver(self, claim: Claim) -> None:
        """Deliver one claim; whatever goes wrong with it stays with it."""
        try:
            await deliver(self._till, claim, self._send)
        except Unavailable as error:
            log.error("database_unavailable", detail=str(error), delivery=claim.id)
        except Exception:
            log.exception("delivery_failed", delivery=claim.id)
        finally:
            self._flying[claim.endpoint_id] -= 1
            self._has_news.set()

    async def _rest(self, stop: asyncio.Event, seconds: float, count: int) -> None:
        """Sleep, but wake for a stop, for a post that has ended, or for a commit of this process."""
        waits = {
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._has_news.wait()),
            asyncio.create_task(self._quiet(seconds, count)),
        }
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        if self._has_news.is_set():
            await asyncio.sleep(GATHER_S)

    async def _quiet(self, seconds: float, count: int) -> None:
        """Wait for a commit, at a pace; where nobody listens, commits are no news."""
        await asyncio.sleep(min(PACE_S, seconds) if seconds < NOBODY_S else seconds)
        if seconds < NOBODY_S:
            await self._till.bell.wait(seconds, count)
