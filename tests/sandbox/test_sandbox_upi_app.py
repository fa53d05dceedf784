"""The online half over real sockets, spoken to by Paytm's own checksum library, and callbacks that arrive."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
import urllib3
from paytmchecksum import PaytmChecksum

from galla.clock import SYSTEM
from galla.protocol.notify import read_notice
from galla.sandbox import DEMO_KEY, DEMO_MID, Fault, Kind, Sandbox
from galla.sandbox.courier import IDLE_S, is_this_computer
from tests.sandbox.online_pretend import ORDER, Shop
from tests.sandbox.pretend import KEY, served
from tests.sandbox.test_sandbox_app import control

HTTP = urllib3.PoolManager(retries=False)


@pytest.fixture
def shop() -> Shop:
    """A shop in real time."""
    return Shop(SYSTEM)


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    """The address of its sandbox."""
    with served(shop.sandbox) as address:
        yield address


class Heard:
    """A merchant's server that answers callbacks with `status`, and keeps a connection for as long as it is let."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, str, bytes]] = []
        self.connections: set[tuple[str, int]] = set()
        self.status = 200
        self.is_awake = Event()
        heard = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                heard.connections.add(self.client_address)
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/slow":
                    heard.is_awake.wait(8)
                heard.posts.append((self.path, self.headers["content-type"], body))
                self.send_response(heard.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def wait_for(self, count: int) -> None:
        """Wait until that many have come."""
        deadline = monotonic() + 10
        while len(self.posts) < count:
            assert monotonic() < deadline, f"{len(self.posts)} callbacks came, {count} were expected."
            sleep(0.02)


@pytest.fixture
def heard() -> Iterator[Heard]:
    """A merchant's server, running."""
    heard = Heard()
    thread = Thread(target=heard.server.serve_forever, daemon=True)
    thread.start()
    yield heard
    heard.server.shutdown()
    heard.server.server_close()
    thread.join(10)


def call(address: str, path: str, body: dict[str, Any], **head: str) -> tuple[dict[str, Any], str]:
    """Post a body signed as Paytm's samples do it; return the answer's head and exact body text."""
    text = json.dumps(body)
    signature = PaytmChecksum.generateSignature(text, DEMO_KEY)
    head_text = json.dumps({"signature": signature, **head})
    answer = HTTP.request(
        "POST",
        address + path,
        body=f'{{"body":{text},"head":{head_text}}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status == 200
    received = answer.data.decode()
    start = received.index('"body":') + len('"body":')
    return json.loads(received)["head"], received[start:-1]


def checked(answer: tuple[dict[str, Any], str]) -> dict[str, Any]:
    """Return the body, once Paytm's library has verified the signature over its text."""
    head, text = answer
    assert PaytmChecksum.verifySignature(text, DEMO_KEY, head["signature"])
    body: dict[str, Any] = json.loads(text)
    return body


def test_paytm_s_own_library_takes_and_refunds_a_payment(shop: Shop, address: str) -> None:
    """Initiate, process, status, refund and refund status, signed and verified by an independent client."""
    initiated = checked(
        call(
            address,
            f"/theia/api/v1/initiateTransaction?mid={DEMO_MID}&orderId={ORDER}",
            {
                "requestType": "Payment",
                "mid": DEMO_MID,
                "orderId": ORDER,
                "websiteName": "WEBSTAGING",
                "txnAmount": {"value": "2500.00", "currency": "INR"},
                "userInfo": {"custId": "C1"},
            },
        )
    )
    process = {
        "head": {"txnToken": initiated["txnToken"]},
        "body": {"requestType": "NATIVE", "mid": DEMO_MID, "orderId": ORDER, "paymentMode": "UPI_INTENT"},
    }
    path = f"/theia/api/v1/processTransaction?mid={DEMO_MID}&orderId={ORDER}"
    begun = json.loads(HTTP.request("POST", address + path, body=json.dumps(process)).data)
    link = begun["body"]["deepLinkInfo"]["deepLink"]
    status, prompt = control(address, "POST", "phone/open", {"link": link})
    assert (status, prompt["possible"]) == (200, ["approve", "decline", "time_out"])
    for tap in ("approve", "pin_right"):
        assert control(address, "POST", f"phone/{prompt['id']}/{tap}")[0] == 200

    question = {"mid": DEMO_MID, "orderId": ORDER}
    paid = checked(call(address, "/v3/order/status", question))
    assert paid["resultInfo"]["resultStatus"] == "TXN_SUCCESS"

    shop.sandbox.refund_delay_s = 0
    refund = {
        "mid": DEMO_MID,
        "txnType": "REFUND",
        "orderId": ORDER,
        "txnId": paid["txnId"],
        "refId": "REF1",
        "refundAmount": "2500.00",
    }
    raised = checked(call(address, "/refund/apply", refund))
    assert raised["resultInfo"]["resultCode"] == "601"
    done = checked(call(address, "/v2/refund/status", question | {"refId": "REF1"}))
    assert done["resultInfo"]["resultCode"] == "10"


def test_a_wrong_signature_of_paytm_s_library_is_refused(address: str) -> None:
    """The same text under another key is 330."""
    text = json.dumps({"mid": DEMO_MID, "orderId": ORDER})
    signature = PaytmChecksum.generateSignature(text, "another_key_here")
    body = f'{{"head":{{"signature":"{signature}"}},"body":{text}}}'

    answer = HTTP.request("POST", f"{address}/v3/order/status", body=body)

    assert json.loads(answer.data)["body"]["resultInfo"]["resultCode"] == "330"


def test_callbacks_arrive_at_the_merchant(shop: Shop, address: str, heard: Heard) -> None:
    """Payment and refund notices are posted as they fall due, and are noted as taken."""
    shop.sandbox.refund_delay_s = 0
    shop.pay(callback_url=f"{heard.url}/paytm?m=1")
    heard.wait_for(1)
    shop.refund()
    heard.wait_for(3)

    notices = [read_notice(body, content_type, KEY) for _, content_type, body in heard.posts]
    assert [type(notice).__name__ for notice in notices] == ["PaymentNotice", "RefundNotice", "RefundNotice"]
    assert {path for path, _, _ in heard.posts} == {"/paytm?m=1"}
    assert control(address, "GET", "outbox")[1]["waiting"] == []


def test_a_callback_nobody_took_comes_again_on_the_sandbox_s_clock(
    shop: Shop, address: str, heard: Heard
) -> None:
    """After a 503 it is posted again a minute later, which may be now."""
    heard.status = 503
    shop.pay(callback_url=heard.url)
    heard.wait_for(1)
    while shop.sandbox.outbox[0].tries == 0:
        sleep(0.01)
    heard.status = 200

    assert control(address, "POST", "clock", {"advance_s": 60})[0] == 200
    heard.wait_for(2)

    first, second = heard.posts
    assert first == second


def test_a_callback_that_is_refused_does_not_come_again(shop: Shop, address: str, heard: Heard) -> None:
    """4xx ends it."""
    heard.status = 401
    shop.pay(callback_url=heard.url)
    heard.wait_for(1)
    while len(shop.sandbox.outbox):
        sleep(0.01)

    assert control(address, "GET", "outbox")[1]["ended"][0]["ended"] == "refused, HTTP 401"


def test_an_order_s_callbacks_keep_their_turn(shop: Shop, address: str, heard: Heard) -> None:
    """A payment's and its refund's notices come one after the other, duplicates included."""
    shop.sandbox.add_fault(Fault(kind=Kind.DUPLICATE, operation="callback"))
    shop.pay(callback_url=heard.url)
    heard.wait_for(2)

    assert heard.posts[0] == heard.posts[1]
    assert address


def test_a_merchant_who_does_not_answer_holds_up_nobody(shop: Shop, address: str, heard: Heard) -> None:
    """While one callback waits for its answer, another order's comes; what else the first has to say comes later."""
    shop.sandbox.refund_delay_s = 0
    shop.pay(callback_url=f"{heard.url}/slow")
    shop.refund()
    shop.pay("ORDER2", callback_url=f"{heard.url}/quick")
    heard.wait_for(1)
    assert [path for path, _, _ in heard.posts] == ["/quick"]

    heard.is_awake.set()
    heard.wait_for(4)

    assert [type(read_notice(body, said, KEY)).__name__ for path, said, body in heard.posts if path == "/slow"] == [
        "PaymentNotice", "RefundNotice", "RefundNotice",
    ]  # fmt: skip
    assert address


def test_a_callback_comes_on_no_connection_that_was_idle_for_long(shop: Shop, address: str, heard: Heard) -> None:
    """A merchant's server closes what is idle, often after five seconds; what comes at that moment would be lost."""
    shop.sandbox.add_fault(Fault(kind=Kind.DUPLICATE, operation="callback"))
    shop.sandbox.refund_delay_s = 0
    shop.pay(callback_url=heard.url)
    heard.wait_for(2)
    assert len(heard.connections) == 1, "one is used again at once"

    sleep(IDLE_S + 0.1)
    shop.refund()
    heard.wait_for(3)

    assert IDLE_S <= 3
    assert len(heard.connections) == 2
    assert address


def test_no_callback_leaves_this_computer(shop: Shop, address: str) -> None:
    """An address elsewhere is noted and never called."""
    shop.pay(callback_url="https://example.com/paytm")
    deadline = monotonic() + 10
    while len(shop.sandbox.outbox):
        assert monotonic() < deadline
        sleep(0.01)

    assert control(address, "GET", "outbox")[1]["ended"][0]["ended"] == "not sent: another computer"


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("http://localhost:8000/x", True),
        ("http://127.0.0.1/x", True),
        ("http://[::1]:8000/x", True),
        ("https://example.com/x", False),
        ("http://localhost.example.com/x", False),
        ("http://127.0.0.1@example.com/x", False),
        ("http://192.168.1.7/x", False),
        ("nonsense", False),
    ],
)
def test_whose_computer_a_url_means(url: str, is_ours: bool) -> None:
    """Only this computer's own name and loopback addresses count."""
    assert is_ours == is_this_computer(url)


def test_the_remote_control_of_the_online_half(shop: Shop, address: str) -> None:
    """Phones, plans, times and merchants answer to JSON, and no token or key shows."""
    asha = {"vpa": "asha@okbank", "name": "Asha"}
    assert control(address, "POST", "phones", asha)[1]["id"] == "asha@okbank"
    plan = {"after_s": 60, "outcome": "late"}
    assert control(address, "POST", "phone-autoplay", plan)[1]["outcome"] == "late"
    assert control(address, "DELETE", "phone-autoplay")[1] is None
    times = control(address, "POST", "settings", {"refund_delay_s": 3})[1]
    assert (times["refund_delay_s"], times["token_life_s"], times["operator_expiry_s"]) == (3, 900, None)
    merchant = {"mid": DEMO_MID, "key": DEMO_KEY, "collect_allowed": True}
    assert control(address, "POST", "merchants", merchant)[1]["collect_allowed"]
    shop.collect("asha@okbank")
    state = control(address, "GET", "state")[1]

    assert [order["id"] for order in state["orders"]] == [ORDER]
    assert [prompt["phone"] for prompt in state["prompts"]] == ["asha@okbank"]
    token = shop.sandbox.orders[DEMO_MID, ORDER].token
    assert token is not None
    assert token not in json.dumps(state)
    shop.tap(next(iter(shop.sandbox.prompts.values())), "decline")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("phone/open", {"link": "hello"}, 422),
        ("phone/open", {"link": "upi://pay?pa=a@b2&tr=1"}, 422),
        ("phone/open", {"link": "upi://pay?pa=ab@b2&tr=1"}, 404),
        ("phone/nothing/approve", {}, 404),
        ("phones", {"vpa": "nobody"}, 422),
        ("phone-autoplay", {"after_s": -1}, 422),
        ("phone-autoplay", {"outcome": "dance"}, 422),
    ],
)
def test_the_remote_control_explains_itself(address: str, path: str, body: object, status: int) -> None:
    """A wrong request gets a status and a sentence."""
    told, problem = control(address, "POST", path, body)

    assert told == status
    assert problem["detail"].endswith(".")


def test_callbacks_can_be_taken_by_hand(shop: Shop, address: str) -> None:
    """A driver without a server notes what came of a callback itself."""
    driven = Sandbox(SYSTEM)
    with served(driven) as other:
        assert control(other, "POST", "outbox/1", {"status": 200})[1] is None
    assert control(address, "GET", "outbox")[1] == {"waiting": [], "ended": []}
    assert len(shop.sandbox.outbox) == 0
