"""How commands are found, explained and refused, before any of them does anything."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from galla import errors
from galla.cli import main
from galla.cli.commands import COMMANDS
from galla.cli.ending import Exit, explain, of_payment

HEAVY = (
    "aiohttp",
    "alembic",
    "fastapi",
    "jinja2",
    "pydantic",
    "sqlalchemy",
    "structlog",
    "uvicorn",
    "galla.service",
)


def test_help_loads_nothing_heavy() -> None:
    """`galla --help` answers without loading a server, a database or any command."""
    code = (
        "import sys, json\nfrom galla.cli import main\nmain(['--help'])\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stderr)
    commands = {command.target.partition(":")[0] for command in COMMANDS}
    assert [name for name in loaded if name in commands or name.startswith(HEAVY)] == []


def test_a_worker_loads_no_web() -> None:
    """`galla worker` is up sooner than `galla serve`: what it loads has no web framework, and no migrations, in it."""
    works = ("cli.commands", "cli.serve", "service.till", "service.worker", "service.refund_worker", "store.postgres")
    code = "import sys\n" + "".join(f"import galla.{name}\n" for name in works) + "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"alembic", "fastapi", "jinja2", "pydantic", "starlette", "uvicorn"} & set(done.stdout.split()) == set()


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`galla --help` names each command or its family, and the exit codes."""
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert [command.words[0] for command in COMMANDS if command.words[0] not in said] == []
    assert "4 proven not paid" in " ".join(said.split())


@pytest.mark.parametrize("words", [command.words for command in COMMANDS], ids=" ".join)
def test_each_command_explains_itself(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's own --help says more than its line in the list, and never runs it."""
    assert main([*words, "--help"]) == 0
    assert f"Usage: galla {' '.join(words)}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`galla --version` says which galla it is."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("galla ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "nosuch"),
        (["pay"], "AMOUNT"),
        (["pay", "1.234"], "two decimals"),
        (["pay", "-5"], "two decimals"),
        (["pay", "0"], "1 paisa"),
        (["pay", "5", "--colour", "red"], "--colour"),
        (["key", "new", "--scope", "everything"], "everything"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_wrong_words_are_usage_errors(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command written wrongly ends with 2, a sentence and where to look, on stderr and without a traceback."""
    assert main(words) == Exit.USAGE
    out = capsys.readouterr()
    assert out.out == ""
    assert said in out.err
    assert "--help" in out.err
    assert "Traceback" not in out.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x", setting="GALLA_PORT"), Exit.CONFIG),
        (errors.NotSent("x"), Exit.TRANSPORT),
        (errors.NoReply("x"), Exit.TRANSPORT),
        (errors.Unavailable("x"), Exit.TRANSPORT),
        (errors.TerminalBusy("x", blocker="pay_1"), Exit.REFUSED),
        (errors.TooSoon("x", retry_after_s=2), Exit.REFUSED),
        (errors.Refused("x", code="0007", hint="y"), Exit.REFUSED),
        (errors.LedgerError("x"), Exit.UNEXPECTED),
        (ValueError("x"), Exit.UNEXPECTED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_has_its_exit_code(error: Exception, code: Exit) -> None:
    """What went wrong can be told from the exit code alone, and every ending has a message."""
    ending = explain(error)
    assert ending.exit is code
    assert ending.message


def test_a_blocked_payment_names_the_one_to_look_at() -> None:
    """The hint for a busy machine is the command that shows the payment that holds it."""
    assert (
        explain(errors.TerminalBusy("Busy.", blocker="pay_1")).hint == "Look at it first: galla status pay_1"
    )


def test_exit_codes_of_payments() -> None:
    """Paid is 0, proven not paid is 4, anything else is 5: not knowing is never success."""
    codes = {"paid": 0, "not_paid": 4, "created": 5, "pending": 5, "in_doubt": 5}
    assert {status: of_payment({"status": status}) for status in codes} == codes


def test_a_missing_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the server's packages the command says what to install instead of failing on an import."""
    error = ImportError("Cannot import module")
    error.__cause__ = ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
    ending = explain(error)
    assert ending.exit is Exit.CONFIG
    assert "uvicorn" in ending.message
    assert "galla[server]" in ending.hint
