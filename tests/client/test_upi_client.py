"""The two online clients against galla's sandbox: in process, and behind real HTTP."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from inspect import signature
from time import monotonic
from typing import Any

import pytest

from galla.client.online import Intent
from galla.client.upi import AsyncPaytm, Paytm
from galla.clock import ManualClock
from galla.errors import (
    AmountNotAllowed,
    ConfigError,
    GallaError,
    InvalidField,
    LocalProtocolError,
    NoReply,
    NotSent,
    PaymentError,
)
from galla.protocol.codes import Kind
from galla.protocol.message import Host, Request, Response
from galla.sandbox import DEMO_KEY, DEMO_MID, Fault, Sandbox
from galla.sandbox import Kind as Trouble
from tests.client import servers

DEMO: dict[str, Any] = {"mid": DEMO_MID, "key": DEMO_KEY, "environment": "sandbox", "client_id": "C11"}
START = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
DRIVERS = ["in process", "async in process", "sync", "async"]
VERBS = ["initiate", "intent", "collect", "qr", "status", "wait", "refund", "refund_status", "check_vpa",
         "options", "orders"]  # fmt: skip

# An evening in a web shop: verb, arguments. Half of it goes wrong.
EVENING: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("initiate", (), {"amount_paise": 250_000, "customer_id": "C1", "id": "ORD1"}),
    ("initiate", (), {"amount_paise": 250_000, "customer_id": "C1", "id": "ORD1"}),
    ("initiate", (), {"amount_paise": 100, "customer_id": "C1", "id": "ORD1"}),
    ("status", ("ORD1",), {}),
    ("intent", (), {"amount_paise": 250_000, "customer_id": "C1", "id": "ORD2", "reference": "INV-1"}),
    ("wait", ("ORD2",), {"timeout_s": 120, "amount_paise": 250_000}),
    ("status", ("ORD2",), {"amount_paise": 1}),
    ("intent", (), {"amount_paise": 250_000, "customer_id": "C1", "id": "ORD2"}),
    ("qr", (), {"amount_paise": 900, "pos_id": "COUNTER1", "id": "ORD3", "display_name": "City Clinic"}),
    ("wait", ("ORD3",), {"timeout_s": 120, "amount_paise": 900}),
    ("collect", (), {"vpa": "ramesh@oksbi", "amount_paise": 700, "customer_id": "C1", "id": "ORD4"}),
    ("wait", ("ORD4",), {"timeout_s": 120}),
    ("collect", (), {"vpa": "neha", "amount_paise": 700, "customer_id": "C1"}),
    ("intent", (), {"amount_paise": 0, "customer_id": "C1"}),
    ("intent", (), {"amount_paise": 100, "customer_id": "a b"}),
    ("status", ("has space",), {}),
    ("status", ("NOSUCHORDER",), {}),
    ("refund", ("ORD2",), {"transaction_id": "1", "refund_id": "REF1", "amount_paise": 100}),
    ("refund_status", ("ORD2",), {"refund_id": "REF1"}),
    ("intent", (), {"amount_paise": 300, "customer_id": "C1", "id": "ORD5"}),  # its reply is lost
    ("wait", ("ORD5",), {"timeout_s": 60}),
]


def pretend(clock: ManualClock) -> Sandbox:
    """A sandbox whose customers pay by themselves after two seconds."""
    sandbox = Sandbox(clock, seed=1)
    sandbox.add_merchant(DEMO_MID, DEMO_KEY, name="City Clinic", collect_allowed=True)
    sandbox.play_phone(2)
    return sandbox


@contextmanager
def behind_http(sandbox: Sandbox) -> Iterator[str]:
    """Serve a sandbox over real sockets, queries included."""

    def handle(request: Request) -> Response:
        path, _, query = request.path.partition("?")
        return sandbox.handle(
            Request(host=Host.PG, path=path, query=query, body=request.body, operation="forwarded")
        )

    with servers.serving(servers.forwarding(handle)) as (url, _):
        yield url


async def evening(driver: str) -> list[str]:
    """Live the evening over a driver and return what each call came to."""
    clock = ManualClock(START)
    sandbox = pretend(clock)
    sandbox.faults.add(Fault(kind=Trouble.DROP_AFTER, paytm_id="ORD5", operation="process"))
    told: list[str] = []
    with ExitStack() as stack:
        url = stack.enter_context(behind_http(sandbox)) if "process" not in driver else None
        named: dict[str, Any] = {**DEMO, "base_url": url, "clock": clock, "collect_allowed": True}
        if driver in ("in process", "sync"):
            sync = stack.enter_context(Paytm(**named, transport=None if url else sandbox.handle))
            for verb, words, more in EVENING:
                try:
                    told.append(repr(getattr(sync, verb)(*words, **more)))
                except GallaError as error:
                    told.append(type(error).__name__)
        else:
            async with AsyncPaytm(**named, transport=None if url else sandbox.ahandle) as client:
                for verb, words, more in EVENING:
                    try:
                        told.append(repr(await getattr(client, verb)(*words, **more)))
                    except GallaError as error:
                        told.append(type(error).__name__)
    return told


async def test_an_evening_in_a_shop() -> None:
    """Orders, links, QRs, collect and refunds: each call comes to what Paytm would make of it."""
    told = await evening("in process")
    ends = [text if "(" not in text else text.split("code='")[-1].split("'")[0] for text in told]
    assert ends[:4] == ["0000", "0002", "Refused", "331"]
    assert told[4].startswith("Intent(order_id='ORD2', link='upi://pay?")
    assert ends[5:8] == ["01", "RemoteProtocolError", "Refused"]
    assert (ends[8], ends[9], ends[11]) == ("QR_0001", "01", "01")
    assert told[10].startswith("Collect(order_id='ORD4'")
    assert ends[12:17] == [
        "InvalidField",
        "AmountNotAllowed",
        "LocalProtocolError",
        "LocalProtocolError",
        "331",
    ]
    assert (ends[19], ends[20]) == ("NoReply", "01")


@pytest.mark.parametrize("driver", DRIVERS[1:])
async def test_every_driver_tells_the_same_story(driver: str) -> None:
    """The same flows over sync HTTP, async HTTP and in process end in the same replies and errors."""
    assert await evening("in process") == await evening(driver)


def test_a_payment_is_begun_paid_and_refunded() -> None:
    """The whole life of an order, with ids of galla's making and amounts in paise."""
    clock = ManualClock(START)
    with Paytm(**DEMO, transport=pretend(clock).handle, clock=clock) as paytm:
        begun = paytm.intent(amount_paise=250_000, customer_id="C1", note="Bill 42", email="neha@example.com")
        assert begun.order_id.startswith("SB")
        assert begun.expires_at == START + timedelta(minutes=15)
        ways = paytm.options(begun.order_id, token=begun.txn_token)
        assert "UPI" in ways.payment_modes
        assert paytm.check_vpa("ramesh@oksbi", id=begun.order_id, token=begun.txn_token).is_valid

        paid = paytm.wait(begun.order_id, timeout_s=120, amount_paise=250_000)
        assert (paid.kind, paid.amount_paise, paid.order_id) == (Kind.SUCCESS, 250_000, begun.order_id)
        assert paid.txn_id

        back = paytm.refund(
            begun.order_id, transaction_id=paid.txn_id, refund_id="REF1", amount_paise=100_000, comment="Half"
        )
        assert back.kind is Kind.ACCEPTED
        clock.advance(86_400)
        done = paytm.refund_status(begun.order_id, refund_id="REF1", amount_paise=100_000)
        assert done.kind is Kind.SUCCESS
        assert paytm.status(begun.order_id).refunded_paise == 100_000


def test_a_lost_answer_names_the_order_to_ask_about() -> None:
    """When galla made the id and an answer is lost, the error carries it, and asking finds the payment."""
    clock = ManualClock(START)
    sandbox = pretend(clock)
    sandbox.faults.add(Fault(kind=Trouble.DROP_AFTER, operation="process"))
    paytm = Paytm(**DEMO, transport=sandbox.handle, clock=clock)

    with pytest.raises(NoReply) as caught:
        paytm.intent(amount_paise=100, customer_id="C1")

    assert caught.value.operation == "process"
    assert caught.value.paytm_id is not None
    assert paytm.wait(caught.value.paytm_id, timeout_s=120).kind is Kind.SUCCESS
    assert len(sandbox.wire.calls(operation="process")) == 1


@pytest.mark.parametrize(
    "trouble", [Trouble.WRONG_AMOUNT, Trouble.WRONG_MID, Trouble.WRONG_ID, Trouble.BAD_SIGNATURE]
)
def test_a_wrong_answer_is_never_a_success(trouble: Trouble) -> None:
    """An amount, merchant, order or signature that does not fit leaves the outcome open; asking again ends it."""
    clock = ManualClock(START)
    sandbox = pretend(clock)
    paytm = Paytm(**DEMO, transport=sandbox.handle, clock=clock)
    begun = paytm.intent(amount_paise=100, customer_id="C1")
    clock.advance(60)
    sandbox.faults.add(Fault(kind=trouble, operation="order_status"))

    with pytest.raises(GallaError):
        paytm.status(begun.order_id, amount_paise=100)

    assert paytm.wait(begun.order_id, timeout_s=60, amount_paise=100).kind is Kind.SUCCESS


class Slow:
    """A transport on which every request takes six seconds, and which notes how long each may take."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.sandbox = pretend(clock)
        self.limits: list[float] = []

    def send(self, request: Request, timeout_s: float | None = None) -> Response:
        """Take six seconds, then answer."""
        assert timeout_s is not None
        self.limits.append(timeout_s)
        self.clock.advance(6)
        return self.sandbox.handle(request)


def test_one_deadline_bounds_a_verb_of_two_requests() -> None:
    """The second request of an intent has only what the first left of the time."""
    clock = ManualClock(START)
    slow = Slow(clock)
    Paytm(**DEMO, transport=slow, clock=clock, timeout_s=10).intent(amount_paise=100, customer_id="C1")
    assert slow.limits == [10.0, 4.0]


async def test_one_deadline_bounds_a_wait() -> None:
    """Each question of a wait has only what is left of it, blocking or not."""
    with servers.serving(servers.hanging) as (url, _):
        with Paytm(**DEMO, base_url=url) as paytm:
            began = monotonic()
            with pytest.raises(NoReply):
                paytm.wait("ORD1", timeout_s=0.5, every_s=0.1)
            assert 0.3 < monotonic() - began < 1.5
        async with AsyncPaytm(**DEMO, base_url=url) as client:
            began = monotonic()
            with pytest.raises(NoReply):
                await client.wait("ORD1", timeout_s=0.5, every_s=0.1)
            assert 0.3 < monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("verb", "named", "error"),
    [
        ("intent", {"amount_paise": 0, "customer_id": "C1"}, AmountNotAllowed),
        ("intent", {"amount_paise": 10.0, "customer_id": "C1"}, AmountNotAllowed),
        ("intent", {"amount_paise": True, "customer_id": "C1"}, AmountNotAllowed),
        ("intent", {"amount_paise": 100, "customer_id": "C1", "id": "a/b"}, LocalProtocolError),
        ("intent", {"amount_paise": 100, "customer_id": "C1", "id": ""}, LocalProtocolError),
        ("intent", {"amount_paise": 100, "customer_id": "C|1"}, LocalProtocolError),
        ("intent", {"amount_paise": 100, "customer_id": "C1", "reference": "a|b"}, LocalProtocolError),
        ("collect", {"amount_paise": 100, "customer_id": "C1", "vpa": "ramesh@oksbi"}, PaymentError),
        ("qr", {"amount_paise": 100, "pos_id": ""}, LocalProtocolError),
        ("qr", {"amount_paise": 100, "pos_id": "P", "expires_at": datetime(2026, 1, 5, 5)}, InvalidField),
        ("qr", {"amount_paise": 100, "pos_id": "P", "expires_at": START}, InvalidField),
        ("status", {"id": "../x"}, LocalProtocolError),
        ("wait", {"id": "ORD1", "timeout_s": 0}, InvalidField),
        ("wait", {"id": "ORD1", "timeout_s": 5, "every_s": 0}, InvalidField),
        ("orders", {"since": START, "until": START - timedelta(days=1)}, InvalidField),
        ("orders", {"since": START, "until": START + timedelta(days=31)}, InvalidField),
        ("orders", {"since": START, "until": START, "size": 51}, LocalProtocolError),
    ],
)
def test_what_cannot_be_sent_is_not_sent(verb: str, named: dict[str, Any], error: type[GallaError]) -> None:
    """A wrong amount, id, time or text is refused before anything reaches the network."""
    sent: list[Request] = []

    def never(request: Request) -> Response:
        sent.append(request)
        return Response(status=200, body=b"{}")

    with pytest.raises(error):
        getattr(Paytm(**DEMO, transport=never, clock=ManualClock(START)), verb)(**named)
    assert not sent


def test_a_page_of_orders_is_asked_for_in_india_time() -> None:
    """Instants become India time with its offset, pages and sizes text."""
    sent: list[Request] = []

    def listen(request: Request) -> Response:
        sent.append(request)
        raise NotSent("nowhere")

    paytm = Paytm(**DEMO, transport=listen, clock=ManualClock(START))
    with pytest.raises(NotSent):
        paytm.orders(since=START, until=START + timedelta(days=1), page=2, refunds=True)
    body = sent[0].body.decode()
    assert '"fromDate":"2026-01-05T10:20:00+05:30"' in body
    assert '"pageNumber":"2"' in body
    assert '"orderSearchType":"REFUND"' in body


@pytest.mark.parametrize(
    "wrong",
    [
        {"mid": ""},
        {"key": "short"},
        {"environment": "live"},
        {"base_url": "https://secure.paytmpayments.com"},
        {"base_url": "not an address"},
    ],
)
@pytest.mark.parametrize("client", [Paytm, AsyncPaytm])
def test_a_wrong_setting_is_found_at_once(client: type[Paytm | AsyncPaytm], wrong: dict[str, Any]) -> None:
    """A missing MID, a key of no length, an unknown or mixed environment: found before any I/O."""
    with pytest.raises(ConfigError):
        client(**{**DEMO, **wrong})


@pytest.mark.parametrize("client", [Paytm, AsyncPaytm])
def test_the_website_follows_the_environment(client: type[Paytm | AsyncPaytm]) -> None:
    """WEBSTAGING to rehearse, DEFAULT in production, or what Paytm provisioned."""
    assert client(**DEMO).desk.website == "WEBSTAGING"
    assert client(**{**DEMO, "environment": "production"}).desk.website == "DEFAULT"
    assert client(**DEMO, website="CLINIC").desk.website == "CLINIC"


@pytest.mark.parametrize("client", [Paytm, AsyncPaytm])
def test_the_key_never_shows(client: type[Paytm | AsyncPaytm]) -> None:
    """Neither the client's texts nor what it is made of show the key."""
    made = client(**DEMO)
    assert DEMO_KEY not in f"{made!r} {made} {vars(made)!r} {vars(made.desk)!r}"
    assert repr(made) == f"{client.__name__}(mid={DEMO_MID!r}, key='****', environment='sandbox')"


def test_neither_key_nor_token_shows_in_a_traceback_with_its_locals() -> None:
    """Not even a traceback that prints every local variable of every frame shows the key or the token."""
    clock = ManualClock(START)
    sandbox = pretend(clock)
    begun: Intent = Paytm(**DEMO, transport=sandbox.handle, clock=clock).intent(
        amount_paise=100, customer_id="C1", id="ORD1"
    )
    sandbox.faults.add(Fault(kind=Trouble.HTML, operation="options"))
    with pytest.raises(GallaError) as caught:
        Paytm(**DEMO, transport=sandbox.handle, clock=clock).options("ORD1", token=begun.txn_token)
    ours = traceback.TracebackException.from_exception(caught.value, capture_locals=True, compact=True)
    frames = [frame for frame in ours.stack if "galla" in frame.filename and "tests" not in frame.filename]
    assert frames
    for secret in (DEMO_KEY, begun.txn_token.reveal()):
        assert not [frame for frame in frames if secret in str(frame.locals)]


@pytest.mark.parametrize("verb", VERBS)
def test_both_clients_have_the_same_verbs(verb: str) -> None:
    """Each verb takes the same arguments in both, and says what it does."""
    blocking, awaited = getattr(Paytm, verb), getattr(AsyncPaytm, verb)
    assert list(signature(blocking).parameters) == list(signature(awaited).parameters)
    assert blocking.__doc__
    assert awaited.__doc__


def test_a_transport_of_your_own_stays_open() -> None:
    """Closing a client closes what it opened itself, and nothing else."""

    class Mine:
        is_closed = False

        def send(self, request: Request, timeout_s: float | None = None) -> Response:
            raise NotSent("nowhere")

        def close(self) -> None:
            self.is_closed = True

    mine = Mine()
    with Paytm(**DEMO, transport=mine) as paytm, pytest.raises(NotSent):
        paytm.status("ORD1")
    assert not mine.is_closed
