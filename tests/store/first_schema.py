"""Writes the frozen DDL of migration 0001 from the tables, for as long as no release has shipped it.

    .venv/bin/python -m tests.store.first_schema

After a release never run this again: a change of the tables is then a migration of its own, beside 0001.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from galla import store
from galla.store.guards import statements
from galla.store.schema import metadata

for _module in pkgutil.iter_modules(store.__path__):
    if _module.name.endswith("tables"):
        importlib.import_module(f"galla.store.{_module.name}")  # fills the metadata

VERSIONS = Path(store.__path__[0]) / "migrations" / "versions"
DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}
HEAD = "-- Frozen: what migration 0001 runs on {}, one statement a paragraph. tables.py may go on, this may not.\n\n"


def file_of(name: str) -> Path:
    """Return where the DDL of a dialect lies."""
    return VERSIONS / f"0001_first.{name}.sql"


def wanted(name: str) -> str:
    """Return the DDL that makes the present tables, indexes, triggers and view on a dialect."""
    return HEAD.format(name) + "\n\n".join(_paragraph(statement) for statement in _all(name)) + "\n"


def _all(name: str) -> Iterator[str]:
    dialect = DIALECTS[name]
    for table in metadata.sorted_tables:
        yield str(CreateTable(table).compile(dialect=dialect))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=dialect))
    yield from statements(name)


def _paragraph(statement: str) -> str:
    lines = (line.rstrip().replace("\t", "    ") for line in statement.splitlines())
    return "\n".join(line for line in lines if line.strip())


if __name__ == "__main__":
    for name in DIALECTS:
        file_of(name).write_text(wanted(name))
        print(f"wrote {file_of(name).name}")
