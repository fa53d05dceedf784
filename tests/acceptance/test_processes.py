"""Two web processes and two workers on one PostgreSQL, real ones: one of each is killed, and everything finishes."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection

from galla.clock import SYSTEM, to_millis
from galla.payments.ladder import EDC
from galla.sandbox.charge import ChargeState
from galla.sandbox.faults import Fault, Kind
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, Sandbox
from galla.service import access, payments, tasks
from galla.service.till import Till
from tests.cli.processes import read_until, started
from tests.sandbox.pretend import served
from tests.service.books import assert_books_equal_truth
from tests.service.shop import API_KEY, settings_for

TIDS = tuple(str(91_000_000 + number) for number in range(32))
SCALE = 0.03
ANSWERS_IN_S = 0.15
LADDER, EVERY_MS = "30m:120s 24h:1h", round(120 * SCALE * 1000)  # longer than a claim, so that the jitter shows
FIRST_MS = round(EDC.first_s * SCALE * 1000)
_WATCH = (
    "CREATE TABLE claims (place bigserial, paytm_id text, was_due bigint, was_held bigint, at bigint, due bigint,"
    " until bigint, jitter bigint, sends bigint, sent_at bigint)",
    "CREATE FUNCTION keep_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO claims (paytm_id, was_due, was_held, at, due, until, jitter, sends, sent_at) VALUES (NEW.paytm_id,"
    " OLD.due_at, OLD.lease_until, NEW.asked_at, NEW.due_at, NEW.lease_until, NEW.jitter, NEW.sends, NEW.sent_at);"
    " RETURN NEW; END $$",
    "CREATE TRIGGER keep_claims AFTER UPDATE OF asked_at ON payments FOR EACH ROW EXECUTE FUNCTION keep_claim()",
)
"""Writes down every claim of a payment to the millisecond: when it was due, was taken, and falls due next."""


@pytest.mark.timeout(240)
async def test_i15_i16_f32_one_of_each_is_killed_and_everything_finishes(
    fresh_postgres_url: str, tmp_path: Path
) -> None:
    """All are paid exactly once, no inquiry overlaps another or comes before its ladder says; the screens of the
    survivor show all; told to end, it says so first, lets go of its screens, and leaves nothing behind.
    """
    box = Sandbox()
    for tid in TIDS:
        box.add_terminal(tid, DEMO_MID)
    box.add_fault(Fault(kind=Kind.DELAY, operation="status", after_ms=round(ANSWERS_IN_S * 1000), times=None))
    box.play(after_s=1.0, outcome="card")
    with served(box) as paytm:
        settings = settings_for(
            fresh_postgres_url, tids=TIDS, edc_url=paytm, ladder_scale=SCALE, ladder_edc=LADDER
        )
        till = await Till.open(settings)
        try:
            await till.database.write(_run, *_WATCH)
            with _galla(fresh_postgres_url, paytm, tmp_path) as (webs, workers, addresses):
                killed_at = await _live(till, webs, workers, addresses)
            rows = await till.database.read(_rows, "SELECT * FROM claims ORDER BY place")
            _assert_polls_are_within_the_ladder(rows, box, to_millis(killed_at))
            charged = [charge for charge in box.charges.values() if charge.state is ChargeState.PAID]
            assert len(charged) == len(box.charges) == len(TIDS)
            await assert_books_equal_truth(till, box)
        finally:
            await till.close()


@contextmanager
def _galla(database_url: str, paytm: str, cwd: Path) -> Iterator[tuple[list[Any], list[Any], list[str]]]:
    """Run two web processes and two workers; give them, and the addresses of the webs."""
    env = {
        "GALLA_DATABASE_URL": database_url,
        "GALLA_EDC_URL": paytm,
        "GALLA_PAYTM_MID": DEMO_MID,
        "GALLA_PAYTM_KEY": DEMO_KEY,
        "GALLA_PAYTM_TIDS": ",".join(TIDS),
        "GALLA_SECRET_KEY": "x" * 40,
        "GALLA_LADDER_EDC": LADDER,
        "GALLA_LADDER_SCALE": str(SCALE),
        "GALLA_INQUIRY_TIMEOUT": "5",
        "GALLA_SEND_TIMEOUT": "3",
        "GALLA_DRAIN": "2",
        "GALLA_LOG_LEVEL": "error",
    }
    with ExitStack() as stack:
        webs = [
            stack.enter_context(started("serve", "--no-worker", "--port", "0", env=env, cwd=cwd)) for _ in range(2)
        ]
        workers = [stack.enter_context(started("worker", env=env, cwd=cwd)) for _ in range(2)]
        addresses = [read_until(web, r"counter is at (http://[^/]+)/")[0][1] for web in webs]
        for worker in workers:
            read_until(worker, "asks Paytm")
        yield webs, workers, addresses


async def _live(till: Till, webs: list[Any], workers: list[Any], addresses: list[str]) -> datetime:
    """Start payments, kill one process of each kind, and return when; end the others when all is paid."""
    principal = await access.principal_for_key(till, API_KEY)
    assert principal is not None
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx2.AsyncClient(headers=headers, timeout=20) as client:
        told: list[dict[str, Any]] = []
        watching = asyncio.create_task(_watch(client, addresses[1], told))
        half = len(TIDS) // 2
        await asyncio.gather(*(_start(client, addresses, number) for number in range(half)))
        dying = asyncio.gather(*(_start(client, addresses, number) for number in range(half, len(TIDS))))
        await till.bell.wait(5)  # some of them have been written down
        killed_at = SYSTEM.now()
        webs[0].send_signal(signal.SIGKILL)
        workers[0].send_signal(signal.SIGKILL)
        await dying
        async with asyncio.timeout(60):
            while len(await _paid(till, principal)) < len(TIDS):
                await till.bell.wait(1)
            while sum(event["type"] == "payment.paid" for event in told) < len(TIDS):
                await till.bell.wait(0.1)
        assert {event["data"]["id"] for event in told if event["type"] == "payment.paid"} == set(
            await _paid(till, principal)
        )
        assert [int(event["id"]) for event in told] == list(range(1, len(told) + 1)), "the stream has a gap"
        assert await tasks.unexplained(till, principal) == 0
        webs[1].send_signal(signal.SIGTERM)
        workers[1].send_signal(signal.SIGTERM)
        await _says_that_it_leaves(client, addresses[1])
        assert (await watching).startswith("retry: ")
    for process in (webs[1], workers[1]):
        assert await asyncio.to_thread(process.wait, 40) == 0
    return killed_at


async def _start(client: httpx2.AsyncClient, addresses: list[str], number: int) -> None:
    """Start a payment at one of the two, and at the other when the first has gone: the key makes it one payment."""
    body = {"amount": 1_000 + number, "method": "edc", "terminal": TIDS[number], "reference": f"R{number}"}
    for address in (addresses[number % 2], addresses[1]):
        try:
            answer = await client.post(
                f"{address}/v1/payments", json=body, headers={"Idempotency-Key": f"click-{number}"}
            )
        except httpx2.TransportError:
            continue
        assert answer.status_code in (200, 201, 202) or answer.json()["code"] == "idempotency_in_progress", answer.text
        return
    raise AssertionError(f"payment {number} could not be started anywhere")


async def _watch(client: httpx2.AsyncClient, address: str, told: list[dict[str, Any]]) -> str:
    """Follow the stream of a web process to its end, and return the last thing it says beside events."""
    last = ""
    headers = {"Last-Event-ID": "0"}
    async with client.stream("GET", f"{address}/v1/events/stream", headers=headers, timeout=None) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                told.append(json.loads(line.removeprefix("data: ")))
            elif line.startswith("retry: "):
                last = line
    return last


async def _says_that_it_leaves(client: httpx2.AsyncClient, address: str) -> None:
    async with asyncio.timeout(20):
        while True:
            ready = await client.get(f"{address}/readyz")
            if ready.status_code == 503:
                assert "being stopped" in ready.json()["checks"]["process"]
                return


async def _paid(till: Till, principal: Any) -> dict[str, str]:
    found = await payments.find(till, principal, {"status": "paid"}, limit=200)
    ids = {view["id"]: view["reference"] for view in found["data"]}
    assert len(set(ids.values())) == len(ids), "a reference was paid twice"
    return ids


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def _rows(connection: Connection, query: str) -> list[Any]:
    return list(connection.exec_driver_sql(query))


def _assert_polls_are_within_the_ladder(rows: list[Any], box: Sandbox, killed_at: int) -> None:
    """See, to the millisecond, that each payment is asked about when its ladder says and by one process at a time."""
    claims: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        claims[row.paytm_id].append(row)
    assert len(claims) == len(TIDS)
    for name, held in claims.items():
        for claim in held:
            assert claim.at >= max(claim.was_due, claim.was_held or 0), f"{name} was taken before its time: {held}"
            every = EVERY_MS + EVERY_MS * claim.jitter // 10_000
            assert claim.due == claim.at + every > claim.until, f"{name} does not fall due by its ladder: {held}"
        followed = zip(held, [*held[1:], held[-1]], strict=True)
        questions = [claim for claim, later in followed if later.sends == claim.sends]  # the others sent it once more
        for claim in questions:
            assert claim.at >= claim.sent_at + FIRST_MS, f"{name} was asked about too soon: {held}"
        for earlier, later in pairwise(questions):
            is_of_the_dead = earlier.at <= killed_at <= later.at  # whoever takes it up keeps the shortest distance
            least = EVERY_MS if is_of_the_dead else EVERY_MS + EVERY_MS * earlier.jitter // 10_000
            is_new = later.sends > earlier.sends  # sent once more in between: the ladder begins anew
            assert is_new or later.at - earlier.at >= least, f"{name} was asked about again too soon: {held}"
        calls = [to_millis(call.at) for call in box.wire.calls() if (call.paytm_id, call.operation) == (name, "status")]
        assert len(calls) <= len(questions), f"{name} was asked about without a claim: {calls} {held}"
        for call, claim in zip(calls, questions, strict=False):
            assert call >= claim.at, f"{name} was asked about without a claim: {calls} {held}"
        for first, second in pairwise(calls):
            is_of_the_dead = first <= killed_at + questions[0].until - questions[0].at
            assert is_of_the_dead or second - first > ANSWERS_IN_S * 1000, f"two at once about {name}: {calls} {held}"
