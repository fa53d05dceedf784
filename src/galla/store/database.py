"""What a database is to the rest of galla, and how one is opened.

Store functions are plain functions of a SQLAlchemy `Connection`. A `Database` runs them: `read` on a snapshot,
`write` inside a transaction that may be shared with other concurrent writes and is answered only after its
commit. How that is done is in `sqlite.py` and `postgres.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from galla.errors import ConfigError

T = TypeVar("T")
P = ParamSpec("P")
Work = Callable[[Connection], Any]


class Database(Protocol):
    """Runs store functions. `dialect` is `sqlite` or `postgresql`.

    `is_broken`: a commit failed in a way that no later one can be trusted; this process must end.
    """

    dialect: str

    @property
    def is_broken(self) -> bool:
        """Whether nothing will be written by this process any more."""
        ...

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that only reads, and return its result."""
        ...

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that writes, and return its result after the commit.

        The function may be run again after a lost race, so it must do nothing but database work.

        Raises:
            Unavailable: the database cannot commit; nothing of this call was kept.
        """
        ...

    def listen(self, hear: Callable[[], None]) -> None:
        """Call `hear` whenever another process may have committed something. Never, where there is no other."""
        ...

    def tell(self) -> None:
        """Nudge the other processes: something was committed. Costs nothing to call often."""
        ...

    async def close(self) -> None:
        """Finish what is running and let go of every connection."""
        ...


async def open_database(url: str, *, is_shared: bool = False) -> Database:
    """Open the database at a `sqlite:///path` or `postgresql://…` URL and bring its schema up to date.

    Args:
        url: the address, as in `GALLA_DATABASE_URL`.
        is_shared: another galla process may have it open; refused for SQLite.

    Raises:
        ConfigError: the URL is of another kind, or this engine cannot keep money safely here.
        Unavailable: the database does not answer.
    """
    if url.startswith("sqlite:///"):
        from galla.store.sqlite import SQLiteDatabase

        return await SQLiteDatabase.open(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")):
        from galla.store.postgres import PostgresDatabase

        return await PostgresDatabase.open(url)
    raise ConfigError(
        "`GALLA_DATABASE_URL` must begin with sqlite:/// or postgresql://; for one shop the default, "
        "sqlite:///galla.db, is enough.",
        setting="GALLA_DATABASE_URL",
    )
