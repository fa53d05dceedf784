"""Migrations: they make what the tables say, all of it or nothing, once."""

import ast
import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from galla.errors import ConfigError
from galla.store import guards
from galla.store.database import open_database
from galla.store.migrating import HEAD, upgrade
from galla.store.schema import metadata
from tests.database import fresh_database
from tests.service.shop import open_shop
from tests.store import first_schema
from tests.store.catalogue import catalogue
from tests.store.samples import make_shop, sql

WHAT_TO_DO = (
    "The tables and the migrations disagree. Before the first release: `.venv/bin/python -m tests.store.first_schema` "
    "writes migration 0001 again. After it: add a migration beside 0001. What differs:\n"
)
VERSIONS = first_schema.VERSIONS


class Killed(Exception):
    """The process that migrates ends here."""


async def on(url: str, work: Any, *, killed_at: int | None = None) -> Any:
    """Run a function in one transaction of a bare engine, which dies before its statement number `killed_at`."""
    if url.startswith("sqlite"):
        return await asyncio.to_thread(_on_sqlite, url, work, killed_at)
    engine = create_async_engine("postgresql+asyncpg://" + url.split("://", 1)[1], poolclass=NullPool)
    _die(engine.sync_engine, killed_at)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _on_sqlite(url: str, work: Any, killed_at: int | None) -> Any:
    import pysqlite3.dbapi2 as sqlite

    engine = create_engine(url, module=sqlite, poolclass=NullPool, connect_args={"isolation_level": None})
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    _die(engine, killed_at)
    with engine.begin() as connection:
        return work(connection)


def _die(engine: Engine | AsyncEngine, killed_at: int | None) -> None:
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == killed_at:
            raise Killed

    if killed_at is not None:
        event.listen(engine, "before_cursor_execute", count)


def make_from_tables(connection: Connection) -> None:
    """Make the schema from the tables and guards as they stand in the code."""
    metadata.create_all(connection)
    for statement in guards.statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def differences(connection: Connection) -> list[Any]:
    """Return what Alembic itself would want to change."""
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


async def test_migrations_make_what_the_tables_say(empty_url: str, tmp_path: Path, request: Any) -> None:
    """F44: a migrated database equals the tables: columns, checks, keys, indexes, triggers and the view."""
    await on(empty_url, upgrade)
    migrated = await on(empty_url, catalogue)
    assert await on(empty_url, differences) == [], WHAT_TO_DO
    if empty_url.startswith("sqlite"):
        wanted = await _wanted(f"sqlite:///{tmp_path / 'wanted.db'}")
    else:
        with fresh_database(request.getfixturevalue("postgres_url")) as url:
            wanted = await _wanted(url)

    assert {"columns", "constraints", "indexes", "triggers", "views"} <= {name for name, rows in wanted.items() if rows}
    lines = []
    for name, rows in wanted.items():
        lines += [f"  {name}: the tables have {row}" for row in rows if row not in migrated[name]]
        lines += [f"  {name}: the migrations have {row}" for row in migrated[name] if row not in rows]
    if lines:
        pytest.fail(WHAT_TO_DO + "\n".join(lines), pytrace=False)


async def _wanted(url: str) -> dict[str, Any]:
    await on(url, make_from_tables)
    found: dict[str, Any] = await on(url, catalogue)
    return found


@pytest.mark.parametrize("dialect", sorted(first_schema.DIALECTS))
def test_each_engine_has_the_same_tables(dialect: str) -> None:
    """Both engines' frozen DDL makes the same tables, and every table of the code."""
    text = first_schema.file_of(dialect).read_text()
    missing = [name for name in metadata.tables if f"CREATE TABLE {name} (" not in text]
    assert not missing, f"{WHAT_TO_DO}  {dialect} has no {', '.join(missing)}"


def test_migrations_are_frozen() -> None:
    """F44: no migration reads the code's tables, so that a later change of them changes no migration."""
    for path in VERSIONS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "galla"], f"{path.name} imports galla"


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    """F44: a second start runs no migration, and what was written before is still there."""
    first = await open_database(database_url)
    shop = await first.write(make_shop)
    before = await first.read(catalogue)
    await first.close()
    writes = []

    def watched(connection: Connection) -> None:
        event.listen(connection, "before_cursor_execute", lambda *args: writes.append(args[2]))
        upgrade(connection)

    await on(database_url, watched)
    second = await open_database(database_url)
    assert before == await second.read(catalogue)
    assert [(shop.merchant_id,)] == await second.read(sql, "SELECT id FROM merchants")
    await second.close()
    assert not [text for text in writes if text.lstrip().split()[0].upper() in {"CREATE", "INSERT", "UPDATE", "DROP"}]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with fresh_database(request.getfixturevalue("postgres_url")) as url:
        yield url


async def test_an_interrupted_migration_leaves_nothing(empty_url: str) -> None:
    """F44: a migration that dies at any statement leaves an empty database, in which the next one succeeds."""
    count = []

    def counted(connection: Connection) -> None:
        event.listen(connection, "before_cursor_execute", lambda *args: count.append(args[2]))
        upgrade(connection)
        raise Killed

    with pytest.raises(Killed):
        await on(empty_url, counted)
    empty = {"columns", "constraints", "indexes", "triggers", "views"}
    steps = sorted({1, 2, 3, len(count) - 1, len(count), *range(5, len(count), len(count) // 6)})
    for step in steps:
        with pytest.raises(Killed):
            await on(empty_url, upgrade, killed_at=step)
        found = await on(empty_url, catalogue)
        assert not [name for name in empty if found[name]], f"half a schema after statement {step}"
    await on(empty_url, upgrade)
    assert await on(empty_url, differences) == []


def test_a_killed_migration_leaves_nothing(tmp_path: Path) -> None:
    """F44: a process that is killed in the middle of a migration leaves a file that the next start can use."""
    program = """
        import os, signal, sys
        from alembic import op
        from galla.store import sqlite
        seen = 0
        def count(*_):
            global seen
            seen += 1
            if seen == 30:
                os.kill(os.getpid(), signal.SIGKILL)
        from sqlalchemy import event, Engine
        if len(sys.argv) > 2:
            event.listen(Engine, "before_cursor_execute", count)
        database = sqlite.SQLiteDatabase._open(sys.argv[1])
        database._queue.put(None)
        database._thread.join()
        print("opened")
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "galla.db")]
    killed = subprocess.run([*command, "kill"], capture_output=True, check=False, timeout=60)
    assert killed.returncode == -9
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert again.stdout.strip() == "opened", again.stderr


async def test_processes_that_start_at_once_migrate_once(postgres_url: str) -> None:
    """Four processes that open an empty PostgreSQL at the same moment all find one whole schema."""
    with fresh_database(postgres_url) as url:
        opened = await asyncio.gather(*(open_database(url) for _ in range(4)))
        await asyncio.gather(*(database.write(make_shop) for database in opened))
        assert await opened[0].read(sql, "SELECT count(*) FROM merchants") == [(4,)]
        await asyncio.gather(*(database.close() for database in opened))


async def test_a_newer_database_is_refused(database_url: str) -> None:
    """F44: a database that a newer galla has migrated is refused with a sentence, and left as it is."""
    first = await open_database(database_url)
    await first.write(sql, "UPDATE alembic_version SET version_num = '9999'")
    await first.close()

    with pytest.raises(ConfigError, match="newer galla"):
        await open_database(database_url)

    def version(connection: Connection) -> Any:
        return sql(connection, "SELECT version_num FROM alembic_version")

    assert await on(database_url, version) == [("9999",)]


@pytest.mark.parametrize(("oldest_reader", "is_used"), [("0001", True), ("0002", False)])
async def test_f44_an_older_galla_goes_on_beside_a_newer_one(
    database_url: str, oldest_reader: str, is_used: bool
) -> None:
    """F44: on a newer schema that says so the galla before it opens, takes money and changes nothing of the schema."""
    first = await open_database(database_url)
    for statement in (
        "ALTER TABLE payments ADD COLUMN colour TEXT",
        "CREATE TABLE colours (merchant_id TEXT NOT NULL, name TEXT NOT NULL)",
        f"INSERT INTO migrations VALUES ('0009', '{oldest_reader}')",
        "UPDATE alembic_version SET version_num = '0009'",
    ):
        await first.write(sql, statement)
    await first.close()

    if not is_used:
        with pytest.raises(ConfigError, match="newer galla"):
            await open_database(database_url)
        return
    async with open_shop(database_url) as shop:
        payment = await shop.start()
        shop.pay_by_card()
        assert (await shop.ended(payment))["status"] == "paid"
        assert await shop.till.database.read(sql, "SELECT version_num FROM alembic_version") == [("0009",)]


def test_every_migration_suits_the_galla_before_it() -> None:
    """F44: each migration says whose code may work on what it leaves, and the one before it always may."""
    for path in sorted(VERSIONS.glob("*.py")):
        module: dict[str, Any] = {}
        exec(path.read_text(), module)  # noqa: S102 - our own file, which imports nothing of galla's
        assert module["oldest_reader"] <= (module["down_revision"] or module["revision"]), path.name


def test_a_start_without_a_migration_needs_no_alembic(tmp_path: Path) -> None:
    """`HEAD` is the last migration there is, so that a database that stands there is opened without Alembic."""
    assert max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py")) == HEAD
    program = """
        import sys
        from galla.store.sqlite import SQLiteDatabase
        for _ in range(2):
            database = SQLiteDatabase._open(sys.argv[1])
            database._queue.put(None)
            database._thread.join()
            database._lock.close()
            print("alembic" in sys.modules)
            for name in [name for name in sys.modules if name.partition(".")[0] == "alembic"]:
                del sys.modules[name]
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "galla.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "False"]


async def test_the_report_view_joins_payment_bill_and_cashier(database_url: str) -> None:
    """`paytm_transaction_report` can be read, and has the columns a report of a clinic asks for."""
    database = await open_database(database_url)
    assert await database.read(
        sql,
        "SELECT payment_id, merchant_transaction_id, paytm_transaction_id, tid, rrn, invoice_number, patient_name, "
        "cashier, amount_paise, status FROM paytm_transaction_report",
    ) == []
    await database.close()


def test_only_one_metadata() -> None:
    """Every table is in the one metadata, with named constraints, so that a migration can speak of each."""
    assert isinstance(metadata, MetaData)
    for table in metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints), table.name
    assert os.path.isdir(VERSIONS)
