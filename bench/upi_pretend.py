"""A light stand-in for Paytm's online API in a process of its own: three calls, any order, signed answers.

Lighter than the sandbox, so that many short conversations do not wait for it; it looks at nothing but the order's id.
`PretendOnline` starts it and ends it; `python -m bench.upi_pretend` is what it starts.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import msgspec
from aiohttp import web

from bench.upi_order import answer
from galla.cli.hosting import LOOPBACK, listen, port_of, until_stopped


class PretendOnline:
    """The other process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.upi_pretend"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://{LOOPBACK}:{int(self._process.stdout.readline())}"

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=10)


async def _answer(request: web.BaseRequest) -> web.Response:
    message = msgspec.json.decode(await request.read())
    reply = answer(request.path, message["body"]["orderId"])
    return web.Response(body=reply.body, content_type="application/json")


async def _serve() -> None:
    listening = listen(LOOPBACK, 0)
    runner = web.ServerRunner(web.Server(_answer))
    await runner.setup()
    await web.SockSite(runner, listening).start()
    async with until_stopped() as stop:
        print(port_of(listening), flush=True)
        await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
