"""Nudges between processes on one PostgreSQL: heard by all others, many in a row told once, a lost line found again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from galla.store import nudges
from galla.store.database import Database, open_database
from tests.store.samples import sql

LISTENING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'galla nudges'"
WITHIN_S = 20.0


class Ear:
    """Hears nudges, and can be waited for."""

    def __init__(self) -> None:
        self.count = 0
        self._heard = asyncio.Event()

    def hear(self) -> None:
        """Hear one."""
        self.count += 1
        self._heard.set()

    async def heard(self) -> None:
        """Return at the next nudge."""
        self._heard.clear()
        async with asyncio.timeout(WITHIN_S):
            await self._heard.wait()


@pytest.fixture
async def pair(fresh_postgres_url: str) -> AsyncIterator[tuple[Database, Ear, Database, Ear]]:
    """Two processes' worth of one database, each with an ear on its line."""
    first, second = await open_database(fresh_postgres_url), await open_database(fresh_postgres_url)
    mine, theirs = Ear(), Ear()
    first.listen(mine.hear)
    await mine.heard()  # a line that has just been opened looks once
    second.listen(theirs.hear)
    await theirs.heard()
    yield first, mine, second, theirs
    await first.close()
    await second.close()


async def test_another_process_hears_and_the_teller_does_not(pair: tuple[Database, Ear, Database, Ear]) -> None:
    """A hundred calls in a row reach the other process as a nudge or two, and their own process not at all."""
    first, mine, _, theirs = pair
    own, before = mine.count, theirs.count
    for _ in range(100):
        first.tell()
    await theirs.heard()
    first.tell()
    await theirs.heard()
    assert mine.count == own
    assert theirs.count - before <= 3


async def test_a_lost_line_is_opened_again(
    pair: tuple[Database, Ear, Database, Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When PostgreSQL ends the listening connections, each process opens another, and looks at once."""
    monkeypatch.setattr(nudges, "AGAIN_S", 0.05)
    first, mine, second, theirs = pair
    hearing = asyncio.gather(mine.heard(), theirs.heard())
    ended = await first.write(sql, f"SELECT pg_terminate_backend(pid) FROM ({LISTENING}) AS listening")
    assert len(ended or []) >= 1
    await hearing
    second.tell()
    await mine.heard()
