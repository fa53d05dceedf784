"""SQLite: one file, one process, one writer thread that owns every write and every checkpoint.

Writes that arrive while a commit is running share the next one; each is answered after it. Readers have
connections of their own and see the last commit.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Concatenate, ParamSpec, TypeVar

import pysqlite3.dbapi2 as sqlite
import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from galla.errors import ConfigError, Unavailable
from galla.store.migrating import migrate
from galla.store.one_statement import is_one_statement
from galla.store.sqlite_words import steady

log = structlog.get_logger("galla.store")

T = TypeVar("T")
P = ParamSpec("P")
_Item = tuple[Callable[[Connection], Any], "Future[Any]"]
_Answer = tuple["Future[Any]", Any, Exception | None]

GROUP_MAX = 256
QUEUE_MAX = 5_000
READERS = 4
FIRST_LOOK = 256  # commits
_ALONE = "galla_one_statement"  # an execution option: no transaction, since one statement sees one moment
_FIRST_SAFE = (3, 51, 3)
_READONLY = 8
_FATAL = {_READONLY, 10, 11, 13, 14, 26}  # READONLY IOERR CORRUPT FULL CANTOPEN NOTADB
_BUSY = {5, 6}  # BUSY LOCKED
_CHECK_DISK = "Check the disk, then restart galla."
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
)


class _Busy(Unavailable):
    """Somebody else holds the file at this moment."""


class SQLiteDatabase:
    """A `Database` on one SQLite file."""

    dialect = "sqlite"

    def __init__(self, writer: Engine, readers: Engine, looker: Connection, lock: IO[str]) -> None:
        self._writer = writer
        self._readers = readers
        self._looker = looker
        self._looking = threading.Lock()  # whoever reads on another loop's thread waits for a moment
        self._lock = lock
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._failed: str | None = None  # what later writers are told
        self._commits, self._looks_at = 0, FIRST_LOOK
        self._broken: BaseException | None = None  # what the disk said; nothing is written after it
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="galla-read")
        self._thread = threading.Thread(target=self._work, name="galla-write", daemon=True)
        self._thread.start()

    @classmethod
    async def open(cls, path: str) -> SQLiteDatabase:
        """Open (or make) the file.

        Raises:
            ConfigError: the SQLite library is one that can corrupt a WAL, or another process has the file.
        """
        return await asyncio.to_thread(cls._open, path)

    @classmethod
    def _open(cls, path: str) -> SQLiteDatabase:
        check_library(sqlite.sqlite_version_info)
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_file(file)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))  # before SQLite makes its companions like it
        writer = _engine(path, is_writer=True)
        readers = _engine(path, is_writer=False)
        try:
            with writer.connect() as connection:
                _check_pragmas(connection)
            migrate(writer)
            _tune(writer)
            os.chmod(file, 0o600)
            looker = readers.execution_options(**{_ALONE: True}).connect()
            looker.exec_driver_sql("PRAGMA busy_timeout=20")  # the loop waits with it; whoever has time asks a thread
        except BaseException as error:
            writer.dispose()
            lock.close()
            if is_fatal(error) or is_busy(error):
                raise Unavailable(f"The database {file} cannot be opened: {_said(error)}. {_CHECK_DISK}") from error
            raise
        return cls(writer, readers, looker, lock)

    @property
    def is_broken(self) -> bool:
        """Whether the disk failed a commit: nothing is written after it."""
        return self._broken is not None

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading function on a snapshot: on a thread, unless going there would take longer than the work."""

        def inside() -> T:
            with _unless_unreadable(), self._readers.connect() as connection:
                return work(connection, *args, **kwargs)

        if is_one_statement(work):
            with self._looking, suppress(_Busy), _unless_unreadable():
                return work(self._looker, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, inside)

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a writing function; return after the commit that holds it."""
        if self._failed is not None:
            raise Unavailable(self._failed)
        if self._queue.qsize() >= QUEUE_MAX:
            raise Unavailable("Too much waits to be written, so this was not recorded. Try again in a moment.")
        future: Future[T] = Future()
        self._queue.put((lambda connection: work(connection, *args, **kwargs), future))
        return await asyncio.wrap_future(future)

    def listen(self, hear: Callable[[], None]) -> None:
        """Do nothing: the file is this process's alone."""

    def tell(self) -> None:
        """Do nothing: the file is this process's alone."""

    async def close(self) -> None:
        """Finish the queue and close the file."""
        self._failed = self._failed or "The database is closed, so nothing was recorded."
        if self._thread.is_alive():
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
        self._pool.shutdown()
        with self._looking:
            self._looker.close()
        self._readers.dispose()
        self._writer.dispose()
        self._lock.close()

    def _work(self) -> None:
        is_open = True
        while is_open:
            item = self._queue.get()
            group: list[_Item] = []
            while True:
                if item is None:
                    is_open = False
                    break
                if item[1].set_running_or_notify_cancel():
                    group.append(item)
                if len(group) >= GROUP_MAX:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if group:
                self._commit(group)
                self._look_over()

    def _look_over(self) -> None:
        """Let SQLite look at its tables again when eight times as much was committed: a shop begins with empty ones."""
        self._commits += 1
        if self._commits < self._looks_at or self._broken is not None:
            return
        self._looks_at *= 8
        try:
            _tune(self._writer)
        except DBAPIError as error:  # a plan may stay slow; what breaks the disk is found by the next commit
            log.warning("not_tuned", detail=_said(error))

    def _commit(self, group: list[_Item]) -> None:
        """Commit a group together and answer after the commit; a group that fails is done one by one."""
        if self._broken is not None:
            self._refuse(group, self._broken)
            return
        try:
            answers = self._run(group)
        except BaseException as error:  # whatever it is, the writer thread lives on and every caller hears
            if is_fatal(error):
                self._broken = error
                self._failed = f"The database could not commit, so nothing was recorded. {_CHECK_DISK}"
                self._refuse(group, error)
            elif is_busy(error):
                self._refuse(group, error)
            elif len(group) > 1:
                for item in group:
                    self._commit([item])
            else:
                group[0][1].set_exception(error)
            return
        for future, value, failure in answers:
            if failure is None:
                future.set_result(value)
            else:
                future.set_exception(failure)

    def _run(self, group: list[_Item]) -> list[_Answer]:
        """Run a group in one transaction, each member in a savepoint of its own."""
        answers: list[_Answer] = []
        with self._writer.connect() as connection, connection.begin():
            if len(group) == 1:
                return [(group[0][1], group[0][0](connection), None)]
            for work, future in group:
                try:
                    with connection.begin_nested():
                        value = work(connection)
                    answers.append((future, value, None))
                except Exception as error:
                    if is_fatal(error):
                        raise
                    answers.append((future, None, error))
        return answers

    def _refuse(self, group: list[_Item], error: BaseException) -> None:
        """A commit that failed must not be tried again as if nothing had happened: nobody is told it was kept."""
        message = self._failed or "The database is held by another program, so nothing was recorded. Try again soon."
        for _, future in group:
            failure = Unavailable(message)
            failure.__cause__ = error
            future.set_exception(failure)


@contextmanager
def _unless_unreadable() -> Iterator[None]:
    """Let a reader hear that the file cannot be read, if that is what went wrong.

    Raises:
        Unavailable: it cannot.
    """
    try:
        yield
    except DBAPIError as error:
        if _primary_code(error) in (_FATAL | _BUSY) - {_READONLY}:  # that one only means that a reader writes
            kind = _Busy if is_busy(error) else Unavailable
            raise kind(f"The database cannot be read: {_said(error)}. {_CHECK_DISK}") from error
        raise


def check_library(version: tuple[int, ...]) -> None:
    """Refuse an SQLite that can corrupt its WAL.

    Raises:
        ConfigError: the library is older than 3.51.3.
    """
    if version < _FIRST_SAFE:
        raise ConfigError(
            f"SQLite {'.'.join(map(str, version))} can corrupt its write-ahead log (fixed in 3.51.3). "
            "Install galla[server] with its own `pysqlite3`, which brings a newer one."
        )


def is_fatal(error: BaseException) -> bool:
    """Whether an error means the disk or the file, not the work: I/O error, full disk, read-only, corrupt."""
    return _primary_code(error) in _FATAL


def is_busy(error: BaseException) -> bool:
    """Whether another program held the file for longer than the busy time-out."""
    return _primary_code(error) in _BUSY


def _primary_code(error: BaseException) -> int | None:
    """Return SQLite's own result code; the text of an error may hold a customer's words."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None) if isinstance(cause, sqlite.Error) else None
    return code & 0xFF if isinstance(code, int) else None


def _said(error: BaseException) -> str:
    return str(error.orig if isinstance(error, DBAPIError) else error)


def _engine(path: str, *, is_writer: bool) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        module=sqlite,
        hide_parameters=True,
        poolclass=StaticPool if is_writer else QueuePool,
        connect_args={"check_same_thread": False, "isolation_level": None, "cached_statements": 512},
        **({} if is_writer else {"pool_size": READERS + 1}),  # the loop's own thread reads as well
    )
    pragmas = _PRAGMAS if is_writer else (*_PRAGMAS, "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        if not connection.get_execution_options().get(_ALONE):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    return steady(engine)


def _tune(writer: Engine) -> None:
    """Let SQLite look at its tables, so that it chooses the index that narrows most."""
    with writer.connect() as connection, connection.begin():  # what it has seen is kept by a commit, as all else
        connection.exec_driver_sql("PRAGMA optimize=0x10002")


def _check_pragmas(connection: Connection) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for name, value in wanted.items():
        found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        if found != value:
            raise ConfigError(
                f"SQLite runs with {name}={found} here, and money needs {name}={value}. "
                "Keep the database on a local disk, not a network share."
            )


def lock_file(file: Path) -> IO[str]:
    """Hold a lock for as long as the process has the database: a second process is refused.

    Raises:
        ConfigError: another process holds it.
    """
    handle = open(f"{file}.lock", "w")  # noqa: SIM115 - held until close()
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise ConfigError(
            f"Another galla process has {file.name} open, and SQLite is for one process. "
            "Stop the other one, or use PostgreSQL for several.",
            setting="GALLA_DATABASE_URL",
        ) from None
    return handle
