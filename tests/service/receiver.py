"""A system that hears of events: it answers as a test has chosen, and keeps what it was sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from galla.client.outward import Posted
from galla.clock import from_millis
from galla.service import deliveries, webhooks
from galla.service.webhook_worker import WebhookWorker
from galla.store import webhooks as stored
from galla.webhooks import verify
from tests.service.shop import Shop

URL = "https://billing.example/hook"
TAKEN = Posted(status=204, said="")
DOWN = Posted(status=None, said="No answer came (time ran out).")


class Sent(msgspec.Struct, frozen=True):
    """One post."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """What a receiver knows repeats by."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        """The event in it, not verified."""
        return msgspec.json.decode(self.body)


class Receiver:
    """One endpoint of a shop. `answer` is what comes back until it is changed; an event type may have its own."""

    def __init__(self, shop: Shop, endpoint: dict[str, Any]) -> None:
        self.shop = shop
        self.id = endpoint["id"]
        self.secret = endpoint["secret"]
        self.answer = TAKEN
        self.answers: dict[str, Posted] = {}
        self.sent: list[Sent] = []

    @classmethod
    async def open(cls, shop: Shop, url: str = URL, **more: Any) -> Receiver:
        """Add an endpoint to a shop, and listen there."""
        return cls(shop, await webhooks.create(shop.till, shop.principal, url, **more))

    async def hear(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """Take one post, as HTTP would have carried it."""
        self.sent.append(Sent(url, dict(headers), body))
        return self.answers.get(self.sent[-1].event["type"], self.answer)

    @property
    def heard(self) -> list[str]:
        """The kinds of event that came, in order, each verified as it came or later."""
        return [sent.event["type"] for sent in self.sent]

    def verified(self, sent: Sent) -> Any:
        """Return the event of a post that came just now."""
        return verify(sent.body, sent.headers, self.secret, now=self.shop.clock.now())

    async def drain(self) -> int:
        """Let a worker that has just started deliver what is due."""
        return await WebhookWorker(self.shop.till, self.hear).drain_due()

    async def next_try(self) -> float | None:
        """Let time pass until something is due, and deliver it; return the seconds it took, None: nothing waits."""
        rows = await self.shop.till.database.read(stored.listening)
        due_at = min((row.next_due_at for row in rows if row.next_due_at is not None), default=None)
        if due_at is None:
            return None
        wait_s = (from_millis(due_at) - self.shop.clock.now()) / timedelta(seconds=1)
        self.shop.clock.advance(max(0.0, wait_s) + 0.001)
        await self.drain()
        return wait_s

    async def endpoint(self) -> Any:
        """Return the endpoint as it stands."""
        return await webhooks.get(self.shop.till, self.shop.principal, self.id)

    async def deliveries(self, status: str | None = None) -> list[Any]:
        """Return what was sent, the newest event first."""
        found = await deliveries.find(self.shop.till, self.shop.principal, self.id, status=status, limit=200)
        return list(found["data"])
