"""Where the log goes: to stderr, as lines for people or as JSON. One place for galla's log and the libraries'.

What is logged is decided where it happens. A command's result is never a log line.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from galla.protocol.quotation import escaped

if TYPE_CHECKING:
    from galla.config import Settings

_LIBRARIES = ("uvicorn", "uvicorn.error", "aiohttp", "asyncio", "alembic", "sqlalchemy")


def configure(settings: Settings, *, is_quiet: bool = False) -> None:
    """Send the log to stderr in the settings' format and from their level; `is_quiet` keeps only warnings."""
    import structlog

    level = logging.WARNING if is_quiet else getattr(logging, settings.log_level.upper(), logging.INFO)
    is_console = (settings.log_format or ("console" if sys.stderr.isatty() else "json")) == "console"
    last: Any = structlog.dev.ConsoleRenderer() if is_console else structlog.processors.JSONRenderer()
    first: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        *([_harmless] if is_console else []),  # JSON writes such characters out by itself
    ]
    structlog.configure(
        processors=[*first, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=first, processors=[strip, last])
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _harmless(_logger: Any, _name: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write out what would end a line, turn it round or move a terminal; a traceback keeps its lines."""
    for name, value in said.items():
        if isinstance(value, str) and not value.isprintable():
            plain = escaped(value)
            said[name] = plain if name == "exception" else plain.replace("\n", "\\n")
    return said
