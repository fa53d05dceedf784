"""SQLite as money needs it: durable, of one process, stopping at the first sign of a bad disk."""

import asyncio
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
import pytest
from sqlalchemy import Connection

from galla.errors import ConfigError, Unavailable
from galla.payments.ladder import EDC, UPI
from galla.store.claims import Schedule, claim_due
from galla.store.database import open_database
from galla.store.journal import Note, record
from galla.store.sqlite import FIRST_LOOK, SQLiteDatabase, check_library
from tests.store.samples import NOW, make_shop, sql

SCHEDULE = Schedule(card=EDC, upi=UPI, lease_ms=5000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where this test's database lies."""
    return tmp_path / "galla.db"


@pytest.fixture
async def opened(file: Path) -> AsyncIterator[SQLiteDatabase]:
    """An open SQLite database."""
    database = await SQLiteDatabase.open(str(file))
    yield database
    await database.close()


def run(program: str, *args: object) -> subprocess.CompletedProcess[str]:
    """Run a small program in a Python of its own."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


async def test_every_connection_is_durable(opened: SQLiteDatabase) -> None:
    """F36, F41: WAL, synchronous=FULL and foreign keys are on where galla writes, and readers may only read."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    found = {name: (await opened.write(sql, f"PRAGMA {name}"))[0][0] for name in wanted}
    assert wanted == found
    assert await opened.read(sql, "PRAGMA query_only") == [(1,)]


async def test_every_table_is_strict(opened: SQLiteDatabase) -> None:
    """F41, I-08: every table of galla's is STRICT, so that no text or fraction is kept where a number belongs."""
    loose = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict"
    rows = await opened.read(sql, loose)
    assert {row[0] for row in rows if not row[0].startswith("sqlite_")} == {"alembic_version"}


def test_an_old_library_is_refused() -> None:
    """F40: an SQLite that can corrupt its write-ahead log is refused by version, with what to install instead."""
    check_library(sqlite.sqlite_version_info)
    check_library((3, 51, 3))
    for version in ((3, 40, 1), (3, 51, 2), (3, 7, 0)):
        with pytest.raises(ConfigError, match=r"pysqlite3") as caught:
            check_library(version)
        assert ".".join(map(str, version)) in str(caught.value)


async def test_weak_settings_are_refused(opened: SQLiteDatabase) -> None:
    """F36: a connection that would lose a commit in a power cut is refused before any money is taken."""
    from galla.store.sqlite import _check_pragmas

    def check(connection: Connection) -> None:
        _check_pragmas(connection)

    await opened.write(check)
    await opened.write(lambda connection: sql(connection, "PRAGMA foreign_keys"))
    raw = opened._writer.raw_connection()
    raw.cursor().execute("PRAGMA synchronous=NORMAL")
    with pytest.raises(ConfigError, match=r"synchronous=1 here, and money needs synchronous=2"):
        await opened.write(check)


async def test_the_file_is_its_owners(opened: SQLiteDatabase, file: Path) -> None:
    """Nobody else on the computer can read the database."""
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600


async def test_a_second_process_is_refused(opened: SQLiteDatabase, file: Path) -> None:
    """F40: while one process has the file, a second is told so, and what to do; afterwards it may have it."""
    program = """
        import asyncio, sys
        from galla.store.database import open_database
        from galla.errors import ConfigError
        async def main():
            try:
                database = await open_database("sqlite:///" + sys.argv[1])
            except ConfigError as error:
                return print(error, error.setting)
            await database.close()
            print("opened")
        asyncio.run(main())
    """
    sentence = (
        "Another galla process has galla.db open, and SQLite is for one process. "
        "Stop the other one, or use PostgreSQL for several. GALLA_DATABASE_URL"
    )
    assert sentence == (await asyncio.to_thread(run, program, file)).stdout.strip()
    with pytest.raises(ConfigError, match="Another galla process"):
        await open_database(f"sqlite:///{file}")
    await opened.close()
    assert (await asyncio.to_thread(run, program, file)).stdout.strip() == "opened"


async def test_a_full_disk_stops_the_till(file: Path) -> None:
    """F37: when the disk is full the write and every later one is refused, and nothing acknowledged is lost."""
    program = """
        import asyncio, resource, sys
        from galla.errors import Unavailable
        from galla.store.database import open_database
        from tests.store.samples import sql
        async def main():
            database = await open_database("sqlite:///" + sys.argv[1])
            await database.write(sql, "CREATE TABLE kept (number INTEGER, filler TEXT)")
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))
            async def put(number):
                try:
                    await database.write(sql, f"INSERT INTO kept VALUES ({number}, '{'x' * 5000}')")
                except Unavailable as error:
                    said.add(str(error))
                else:
                    print(number)
            said = set()
            for first in range(0, 1000, 20):
                await asyncio.gather(*(put(number) for number in range(first, first + 20)))
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await put(1000)
            print(*said, sep="|", file=sys.stderr)
            await database.close()
        asyncio.run(main())
    """
    done = await asyncio.to_thread(run, program, file)

    acknowledged = [int(line) for line in done.stdout.split()]
    sentence = "The database could not commit, so nothing was recorded. Check the disk, then restart galla."
    assert done.stderr.strip() == sentence
    assert 0 < len(acknowledged) < 1000
    assert 1000 not in acknowledged
    again = await open_database(f"sqlite:///{file}")
    rows = [row[0] for row in await again.read(sql, "SELECT number FROM kept ORDER BY number")]
    await again.close()
    assert sorted(acknowledged) == rows


async def test_a_file_that_became_read_only_stops_the_till(opened: SQLiteDatabase) -> None:
    """F37: after one failed commit nothing more is written, not even what waited in the same queue; reading goes on."""
    shop = await opened.write(make_shop)
    await opened.write(sql, "PRAGMA query_only=ON")

    waiting = [opened.write(make_shop) for _ in range(5)]
    answers: list[Any] = await asyncio.gather(*waiting, return_exceptions=True)
    opened._writer.raw_connection().cursor().execute("PRAGMA query_only=OFF")  # the disk is back: too late
    with pytest.raises(Unavailable, match="Check the disk, then restart galla"):
        await opened.write(make_shop)

    assert [Unavailable] * 5 == [type(answer) for answer in answers]
    assert [(shop.merchant_id,)] == await opened.read(sql, "SELECT id FROM merchants")


async def test_a_file_held_by_another_program(opened: SQLiteDatabase, file: Path) -> None:
    """F38: a short hold is waited for; a long one refuses the writes of that moment and none after it."""
    await opened.write(sql, "PRAGMA busy_timeout=150")
    other = sqlite.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    waiting = [opened.write(make_shop) for _ in range(10)]
    answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 3)
    sentence = "The database is held by another program, so nothing was recorded. Try again soon."
    assert {sentence} == set(map(str, answers))
    assert {Unavailable} == set(map(type, answers))

    other.execute("ROLLBACK")
    await opened.write(sql, "PRAGMA busy_timeout=5000")
    other.execute("BEGIN IMMEDIATE")
    short = asyncio.create_task(opened.write(make_shop))
    await asyncio.sleep(0.1)
    other.execute("ROLLBACK")
    other.close()
    await short
    assert await opened.read(sql, "SELECT count(*) FROM merchants") == [(1,)]


async def test_a_file_that_is_no_database(file: Path) -> None:
    """A file of something else is refused with a sentence, and let go of."""
    file.write_bytes(b"not a database, " * 100)  # noqa: ASYNC240 - nothing else runs here
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"galla\.db cannot be opened"):
            await open_database(f"sqlite:///{file}")


async def test_the_writer_outlives_whatever_is_thrown(opened: SQLiteDatabase) -> None:
    """A write that ends in something worse than an error fails alone, and the next one is done."""

    class Worse(BaseException):
        pass

    def throw(connection: Connection) -> None:
        raise Worse

    for answer in await asyncio.gather(*(opened.write(throw) for _ in range(3)), return_exceptions=True):
        assert isinstance(answer, Worse)
    assert await asyncio.wait_for(opened.write(make_shop), 2)


async def test_what_is_asked_again_is_not_planned_again(opened: SQLiteDatabase) -> None:
    """A claim whose plan is known runs by it, whatever the instant and however many payments it may take."""

    def plannings(connection: Connection) -> list[int]:
        asked: list[int] = []
        raw: Any = connection.connection.driver_connection
        raw.set_authorizer(lambda *what: asked.append(what[0]) or 0)  # SQLite asks it while it plans
        counts = []
        for limit in (20, 30, 40):
            asked.clear()
            claim_due(connection, SCHEDULE, NOW + timedelta(seconds=limit), limit)
            counts.append(len(asked))
        raw.set_authorizer(None)
        return counts

    first, *later = await opened.write(plannings)
    assert first > 0
    assert later == [0, 0]


async def test_sqlite_looks_at_tables_that_have_filled(opened: SQLiteDatabase) -> None:
    """A shop that opens with empty tables does not plan for those for ever: SQLite looks at them as they fill."""
    shop = await opened.write(make_shop)
    assert await opened.read(sql, "SELECT 1 FROM sqlite_stat1 WHERE tbl = 'audit'") == []
    note = Note(actor="Asha", origin="counter", action="tried", object_id="o")
    for _ in range(FIRST_LOOK):
        await opened.write(record, shop.merchant_id, NOW, note)
    await opened.write(record, shop.merchant_id, NOW, note)  # after the look, which comes after a commit's answer
    assert await opened.read(sql, "SELECT 1 FROM sqlite_stat1 WHERE tbl = 'audit'") != []
