"""Copies of the SQLite file: taken while galla runs, and put back while it does not.

A file that is simply copied lacks what still stands in its log, and an old file beside a newer log is worse: SQLite
would lay the one over the other. So a copy is made by SQLite itself, and a restored file never meets another's log.
PostgreSQL has tools of its own for both.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec
import pysqlite3.dbapi2 as sqlite

from galla.clock import from_millis
from galla.errors import ConfigError, InvalidField, Unavailable
from galla.store.sqlite import check_library, lock_file

_COMPANIONS = ("", "-wal", "-shm")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy holds: how many payments, the instant of its last audit row (None: it has none), its size in bytes.

    `before`: where the database that stood in its place is now; None where there was none.
    """

    payments: int
    last_at: datetime | None
    size: int
    before: Path | None = None


def back_up(database: Path, file: Path) -> Kept:
    """Copy a database into one file that needs no other, while galla may be using it, and check the copy.

    Raises:
        InvalidField: there is a file of that name, or no place for it.
        ConfigError: there is no database to copy.
        Unavailable: the copy could not be made or is not whole; no file is left.
    """
    check_library(sqlite.sqlite_version_info)
    if not database.exists():
        raise ConfigError(f"There is no database at {database} to copy.", setting="GALLA_DATABASE_URL")
    if file.exists():
        raise InvalidField(f"{file} exists already. Choose another name: a backup is never written over.", param="file")
    if not file.parent.is_dir():
        raise InvalidField(f"There is no folder {file.parent}.", param="file")
    part = file.with_name(f"{file.name}.part")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        with closing(sqlite.connect(str(database))) as source, closing(sqlite.connect(str(part))) as copy:
            source.execute("PRAGMA busy_timeout=5000")
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
        kept = look(part)
        _settle(part, file)
    except (OSError, sqlite.Error) as error:
        part.unlink(missing_ok=True)
        raise Unavailable(f"{database} could not be copied to {file}: {error}. There is no backup.") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return kept


def restore(file: Path, database: Path, stamp: str) -> Kept:
    """Put a backup in the place of the database; what stood there is kept beside it, named with the stamp.

    Raises:
        InvalidField: the file cannot be a backup of galla's.
        ConfigError: galla is running on the database.
        Unavailable: the files could not be moved.
    """
    check_library(sqlite.sqlite_version_info)
    if not file.is_file():
        raise InvalidField(f"There is no file {file}.", param="file")
    try:
        kept = look(file)
    except (Unavailable, sqlite.Error) as error:
        raise InvalidField(f"{file} is no backup that can be used: {error}", param="file") from error
    database.parent.mkdir(parents=True, exist_ok=True)
    before = database.with_name(f"{database.name}.before-{stamp}")
    with lock_file(database):
        part = database.with_name(f"{database.name}.part")
        try:
            shutil.copyfile(file, part)
            os.chmod(part, 0o600)
            had_one = database.exists()
            for companion in _COMPANIONS:
                old = database.with_name(database.name + companion)
                if old.exists():
                    old.rename(before.with_name(before.name + companion))
            _settle(part, database)
        except OSError as error:
            raise Unavailable(
                f"{file} could not be put in the place of {database}: {error}. What stood there is kept as {before}."
            ) from error
    return msgspec.structs.replace(kept, before=before if had_one else None)


def look(file: Path) -> Kept:
    """Return what a file holds, after checking every page of it.

    Raises:
        Unavailable: it is damaged.
    """
    with closing(sqlite.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as connection:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
        if said != ["ok"]:
            raise Unavailable(f"SQLite finds it damaged: {said[0]}.")
        (payments,) = connection.execute("SELECT COUNT(*) FROM payments").fetchone()
        (last,) = connection.execute("SELECT MAX(at) FROM audit").fetchone()
    last_at = from_millis(last) if last is not None else None
    return Kept(payments=payments, last_at=last_at, size=file.stat().st_size)


def _settle(part: Path, file: Path) -> None:
    """Give a finished file its name, once it is truly on the disk; then see that the name is."""
    _sync(part)
    part.rename(file)
    _sync(file.parent)


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
