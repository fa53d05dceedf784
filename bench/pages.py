"""How long the server takes for the pages of a shop with 100,000 bills and 300,000 payments."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
from sqlalchemy import Connection, select

from bench.crowd import TRIES, Crowd, fill
from bench.engines import Engine
from bench.report import Figure, Part, at_most, say
from bench.shop import accepting, merchant_id, settings
from galla.service import access, shifts
from galla.service.till import Principal, Till
from galla.store.tables import terminals
from galla.web.app import make_app

TARGET_MS = 150


async def measure(engine: Engine, bills: int, rounds: int) -> Part:
    """Measure one engine."""
    say(f"  {engine.name}: pages over {bills:,} bills and {bills * TRIES:,} payments")
    figures: list[Figure] = []
    with engine.fresh() as url:
        till = await Till.open(settings(url), send=accepting())
        try:
            shop_id, terminal_id = await till.database.read(_shop)
            crowd = Crowd(shop_id, terminal_id, bills, bills // 5)
            await fill(till.database, crowd)
            await till.database.write(_look_at_tables)
            cashier = Principal(
                merchant_id=shop_id, actor="Asha N.", scopes=frozenset({"read", "collect"}), counter="Counter 1"
            )
            await shifts.open_shift(till, cashier, "Counter 1", 0)
            session = await till.database.write(access.open_session, till, cashier, "Counter 1")
            transport = httpx2.ASGITransport(make_app(till, run_worker=False))
            cookies = {"galla": session.token}
            async with httpx2.AsyncClient(transport=transport, base_url="http://shop", cookies=cookies) as client:
                for what, addresses in _pages(crowd):
                    database_s = engine.cpu_s()
                    found = [await _ms(client, address) for address in _repeated(addresses, rounds)]
                    cpu, wall = ([sorted(each)[rounds * 95 // 100] for each in zip(*found, strict=True)])
                    figures.append(at_most(f"{what}: CPU, 95th percentile", cpu, TARGET_MS, "ms"))
                    figures.append(Figure(what=f"{what}: until the answer, 95th percentile", value=f"{wall:.3g} ms"))
                    if till.database.dialect == "postgresql":
                        mean = (engine.cpu_s() - database_s) / rounds * 1000
                        figures.append(Figure(what=f"{what}: CPU of the database's server", value=f"{mean:.3g} ms"))
        finally:
            await till.close()
    return Part(
        title=f"Pages over {bills:,} bills and {bills * TRIES:,} payments, {engine.name}",
        how=(
            f"Whole answers of the application, without a network, one at a time, {rounds} of each; of "
            f"{bills // 5:,} customers. CPU is this process's, SQLite in it; how long an answer takes besides depends "
            "on what else the computer does."
        ),
        figures=figures,
    )


def _pages(crowd: Crowd) -> Iterator[tuple[str, list[str]]]:
    """Give each page with the addresses to ask for: spread over the whole year, so that no cache answers for all."""
    some = range(1, crowd.bills, max(1, crowd.bills // 97))
    phones = [crowd.customer(place % crowd.customers)[2] for place in some]
    yield "the counter", ["/counter"]
    yield "the counter with a bill", [f"/counter?bill=bill_{place:026d}" for place in some if place % 200]
    for what, typed in (
        ("a bill's number", [crowd.number(place) for place in some]),
        ("the beginning of all numbers", ["inv", "INV/26"]),
        ("the beginning of old numbers", ["INV/26-27/0", "INV/26-27/00"]),
        ("a name", ["ramesh", "sita devi", "la", "zed"]),
        ("a phone number", phones),
        ("five digits of a phone number", [phone[:5] for phone in phones]),
        ("an RRN", [crowd.rrn(place) for place in some]),
        ("the last four", [crowd.last4(place) for place in some]),
        ("Paytm's id", [crowd.paytm_id(place) for place in some]),
    ):
        yield f"search: {what}", [f"/counter/search?q={text.replace(' ', '+')}" for text in typed]
    yield "a customer's page", [f"/customers/{crowd.customer(place % crowd.customers)[0]}" for place in some]
    yield "the office's payments of today", ["/payments"]


def _repeated(addresses: list[str], rounds: int) -> list[str]:
    return (addresses * (rounds // len(addresses) + 1))[:rounds]


async def _ms(client: httpx2.AsyncClient, address: str) -> tuple[float, float]:
    """Return the milliseconds of CPU and of the clock that one answer takes."""
    cpu, begun = time.process_time(), time.monotonic()
    answer = await client.get(address)
    spent = ((time.process_time() - cpu) * 1000, (time.monotonic() - begun) * 1000)
    assert answer.status_code == 200, (address, answer.status_code)
    return spent


def _shop(connection: Connection) -> tuple[str, str]:
    first = connection.execute(select(terminals.c.id).order_by(terminals.c.tid)).scalars().first()
    return merchant_id(connection), str(first)


def _look_at_tables(connection: Connection) -> None:
    """Let the engine count what its tables hold, as both do by themselves in time."""
    connection.exec_driver_sql("ANALYZE")
