"""PostgreSQL as money needs it: durable settings, lost races run again, an absent server said so."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from galla.errors import ConfigError, Unavailable
from galla.ids import new_id
from galla.store import callbacks, claims, journal, payments
from galla.store.callbacks import nudge
from galla.store.database import Database, open_database
from galla.store.journal import Event, Note, record
from tests import database as servers
from tests.store.samples import NOW, make_shop, sale, sql, write_sale


@pytest.fixture
async def two(fresh_postgres_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two processes' worth of connections to one PostgreSQL database, with a little table."""
    first, second = await open_database(fresh_postgres_url), await open_database(fresh_postgres_url)
    await first.write(sql, "CREATE TABLE sums (name text PRIMARY KEY, number int NOT NULL)")
    await first.write(sql, "INSERT INTO sums VALUES ('a', 0), ('b', 0)")
    yield first, second
    await first.close()
    await second.close()


async def test_a_deadlock_is_run_again(two: tuple[Database, Database]) -> None:
    """F39: two writes that block each other both succeed; the one PostgreSQL gave up was run once more."""
    runs = []

    def add(connection: Connection, one: str, other: str) -> None:
        runs.append(one)
        sql(connection, "SET LOCAL deadlock_timeout = '50ms'")
        sql(connection, f"UPDATE sums SET number = number + 1 WHERE name = '{one}'")
        sql(connection, "SELECT pg_sleep(0.2)")
        sql(connection, f"UPDATE sums SET number = number + 1 WHERE name = '{other}'")

    await asyncio.gather(two[0].write(add, "a", "b"), two[1].write(add, "b", "a"))

    assert await two[0].read(sql, "SELECT name, number FROM sums ORDER BY name") == [("a", 2), ("b", 2)]
    assert len(runs) == 3


async def test_a_serialisation_failure_is_run_again(two: tuple[Database, Database]) -> None:
    """F39: concurrent read-then-write on snapshots loses no update, because the loser is run again."""
    runs = []

    def add(connection: Connection) -> None:
        runs.append(1)
        sql(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        [(number,)] = sql(connection, "SELECT number FROM sums WHERE name = 'a'")
        sql(connection, "SELECT pg_sleep(0.02)")
        sql(connection, f"UPDATE sums SET number = {number} + 1 WHERE name = 'a'")

    async def several(database: Database) -> None:
        for _ in range(4):
            await database.write(add)

    await asyncio.gather(several(two[0]), several(two[1]))

    assert await two[0].read(sql, "SELECT number FROM sums WHERE name = 'a'") == [(8,)]
    assert len(runs) > 8


async def test_a_unique_race_is_run_again(two: tuple[Database, Database]) -> None:
    """F39, F23: of two that make the same row at the same moment, one makes it and the other finds it."""

    def find_or_make(connection: Connection) -> str:
        if sql(connection, "SELECT 1 FROM sums WHERE name = 'c'"):
            return "found"
        sql(connection, "SELECT pg_sleep(0.1)")
        sql(connection, "INSERT INTO sums VALUES ('c', 0)")
        return "made"

    assert sorted(await asyncio.gather(*(one.write(find_or_make) for one in two))) == ["found", "made"]


async def test_a_broken_connection_is_unavailable(two: tuple[Database, Database]) -> None:
    """A connection that breaks under a write, a group or a read is `Unavailable`; the next one works."""

    def die(connection: Connection) -> None:
        sql(connection, "INSERT INTO sums VALUES ('lost', 1)")
        sql(connection, "SELECT pg_terminate_backend(pg_backend_pid())")

    database = two[0]
    with pytest.raises(Unavailable, match="nothing was recorded"):
        await database.write(die)
    answers = await asyncio.gather(*(database.write(die) for _ in range(5)), return_exceptions=True)
    assert {Unavailable} == set(map(type, answers))
    with pytest.raises(Unavailable, match="does not answer"):
        await database.read(sql, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert await database.write(make_shop)
    assert await database.read(sql, "SELECT count(*) FROM sums") == [(2,)]


async def test_a_commit_without_an_answer_is_not_called_nothing(two: tuple[Database, Database]) -> None:
    """When the server goes away during the commit itself, the message does not claim that nothing was recorded."""

    def die_at_commit(connection: Connection) -> None:
        sql(connection, "CREATE TEMPORARY TABLE t (a int)")
        sql(
            connection,
            "CREATE FUNCTION pg_temp.die() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$",
        )
        sql(
            connection,
            "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION pg_temp.die()",
        )
        sql(connection, "INSERT INTO t VALUES (1)")

    with pytest.raises(Unavailable, match="while it was committing"):
        await two[0].write(die_at_commit)


async def test_a_reader_sees_one_moment(two: tuple[Database, Database]) -> None:
    """Two questions of one read see the same commit, whatever others write between them."""

    def twice(connection: Connection) -> list[int]:
        seen = []
        for _ in range(2):
            seen.append(sql(connection, "SELECT number FROM sums WHERE name = 'a'")[0][0])
            sql(connection, "SELECT pg_sleep(0.1)")
        return seen

    reading = asyncio.create_task(two[0].read(twice))
    await asyncio.sleep(0.05)
    await two[1].write(sql, "UPDATE sums SET number = 7 WHERE name = 'a'")
    assert await reading == [0, 0]


async def test_a_server_that_is_gone() -> None:
    """Database down: reads, writes and opening are `Unavailable`, quickly and with what to do."""
    with servers.running_postgres() as url:
        database = await open_database(url)
        assert await database.write(make_shop)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await asyncio.wait_for(database.write(make_shop), 5)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(database.read(sql, "SELECT 1"), 5)
    await asyncio.wait_for(database.close(), 5)
    with pytest.raises(Unavailable, match="Start it, or correct the address"):
        await open_database(url)


@pytest.mark.parametrize(("find", "put"), [("/galla_", "/nowhere_"), ("postgres@", "nobody@")])
async def test_a_database_or_user_that_is_not_there(fresh_postgres_url: str, find: str, put: str) -> None:
    """An address that the server refuses is a setting to correct, not a server to wait for."""
    with pytest.raises(ConfigError, match="refuses GALLA_DATABASE_URL"):
        await open_database(fresh_postgres_url.replace(find, put))


async def test_a_database_that_may_lose_commits_is_refused(fresh_postgres_url: str) -> None:
    """F36: synchronous_commit=off, also when set for this database alone, is refused by name."""
    name = fresh_postgres_url.split("/")[3].split("?")[0]
    for value in ("off", "local"):
        servers.sql(fresh_postgres_url, f"ALTER DATABASE {name} SET synchronous_commit = {value}")
        with pytest.raises(ConfigError, match=f"synchronous_commit={value} and would lose payments"):
            await open_database(fresh_postgres_url)


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_may_lose_commits_is_refused(fresh_postgres_url: str, setting: str) -> None:
    """F36: a server with fsync or full_page_writes off is refused by name, and accepted once it is on."""
    for value in ("off", "on"):
        servers.sql(fresh_postgres_url, f"ALTER SYSTEM SET {setting} = {value}")
        servers.sql(fresh_postgres_url, "SELECT pg_reload_conf()")
        while servers.sql(fresh_postgres_url, f"SHOW {setting}") != value:
            time.sleep(0.02)  # noqa: ASYNC251 - nothing else runs here
        if value == "off":
            with pytest.raises(ConfigError, match=f"{setting}=off"):
                await open_database(fresh_postgres_url)
    database = await open_database(fresh_postgres_url)
    await database.close()


async def test_who_waits_for_a_row_holds_no_numbers(two: tuple[Database, Database]) -> None:
    """A write that has recorded something and then waits for a row lets others of the shop record meanwhile."""
    shop = await two[0].write(make_shop)
    at_work, may_end = threading.Event(), threading.Event()
    note = Note(actor="Asha", origin="counter", action="tried", object_id="o")

    def hold(connection: Connection) -> None:
        sql(connection, "UPDATE sums SET number = number + 1 WHERE name = 'a'")
        at_work.set()
        while not may_end.is_set():
            sql(connection, "SELECT pg_sleep(0.01)")

    def wait(connection: Connection) -> None:
        record(connection, shop.merchant_id, NOW, note)
        sql(connection, "UPDATE sums SET number = number + 1 WHERE name = 'a'")

    holding = asyncio.create_task(two[0].write(hold))
    await asyncio.to_thread(at_work.wait, 5)
    waiting = asyncio.create_task(two[1].write(wait))
    async with asyncio.timeout(5):
        while not await two[0].read(sql, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await two[0].write(record, shop.merchant_id, NOW, note)
    assert not waiting.done()
    may_end.set()
    await asyncio.gather(holding, waiting)

    assert await two[0].read(journal.first_broken, shop.merchant_id) == (2, None)
    assert await two[0].read(sql, "SELECT number FROM sums WHERE name = 'a'") == [(2,)]


async def test_a_hint_keeps_no_write_waiting(two: tuple[Database, Database]) -> None:
    """A message about a payment that somebody is writing about is kept at once; the payment falls due afterwards."""
    shop = await two[0].write(make_shop)
    payment = sale(shop, due_at=NOW + timedelta(hours=1))
    await two[0].write(payments.insert_payment, payment)
    at_work, may_end = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        sql(connection, f"UPDATE payments SET description = 'held' WHERE id = '{payment.id}'")
        at_work.set()
        while not may_end.is_set():
            sql(connection, "SELECT pg_sleep(0.01)")

    def keep(connection: Connection) -> None:
        nudge(connection, shop.mid, payment.paytm_id, NOW)
        sql(connection, "UPDATE sums SET number = 7 WHERE name = 'a'")

    holding = asyncio.create_task(two[0].write(hold))
    await asyncio.to_thread(at_work.wait, 5)
    keeping = asyncio.create_task(two[1].write(keep))
    async with asyncio.timeout(5):
        while await two[0].read(sql, "SELECT number FROM sums WHERE name = 'a'") != [(7,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    may_end.set()
    await asyncio.gather(holding, keeping)

    assert await two[0].read(claims.next_due_at) == NOW


async def test_what_a_group_records_is_numbered_together(two: tuple[Database, Database]) -> None:
    """What one group records, of two shops and beside one that fails, leaves whole chains and no gap in the numbers."""
    shops = [await two[0].write(make_shop) for _ in range(2)]

    def change(connection: Connection, number: int) -> None:
        note = Note(actor="Asha", origin="counter", action="tried", object_id=f"o{number}")
        happened = [Event(type="tried", object_id=f"o{number}", sequence=each, data="{}") for each in range(number % 3)]
        record(connection, shops[number % 2].merchant_id, NOW, note, *happened)
        if number == 5:
            raise ValueError("mine")

    answers = await asyncio.gather(*(two[0].write(change, number) for number in range(20)), return_exceptions=True)

    assert [type(each) for each in answers if each is not None] == [ValueError]
    for which, shop in enumerate(shops):
        numbers = [each for each in range(20) if each % 2 == which and each != 5]
        assert await two[1].read(journal.first_broken, shop.merchant_id) == (len(numbers), None)
        found = await two[1].read(journal.events_after, shop.merchant_id, 0, 100)
        assert [row.position for row in found] == list(range(1, sum(each % 3 for each in numbers) + 1))
        assert [row.object_id for row in found] == [f"o{each}" for each in numbers for _ in range(each % 3)]


async def test_what_is_enclosed_is_written_with_the_record(two: tuple[Database, Database]) -> None:
    """What belongs to a record is written with its shop's, or with none, and not by the one of a group that fails."""
    shops = [await two[0].write(make_shop) for _ in range(2)]
    taken = [await two[0].write(write_sale, shops[number % 2], reference=f"INV-{number}") for number in range(9)]

    def talk(connection: Connection, number: int) -> None:
        seen = payments.Exchange(operation=f"talk {number}", outcome="pending", at=NOW, duration_ms=1)
        payments.insert_exchange(connection, taken[number], seen)
        if number % 3 == 0:
            note = Note(actor="Asha", origin="counter", action="tried", object_id=taken[number].id)
            record(connection, taken[number].merchant_id, NOW, note)
        if number == 4:
            raise ValueError("mine")

    answers = await asyncio.gather(*(two[0].write(talk, number) for number in range(9)), return_exceptions=True)

    assert [type(each) for each in answers if each is not None] == [ValueError]
    said = await two[1].read(sql, "SELECT operation FROM exchanges ORDER BY operation")
    assert [each for (each,) in said] == [f"talk {number}" for number in range(9) if number != 4]
    assert [await two[1].read(journal.first_broken, shop.merchant_id) for shop in shops] == [(2, None), (1, None)]


async def test_what_is_enclosed_waits_for_no_payment(two: tuple[Database, Database]) -> None:
    """A row that names a payment is written while somebody else holds that payment: the numbers are not held for it."""
    shop = await two[0].write(make_shop)
    payment = await two[0].write(write_sale, shop)
    at_work, may_end = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        assert payments.get(connection, shop.merchant_id, payment.id, lock=True) is not None
        at_work.set()
        while not may_end.is_set():
            sql(connection, "SELECT pg_sleep(0.01)")

    def talk(connection: Connection) -> None:
        payments.insert_exchange(
            connection, payment, payments.Exchange(operation="refund", outcome="pending", at=NOW, duration_ms=1)
        )
        record(connection, shop.merchant_id, NOW, Note(actor="a", origin="o", action="tried", object_id=payment.id))

    holding = asyncio.create_task(two[0].write(hold))
    await asyncio.to_thread(at_work.wait, 5)
    await asyncio.wait_for(two[1].write(talk), 2)
    may_end.set()
    await holding


async def test_a_message_twice_in_one_group_is_kept_once(two: tuple[Database, Database]) -> None:
    """Of those that keep one message at the same moment, all but one find it, though it is written at the end."""
    shop = await two[0].write(make_shop)
    found = []

    def take(connection: Connection) -> None:
        heard = callbacks.heard(connection, shop.merchant_id, shop.mid, "PAYTM1", "digest", NOW)
        found.append(heard.is_known)
        if not heard.is_known:
            values = {"merchant_id": shop.merchant_id, "id": new_id("cbk", NOW), "digest": "digest", "kind": "edc"}
            callbacks.keep(connection, {**values, "paytm_id": "PAYTM1", "said": None, "data": "{}", "at": 1})
            record(connection, shop.merchant_id, NOW, Note(actor="a", origin="o", action="heard", object_id="PAYTM1"))

    await asyncio.gather(*(one.write(take) for one in two for _ in range(5)))

    assert await two[1].read(sql, "SELECT count(*) FROM callbacks") == [(1,)]
    assert await two[1].read(journal.first_broken, shop.merchant_id) == (1, None)
    assert found.count(True) >= 9


def grow(connection: Connection, more: int) -> None:
    """Write rows into the little table, and have PostgreSQL note at once how many there are."""
    sql(connection, f"INSERT INTO sums SELECT 'n' || n, n FROM generate_series(1, {more}) n ON CONFLICT DO NOTHING")
    sql(connection, "SELECT pg_stat_force_next_flush()")


async def counted(database: Database) -> float:
    """Return how many rows PostgreSQL plans with, after many writes of a process."""
    for _ in range(60):
        await asyncio.gather(*(database.write(sql, "SELECT 1") for _ in range(100)))
    await asyncio.sleep(0.2)
    [(rows,)] = await database.read(sql, "SELECT reltuples FROM pg_class WHERE relname = 'sums'")
    return float(rows)


async def test_a_young_table_is_counted_when_it_has_doubled(two: tuple[Database, Database]) -> None:
    """What has grown from nothing is counted long before PostgreSQL does it; what has not doubled is left to it."""
    await two[0].write(sql, "ALTER TABLE sums SET (autovacuum_enabled = false)")
    await two[0].write(grow, 500)
    assert await counted(two[0]) == 502

    await two[0].write(grow, 900)
    assert await counted(two[0]) == 502

    await two[0].write(grow, 1_100)
    assert await counted(two[0]) == 1_102
