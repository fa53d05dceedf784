"""How a command ends: its exit code, and the message and hint a person reads when it failed.

The only place where errors become exit codes. Nothing is printed in colour here, and no command is known.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from galla import errors


class Exit(IntEnum):
    """What `galla` tells the shell."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    CONFIG = 3
    NOT_PAID = 4
    UNDECIDED = 5
    TRANSPORT = 6
    REFUSED = 7
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """What the code says, in a few words."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.OK: "done, or paid",
    Exit.UNEXPECTED: "an error nobody planned for",
    Exit.USAGE: "the command was written wrongly",
    Exit.CONFIG: "a setting is missing or wrong",
    Exit.NOT_PAID: "proven not paid",
    Exit.UNDECIDED: "not decided yet when the wait ended",
    Exit.TRANSPORT: "galla, Paytm or the database was not reached",
    Exit.REFUSED: "the rules forbid it",
    Exit.INTERRUPTED: "stopped by Ctrl-C",
}


class Ending(NamedTuple):
    """A failed command in three parts."""

    exit: Exit
    message: str
    hint: str = ""


def explain(error: BaseException) -> Ending:
    """Return what to say about an error and the code to end with."""
    if type(error).__module__.startswith("cyclopts"):
        return Ending(Exit.USAGE, " ".join(str(error).split()), _usage_hint(error))
    match error:
        case errors.ConfigError():
            return Ending(Exit.CONFIG, str(error), _config_hint(error))
        case errors.TransportError() | errors.Unavailable():
            return Ending(Exit.TRANSPORT, str(error), _transport_hint(error))
        case errors.TooSoon():
            return Ending(Exit.REFUSED, str(error), f"Ask again in {error.retry_after_s} s.")
        case errors.Refused():
            return Ending(Exit.REFUSED, error.message, error.hint)
        case errors.PaymentError():
            return Ending(Exit.REFUSED, str(error), _payment_hint(error))
        case errors.GallaError():
            return Ending(Exit.UNEXPECTED, str(error), "Run the command again with --verbose to see more.")
        case ImportError() if (missing := _missing_module(error)) is not None:
            return Ending(
                Exit.CONFIG,
                f"This command needs the module {missing}, which is not installed.",
                "Install the service with its parts: pip install 'galla[server]'.",
            )
        case _:
            said = " ".join(str(error).split()) or type(error).__name__
            return Ending(
                Exit.UNEXPECTED,
                f"galla stopped on an error it does not know: {type(error).__name__}: {said[:300]}",
                "Run the command again with --verbose to see where it came from.",
            )


def say(ending: Ending) -> Exit:
    """Print an ending on stderr, message first, and return its exit code."""
    print(ending.message, file=sys.stderr)
    if ending.hint:
        print(ending.hint, file=sys.stderr)
    return ending.exit


def of_payment(payment: Mapping[str, Any]) -> Exit:
    """Return the exit code that a payment stands for."""
    match payment["status"]:
        case "paid":
            return Exit.OK
        case "not_paid":
            return Exit.NOT_PAID
        case _:
            return Exit.UNDECIDED


def _missing_module(error: BaseException | None) -> str | None:
    """Return the module of somebody else that an import did not find."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("galla"):
            return error.name
        error = error.__cause__
    return None


def _usage_hint(error: BaseException) -> str:
    chain = " ".join(getattr(error, "command_chain", None) or ())
    return f"See how it is written: galla {chain + ' ' if chain else ''}--help"


def _config_hint(error: errors.ConfigError) -> str:
    if error.setting == "GALLA_DATABASE_URL" and "Another galla process" in str(error):
        return "To ask the running one, set GALLA_URL (http://127.0.0.1:8700) and GALLA_API_KEY."
    return f"The setting is {error.setting}." if error.setting and error.setting not in str(error) else ""


def _transport_hint(error: errors.GallaError) -> str:
    match error:
        case errors.NoReply():
            return "It may have arrived. Do not take the payment again; look first: galla status"
        case errors.NotSent():
            return "Nothing was sent, so nothing was charged."
        case _:
            return "Nothing was changed. Try again in a moment."


def _payment_hint(error: errors.PaymentError) -> str:
    blocker = error.blocker or ""
    return f"Look at it first: galla status {blocker}" if blocker.startswith("pay_") else ""
