"""Processes that die: at one exact boundary of a life, each crossing of the database or the network is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from galla.protocol.message import Request, Response
from galla.service.till import Till
from galla.store.database import Database


class Killed(BaseException):
    """The process is gone: nothing after this line has ever run."""


class Fate:
    """Counts the boundaries a life crosses, and ends it at the `deadly` one (None: it lives).

    `strike` is what dying does; by default it raises `Killed`, then and at every later boundary.
    """

    def __init__(self, deadly: int | None = None, strike: Callable[[], None] | None = None) -> None:
        self._deadly = deadly
        self._strike = strike
        self.crossed: list[str] = []
        self.is_dead = False

    def doom(self, soon: int) -> None:
        """End life at the next boundary but `soon` - 1, in place of what was foretold; 0 lets it live."""
        self._deadly = len(self.crossed) + soon if soon else None

    def falls(self, boundary: str) -> bool:
        """Cross a boundary; whether life ends there."""
        if not self.is_dead:
            self.crossed.append(boundary)
            self.is_dead = len(self.crossed) == self._deadly
            if self.is_dead and self._strike is not None:
                self._strike()
        return self.is_dead

    def cross(self, boundary: str) -> None:
        """Cross a boundary, or die.

        Raises:
            Killed: life ends, or has ended.
        """
        if self.falls(boundary):
            raise Killed(boundary)


class _Undone(Exception):
    """Takes a transaction back, as the database does for a process that died inside it."""


class DyingDatabase:
    """A database whose process may die before, inside or after each use of it."""

    def __init__(self, real: Database, fate: Fate) -> None:
        self.real = real
        self._fate = fate
        self.dialect = real.dialect

    @property
    def is_broken(self) -> bool:
        """Whether the database underneath will write nothing more."""
        return self.real.is_broken

    async def read(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Read, if still alive."""
        name = f"reading {_name(work)}"
        self._fate.cross(f"before {name}")
        value = await self.real.read(work, *args, **kwargs)
        self._fate.cross(f"after {name}")
        return value

    async def write(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Write, if still alive: the work may be done and not committed, or committed and never heard of."""
        name = _name(work)

        def inside(connection: Connection) -> Any:
            value = work(connection, *args, **kwargs)
            if self._fate.falls(f"written, not committed: {name}"):
                raise _Undone
            return value

        self._fate.cross(f"before writing {name}")
        try:
            value = await self.real.write(inside)
        except _Undone:
            raise Killed(name) from None
        self._fate.cross(f"after the commit of {name}")
        return value

    def listen(self, hear: Callable[[], None]) -> None:
        """Listen for other processes, as the real one does."""
        self.real.listen(hear)

    def tell(self) -> None:
        """Nudge other processes, as the real one does."""
        self.real.tell()

    async def close(self) -> None:
        """Let go of the connections; a dead process does that too."""
        await self.real.close()


def put_at_risk(till: Till, fate: Fate) -> DyingDatabase:
    """Let a till die at its fate's boundary; return its database as it is now."""
    carry = till.carry

    async def dying(request: Request, timeout_s: float) -> Response:
        fate.cross(f"before the {request.operation} is sent")
        response = await carry(request, timeout_s)
        fate.cross(f"before the answer to the {request.operation} is read")
        return response

    till.database = database = DyingDatabase(till.database, fate)
    till.carry = dying
    return database


def _name(work: Callable[..., Any]) -> str:
    module = getattr(work, "__module__", "").rpartition(".")[2]
    return f"{module}.{getattr(work, '__name__', 'work').lstrip('_')}"
