"""Fixtures that any test may ask for: real databases, on both engines, and a till with a sandbox behind it."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from galla.clock import ManualClock
from galla.store.database import Database, open_database
from tests.acceptance.crash_table import pytest_terminal_summary  # noqa: F401 - the crash tables, in any run
from tests.database import fresh_database, running_postgres
from tests.till import Counter, open_counter


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as this test process."""
    with running_postgres() as url:
        yield url


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on each engine; PostgreSQL is started only when a test wants it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'galla.db'}"
    return str(request.getfixturevalue("fresh_postgres_url"))


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
