"""Small servers that misbehave on purpose, on real sockets, and count what reached them."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from galla.errors import NoReply, NotSent
from galla.protocol.message import Host, Request, Response

OK = b'{"head":{},"body":{"resultInfo":{}}}'


class Seen:
    """What reached a server: TCP connections accepted, and whole requests read."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.lock = threading.Lock()
        self.arrived = threading.Event()  # set when a request is here, whole
        self.done = threading.Event()  # set when the test is over: a hanging handler may stop hanging


class Line:
    """One accepted connection, from the server's side."""

    def __init__(self, sock: socket.socket, seen: Seen) -> None:
        self.sock = sock
        self.seen = seen

    def request(self) -> bytes | None:
        """Read one whole request; None when the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(65_536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for row in head.split(b"\r\n"):
            name, _, value = row.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            more = self.sock.recv(65_536)
            if not more:
                return None
            body += more
        with self.seen.lock:
            self.seen.requests.append(head + b"\r\n\r\n" + body)
        self.seen.arrived.set()
        return head + b"\r\n\r\n" + body

    def answer(
        self, body: bytes = OK, *, status: str = "200 OK", headers: str = "", length: int | None = None
    ) -> None:
        """Write one answer."""
        size = len(body) if length is None else length
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n"
        self.sock.sendall(f"{head}{headers}\r\n".encode() + body)

    def reset(self) -> None:
        """Close so that the client sees a connection reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Behaviour = Callable[[Line], None]


@contextmanager
def serving(behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, Seen]]:
    """Run a server that treats each connection so; yields its base URL and what it has seen."""
    seen = Seen()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threads: list[threading.Thread] = []
    lines: list[socket.socket] = []

    def attend(sock: socket.socket) -> None:
        try:
            with tls.wrap_socket(sock, server_side=True) if tls is not None else sock as wrapped:
                lines.append(wrapped)
                behave(Line(wrapped, seen))
        except OSError:
            pass  # the client went away, or the test is over

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            with seen.lock:
                seen.connections += 1
            thread = threading.Thread(target=attend, args=(sock,), daemon=True)
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    scheme = "https" if tls is not None else "http"
    try:
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        seen.done.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for line in lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in threads:
            thread.join(5)


def answering(line: Line) -> None:
    """Answer every request, keeping the connection."""
    while line.request() is not None:
        line.answer()


def closing_at_once(line: Line) -> None:
    """Close as soon as connected."""
    line.sock.close()


def closing_after_request(line: Line) -> None:
    """Read the request, then close."""
    line.request()
    line.sock.close()


def resetting_after_request(line: Line) -> None:
    """Read the request, then reset the connection."""
    line.request()
    line.reset()


def answering_half(line: Line) -> None:
    """Promise more of an answer than is sent."""
    line.request()
    line.answer(OK[:10], length=len(OK))
    line.sock.close()


def answering_half_a_head(line: Line) -> None:
    """Stop in the middle of the headers."""
    line.request()
    line.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Ty")
    line.sock.close()


def hanging(line: Line) -> None:
    """Read the request and say nothing."""
    line.request()
    line.seen.done.wait(10)


def dripping_body(line: Line) -> None:
    """Send the body one byte at a time, each soon enough to look alive."""
    line.request()
    line.answer(b"{", length=100_000)
    while not line.seen.done.wait(0.02):
        line.sock.sendall(b" ")


def dripping_head(line: Line) -> None:
    """Send the headers one byte at a time."""
    line.request()
    line.sock.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not line.seen.done.wait(0.02):
        line.sock.sendall(b"x")


def speaking_nonsense(line: Line) -> None:
    """Answer with what is not HTTP."""
    line.request()
    line.sock.sendall(b"\x00\x01\x02 SSH-2.0 hello\r\n\r\n")
    line.sock.close()


def serving_once_then_closing(line: Line) -> None:
    """Answer the first request as if the connection stayed, read a second one and close without an answer."""
    if line.request() is not None:
        line.answer()
        line.request()
    line.sock.close()


def forwarding(handle: Callable[[Request], Response]) -> Behaviour:
    """Put a function that answers requests behind HTTP; what it loses is lost on the wire."""

    def forward(line: Line) -> None:
        while (raw := line.request()) is not None:
            head, _, body = raw.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            try:
                reply = handle(Request(host=Host.EDC, path=path, body=body, operation="forwarded"))
            except (NotSent, NoReply):
                line.sock.close()
                return
            line.answer(reply.body, status=f"{reply.status} Whatever")

    return forward


LOSING: dict[str, Behaviour] = {
    "close after request": closing_after_request,
    "reset after request": resetting_after_request,
    "half an answer": answering_half,
    "half a head": answering_half_a_head,
    "silence": hanging,
    "body dripped": dripping_body,
    "head dripped": dripping_head,
    "nonsense": speaking_nonsense,
}
