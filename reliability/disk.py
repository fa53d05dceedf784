"""galla's own SQLite, watched and hurt at its lowest edge: every write, sync and truncation passes through here.

SQLite reaches files through a table of functions, its VFS. This one is a copy of the usual one with a few entries
replaced, in the very library that galla's store uses, so that nothing is replayed or imitated: it writes down what
happens, in order, and can let the k-th call of a kind fail as a bad disk would.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pysqlite3._sqlite3 as engine  # type: ignore[import-not-found]

OK, IO_ERROR, FULL = 0, 10, 13
FSYNC_FAILED, WRITE_FAILED = IO_ERROR | 4 << 8, IO_ERROR | 3 << 8

_pointer, _int, _long, _text = ctypes.c_void_p, ctypes.c_int, ctypes.c_longlong, ctypes.c_char_p
_XOpen = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _pointer, _int, _pointer)  # a name goes on after its end
_XDelete = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int)
_XClose = ctypes.CFUNCTYPE(_int, _pointer)
_XWrite = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int, _long)
_XTruncate = ctypes.CFUNCTYPE(_int, _pointer, _long)
_XSync = ctypes.CFUNCTYPE(_int, _pointer, _int)


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`: what can be done to an open file."""

    _fields_ = [
        ("version", _int), ("close", _pointer), ("read", _pointer), ("write", _pointer), ("truncate", _pointer),
        ("sync", _pointer), ("rest", _pointer * 13),
    ]  # fmt: skip


class _File(ctypes.Structure):
    """The beginning of `sqlite3_file`, which is all that SQLite itself knows of it."""

    _fields_ = [("methods", ctypes.POINTER(_Methods))]


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`."""

    _fields_ = [
        ("version", _int), ("file_size", _int), ("longest_path", _int), ("next", _pointer), ("name", _text),
        ("data", _pointer), ("open", _pointer), ("delete", _pointer), ("rest", _pointer * 14),
    ]  # fmt: skip


class Kind(StrEnum):
    """What was done to a file; `ACK`: what was committed before may be told to a caller."""

    WRITE = "write"
    SYNC = "sync"
    TRUNCATE = "truncate"
    DELETE = "delete"
    ACK = "ack"


class Op(NamedTuple):
    """One thing that happened: `at` is an offset or a length; `data` what was written, or what was acknowledged."""

    kind: Kind
    file: str
    at: int = 0
    data: Any = b""


class Disk:
    """What happened, and what shall fail next."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.failed = 0
        self._fails: tuple[Kind, int, int, int] | None = None

    def fail(self, kind: Kind, after: int, code: int, times: int = 1) -> None:
        """Let calls of a kind fail with a code of SQLite's, once `after` of them have passed."""
        self._fails = (kind, after, code, times)

    def acknowledge(self, what: object) -> None:
        """Note that everything committed so far may be told."""
        self.ops.append(Op(Kind.ACK, "", 0, what))

    def note(self, op: Op) -> int:
        """Write down what is about to be done, or return the code it fails with."""
        if self._fails is not None and self._fails[0] is op.kind:
            kind, after, code, times = self._fails
            if after == 0 and times > 0:
                self._fails = (kind, 0, code, times - 1)
                self.failed += 1
                return code
            self._fails = (kind, max(0, after - 1), code, times)
        self.ops.append(op)
        return OK


@contextmanager
def watched(disk: Disk) -> Iterator[None]:
    """Let every database that is opened in the block be written through a disk; close them all before its end."""
    library = ctypes.CDLL(engine.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    usual = library.sqlite3_vfs_find(None)
    vfs = _Vfs.from_buffer_copy(usual.contents)
    vfs.name, vfs.next = b"galla-watched", None
    shim = _Shim(disk, usual.contents)
    vfs.open, vfs.delete = shim.open, shim.delete
    if library.sqlite3_vfs_register(ctypes.byref(vfs), 1) != OK:
        raise RuntimeError("SQLite does not take another VFS.")
    try:
        yield
    finally:
        library.sqlite3_vfs_register(usual, 1)
        library.sqlite3_vfs_unregister(ctypes.byref(vfs))


class _Shim:
    """The replaced functions; whatever is made for SQLite is kept here, for SQLite does not keep it."""

    def __init__(self, disk: Disk, usual: Any) -> None:
        self._disk = disk
        self._open = _XOpen(usual.open)
        self._delete = _XDelete(usual.delete)
        self._kept: list[Any] = []
        self._names: dict[int, str] = {}
        self._tables: dict[int, tuple[_Methods, _Methods]] = {}
        self.open = self._entry(_XOpen, self._opened)
        self.delete = self._entry(_XDelete, self._deleted)

    def _entry(self, kind: Any, work: Callable[..., int]) -> int | None:
        made = kind(work)
        self._kept.append(made)
        return ctypes.cast(made, _pointer).value

    def _opened(self, vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        code = self._open(vfs, name, file, flags, out)
        opened = _File.from_address(file)
        if code == OK and name is not None and opened.methods:
            self._names[file] = _base(name)
            opened.methods = ctypes.pointer(self._table(opened.methods))
        return code

    def _table(self, usual: Any) -> _Methods:
        """Return our table in the place of a usual one: the same but for what changes a file."""
        address = ctypes.addressof(usual.contents)
        if address not in self._tables:
            before = _Methods.from_buffer_copy(usual.contents)
            after = _Methods.from_buffer_copy(usual.contents)
            write, truncate, sync = _XWrite(before.write), _XTruncate(before.truncate), _XSync(before.sync)
            close = _XClose(before.close)
            after.write = self._entry(_XWrite, lambda *words: self._written(write, *words))
            after.truncate = self._entry(_XTruncate, lambda *words: self._truncated(truncate, *words))
            after.sync = self._entry(_XSync, lambda *words: self._synced(sync, *words))
            after.close = self._entry(_XClose, lambda file: self._closed(close, file))
            self._tables[address] = (before, after)
        return self._tables[address][1]

    def _written(self, usual: Callable[..., int], file: int, data: int, size: int, at: int) -> int:
        op = Op(Kind.WRITE, self._names[file], at, ctypes.string_at(data, size))
        return self._disk.note(op) or usual(file, data, size, at)

    def _truncated(self, usual: Callable[..., int], file: int, size: int) -> int:
        return self._disk.note(Op(Kind.TRUNCATE, self._names[file], size)) or usual(file, size)

    def _synced(self, usual: Callable[..., int], file: int, flags: int) -> int:
        return self._disk.note(Op(Kind.SYNC, self._names[file])) or usual(file, flags)

    def _closed(self, usual: Callable[..., int], file: int) -> int:
        self._names.pop(file, None)
        return usual(file)

    def _deleted(self, vfs: int, name: int, is_synced: int) -> int:
        return self._disk.note(Op(Kind.DELETE, _base(name))) or self._delete(vfs, name, is_synced)


def _base(name: int) -> str:
    return Path(ctypes.string_at(name).decode()).name
