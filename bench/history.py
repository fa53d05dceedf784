"""What a payment costs while the history behind it grows: payments with proofs, keys, events and audit rows.

The history is written by the database itself, row by row from one finished payment, since it is too long for Python.
"""

from __future__ import annotations

import asyncio
import os
import time
from statistics import median
from typing import Any

from sqlalchemy import Connection, text

from bench.engines import Engine
from bench.report import Figure, Part, at_most, say
from bench.shop import AMOUNT_PAISE, accepting, add_machines, merchant_id, settings
from galla.cli.hosting import settle
from galla.clock import SYSTEM, from_millis, to_millis
from galla.payments.model import Method, Payment, Phase, Status
from galla.sandbox.sandbox import DEMO_MID, DEMO_TIDS
from galla.service import payments as service
from galla.service.till import Principal, Till
from galla.store.record_tables import audit, events, idempotency_keys
from galla.store.rows import payment_values
from galla.store.tables import payments, proofs

ROUNDS, EACH, TOGETHER = 5, 120, 16
MOST_TIMES = 1.3
APART_MS = 31_000
AT_ONCE = 100_000


async def measure(engine: Engine, counts: list[int]) -> Part:
    """Measure one engine at each length of history, growing."""
    costs: dict[int, float] = {}
    with engine.fresh() as url:
        till = await Till.open(settings(url), send=accepting())
        try:
            filled, tid = 0, 20_000_000
            for count in counts:
                say(f"  {engine.name}: writing a history of {count:,} payments")
                for first in range(filled, count, AT_ONCE):
                    await till.database.write(_fill, first, min(first + AT_ONCE, count))
                filled = count
                await till.database.write(_look_over)
                await asyncio.to_thread(os.sync)  # the way to the disk of what is years of work elsewhere
                say(f"  {engine.name}: starting payments behind it")
                settle()
                found = []
                for _ in range(ROUNDS):
                    found.append(await _cpu_us(engine, till, tid))
                    tid += EACH
                costs[count] = median(found[1:])
        finally:
            await till.close()
    first, last = counts[0], counts[-1]
    return Part(
        title=f"Starting payments behind a long history, {engine.name}",
        how=(
            f"`payments.start` with an idempotency key, {TOGETHER} at once, Paytm accepting in this process; CPU of "
            "this process and the database together. Behind each payment of the history stand its proof, its key, two "
            "events and two audit rows."
        ),
        figures=[
            *(Figure(what=f"behind {count:,} payments", value=f"{cost:,.0f} µs") for count, cost in costs.items()),
            at_most(f"{last:,} to {first:,}", costs[last] / costs[first], MOST_TIMES, "×"),
        ],
    )


async def _cpu_us(engine: Engine, till: Till, first: int) -> float:
    """Return the microseconds of CPU that one start takes, database and all."""
    tids = iter(await till.database.write(add_machines, first, EACH))
    principal = Principal(
        merchant_id=await till.database.read(merchant_id), actor="bench", scopes=frozenset({"collect"})
    )

    async def counter() -> None:
        for tid in tids:
            new = service.NewPayment(amount_paise=AMOUNT_PAISE, terminal=tid, reference=f"NEW-{tid}")
            await service.start(till, principal, new, idempotency_key=tid, fingerprint=tid)

    own = _own_cpu_s(engine)
    await asyncio.gather(*[counter() for _ in range(TOGETHER)])
    return (_own_cpu_s(engine) - own) / EACH * 1e6


def _own_cpu_s(engine: Engine) -> float:
    return time.process_time() + (engine.cpu_s() if engine.name != "SQLite" else 0.0)


def _fill(connection: Connection, first: int, end: int) -> None:
    """Write the payments of these numbers, oldest last, and what stands behind each."""
    shop = merchant_id(connection)
    numbers = _numbers(connection, first, end)
    padded = _padded(connection)
    now = to_millis(SYSTEM.now())
    at = f"{now} - (i + 1) * {APART_MS}"
    row = payment_values(_finished(shop))
    row |= {"proof_id": "", "rrn": "", "card_last4": ""}
    made = {"id": f"'pay_' || {padded}", "paytm_id": f"'SB' || {padded}", "proof_id": f"'prf_' || {padded}"}
    made |= {"reference": f"'OLD-' || {padded}", "rrn": padded, "card_last4": f"substr({padded}, 23, 4)"}
    made |= dict.fromkeys(("created_at", "sent_at", "accepted_at", "settled_at"), at)
    _select(connection, payments, row, made, numbers)
    proof = {
        "merchant_id": shop, "mid": DEMO_MID, "amount_paise": AMOUNT_PAISE, "currency": "INR", "source": "status",
        "data": '{"kept": "as long as the payment"}',
    }  # fmt: skip
    of_proof = {"paytm_id": made["paytm_id"], "id": made["proof_id"], "payment_id": made["id"]}
    _select(connection, proofs, proof, of_proof | {"transaction_id": padded, "created_at": at}, numbers)
    key = {"merchant_id": shop, "fingerprint": "f" * 64, "answer": "{}", "lease_until": now}
    _select(connection, idempotency_keys, key, {"key": padded, "object_id": made["id"], "created_at": at}, numbers)
    for step, kind in enumerate(("payment.created", "payment.paid")):
        place = f"- i * 2 - {step + 1}"  # below those of the payments that are started in between
        event = {"merchant_id": shop, "type": kind, "sequence": step + 1, "data": '{"id": "' + "x" * 400 + '"}'}
        _select(connection, events, event, {"position": place, "object_id": made["id"], "at": at}, numbers)
        note = {"merchant_id": shop, "actor": "bench", "origin": "bench", "action": kind, "detail": "{}"}
        note |= {"previous": "0" * 64, "hash": "0" * 64}
        _select(connection, audit, note, {"position": place, "object_id": made["id"], "at": at}, numbers)


def _finished(shop: str) -> Payment:
    at = from_millis(0)
    return Payment(
        id="pay", merchant_id=shop, environment="sandbox", mid=DEMO_MID, method=Method.EDC, amount_paise=AMOUNT_PAISE,
        paytm_id="SB", tid=DEMO_TIDS[0], customer_name="Ramesh K.", created_at=at, status=Status.PAID,
        phase=Phase.NONE, sends=1, sent_at=at, accepted_at=at, settled_at=at, fence=3, sequence=3,
    )  # fmt: skip


def _select(connection: Connection, table: Any, values: dict[str, Any], made: dict[str, str], numbers: str) -> None:
    """Insert a row for each number: the given values, and those that SQL makes of the number `i`."""
    names = [column.name for column in table.columns if column.name in values or column.name in made]
    words = [made.get(name, f":{name}") for name in names]
    given = {name: values[name] for name in names if name not in made}
    quoted = ", ".join(f'"{name}"' for name in names)
    connection.execute(text(f'INSERT INTO {table.name} ({quoted}) SELECT {", ".join(words)} FROM {numbers}'), given)


def _numbers(connection: Connection, first: int, end: int) -> str:
    if connection.dialect.name == "postgresql":
        return f"generate_series({first}, {end - 1}) AS n(i)"
    recursive = f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {end - 1})"
    return f"({recursive} SELECT i FROM n) AS n"


def _padded(connection: Connection) -> str:
    if connection.dialect.name == "postgresql":
        return "lpad(CAST(i AS TEXT), 26, '0')"
    return "printf('%026d', i)"


def _look_over(connection: Connection) -> None:
    connection.exec_driver_sql("ANALYZE")
