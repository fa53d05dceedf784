"""Fixtures that any test may ask for: real databases, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import fresh_database, running_postgres


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
