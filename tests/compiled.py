"""What SQLAlchemy compiles, kept for all databases that one test process opens.

A test opens databases of its own, and to compile galla's statements anew for each takes longer than to run them.
A statement compiled for one SQLite file is right for another, and so on PostgreSQL; a service opens only one.
"""

from typing import Any

from sqlalchemy import Dialect, Engine

from galla.store import postgres, sqlite

_dialects: dict[str, Dialect] = {}
_compiled: dict[Any, Any] = {}


def share() -> None:
    """Let every engine opened from now on use the same dialect and the same compiled statements."""
    open_file, open_server = sqlite._engine, postgres.create_async_engine

    def file(path: str, *, is_writer: bool) -> Engine:
        return _shared(open_file(path, is_writer=is_writer))

    def server(*args: Any, **given: Any) -> Any:
        opened = open_server(*args, **given)
        _shared(opened.sync_engine)
        return opened

    sqlite._engine, postgres.create_async_engine = file, server


def _shared(engine: Engine) -> Engine:
    if engine.name in _dialects:
        engine.dialect = engine.pool._dialect = _dialects[engine.name]
    else:
        _dialects[engine.name] = engine.dialect
    engine._compiled_cache = _compiled
    return engine
