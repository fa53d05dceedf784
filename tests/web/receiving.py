"""A billing system on this computer that is told what happens: real HTTP, answers as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from galla import webhooks


class Billing:
    """What came, verified on arrival; `status` is what is answered, `secrets` what is known."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 204
        self.secrets: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.ids: list[str] = []

    @property
    def types(self) -> list[str]:
        """The kinds of event that came, in order."""
        return [event["type"] for event in self.events]

    async def receive(self, request: web.Request) -> web.Response:
        """Take one message."""
        event = webhooks.verify(await request.read(), request.headers, self.secrets)
        self.events.append(event)
        self.ids.append(request.headers["webhook-id"])
        return web.Response(status=self.status, text="" if self.status == 204 else "the database is full")


@asynccontextmanager
async def billing() -> AsyncIterator[Billing]:
    """Run such a system on a free port of this computer."""
    system = Billing()
    app = web.Application()
    app.router.add_post("/galla", system.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        system.url = f"http://127.0.0.1:{runner.addresses[0][1]}/galla"
        yield system
    finally:
        await runner.cleanup()
