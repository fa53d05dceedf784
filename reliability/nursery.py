"""Starts galla's commands in processes that begin with everything imported: `python -m reliability.nursery`.

To import galla and what it stands on takes longer than all else at a start, and teaches a crash trial nothing. So most
of its lives are forked from this process, which has no threads and no open files of galla's; from then on each is a
galla like any other. It is told what to do by lines of JSON, and answers each with one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from galla import cli

WORDS = ("serve", "worker")


def main() -> None:
    """Start, and wait for, whatever is asked for; end with whoever asks, and take everybody along."""
    import galla.cli.serve
    import galla.service.setup
    import galla.web.app  # noqa: F401 - this is what a life need not do again

    alive: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            alive.discard(asked["wait"])
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = _start(asked)
            alive.add(answer)
        print(answer, flush=True)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _start(asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(asked["environment"])
    code = 1
    try:
        code = cli.main(asked["words"])
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
