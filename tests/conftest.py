"""Fixtures that any test may ask for: real databases, on both engines, and a till with a sandbox behind it."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from galla.clock import ManualClock
from galla.store.database import Database, open_database
from tests.acceptance.crash_table import pytest_terminal_summary  # noqa: F401 - the crash tables, in any run
from tests.compiled import share
from tests.database import fresh_database, migrate_once, running_postgres, sql
from tests.till import Counter, open_counter

share()
if os.access("/dev/shm", os.W_OK):  # noqa: S108 - an fsync costs nothing there, and a test makes many
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")  # noqa: S108


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that may take longest: at the end, one of them would leave the other workers idle."""
    items.sort(key=lambda item: -_longest_s(item))


def _longest_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None else 0.0


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as this test process."""
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> str:
    """The name of a PostgreSQL database with galla's tables and nothing in them, to be copied."""
    sql(postgres_url, "CREATE DATABASE galla_template TEMPLATE template0")
    migrate_once(postgres_url.replace("/postgres?", "/galla_template?"))
    return "galla_template"


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with galla's tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "galla.db"
    migrate_once(f"sqlite:///{path}")
    return path


@pytest.fixture
def fresh_postgres_url(postgres_url: str, migrated_postgres: str) -> Iterator[str]:
    """The URL of a PostgreSQL database of this test's own, with galla's tables and nothing in them."""
    with fresh_database(postgres_url, migrated_postgres) as url:
        yield url


@pytest.fixture
def fresh_sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """The URL of a SQLite file of this test's own, with galla's tables and nothing in them."""
    shutil.copyfile(migrated_sqlite, tmp_path / "galla.db")
    return f"sqlite:///{tmp_path / 'galla.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database, once on each engine; PostgreSQL is started only when a test wants it."""
    return str(request.getfixturevalue(f"fresh_{request.param}_url"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database with galla's tables and nothing in them, once on each engine."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that stands at 10:20 on a Monday in India until it is moved."""
    return ManualClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC))


@pytest.fixture
async def counter(database_url: str, manual_clock: ManualClock) -> AsyncIterator[Counter]:
    """A shop's till with a sandbox as its Paytm, both on one manual clock, once on each engine."""
    opened = await open_counter(database_url, manual_clock)
    yield opened
    await opened.till.close()
