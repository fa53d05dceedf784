"""galla on the command line: one module per group of commands.

What belongs here is reading arguments, calling the service (or a running service over HTTP) and saying what
came of it. What may not be here: a rule about payments, SQL, or a word to Paytm. Each command's module is
imported only when the command is called, so that `galla --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts import App

VERBOSE = "--verbose"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; `galla` on the command line ends here.

    Args:
        arguments: the words after `galla`; those of this process when None.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_verbose = VERBOSE in words
    words = [word for word in words if word != VERBOSE]
    from galla.cli.ending import Exit, explain, say

    try:
        from cyclopts import CycloptsError

        from galla.cli.commands import make_app
    except ImportError as error:
        if is_verbose:
            raise
        return say(explain(error))
    try:
        result = _call(make_app(words), words)
    except CycloptsError as error:
        return say(explain(error))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as error:
        if is_verbose:
            raise
        return say(explain(error))
    return result


def _call(app: App, words: list[str]) -> int:
    """Run the command; showing help returns nothing, which is success."""
    result = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    return result if isinstance(result, int) else 0
