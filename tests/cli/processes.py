"""Real `galla` processes for the tests: started, read line by line, stopped as Ctrl-C would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

GALLA = [sys.executable, "-m", "galla.cli"]


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this environment without any setting of galla's, plus those given."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("GALLA_", "PAYTM_"))}
    return {**kept, "NO_COLOR": "1", **extra}


def call(
    *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, sent: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*GALLA, *words],
        env=clean_environment(env or {}),
        cwd=cwd,
        input=sent,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def started(*words: str, env: Mapping[str, str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a command that stays, and stop it with an interrupt at the end."""
    process = subprocess.Popen(
        [*GALLA, *words],
        env=clean_environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def read_until(process: subprocess.Popen[str], pattern: str) -> tuple[re.Match[str], list[str]]:
    """Return the first match among the lines a process prints, and the lines so far."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if found := re.search(pattern, line):
            return found, lines
    raise AssertionError(f"{pattern} never came; it said:\n" + "\n".join(lines))
