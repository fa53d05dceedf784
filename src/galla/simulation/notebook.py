"""A file into which a campaign writes each run as it ends, so that one that was interrupted goes on where it stood.

The first line says whose runs they are: of which seed, each played how often, by which code. A line that was not
written to its end is played again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

import galla
from galla.errors import ConfigError
from galla.simulation.day import Played


class Title(msgspec.Struct, frozen=True, kw_only=True):
    """Whose runs a notebook holds; `code` is the hash of galla's own source."""

    seed: str
    times: int
    code: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One run, every time that it was played, and how many seconds the campaign had taken until then."""

    seconds: float
    plays: list[Played]


class Notebook:
    """One such file, opened to be gone on with.

    Raises:
        ConfigError: the file holds the runs of another seed or another galla, or something else altogether.
    """

    def __init__(self, path: Path, seed: str, times: int) -> None:
        title = Title(seed=seed, times=times, code=code())
        self._path = path
        kept = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        self._lines = [line for line in kept if line.endswith(b"\n")]
        if not kept:
            self._append(title)
        elif _title(kept[0]) != title:
            raise ConfigError(
                f"The file {path} holds no runs of the seed {seed} by this very galla, each played {times} times, so "
                "nothing can be added to it. Name another file, or remove this one."
            )
        else:
            path.write_bytes(b"".join(self._lines))

    def lines(self) -> Iterator[Line]:
        """Yield the runs that it held when it was opened, in their order."""
        for line in self._lines[1:]:
            yield msgspec.json.decode(line, type=Line)

    def write(self, line: Line) -> None:
        """Add the next run."""
        self._append(line)

    def _append(self, what: Title | Line) -> None:
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(what) + b"\n")


def code() -> str:
    """Return the hash of galla's own source: the traces of one are nothing to another."""
    folder, found = Path(galla.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(f"{path.relative_to(folder)} ".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _title(line: bytes) -> Title | None:
    try:
        return msgspec.json.decode(line, type=Title)
    except msgspec.MsgspecError:
        return None
