"""A web shop for the sandbox's tests: says orders, QRs and refunds with the real protocol, and reads the answers."""

from datetime import datetime
from urllib.parse import parse_qsl

from galla.clock import Clock, ManualClock
from galla.protocol.message import Request
from galla.protocol.order import OrderStatusReply, OrderStatusRequest
from galla.protocol.pg import Reply
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.qr import QrReply, QrRequest
from galla.protocol.refund import RefundReply, RefundRequest, RefundStatusReply, RefundStatusRequest
from galla.protocol.theia import InitiateReply, InitiateRequest, ProcessReply, ProcessRequest
from galla.sandbox import DEMO_KEY, DEMO_MID, Sandbox
from galla.sandbox.outbox import Post
from galla.sandbox.phone import Prompt
from tests.sandbox.pretend import KEY, NOON

ORDER = "ORD-0412"


class Shop:
    """A web shop that talks to one sandbox in process."""

    def __init__(self, clock: Clock | None = None, *, collects: bool = False, hears: bool = False) -> None:
        self.clock = clock or ManualClock(NOON)
        self.sandbox = Sandbox(self.clock, seed=1)
        self.sandbox.add_merchant(
            DEMO_MID,
            DEMO_KEY,
            name="Sandbox Skin Clinic",
            collect_allowed=collects,
            callback_url="http://127.0.0.1:9/paytm" if hears else None,
        )

    @property
    def now(self) -> datetime:
        """The sandbox's present instant."""
        return self.sandbox.clock.now()

    def order(self, id_: str = ORDER, amount: str = "2500.00", **fields: object) -> InitiateRequest:
        """Return an order that has not been sent."""
        values = {
            "mid": DEMO_MID,
            "order_id": id_,
            "website_name": "WEBSTAGING",
            "txn_amount": amount,
            "cust_id": "C1",
        } | fields
        return InitiateRequest(**values)  # type: ignore[arg-type]

    def initiate(self, id_: str = ORDER, amount: str = "2500.00", **fields: object) -> InitiateReply:
        """Make an order."""
        request = self.order(id_, amount, **fields)
        return request.parse_reply(self.sandbox.handle(request.encode(KEY)), KEY)

    def process(
        self, token: TxnToken | None, id_: str = ORDER, *, mode: str = "UPI_INTENT", payer: str | None = None
    ) -> ProcessReply:
        """Begin to pay an order."""
        request = ProcessRequest(
            mid=DEMO_MID,
            order_id=id_,
            txn_token=token or TxnToken("nobody"),
            payment_mode=mode,
            payer_account=payer,
        )
        return request.parse_reply(self.sandbox.handle(request.encode(KEY)), KEY)

    def link(self, id_: str = ORDER, amount: str = "2500.00", **fields: object) -> str:
        """Make an order and return its UPI link."""
        reply = self.process(self.initiate(id_, amount, **fields).txn_token, id_)
        assert reply.deep_link_info is not None
        return reply.deep_link_info.deep_link

    def collect(self, payer: str = "ramesh@oksbi", id_: str = ORDER, amount: str = "2500.00") -> ProcessReply:
        """Make an order and ask a UPI id to pay it."""
        return self.process(self.initiate(id_, amount).txn_token, id_, mode="UPI", payer=payer)

    def qr_request(self, id_: str = ORDER, amount: str = "2500.00", **fields: object) -> QrRequest:
        """Return a question for a QR that has not been sent."""
        values = {
            "mid": DEMO_MID,
            "order_id": id_,
            "amount": amount,
            "pos_id": "COUNTER2",
            "client_id": "C11",
        }
        return QrRequest(**(values | fields))  # type: ignore[arg-type]

    def qr(self, id_: str = ORDER, amount: str = "2500.00", **fields: object) -> QrReply:
        """Make a QR."""
        request = self.qr_request(id_, amount, **fields)
        return request.parse_reply(self.sandbox.handle(request.encode(KEY)), KEY)

    def status_request(self, id_: str = ORDER) -> Request:
        """Return an encoded question."""
        return OrderStatusRequest(mid=DEMO_MID, order_id=id_).encode(KEY)

    def status(self, id_: str = ORDER) -> OrderStatusReply:
        """Ask what became of an order."""
        return OrderStatusReply.parse(self.sandbox.handle(self.status_request(id_)), KEY)

    def says(self, id_: str = ORDER) -> str:
        """Return the word and code of a status."""
        return verdict(self.status(id_))

    def refund_request(
        self, ref_id: str = "REF1", amount: str = "2500.00", id_: str = ORDER
    ) -> RefundRequest:
        """Return a refund of a paid order that has not been sent."""
        payment = self.sandbox.payment_of(DEMO_MID, id_)
        return RefundRequest(
            mid=DEMO_MID,
            order_id=id_,
            txn_id=payment.txn_id if payment is not None else "2026",
            ref_id=ref_id,
            refund_amount=amount,
        )

    def refund(self, ref_id: str = "REF1", amount: str = "2500.00", id_: str = ORDER) -> RefundReply:
        """Refund a paid order."""
        request = self.refund_request(ref_id, amount, id_)
        return request.parse_reply(self.sandbox.handle(request.encode(KEY)), KEY)

    def refund_status(self, ref_id: str = "REF1", id_: str = ORDER) -> RefundStatusReply:
        """Ask what became of a refund."""
        request = RefundStatusRequest(mid=DEMO_MID, order_id=id_, ref_id=ref_id)
        return request.parse_reply(self.sandbox.handle(request.encode(KEY)), KEY)

    def tap(self, prompt: Prompt, *taps: str) -> Prompt:
        """Do things to a request on a phone."""
        for tap in taps:
            prompt = self.sandbox.tap(prompt.id, tap)
        return prompt

    def pay(self, id_: str = ORDER, amount: str = "2500.00", **fields: object) -> Prompt:
        """Make an order and let a customer pay it by its link."""
        prompt = self.sandbox.open_link(self.link(id_, amount, **fields))
        return self.tap(prompt, "approve", "pin_right")


def verdict(reply: Reply) -> str:
    """Return the word and code of a reply, such as `TXN_SUCCESS 01`."""
    return f"{reply.result.status} {reply.result.code}"


def form_of(post: Post) -> dict[str, str]:
    """Return the fields of a callback that is a form."""
    return dict(parse_qsl(post.body.decode(), keep_blank_values=True, strict_parsing=True))
