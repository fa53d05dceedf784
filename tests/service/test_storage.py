"""The database under strain: locked, dead-locked, cut off. Callers hear one clear error; money is never guessed."""

from __future__ import annotations

import asyncio
from typing import Any

import pysqlite3.dbapi2 as sqlite
import pytest
from sqlalchemy import Connection, text

from galla.errors import ConfigError, Unavailable
from galla.service.till import Till
from tests.database import sql
from tests.service.shop import open_shop, settings_for


async def test_f38_a_locked_sqlite_file_is_waited_for(tmp_path: Any) -> None:
    """Somebody's backup tool holds the file for a second: the payment waits and is made once."""
    path = tmp_path / "galla.db"
    async with open_shop(f"sqlite:///{path}") as shop:
        holder = _Holder(str(path))
        starting = asyncio.create_task(shop.start())
        await asyncio.sleep(0.5)
        assert not starting.done()
        holder.release()
        payment = await starting
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        assert shop.calls("sale") == 1


async def test_f38_a_file_locked_for_good_is_an_unavailable_database(tmp_path: Any) -> None:
    """A file that stays locked is reported as unavailable, nothing is sent, and the next try works."""
    path = tmp_path / "galla.db"
    async with open_shop(f"sqlite:///{path}") as shop:
        holder = _Holder(str(path))
        with pytest.raises(Unavailable):
            await shop.start(key="k")
        assert shop.calls("sale") == 0
        holder.release()
        payment = await shop.start(key="k")
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"


async def test_f40_a_second_process_on_one_sqlite_file_is_refused(tmp_path: Any) -> None:
    """SQLite is for one process: a second till on the same file does not open, and says what to do."""
    url = f"sqlite:///{tmp_path / 'galla.db'}"
    async with open_shop(url):
        with pytest.raises(ConfigError, match="PostgreSQL"):
            await Till.open(settings_for(url))


async def test_f39_transactions_that_lock_each_other_out_both_commit(fresh_postgres_url: str) -> None:
    """Two writes that take the same locks in opposite order deadlock; the loser is run again and both commit."""
    async with open_shop(fresh_postgres_url) as shop:
        twin = await Till.open(shop.till.settings, send=shop.line.send, clock=shop.clock)
        try:
            runs: list[int] = []
            done = await asyncio.gather(
                shop.till.database.write(_crossed, 1, 2, runs), twin.database.write(_crossed, 2, 1, runs)
            )
            assert sorted(done) == [1, 2]
            assert len(runs) == 3, "one was run twice"
        finally:
            await twin.close()


async def test_f39_a_serialisation_failure_is_run_again(fresh_postgres_url: str) -> None:
    """A write that PostgreSQL gives up with 40001 is run again until it commits; its caller sees no error."""
    async with open_shop(fresh_postgres_url) as shop:
        tries: list[int] = []
        assert await shop.till.database.write(_gives_up, 3, tries) == "committed"
        assert len(tries) == 4


async def test_f39_a_server_that_drops_the_connection_charges_nobody_twice(fresh_postgres_url: str) -> None:
    """Every connection cut while payments run: callers hear "unavailable" at worst, and the payment is paid once."""
    async with open_shop(fresh_postgres_url) as shop:
        payment = await shop.start(key="k")
        for _ in range(4):
            _cut_connections(fresh_postgres_url)
            shop.clock.advance(3)
            try:
                await shop.drain()
            except Unavailable:
                continue
        shop.pay_by_card()
        _cut_connections(fresh_postgres_url)
        for _ in range(12):  # each dead connection of the pool is found out once
            shop.clock.advance(5)
            try:
                await shop.drain()
            except Unavailable:
                continue
        assert (await shop.see(payment))["status"] == "paid"
        assert shop.calls("sale") == 1


def _crossed(connection: Connection, first: int, second: int, runs: list[int]) -> int:
    runs.append(first)
    connection.execute(text(f"SELECT pg_advisory_xact_lock({first})"))
    connection.execute(text("SELECT pg_sleep(0.2)"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({second})"))
    return first


def _gives_up(connection: Connection, times: int, tries: list[int]) -> str:
    tries.append(1)
    if len(tries) <= times:
        connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$"))
    return "committed"


def _cut_connections(url: str) -> None:
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    sql(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


class _Holder:
    """Another program that has the file locked for writing."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        """Let go of the file."""
        self._connection.execute("ROLLBACK")
        self._connection.close()


@pytest.mark.parametrize("error", [Unavailable("gone"), RuntimeError("a driver's own"), OSError("reset")])
async def test_f37_a_running_worker_outlives_an_outage_of_the_database(database_url: str, error: Exception) -> None:
    """Whatever the database throws, in whatever call of the loop, the worker goes on when it is back."""
    async with open_shop(database_url) as shop:
        flaky = _Flaky(shop.till.database, error)
        shop.till.database = flaky
        stop = asyncio.Event()
        working = asyncio.create_task(shop.till.worker().run(stop))
        payment = await shop.start()
        shop.pay_by_card()
        for verb in ("read", "write", "read"):
            flaky.broken = verb
            await asyncio.wait_for(flaky.hit.wait(), 5)
            flaky.hit.clear()
            shop.till.bell.ring()
        flaky.broken = None
        assert not working.done()
        shop.clock.advance(10)
        for _ in range(300):
            if (await shop.see(payment))["status"] == "paid":
                break
            await shop.till.bell.wait(0.02)
        assert (await shop.see(payment))["status"] == "paid"
        stop.set()
        await working


class _Flaky:
    """A database of which one verb fails while it is broken."""

    def __init__(self, real: Any, error: Exception) -> None:
        self.real = real
        self.dialect = real.dialect
        self.is_broken = False
        self.broken: str | None = None
        self.hit = asyncio.Event()
        self._error = error

    async def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read, or fail."""
        self._fail("read")
        return await self.real.read(*args, **kwargs)

    async def write(self, *args: Any, **kwargs: Any) -> Any:
        """Write, or fail."""
        self._fail("write")
        return await self.real.write(*args, **kwargs)

    async def close(self) -> None:
        """Close the real one."""
        await self.real.close()

    def _fail(self, verb: str) -> None:
        if self.broken == verb:
            self.broken = None
            self.hit.set()
            raise self._error
