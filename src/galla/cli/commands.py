"""The list of galla's commands, in the order `galla --help` shows them.

Each names the function that carries it out; that module is imported when the command is called, never to show
the list. What a command does is in its own module.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from cyclopts import App, Group, Parameter

from galla.cli.ending import Exit

_VERBOSE = "Add --verbose to any command to see where an error came from."
_TRY, _RUN, _TAKE, _SET_UP = "Try it", "Run it", "Take payments", "Set up and check"


class Command(NamedTuple):
    """One command: its words, the function behind it, one line of help, and its place in the list."""

    words: tuple[str, ...]
    target: str
    line: str
    group: str = _SET_UP


COMMANDS: tuple[Command, ...] = (
    Command(("demo",), "galla.cli.demo:demo", "Play a sale, then keep a counter and machines running.", _TRY),
    Command(("sandbox",), "galla.cli.sandbox:sandbox", "Run a pretend Paytm with card machines.", _TRY),
    Command(("simulate",), "galla.cli.simulate:simulate", "Let a shop live by a seed and count every rupee.", _TRY),
    Command(("serve",), "galla.cli.serve:serve", "Run the counter, the API and a worker.", _RUN),
    Command(("worker",), "galla.cli.serve:worker", "Run one more worker (PostgreSQL).", _RUN),
    Command(("pay",), "galla.cli.pay:pay", "Take a payment on a card machine and follow it.", _TAKE),
    Command(("status",), "galla.cli.status:status", "Show one payment, or how things stand in all.", _TAKE),
    Command(("merchant", "add"), "galla.cli.merchant:add", "Add a merchant."),
    Command(("merchant", "change"), "galla.cli.merchant:change", "Change how a merchant gives money back."),
    Command(("merchant", "list"), "galla.cli.merchant:list_all", "List the merchants."),
    Command(("merchant", "show"), "galla.cli.merchant:show", "Show one merchant."),
    Command(("terminal", "add"), "galla.cli.terminal:add", "Add a card machine."),
    Command(("terminal", "list"), "galla.cli.terminal:list_all", "List the card machines."),
    Command(("user", "add"), "galla.cli.user:add", "Add somebody who signs in by name."),
    Command(("user", "list"), "galla.cli.user:list_all", "List the users."),
    Command(("user", "password"), "galla.cli.user:password", "Give a user a new password."),
    Command(("user", "role"), "galla.cli.user:role", "Give a user another role."),
    Command(("user", "disable"), "galla.cli.user:disable", "Keep a user out at once."),
    Command(("user", "enable"), "galla.cli.user:enable", "Let a disabled user in again."),
    Command(("key", "new"), "galla.cli.key:new", "Make an API key; it is shown once."),
    Command(("key", "list"), "galla.cli.key:list_all", "List the API keys by their first letters."),
    Command(("key", "revoke"), "galla.cli.key:revoke", "Revoke an API key."),
    Command(("webhook", "add"), "galla.cli.webhook:add", "Add a system that is told what happens."),
    Command(("webhook", "list"), "galla.cli.webhook:list_all", "List the systems that are told."),
    Command(("webhook", "rotate"), "galla.cli.webhook:rotate", "Replace the secret of such a system."),
    Command(("webhook", "replay"), "galla.cli.webhook:replay", "Send again what such a system did not take."),
    Command(("connectors",), "galla.cli.connectors:show", "Show the ways of taking money and what each can do."),
    Command(("backup",), "galla.cli.backup:backup", "Copy the SQLite database, also while galla runs."),
    Command(("restore",), "galla.cli.backup:restore", "Put a backup in the place of the database."),
    Command(("rebuild",), "galla.cli.rebuild:rebuild", "After a restore, ask Paytm for the lost time."),
    Command(("audit", "verify"), "galla.cli.audit:verify", "Check that no audit row was changed or removed."),
)

_FAMILIES = {
    "merchant": "Add, change and look at merchants.",
    "terminal": "Add and look at card machines.",
    "user": "Say who may sign in, and as what.",
    "key": "Make and revoke API keys.",
    "webhook": "Tell other systems what happens.",
    "audit": "Check the audit trail.",
}


def make_app(called: Sequence[str] = ()) -> App:
    """Return the command line as cyclopts knows it, with no command imported yet.

    The command that is called describes itself by its whole docstring, the others by their one line.
    """
    kwargs: dict[str, Any] = {
        "help_format": "markdown",
        "help_epilogue": _VERBOSE,
        "default_parameter": Parameter(negative=()),
    }
    app = App(
        name="galla",
        help="Paytm payments, followed to a proven end.",
        version=lambda: f"galla {version('galla')}",
        **{**kwargs, "help_epilogue": _epilogue()},
    )
    groups = {title: Group(title, sort_key=place) for place, title in enumerate((_TRY, _RUN, _TAKE, _SET_UP))}
    last = groups[_SET_UP]
    families = {word: App(name=word, help=line, group=last, **kwargs) for word, line in _FAMILIES.items()}
    for family in families.values():
        app.command(family)
    for command in COMMANDS:
        *parents, name = command.words
        is_called = tuple(called[: len(command.words)]) == command.words
        line = None if is_called else command.line
        if parents:
            families[parents[0]].command(command.target, name=name, help=line, **kwargs)
        else:
            app.command(command.target, name=name, help=line, group=groups[command.group], **kwargs)
    return app


def _epilogue() -> str:
    codes = "; ".join(f"{code.value} {code.meaning}" for code in Exit)
    return f"{_VERBOSE}\n\nExit codes: {codes}."
