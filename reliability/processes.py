"""The programs of a trial: a sandbox and galla, started as anybody starts them, and killed as nobody should."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID

API_KEY = "gk_reliability_12345"
PATIENCE_S = 30.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def settings(database_url: str, sandbox_url: str, tids: tuple[str, ...], **more: str) -> dict[str, str]:
    """Return the environment of a galla for the sandbox's own merchant: its settings, and none of this computer's."""
    return {
        **_clean(),
        "GALLA_DATABASE_URL": database_url,
        "GALLA_SECRET_KEY": "x" * 40,
        "GALLA_PAYTM_MID": DEMO_MID,
        "GALLA_PAYTM_KEY": DEMO_KEY,
        "GALLA_PAYTM_TIDS": ",".join(tids),
        "GALLA_PAYTM_CLIENT_ID": "C11",  # without one no QR is offered
        "GALLA_EDC_URL": sandbox_url,
        "GALLA_PG_URL": sandbox_url,
        "GALLA_QUEUE_URL": sandbox_url,
        "GALLA_API_KEY": API_KEY,
        "GALLA_LOG_LEVEL": "warning",
        "NO_COLOR": "1",
        **more,
    }


class Nursery:
    """Where processes are forked that have everything imported already."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "reliability.nursery"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **what: object) -> int:
        """Start what is asked for and return its process, or wait for a process and return how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and what it has started."""
        self._process.communicate()


class Program:
    """One command of galla's that can be killed and started again; what it says goes to a file."""

    def __init__(self, words: list[str], environment: Mapping[str, str], log: Path, nursery: Nursery | None) -> None:
        self.name = words[0]
        self._words = words
        self._environment = dict(environment)
        self._log = log
        self._nursery = nursery
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def start(self, *, is_cold: bool = True) -> None:
        """Start it: from nothing, as anybody does, or from the nursery. Whether it is up is found out by asking."""
        if is_cold or self._nursery is None:
            command = [sys.executable, "-m", "galla.cli", *self._words]
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            self._pid = self._process.pid
            return
        self._process = None
        self._pid = self._nursery.ask(words=self._words, environment=self._environment, log=str(self._log))

    def kill(self) -> float:
        """End it between two instructions, and return when that was, in seconds since 1970.

        Raises:
            RuntimeError: it had ended by itself.
        """
        os.kill(self._pid, signal.SIGKILL)
        at = time.time()
        if (code := self._ended()) != -signal.SIGKILL:
            raise RuntimeError(f"galla {self.name} ended by itself with {code}:\n{self.last_words()}")
        return at

    def cpu_s(self) -> float:
        """Return the seconds of a processor that it has used since it was started."""
        used = psutil.Process(self._pid).cpu_times()
        return float(used.user + used.system)

    def stop(self) -> int:
        """Ask it to end, as an operator does, and return its exit code."""
        os.kill(self._pid, signal.SIGTERM)
        return self._ended()

    def last_words(self) -> str:
        """Return the end of what it said."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-2_000:] if self._log.exists() else ""

    def _ended(self) -> int:
        if self._process is not None:
            return self._process.wait(PATIENCE_S)
        assert self._nursery is not None
        return self._nursery.ask(wait=self._pid)


@contextmanager
def sandbox(folder: Path, *, autoplay: str = "card", after_s: float = 0.3) -> Iterator[str]:
    """Run a pretend Paytm whose machines pay by themselves, and give its address."""
    port = free_port()
    words = ["sandbox", "--port", str(port), "--autoplay", autoplay, "--after", f"{after_s:g}"]
    program = Program(words, _clean(), folder / "sandbox.log", None)
    program.start()
    url = f"http://127.0.0.1:{port}"
    try:
        _until_up(url, program)
        yield url
    finally:
        program.stop()


def control(url: str, path: str, body: object = None, method: str | None = None) -> Any:
    """Use the sandbox's remote control and return its answer."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/_sandbox{path}", data, headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")


def raw(url: str, path: str) -> bytes:
    """Return what the sandbox's remote control answers, as it is."""
    with urllib.request.urlopen(f"{url}/_sandbox{path}", timeout=PATIENCE_S) as answer:  # noqa: S310
        return bytes(answer.read())


def _clean() -> dict[str, str]:
    """Return this computer's environment without what speaks to galla, and with bytecode kept as after an install."""
    unwanted = ("GALLA_", "PAYTM_", "PYTHONDONTWRITEBYTECODE")
    return {name: text for name, text in os.environ.items() if not name.startswith(unwanted)}


def _until_up(url: str, program: Program) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            control(url, "/state")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"The sandbox did not start:\n{program.last_words()}")
