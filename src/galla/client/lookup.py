"""Looking up a host's addresses, on threads that hold nothing else up.

The operating system's look-up cannot be broken off, and hangs for half a minute where no name server answers. On a
pool that other work uses too it would hold that up as well, and the process's end with it. So each look-up has a
thread of its own that nobody joins, those of the same host share one, and whoever waits goes when their time is over.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple

AT_ONCE = 64
"""Look-ups under way: a further one is refused at once, since so many only hang together."""


class Found(NamedTuple):
    """One address of a host, as `socket.connect` takes it."""

    family: socket.AddressFamily
    proto: int
    address: tuple[Any, ...]


class Lookups:
    """Looks up hosts, for any thread and event loop. `ask` looks up in place of the operating system."""

    def __init__(self, ask: Callable[..., Any] = socket.getaddrinfo) -> None:
        self.ask = ask
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], Future[list[Found]]] = {}

    def start(self, host: str, port: int) -> Future[list[Found]]:
        """Return what will be found: the addresses, or the error of the look-up (`socket.gaierror`, `UnicodeError`)."""
        key = (host, port)
        with self._lock:
            known = self._under_way.get(key)
            if known is not None:
                return known
            found: Future[list[Found]] = Future()
            if len(self._under_way) >= AT_ONCE:
                found.set_exception(socket.gaierror(socket.EAI_AGAIN, "too many look-ups are under way"))
                return found
            self._under_way[key] = found
        try:
            threading.Thread(target=self._work, args=(key, found), name="galla-lookup", daemon=True).start()
        except RuntimeError:  # the system has no thread left: said now, for nobody would ever say it
            self._forget(key)
            found.set_exception(socket.gaierror(socket.EAI_AGAIN, "no thread could be started"))
        return found

    def wait(self, host: str, port: int, timeout_s: float | None) -> list[Found]:
        """Look up from a thread.

        Raises:
            TimeoutError: it took longer.
            OSError: it failed.
        """
        return self.start(host, port).result(timeout_s)

    async def find(self, host: str, port: int) -> list[Found]:
        """Look up from an event loop; who is cancelled leaves the others their answer.

        Raises:
            OSError: it failed.
        """
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        found = self.start(host, port)

        def tell(_: Future[list[Found]]) -> None:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(told.set)

        found.add_done_callback(tell)
        await told.wait()
        return found.result()

    def _work(self, key: tuple[str, int], found: Future[list[Found]]) -> None:
        try:
            answers = self.ask(*key, type=socket.SOCK_STREAM)
            addresses = [Found(family, proto, address) for family, _, proto, _, address in answers]
        except BaseException as error:
            self._forget(key)
            found.set_exception(error)
        else:
            self._forget(key)
            found.set_result(addresses)

    def _forget(self, key: tuple[str, int]) -> None:
        with self._lock:
            del self._under_way[key]


PAYTM = Lookups()
"""Paytm's hosts; apart from addresses that a shop has typed in, of which many may hang."""
OUTWARD = Lookups()
"""Everybody else's."""
