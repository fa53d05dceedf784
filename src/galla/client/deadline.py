"""urllib3 connections whose time-out is a total, and which tell "never connected" from everything else.

urllib3's own time-out starts anew with every byte received, so a server that drips one byte a second is
waited for without end. What a request says, and what an error means for money, is not decided here.
"""

from __future__ import annotations

import io
import socket
from typing import Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from galla.client.lookup import PAYTM
from galla.clock import SYSTEM

IDLE_S = 15.0  # a connection unused for longer may have been forgotten on the way: open a new one


class NotConnected(Exception):
    """The connection, TLS included, was never established: not one byte of the request was written."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class DeadlineSocket:
    """A socket whose `settimeout` bounds all that is sent and received until it is called again."""

    def __init__(self, sock: socket.socket, timeout_s: float | None) -> None:
        self._sock = sock
        self.used_at_s = SYSTEM.monotonic()
        self.settimeout(timeout_s)

    def settimeout(self, timeout_s: float | None) -> None:
        """Set the deadline, in seconds from now."""
        self._ends_s = None if timeout_s is None else SYSTEM.monotonic() + timeout_s

    def arm(self) -> None:
        """Give the next system call what is left of the time.

        Raises:
            TimeoutError: nothing is left.
        """
        self.used_at_s = SYSTEM.monotonic()
        left_s = None if self._ends_s is None else self._ends_s - self.used_at_s
        if left_s is not None and left_s <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left_s)

    def sendall(self, data: bytes) -> None:
        """Write everything before the deadline."""
        view = memoryview(data)
        while view:
            self.arm()
            view = view[self._sock.send(view) :]

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> io.BufferedReader:
        """Return a reader that keeps to the deadline."""
        return io.BufferedReader(_Reader(self, self._sock.makefile("rb", buffering=0)))

    def fileno(self) -> int:
        """Return the file descriptor, for polling."""
        return self._sock.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Reader(io.RawIOBase):
    """Reads from the socket, each time with what is left of the time."""

    def __init__(self, owner: DeadlineSocket, raw: socket.SocketIO) -> None:
        self._owner = owner
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._owner.arm()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class DeadlineConnection(HTTPConnection):
    """A connection that shares one deadline among its addresses, its handshake and its bytes."""

    def connect(self) -> None:
        """Connect, TLS included.

        Raises:
            NotConnected: it could not be done in time, or at all.
        """
        timeout_s = self.timeout
        began_s = SYSTEM.monotonic()
        try:
            super().connect()
        except Exception as error:
            self.close()
            raise NotConnected(error) from None
        spent_s = SYSTEM.monotonic() - began_s
        left_s = None if timeout_s is None else max(0.0, timeout_s - spent_s)
        self.sock = cast("socket.socket", DeadlineSocket(self.sock, left_s))

    @property
    def is_connected(self) -> bool:
        """Whether the connection may carry another request."""
        sock = cast("DeadlineSocket | None", self.sock)
        if sock is None or SYSTEM.monotonic() - sock.used_at_s > IDLE_S:
            return False
        return super().is_connected

    def _new_conn(self) -> socket.socket:
        """Try each address of the host in turn, all within one time-out; urllib3 gives each the whole."""
        timeout_s = self.timeout
        ends_s = None if timeout_s is None else SYSTEM.monotonic() + timeout_s
        try:
            found = PAYTM.wait(self.host, self.port, timeout_s)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from None
        except TimeoutError:
            raise ConnectTimeoutError(self, "timed out") from None
        failure: OSError = OSError("the name has no address")
        for family, proto, address in found:
            left_s = None if ends_s is None else ends_s - SYSTEM.monotonic()
            if left_s is not None and left_s <= 0:
                failure = TimeoutError("timed out")
                break
            sock = socket.socket(family, socket.SOCK_STREAM, proto)
            try:
                sock.settimeout(left_s)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
                # What is left now is for the TLS handshake, which counts it as a total by itself.
                sock.settimeout(None if ends_s is None else max(0.001, ends_s - SYSTEM.monotonic()))
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "timed out") from None
        raise NewConnectionError(self, str(failure)) from None


class DeadlineTLSConnection(DeadlineConnection, HTTPSConnection):
    """The same over TLS."""


class DeadlinePool(HTTPConnectionPool):
    """Connections to one host, reused."""

    ConnectionCls = DeadlineConnection


class DeadlineTLSPool(HTTPSConnectionPool):
    """TLS connections to one host, reused."""

    ConnectionCls = DeadlineTLSConnection


POOLS: dict[str, type[HTTPConnectionPool]] = {"http": DeadlinePool, "https": DeadlineTLSPool}
