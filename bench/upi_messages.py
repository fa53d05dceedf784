"""Writing the three requests of a UPI payment and reading their answers, beside the bare work nobody can avoid.

The answers are read through everything that stands around a connector: signature, fields, codes, the comparison with
the payment. A flow is brought to its question beforehand, and only the step that takes the answer is timed.
"""

from __future__ import annotations

import gc
import time
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from hashlib import sha256
from statistics import median

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bench import pace
from bench.memory import blocks_held, peak_bytes
from bench.report import Figure, Part
from bench.upi_order import KEY, MID, NOW, PATHS, SHOP, UPI, answer, order, order_id, payment, requests
from galla.client.flows import Flow, Keep
from galla.connectors.connector import begin, inquire
from galla.payments.model import Captured, Outcome, Waiting
from galla.protocol.order import OrderStatusRequest
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.theia import ProcessRequest

BUILD_US, READ_US = 60, 40
READS_IN_A_ROUND = 400
NAMES = ("initiateTransaction", "processTransaction", "order status")


def measure(rounds: int) -> Part:
    """Measure writing and reading, and the memory both take."""
    figures: list[Figure] = []
    for path, name, build, written in zip(PATHS, NAMES, _builders(), requests(), strict=True):
        assert len(build().body) == len(written.body)  # type: ignore[attr-defined]
        bare = _Bare(written.body, answer(path, order_id(0)).body)
        its_pace, (build_us, bare_us) = pace.beside([build, bare.write], rounds)
        figures += [
            pace.at_most(f"build {name}", build_us, BUILD_US, "µs", its_pace),
            Figure(what=f"build {name}: bare", value=f"{bare_us:.3g} µs"),
            _memory(f"build {name}", build),
        ]
    for path, name in zip(PATHS, NAMES, strict=True):
        reading = _Reading(path)
        bare = _Bare(b"{}", reading.reply.body)
        assert bare.read()
        read_us = reading.median_us(rounds)
        its_pace, (bare_us,) = pace.beside([bare.read], rounds)
        figures += [
            pace.at_most(f"read the answer to {name}", read_us, READ_US, "µs", its_pace),
            Figure(what=f"read the answer to {name}: bare", value=f"{bare_us:.3g} µs"),
            _memory(f"read the answer to {name}", reading.whole),
        ]
    return Part(
        title="UPI messages",
        how=(
            "A payment by link, as galla's connector makes it. Building checks, writes and signs every field. Reading "
            "is all that happens between an answer's bytes and a checked outcome: JSON, signature, codes, link, "
            "comparison with the payment. Bare is only SHA-256, AES and JSON of the same bytes, and checks nothing. "
            "Memory: the blocks that the result keeps, and the most that was held at any moment of the call (when "
            "reading: of its question as well)."
        ),
        figures=figures,
    )


def _builders() -> tuple[Callable[[], object], ...]:
    token = TxnToken("fe795335ed3049c7" + order_id(0)[-26:])

    def initiate() -> object:
        return order().encode(KEY)

    def process() -> object:
        return ProcessRequest(
            mid=MID, order_id=order_id(0), txn_token=token, payment_mode="UPI_INTENT"
        ).encode(KEY)

    def status() -> object:
        return OrderStatusRequest(mid=MID, order_id=order_id(0), client_id=SHOP.client_id).encode(KEY)

    return initiate, process, status


class _Reading:
    """Reading the answer to one call, as the service does."""

    def __init__(self, path: str) -> None:
        self.reply = answer(path, order_id(0))
        self._speak = inquire if path == PATHS[2] else begin
        self._payment = payment(has_token=path == PATHS[1])
        kind = {PATHS[0]: Keep, PATHS[1]: Waiting, PATHS[2]: Captured}[path]
        assert isinstance(self.whole(), kind)

    def whole(self) -> object:
        """Ask, read, and return what came of it."""
        return _answered(self._asked(), self.reply)

    def median_us(self, rounds: int) -> float:
        """Return the CPU microseconds of one answer."""
        seen: list[float] = []
        for _ in range(rounds + 1):
            flows = [self._asked() for _ in range(READS_IN_A_ROUND)]
            gc.collect()
            started = time.process_time()
            for flow in flows:
                _answered(flow, self.reply)
            seen.append((time.process_time() - started) / READS_IN_A_ROUND * 1e6)
        return median(seen[1:])

    def _asked(self) -> Flow[Outcome]:
        flow = self._speak(UPI, self._payment, SHOP, NOW)
        next(flow)
        return flow


def _answered(flow: Flow[Outcome], reply: object) -> object:
    try:
        return flow.send(reply)  # type: ignore[arg-type]
    except StopIteration as stop:
        return stop.value


class _Bare:
    """The same bytes with nothing but hashlib, AES and JSON."""

    def __init__(self, request: bytes, reply: bytes) -> None:
        self._aes = Cipher(algorithms.AES(KEY.reveal().encode()), modes.CBC(b"@@@@&&&&####$$$$"))
        self._message = msgspec.json.decode(request)
        self._reply = reply

    def write(self) -> bytes:
        """Write, hash and encrypt; a request that is let in by its token is only written."""
        head = self._message["head"]
        body = msgspec.json.encode(self._message["body"])
        if "signature" in head:
            encryptor = self._aes.encryptor()
            plain = sha256(body + b"|abcd").hexdigest().encode() + b"abcd" + b"\x0c" * 12
            secret = encryptor.update(plain) + encryptor.finalize()
            head = {**head, "signature": b2a_base64(secret, newline=False).decode()}
        return b'{"head":' + msgspec.json.encode(head) + b',"body":' + body + b"}"

    def read(self) -> bool:
        """Read, decrypt and hash."""
        message = msgspec.json.decode(self._reply)
        text = self._reply[self._reply.index(b',"body":') + 8 : -1]
        decryptor = self._aes.decryptor()
        plain = decryptor.update(a2b_base64(message["head"]["signature"])) + decryptor.finalize()
        return sha256(text + b"|" + plain[64:68]).hexdigest().encode() == plain[:64]


def _memory(what: str, work: Callable[[], object]) -> Figure:
    value = f"{blocks_held(work):.0f} blocks, {peak_bytes(work) / 1024:.1f} KiB"
    return Figure(what=f"{what}: memory", value=value)
