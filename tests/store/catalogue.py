"""What a database says of its own schema, in a form in which two databases can be compared."""

from typing import Any

from sqlalchemy import Connection, inspect

from tests.store.samples import sql

_POSTGRES = {
    "columns": """SELECT table_name, column_name, data_type, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "storage": "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
}


def catalogue(connection: Connection) -> dict[str, Any]:
    """Return every table, column, constraint, index, trigger, function and view but Alembic's own."""
    if connection.dialect.name == "postgresql":
        found = {name: [tuple(row) for row in sql(connection, text)] for name, text in _POSTGRES.items()}
    else:
        found = _sqlite(connection)
    ours = {name: [repr(row) for row in rows] for name, rows in found.items()}
    return {name: sorted(row for row in rows if "alembic" not in row) for name, rows in ours.items()}


def _sqlite(connection: Connection) -> dict[str, list[Any]]:
    seen = inspect(connection)
    found: dict[str, list[Any]] = {"constraints": [], "columns": [], "indexes": []}
    tables = sql(connection, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    for table, is_strict in tables:
        if table.startswith("sqlite_"):
            continue
        found["columns"].append((table, is_strict))
        found["columns"] += [(table, *row) for row in sql(connection, f"PRAGMA table_xinfo({table})")]
        for kind in ("check_constraints", "foreign_keys", "unique_constraints"):
            found["constraints"] += [(table, kind, repr(row)) for row in getattr(seen, f"get_{kind}")(table)]
        found["constraints"].append((table, repr(seen.get_pk_constraint(table))))
        for row in sql(connection, f"PRAGMA index_list({table})"):
            found["indexes"].append((table, *row[1:], repr(sql(connection, f"PRAGMA index_info({row[1]})"))))
    text = "SELECT name, sql FROM sqlite_master WHERE type = '{}' AND sql IS NOT NULL"
    found["indexes"] += [tuple(row) for row in sql(connection, text.format("index"))]
    found["triggers"] = [tuple(row) for row in sql(connection, text.format("trigger"))]
    found["views"] = [tuple(row) for row in sql(connection, text.format("view"))]
    return found
