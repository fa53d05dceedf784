"""The log: whatever is written into it, one happening is one line, for people and for machines."""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Iterator

import pytest
import structlog

from galla.cli.logs import configure
from galla.config import Settings
from tests.corpus import HALVES, WHOLE

_COLOUR = re.compile(r"\x1b\[[0-9]+m")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers, logging.getLogger().level = handlers, level


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_forges_a_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Hostile text as the event, as a value and from a library stays in its line, and moves no terminal."""
    configure(Settings(log_format=form))
    texts = (*WHOLE, *HALVES)
    for text in texts:
        structlog.get_logger("galla").warning(text, path=text, request_id="req_1")
        logging.getLogger("asyncio").warning("a library says %s", text)
    lines = _COLOUR.sub("", capsys.readouterr().err).split("\n")[:-1]
    assert len(lines) == 2 * len(texts)
    assert [char for char in "".join(lines) if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")] == []
    if form == "json":
        said = [json.loads(line) for line in lines]
        assert [line["event"] for line in said[::2]] == list(texts)
        assert {line["level"] for line in said} == {"warning"}


def test_a_failure_is_still_read_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    """For people a traceback keeps its lines, and what the error says moves no terminal."""
    configure(Settings(log_format="console"))
    try:
        raise ValueError("\x1b[2J\u202e")
    except ValueError:
        structlog.get_logger("galla").exception("request.failed")
    said = capsys.readouterr().err
    assert "\nValueError: \\u001b[2J\\u202e\n" in _COLOUR.sub("", said)
    assert said.count("\n") > 3
