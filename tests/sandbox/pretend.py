"""A till for the sandbox's tests: says sales, statuses and voids with the real protocol, and reads the answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread
from time import monotonic, sleep

from galla.clock import SYSTEM, Clock, ManualClock, ist_text
from galla.protocol.edc import SaleReply, SaleRequest, StatusReply, StatusRequest, VoidReply, VoidRequest
from galla.protocol.message import MerchantKey, Request
from galla.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, Sandbox
from galla.sandbox.app import make_server

KEY = MerchantKey(DEMO_KEY)
NOON = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
FIRST, SECOND = DEMO_TIDS


class Till:
    """A till that talks to one sandbox in process."""

    def __init__(self, clock: Clock | None = None, seed: int | None = 1) -> None:
        self.clock = clock or ManualClock(NOON)
        self.sandbox = Sandbox(self.clock, seed)

    def sale_request(self, id_: str = "CLINIC000001", tid: str = FIRST, **fields: object) -> SaleRequest:
        """Return a sale that has not been sent."""
        values = self._identity(id_, tid) | {"transaction_amount": "50000"} | fields
        return SaleRequest(**values)  # type: ignore[arg-type]

    def sale(self, id_: str = "CLINIC000001", tid: str = FIRST, **fields: object) -> SaleReply:
        """Push a sale."""
        request = self.sale_request(id_, tid, **fields)
        return request.parse_reply(self.sandbox.handle(request.encode(KEY)), KEY)

    def status_request(self, id_: str = "CLINIC000001", tid: str = FIRST, **fields: object) -> Request:
        """Return an encoded question."""
        return StatusRequest(**(self._identity(id_, tid) | fields)).encode(KEY)  # type: ignore[arg-type]

    def status(self, id_: str = "CLINIC000001", tid: str = FIRST, **fields: object) -> StatusReply:
        """Ask what became of a sale."""
        return StatusReply.parse(self.sandbox.handle(self.status_request(id_, tid, **fields)), KEY)

    def void(self, id_: str = "CLINIC000001", tid: str = FIRST, **fields: object) -> VoidReply:
        """Ask for a reversal."""
        request = VoidRequest(**(self._identity(id_, tid) | fields))  # type: ignore[arg-type]
        return request.parse_reply(self.sandbox.handle(request.encode(KEY)), KEY)

    def says(self, id_: str = "CLINIC000001", tid: str = FIRST, **fields: object) -> str:
        """Return the letter and code of a status."""
        return verdict(self.status(id_, tid, **fields))

    def press(self, *actions: str, tid: str = FIRST, card: str = "visa_credit") -> None:
        """Do things to a machine."""
        from galla.sandbox.terminal import Action

        for action in actions:
            self.sandbox.act(tid, Action(action), card=card)

    def _identity(self, id_: str, tid: str) -> dict[str, object]:
        now = ist_text(self.sandbox.clock.now())
        return {
            "paytm_mid": DEMO_MID,
            "paytm_tid": tid,
            "merchant_transaction_id": id_,
            "transaction_date_time": now,
            "channel_id": "EDC",
            "request_time_stamp": now,
        }


def verdict(reply: SaleReply | StatusReply | VoidReply) -> str:
    """Return the letter and code of a reply, such as `S 0000`."""
    return f"{reply.result.code} {reply.result.code_id}"


@contextmanager
def served(sandbox: Sandbox, *, is_control_open: bool = False) -> Iterator[str]:
    """Serve a sandbox on a free port of this computer and yield its address."""
    server = make_server("127.0.0.1", 0, sandbox, is_control_open=is_control_open)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    deadline = monotonic() + 10
    while not server.started and monotonic() < deadline:
        sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def real_till() -> Till:
    """Return a till that lives in real time."""
    return Till(SYSTEM)
