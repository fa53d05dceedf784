"""`galla backup` and `galla restore`: a copy of the SQLite database, and putting one back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from galla import config
from galla.cli import screen
from galla.clock import IST, SYSTEM, rfc3339
from galla.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from galla.store.backup import Kept


def backup(file: Path, /, *, json: bool = False) -> int:
    """Copy the SQLite database into one file, also while galla runs, and check the copy.

    The secret that opens the merchant keys is not in it: keep `galla.secret`, or GALLA_SECRET_KEY, apart.

    Args:
        file: Where to put the copy. A file that exists is never written over.
        json: Print JSON.
    """
    from galla.store.backup import back_up

    kept = back_up(_database("pg_dump --format=custom --file=FILE URL"), file)
    if json:
        screen.print_json(_shown(kept))
        return 0
    out = screen.console()
    out.print(f"Copied to {file}, and every page of the copy checked", style="bold green")
    screen.show_rows(out, _rows(kept))
    out.print("The secret that opens the merchant keys is not in it. Keep that apart from the backups.")
    return 0


def restore(file: Path, /, *, json: bool = False) -> int:
    """Put a backup in the place of the SQLite database; what stood there is kept beside it. Stop galla first.

    Then `galla rebuild` asks Paytm about everything since the backup was made.

    Args:
        file: The backup.
        json: Print JSON.
    """
    from galla.store.backup import restore as put_back

    database = _database("pg_restore --dbname=URL FILE")
    kept = put_back(file, database, f"{SYSTEM.now():%Y%m%dT%H%M%SZ}")
    if json:
        screen.print_json(_shown(kept))
        return 0
    out = screen.console()
    out.print(f"{database} is now what {file} holds", style="bold green")
    screen.show_rows(out, _rows(kept))
    out.print("What was paid since then is not in it. Before anybody takes money again:")
    out.print(f"  galla rebuild --since {_since(kept.last_at)}")
    return 0


def _database(instead: str) -> Path:
    """Return where the SQLite database is.

    Raises:
        ConfigError: galla runs on PostgreSQL, which has tools of its own.
    """
    url = config.load().database_url
    if not url.startswith("sqlite:///"):
        raise ConfigError(
            f"PostgreSQL is copied and restored by its own tools, such as: {instead}", setting="GALLA_DATABASE_URL"
        )
    return Path(url.removeprefix("sqlite:///"))


def _shown(kept: Kept) -> dict[str, object]:
    return {
        "payments": kept.payments,
        "last_at": rfc3339(kept.last_at) if kept.last_at is not None else None,
        "size": kept.size,
        "before": str(kept.before) if kept.before is not None else None,
    }


def _rows(kept: Kept) -> list[tuple[str, str]]:
    rows = [
        ("Payments", f"{kept.payments}"),
        ("Holds all until", screen.clock_text(rfc3339(kept.last_at)) if kept.last_at is not None else "nothing yet"),
        ("Size", f"{kept.size:,} bytes"),
        ("Before", f"kept as {kept.before}" if kept.before is not None else ""),
    ]
    return [(label, text) for label, text in rows if text]


def _since(last_at: datetime | None) -> str:
    return f"{last_at.astimezone(IST):%Y-%m-%dT%H:%M}" if last_at is not None else "WHEN"
