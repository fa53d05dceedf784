"""Counters that take one payment after another from a galla that keeps dying, and remember what they were told.

Each behaves as a careful billing system does: every request for money carries an idempotency key, and what got no
answer is asked again under the same key until it gets one. What it was told is what galla must still hold at the end.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Tally
from random import Random
from typing import Any

import aiohttp

from reliability.processes import API_KEY

PAUSE_S = 0.2
FOLLOW_S = 0.4
GIVE_BACK_EVERY = 4
GIVE_BACK_TRIES = 5
FINAL = ("paid", "not_paid")
RETURNED = ("done", "failed")


class Asked:
    """One request for money: its key, and what galla has said of it. Amounts in paise."""

    def __init__(self, key: str, amount_paise: int, method: str) -> None:
        self.key = key
        self.amount_paise = amount_paise
        self.method = method
        self.id: str | None = None
        self.status: str | None = None
        self.refund: str | None = None
        self.refund_status: str | None = None


class Memory:
    """What all counters together were told, and what was wrong with it."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.wrong: list[str] = []
        self.heard: Tally[str] = Tally()
        self.answered_at = 0.0  # when the first answer came since somebody began to wait for one
        self.is_answered = asyncio.Event()
        self.is_closing = False

    def waits(self) -> None:
        """From now on the next answer is the first."""
        self.is_answered.clear()

    def answered(self) -> None:
        """Note that galla did what it was asked."""
        if not self.is_answered.is_set():
            self.answered_at = time.time()
            self.is_answered.set()

    def amount(self) -> int:
        """Return an amount that no other payment has, so that a second charge shows by itself."""
        return 100_000 + len(self.asked)


class Counter:
    """One counter, with a card machine of its own, or without one and then by UPI."""

    def __init__(self, name: str, tid: str | None, memory: Memory, http: aiohttp.ClientSession, url: str) -> None:
        self._name = name
        self._tid = tid
        self._memory = memory
        self._http = http
        self._url = url
        self._random = Random(name)
        self._count = 0

    async def run(self) -> None:
        """Take payments until the memory is closing; then see the last one to its end."""
        while not self._memory.is_closing:
            self._count += 1
            method = "edc" if self._tid is not None else self._random.choice(("upi_intent", "upi_qr"))
            asked = Asked(f"{self._name}-{self._count}", self._memory.amount(), method)
            self._memory.asked.append(asked)
            await self._start(asked)
            await self._follow(asked)
            if asked.status == "paid" and self._count % GIVE_BACK_EVERY == 0:
                await self._give_back(asked)

    async def _start(self, asked: Asked) -> None:
        body: dict[str, Any] = {"amount": asked.amount_paise, "method": asked.method, "reference": asked.key}
        if self._tid is not None:
            body["terminal"] = self._tid
        while True:
            status, answer = await self._call("POST", "/v1/payments?wait=1", body, asked.key)
            code = answer.get("code")
            if status == 201:
                self._hear(asked, answer["id"], "payment")
                return
            if code == "idempotency_in_progress":
                self._hear(asked, answer["blocker"], "payment")
                return
            if status not in (0, 503) and code != "terminal_busy":
                self._memory.wrong.append(f"{asked.key}: a start was answered {status} {code}")
                return
            await asyncio.sleep(PAUSE_S if status in (0, 503) else FOLLOW_S)

    async def _follow(self, asked: Asked) -> None:
        while asked.id is not None and asked.status not in FINAL:
            status, answer = await self._call("GET", f"/v1/payments/{asked.id}")
            if status == 200:
                asked.status = answer["status"]
            elif status not in (0, 503):
                self._memory.wrong.append(f"{asked.id} was acknowledged, and is answered {status}")
                return
            await asyncio.sleep(FOLLOW_S)

    async def _give_back(self, asked: Asked) -> None:
        """Give all of it back; when that fails, such as by two deaths while sending it, do it again."""
        for number in range(1, GIVE_BACK_TRIES + 1):
            asked.refund = asked.refund_status = None
            await self._ask_back(asked, f"back-{asked.key}" if number == 1 else f"back-{asked.key}-{number}")
            await self._follow_back(asked)
            if asked.refund_status != "failed":
                return
            self._memory.heard["a refund failed"] += 1
        self._memory.wrong.append(f"{asked.id} could not be given back in {GIVE_BACK_TRIES} tries")

    async def _ask_back(self, asked: Asked, key: str) -> None:
        while asked.refund is None:
            path = f"/v1/payments/{asked.id}/refunds?wait=1"
            status, answer = await self._call("POST", path, {"reason": "Trial"}, key)
            if status == 201:
                asked.refund = answer["id"]
            elif answer.get("code") == "idempotency_in_progress":
                asked.refund = answer["blocker"]
            elif status not in (0, 503) and answer.get("code") != "terminal_busy":
                self._memory.wrong.append(f"{asked.key}: a refund was answered {status} {answer.get('code')}")
                return
            else:
                await asyncio.sleep(FOLLOW_S)

    async def _follow_back(self, asked: Asked) -> None:
        while asked.refund is not None and asked.refund_status not in RETURNED:
            status, answer = await self._call("GET", f"/v1/refunds/{asked.refund}")
            if status == 200:
                asked.refund_status = answer["status"]
            elif status not in (0, 503):
                self._memory.wrong.append(f"{asked.refund} was acknowledged, and is answered {status}")
                return
            await asyncio.sleep(FOLLOW_S)

    def _hear(self, asked: Asked, payment_id: str, thing: str) -> None:
        if asked.id is not None and asked.id != payment_id:
            self._memory.wrong.append(f"the key {asked.key} made a second {thing}: {asked.id}, then {payment_id}")
        asked.id = payment_id

    async def _call(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, dict[str, Any]]:
        """Return the status and the answer; status 0 when there was none."""
        headers = {"Authorization": f"Bearer {API_KEY}", **({"Idempotency-Key": key} if key else {})}
        try:
            async with self._http.request(method, self._url + path, json=body, headers=headers) as response:
                answer = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            self._memory.heard["no answer"] += 1
            return 0, {}
        self._memory.heard[f"{status} {answer.get('code', '')}".strip()] += 1
        if status < 300:
            self._memory.answered()
        return status, answer
