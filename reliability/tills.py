"""Two hundred counters of one shop under load: each starts a sale when it is its turn, and watches it on a stream.

The arrivals are an open model: customers come when they come, whether or not galla has answered the last one. What a
customer waits is measured from when he came, so a slow answer is not hidden by the questions it held up.
"""

from __future__ import annotations

import asyncio
import json
import time
from random import Random
from typing import Any

import aiohttp

from reliability.processes import API_KEY

FINAL = {"payment.paid": "paid", "payment.not_paid": "not_paid"}
HEADERS = {"Authorization": f"Bearer {API_KEY}"}
PATIENCE_S = 120.0


class Sale:
    """One sale: when the customer came, when galla answered, and what the screen showed when. Seconds since 1970."""

    def __init__(self, number: int, came_at: float) -> None:
        self.key = f"sale-{number}"
        self.amount_paise = 100_000 + number
        self.came_at = came_at
        self.answered_at: float | None = None
        self.shown_at: float | None = None
        self.id: str | None = None
        self.status: str | None = None
        self.wrong: str | None = None


class Till:
    """One counter with a machine and a screen; its stream stays open until the next customer."""

    def __init__(self, tid: str, http: aiohttp.ClientSession, url: str) -> None:
        self._tid = tid
        self._http = http
        self._url = url
        self._screen: aiohttp.ClientResponse | None = None

    async def sell(self, sale: Sale) -> None:
        """Start a sale and watch it to its end."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._start(sale)
                if sale.id is not None:
                    await self._watch(sale)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            sale.wrong = f"{sale.key}: {type(error).__name__} {error}"

    def close(self) -> None:
        """Switch the screen off."""
        if self._screen is not None:
            self._screen.close()

    async def _start(self, sale: Sale) -> None:
        body = {"amount": sale.amount_paise, "method": "edc", "terminal": self._tid, "reference": sale.key}
        headers = {**HEADERS, "Idempotency-Key": sale.key}
        async with self._http.post(f"{self._url}/v1/payments?wait=0", json=body, headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            sale.answered_at = time.time()
            if response.status == 201:
                sale.id = answer["id"]
            else:
                sale.wrong = f"{sale.key}: the start was answered {response.status} {answer.get('code')}"

    async def _watch(self, sale: Sale) -> None:
        self.close()
        headers = {**HEADERS, "Last-Event-ID": "0"}
        address = f"{self._url}/v1/events/stream?payment={sale.id}"
        self._screen = await self._http.get(address, headers=headers)
        async for line in self._screen.content:
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                if (status := FINAL.get(event["type"])) is not None:
                    sale.shown_at, sale.status = time.time(), status
                    return
        sale.wrong = f"{sale.key}: its stream ended before it did"


class Shop:
    """All counters, and the customers who come to them."""

    def __init__(self, url: str, tids: tuple[str, ...], rate_s: float, seed: int) -> None:
        self._url = url
        self._tids = tids
        self._rate_s = rate_s
        self._random = Random(f"load {seed}")
        self.sales: list[Sale] = []
        self.most_at_once = 0

    async def run(self, seconds: float) -> None:
        """Let customers come for so long, and see every sale to its end."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            tills = [Till(tid, http, self._url) for tid in self._tids]
            free: asyncio.Queue[Till] = asyncio.Queue()
            for till in tills:
                free.put_nowait(till)
            begun = time.time()
            telling = asyncio.create_task(self._tell(seconds, begun))
            try:
                async with asyncio.TaskGroup() as going:
                    at = begun
                    while (at := at + self._random.expovariate(self._rate_s)) < begun + seconds:
                        await asyncio.sleep(max(0.0, at - time.time()))
                        sale = Sale(len(self.sales), at)
                        self.sales.append(sale)
                        going.create_task(self._serve(free, sale))
            finally:
                telling.cancel()
                for till in tills:
                    till.close()

    async def _serve(self, free: asyncio.Queue[Till], sale: Sale) -> None:
        till = await free.get()
        self.most_at_once = max(self.most_at_once, len(self._tids) - free.qsize())
        try:
            await till.sell(sale)
        finally:
            free.put_nowait(till)

    async def _tell(self, seconds: float, begun: float) -> None:
        """Print where it is, every five seconds."""
        while True:
            await asyncio.sleep(5)
            shown = sum(sale.shown_at is not None for sale in self.sales)
            wrong = sum(sale.wrong is not None for sale in self.sales)
            print(
                f"{time.time() - begun:.0f}/{seconds:.0f} s · {len(self.sales)} customers · {shown} shown the end"
                f" · {wrong} wrong",
                flush=True,
            )
