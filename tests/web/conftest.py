"""A shop for each web test: on both engines, or on SQLite alone where the database cannot matter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.shop import Shop, open_shop


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    """A shop on each engine."""
    async with open_shop(database_url) as opened:
        yield opened


@pytest.fixture
async def small_shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop on SQLite."""
    async with open_shop(f"sqlite:///{tmp_path / 'galla.db'}") as opened:
        yield opened
