"""Ten thousand payments in flight, each asked about every ten seconds: how late, and at what cost.

Every payment waits for its customer for as long as the measurement lasts, so each answer is "pending": the common
answer, and the one that must write nothing. The measurement is made twice: against a sandbox in another process
over HTTP, and with the answers given in this process, which leaves what the engine itself costs.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import psutil
from sqlalchemy import Connection, func, insert, select

from bench.pretend import AMOUNT_PAISE, TID, Pretend, paytm_id
from galla.client.flows import AsyncSend
from galla.clock import SYSTEM, ist_text
from galla.config import Secret, Settings, load
from galla.payments.ladder import Ladder, Rung
from galla.payments.model import Method, Payment, Phase, Status
from galla.protocol.edc import ResultInfo, StatusReply
from galla.protocol.message import MerchantKey, Request, Response
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS
from galla.service.till import Till
from galla.service.worker import Worker
from galla.store.claims import Schedule
from galla.store.rows import payment_values
from galla.store.tables import merchants, payments

EVERY_S = 9.5  # with the jitter of up to a tenth, ten seconds in the middle
FLAT = Ladder(first_s=EVERY_S, rungs=(Rung(1e8, EVERY_S),), hold_s=1e8)
PENDING = ResultInfo(status="PENDING", code="P", code_id="0010", message="Transaction is pending. Check the terminal.")
WARM_UP_S = 2.0


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What one stretch of time showed. CPU in seconds per second, lateness in milliseconds."""

    polls_s: float
    late_p50_ms: float
    late_p99_ms: float
    worker_cpu: float
    database_cpu: float
    sandbox_cpu: float


class PunctualWorker(Worker):
    """galla's worker, noting how long after `due_at` each payment's turn came."""

    def __init__(self, till: Till, due: dict[str, datetime]) -> None:
        super().__init__(till)
        self.due = due
        self.late_ms: list[float] = []

    async def _advance(self, payment: Payment) -> None:
        late = SYSTEM.now() - self.due[payment.id]
        self.late_ms.append(late / timedelta(milliseconds=1))
        assert payment.due_at is not None
        self.due[payment.id] = payment.due_at
        await super()._advance(payment)


def settings(url: str, edc_url: str = "") -> Settings:
    """Return the settings of a shop of the demo merchant."""
    return load(
        {},
        database_url=url,
        edc_url=edc_url,
        mid=DEMO_MID,
        key=Secret(DEMO_KEY),
        tids=DEMO_TIDS,
        secret_key=Secret("x" * 40),
    )


@asynccontextmanager
async def crowded(url: str, count: int, *, edc_url: str = "", send: AsyncSend | None = None) -> AsyncIterator[PunctualWorker]:
    """Open a till with this many payments in flight, their turns spread evenly, and run its worker."""
    till = await Till.open(settings(url, edc_url), send=send)
    till.card = FLAT
    till.schedule = Schedule(card=FLAT, upi=FLAT, lease_ms=till.schedule.lease_ms)
    worker = PunctualWorker(till, await till.database.write(_crowd, count))
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running
        await till.close()


def _crowd(connection: Connection, count: int) -> dict[str, datetime]:
    """Write the payments down as they stand while the customer looks for the card."""
    merchant_id = connection.execute(select(merchants.c.id)).scalar_one()
    now = SYSTEM.now()
    crowd = [
        Payment(
            id=f"pay_{number:026d}",
            merchant_id=merchant_id,
            environment="sandbox",
            mid=DEMO_MID,
            method=Method.EDC,
            amount_paise=AMOUNT_PAISE,
            paytm_id=paytm_id(number),
            reference=f"OPD-{number}",
            tid=TID,
            customer_name="Ramesh Kumar",
            created_at=now,
            status=Status.PENDING,
            phase=Phase.ON_DEVICE,
            sends=1,
            sent_at=now,
            accepted_at=now,
            jitter=number % 1000,
            fence=1,
            sequence=2,
            due_at=now + timedelta(seconds=1 + (number * 7919 % count) * 10 / count),
        )
        for number in range(count)
    ]
    for start in range(0, count, 500):
        rows = [{**payment_values(payment), "proof_id": None} for payment in crowd[start : start + 500]]
        connection.execute(insert(payments), rows)
    return {payment.id: payment.due_at for payment in crowd if payment.due_at is not None}


def canned(count: int) -> AsyncSend:
    """Return a line to Paytm that answers at once, with replies signed beforehand."""
    key = MerchantKey(DEMO_KEY)
    at = ist_text(SYSTEM.now())
    replies = {
        name: StatusReply(
            merchant_transaction_id=name,
            paytm_mid=DEMO_MID,
            paytm_tid=TID,
            transaction_date_time=at,
            transaction_amount=str(AMOUNT_PAISE),
            result=PENDING,
        ).encode(at, key=key)
        for name in map(paytm_id, range(count))
    }

    async def send(request: Request) -> Response:
        return replies[request.paytm_id or ""]

    return send


async def watch(worker: PunctualWorker, seconds: float, database_cpu_s: Callable[[], float], sandbox: Pretend | None) -> Window:
    """Look at a running worker for this long."""
    worker.late_ms.clear()
    before = worker.advanced
    sandbox_cpu_s: Callable[[], float] = sandbox.cpu_s if sandbox else lambda: 0.0
    started, cpu, database, pretend = time.monotonic(), time.process_time(), database_cpu_s(), sandbox_cpu_s()
    await asyncio.sleep(seconds)
    took = time.monotonic() - started
    late = sorted(worker.late_ms) or [0.0]
    return Window(
        polls_s=(worker.advanced - before) / took,
        late_p50_ms=late[len(late) // 2],
        late_p99_ms=late[len(late) * 99 // 100],
        worker_cpu=(time.process_time() - cpu) / took,
        database_cpu=(database_cpu_s() - database) / took,
        sandbox_cpu=(sandbox_cpu_s() - pretend) / took,
    )
