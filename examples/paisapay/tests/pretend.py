"""A PaisaPay for the test: orders in memory, over real HTTP, that the test can let be paid."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HEADER = "x-paisapay-signature"


class PretendPaisaPay(ThreadingHTTPServer):
    """The other side, written apart from the connector so that the two cannot share a mistake."""

    daemon_threads = True

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret = secret.encode()
        self.orders: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def pay(self, order: str, *, amount: str | None = None) -> None:
        """Let the customer pay an order; with `amount`, PaisaPay will speak of other money than was asked for."""
        self.orders[order].update(state="paid", utr="612345678901")
        if amount is not None:
            self.orders[order]["amount"] = amount

    def sign(self, body: bytes) -> str:
        """Return PaisaPay's signature of a body."""
        return hmac.new(self.secret, body, hashlib.sha256).hexdigest()

    def answer(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what PaisaPay says to a call."""
        self.calls.append(path)
        known = self.orders.get(asked["order"])
        if path == "/v1/order" and known is None:
            link = f"upi://pay?pa=shop@paisapay&tr={asked['order']}"
            known = self.orders[asked["order"]] = {**asked, "state": "open", "link": link}
        return known if known is not None else {**asked, "state": "unknown"}


class _Handler(BaseHTTPRequestHandler):
    server: PretendPaisaPay

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not hmac.compare_digest(self.headers.get(HEADER, ""), self.server.sign(body)):
            self.send_error(401)
            return
        said = json.dumps(self.server.answer(self.path, json.loads(body))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.send_header(HEADER, self.server.sign(said))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running(secret: str) -> Iterator[PretendPaisaPay]:
    """Run a PaisaPay in a thread until the end of the block."""
    server = PretendPaisaPay(secret)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
