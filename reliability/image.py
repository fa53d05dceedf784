"""What is left on a disk after a power cut: all that was synced, and of the rest whatever chance lets survive.

A write that was not synced may be there, be missing, or be there in some of its sectors, in any order.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from random import Random

from reliability.disk import Kind, Op

SECTOR = 512
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a sync is noted, and costs nothing there


class Cut(StrEnum):
    """What becomes of what was not synced."""

    NOTHING = "nothing of it is left"
    ALL = "all of it is left"
    SOME = "some writes are left"
    TORN = "some sectors of some writes are left"


class Image:
    """The files of one folder, operation by operation."""

    def __init__(self, folder: Path) -> None:
        self._synced = {path.name: bytearray(path.read_bytes()) for path in folder.iterdir() if path.is_file()}
        self._waiting: dict[str, list[Op]] = {}

    def take(self, op: Op) -> None:
        """Let one more operation happen."""
        match op.kind:
            case Kind.WRITE | Kind.TRUNCATE:
                self._waiting.setdefault(op.file, []).append(op)
            case Kind.SYNC:
                content = self._synced.setdefault(op.file, bytearray())
                for each in self._waiting.pop(op.file, []):
                    _apply(content, each)
            case Kind.DELETE:  # SQLite syncs the folder after it
                self._synced.pop(op.file, None)
                self._waiting.pop(op.file, None)
            case Kind.ACK:
                pass

    def after(self, cut: Cut, random: Random) -> dict[str, bytes]:
        """Return the files as they are found after the power has come back."""
        found = {name: bytes(content) for name, content in self._synced.items()}
        for name, ops in self._waiting.items():
            left = [part for op in ops for part in _left(op, cut, random)]
            if left:
                content = bytearray(found.get(name, b""))
                for part in left:
                    _apply(content, part)
                found[name] = bytes(content)
        return found


def _left(op: Op, cut: Cut, random: Random) -> list[Op]:
    if cut is Cut.NOTHING or (cut is Cut.SOME and random.random() < 0.5):
        return []
    if cut is not Cut.TORN or op.kind is Kind.TRUNCATE:
        return [op]
    starts = range(0, len(op.data), SECTOR)
    return [
        op._replace(at=op.at + start, data=op.data[start : start + SECTOR]) for start in starts if random.random() < 0.5
    ]


def _apply(content: bytearray, op: Op) -> None:
    if op.kind is Kind.TRUNCATE:
        del content[op.at :]
        return
    if len(content) < op.at:
        content.extend(bytes(op.at - len(content)))
    content[op.at : op.at + len(op.data)] = op.data
