"""A shop for each web test: on both engines, or on SQLite alone where the database cannot matter."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.shop import Shop, open_shop
from tests.web.upi_shop import open_upi_shop


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    """A shop on each engine."""
    async with open_shop(database_url) as opened:
        yield opened


@pytest.fixture
async def small_shop(fresh_sqlite_url: str) -> AsyncIterator[Shop]:
    """A shop on SQLite."""
    async with open_shop(fresh_sqlite_url) as opened:
        yield opened


@pytest.fixture
async def upi_shop(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop on SQLite that takes UPI, asks about nothing by itself for a minute, and is called back by its Paytm."""
    shutil.copyfile(migrated_sqlite, tmp_path / "upi.db")  # a file of its own: one test has both shops
    async with open_upi_shop(f"sqlite:///{tmp_path / 'upi.db'}", ladder_upi="2h:1h") as opened:
        yield opened


@pytest.fixture
async def upi_shops(database_url: str) -> AsyncIterator[Shop]:
    """A shop on each engine that takes UPI, with quick waits."""
    async with open_upi_shop(database_url) as opened:
        yield opened
