"""Running web applications in this process until Ctrl-C: ports, starting, stopping.

What the applications are is not known here. A port is bound before anything else starts, so a taken one is
found at once and nothing can slip in between.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from galla.clock import SYSTEM
from galla.errors import ConfigError

if TYPE_CHECKING:
    import uvicorn

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
STARTS_WITHIN_S = 20.0


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run what a process does for as long as it lives, on the quickest event loop that this computer has."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the quickest event loop here; None is asyncio's own, where uvloop does not exist."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def listen(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Return a listening socket.

    Raises:
        ConfigError: the port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen(128)
    except (OSError, OverflowError) as error:
        taken.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(
            f"Port {port} on {host} cannot be used ({why}). Choose another with {option}."
        ) from None
    taken.setblocking(False)
    return taken


def listen_near(port: int) -> tuple[socket.socket, bool]:
    """Return a listening socket on this computer, and whether it had to be on another port than asked."""
    try:
        return listen(LOOPBACK, port), False
    except ConfigError:
        return listen(LOOPBACK, 0), True


@contextmanager
def hurried() -> Iterator[None]:
    """Leave the garbage collector out of a start, which makes much that stays: until `settle`, or the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle() -> None:
    """Keep what is loaded by now out of the garbage collector's way: it stays for as long as the process does.

    Looking it all through again and again costs a start a tenth of its time and a busy worker a sixth.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def port_of(listening: socket.socket) -> int:
    """Return the port of a listening socket."""
    return int(listening.getsockname()[1])


@asynccontextmanager
async def running(server: uvicorn.Server, listening: socket.socket) -> AsyncIterator[None]:
    """Run a server on a socket for as long as the block lasts; signals stay with the command that runs it.

    Raises:
        ConfigError: the application did not start.
    """
    server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with asyncio.timeout(STARTS_WITHIN_S):
            while not server.started and not task.done():
                await SYSTEM.sleep(0.01)
        if not server.started:
            await task
            raise ConfigError("The web application did not start; run the command with --verbose to see why.")
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listening.close()


class Stop(asyncio.Event):
    """Set when the process is to end. `is_patient`: it was asked to (SIGTERM), and nobody waits at a keyboard."""

    is_patient = False


@asynccontextmanager
async def until_stopped() -> AsyncIterator[Stop]:
    """Give an event that is set by Ctrl-C or by a request to end; a second one ends at once."""
    stop, loop = Stop(), asyncio.get_running_loop()
    kinds = (signal.SIGINT, signal.SIGTERM)

    def ask(kind: signal.Signals) -> None:
        stop.is_patient = kind is signal.SIGTERM
        stop.set()
        for each in kinds:
            loop.remove_signal_handler(each)

    for kind in kinds:
        loop.add_signal_handler(kind, ask, kind)
    try:
        yield stop
    finally:
        for kind in kinds:
            loop.remove_signal_handler(kind)
