"""The two clients against galla's sandbox: in process, and behind real HTTP."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from galla.client.edc import AsyncPaytmEDC, PaytmEDC
from galla.clock import ManualClock
from galla.errors import (
    AmountNotAllowed,
    ConfigError,
    GallaError,
    InvalidField,
    LocalProtocolError,
    NoReply,
    NotSent,
    Refused,
)
from galla.protocol.codes import Kind
from galla.protocol.message import Request, Response
from galla.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, Fault, Sandbox
from galla.sandbox import Kind as Trouble
from galla.sandbox.terminal import Action
from tests.client import servers

TID = DEMO_TIDS[0]
DEMO: dict[str, Any] = {"mid": DEMO_MID, "key": DEMO_KEY, "environment": "sandbox"}
DRIVERS = ["in process", "async in process", "sync", "async"]

# A morning at the counter: verb, arguments. Half of it goes wrong.
MORNING: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("sale", (), {"tid": TID, "amount_paise": 250_000, "id": "CLINIC000001", "reference": "INV-1"}),
    ("sale", (), {"tid": TID, "amount_paise": 100, "id": "CLINIC000002"}),
    ("wait", ("CLINIC000001",), {"tid": TID, "timeout_s": 60}),
    ("sale", (), {"tid": TID, "amount_paise": 250_000, "id": "CLINIC000001"}),
    ("status", ("NOSUCHSALE0001",), {"tid": TID}),
    ("sale", (), {"tid": "99999999", "amount_paise": 100, "id": "CLINIC000003"}),
    ("sale", (), {"tid": TID, "amount_paise": 0}),
    ("sale", (), {"tid": TID, "amount_paise": 100, "id": "has space"}),
    ("void", ("CLINIC000001",), {"tid": TID}),
    ("wait", ("CLINIC000001",), {"tid": TID, "timeout_s": 60, "event": "VOID"}),
    ("void", ("CLINIC000001",), {"tid": TID}),
    ("sale", (), {"tid": TID, "amount_paise": 300, "id": "CLINIC000004"}),  # its reply is lost
    ("wait", ("CLINIC000004",), {"tid": TID, "timeout_s": 30}),
]


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when somebody waits."""
    return ManualClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC))


@pytest.fixture
def sandbox(clock: ManualClock) -> Sandbox:
    """A sandbox whose machines pay by themselves after two seconds."""
    sandbox = Sandbox(clock, seed=1)
    sandbox.play(2)
    return sandbox


@contextmanager
def behind_http(sandbox: Sandbox) -> Iterator[str]:
    """Serve a sandbox over real sockets."""
    with servers.serving(servers.forwarding(sandbox.handle)) as (url, _):
        yield url


async def morning(driver: str) -> list[str]:
    """Live the morning over a driver and return what each call came to."""
    clock = ManualClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC))
    sandbox = Sandbox(clock, seed=1)
    sandbox.play(2)
    sandbox.faults.add(Fault(kind=Trouble.DROP_AFTER, paytm_id="CLINIC000004", operation="sale"))
    sandbox.faults.add(Fault(kind=Trouble.HTML, paytm_id="CLINIC000004", operation="status"))
    told: list[str] = []
    with ExitStack() as stack:
        url = stack.enter_context(behind_http(sandbox)) if "process" not in driver else None
        if driver in ("in process", "sync"):
            sync = stack.enter_context(
                PaytmEDC(**DEMO, base_url=url, transport=None if url else sandbox.handle, clock=clock)
            )
            for verb, words, named in MORNING:
                try:
                    told.append(repr(getattr(sync, verb)(*words, **named)))
                except GallaError as error:
                    told.append(type(error).__name__)
        else:
            async with AsyncPaytmEDC(
                **DEMO, base_url=url, transport=None if url else sandbox.ahandle, clock=clock
            ) as client:
                for verb, words, named in MORNING:
                    try:
                        told.append(repr(await getattr(client, verb)(*words, **named)))
                    except GallaError as error:
                        told.append(type(error).__name__)
    return told


@pytest.mark.parametrize("driver", DRIVERS[1:])
async def test_every_driver_tells_the_same_story(driver: str) -> None:
    """The same flows over sync HTTP, async HTTP and in process end in the same replies and errors."""
    expected = await morning("in process")

    assert expected == await morning(driver)
    assert expected[11] == "NoReply"
    assert "code='S'" in expected[12]


def test_a_sale_is_accepted_then_paid_then_voided(sandbox: Sandbox, clock: ManualClock) -> None:
    """The whole life of a sale, with the id made by galla and the amount echoed in paise."""
    with PaytmEDC(**DEMO, transport=sandbox.handle, clock=clock) as edc:
        sale = edc.sale(
            tid=TID, amount_paise=250_000, reference="INV-1", accept="card", display={"Patient": "R. K."}
        )
        assert Kind.ACCEPTED is sale.kind
        assert sale.merchant_transaction_id is not None
        assert sale.merchant_transaction_id.startswith("SB")

        paid = edc.wait(sale.merchant_transaction_id, tid=TID, timeout_s=60)
        assert (
            paid.kind,
            paid.transaction_amount,
            paid.merchant_reference_no,
        ) == (Kind.SUCCESS, "250000", "INV-1")

        edc.void(sale.merchant_transaction_id, tid=TID)
        voided = edc.wait(sale.merchant_transaction_id, tid=TID, timeout_s=60, event="VOID")
        assert Kind.SUCCESS is voided.kind


def test_f14_an_accepted_void_is_not_a_void(sandbox: Sandbox, clock: ManualClock) -> None:
    """F14: a void that Paytm accepted and the machine then refuses has failed; the sale stands, and says so."""
    with PaytmEDC(**DEMO, transport=sandbox.handle, clock=clock) as edc:
        sale = edc.sale(tid=TID, amount_paise=250_000)
        assert sale.merchant_transaction_id is not None
        edc.wait(sale.merchant_transaction_id, tid=TID, timeout_s=60)
        sandbox.stop_play()
        accepted = edc.void(sale.merchant_transaction_id, tid=TID)
        assert Kind.ACCEPTED is accepted.kind
        waiting = edc.status(sale.merchant_transaction_id, tid=TID, event="VOID")
        assert waiting.kind in (Kind.PENDING, Kind.ACCEPTED)
        sandbox.act(TID, Action.REJECT)
        refused = edc.status(sale.merchant_transaction_id, tid=TID, event="VOID")
        assert Kind.VOID_FAILED is refused.kind
        assert Kind.SUCCESS is edc.status(sale.merchant_transaction_id, tid=TID).kind


def test_a_machine_that_nobody_touches_stays_pending(clock: ManualClock) -> None:
    """Waiting ends after exactly its time at the latest, with an answer that still says pending."""
    sandbox = Sandbox(clock, seed=1)
    edc = PaytmEDC(**DEMO, transport=sandbox.handle, clock=clock)
    edc.sale(tid=TID, amount_paise=100, id="CLINIC000001")

    reply = edc.wait("CLINIC000001", tid=TID, timeout_s=30)

    assert Kind.PENDING is reply.kind
    assert 29 <= clock.monotonic() <= 30


def test_a_lost_sale_names_the_id_to_ask_about(sandbox: Sandbox, clock: ManualClock) -> None:
    """When galla made the id and the reply is lost, the error carries it, and asking finds the payment."""
    sandbox.faults.add(Fault(kind=Trouble.DROP_AFTER, operation="sale"))
    edc = PaytmEDC(**DEMO, transport=sandbox.handle, clock=clock)

    with pytest.raises(NoReply) as caught:
        edc.sale(tid=TID, amount_paise=100)

    assert caught.value.paytm_id is not None
    assert Kind.SUCCESS is edc.wait(caught.value.paytm_id, tid=TID, timeout_s=60).kind
    assert len(sandbox.wire.calls(operation="sale")) == 1


def test_each_call_of_a_wait_has_only_what_is_left_of_it() -> None:
    """With a server that hangs, a wait of half a second ends in about half a second, not in fifteen."""
    with servers.serving(servers.hanging) as (url, _), PaytmEDC(**DEMO, base_url=url) as edc:
        from time import monotonic

        began = monotonic()
        with pytest.raises(NoReply):
            edc.wait("CLINIC000001", tid=TID, timeout_s=0.5, every_s=0.1)
        assert 0.3 < monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({"amount_paise": 0}, AmountNotAllowed),
        ({"amount_paise": 10.0}, AmountNotAllowed),
        ({"amount_paise": True}, AmountNotAllowed),
        ({"amount_paise": 100, "accept": "cash"}, InvalidField),
        ({"amount_paise": 100, "id": ""}, LocalProtocolError),
        ({"amount_paise": 100, "id": "INV-2024-0001"}, LocalProtocolError),
        ({"amount_paise": 100, "display": {"a": "1", "b": "2", "c": "3", "d": "4"}}, LocalProtocolError),
    ],
)
def test_what_cannot_be_sent_is_not_sent(named: dict[str, Any], error: type[GallaError]) -> None:
    """A wrong amount, id or text is refused before anything reaches the network."""
    sent: list[Request] = []

    def never(request: Request) -> Response:
        sent.append(request)
        return Response(status=200, body=b"{}")

    with pytest.raises(error):
        PaytmEDC(**DEMO, transport=never).sale(tid=TID, **named)
    assert sent == []


@pytest.mark.parametrize("waits", [{"timeout_s": 0}, {"timeout_s": 5, "every_s": 0}])
def test_a_wait_needs_time(waits: dict[str, Any], sandbox: Sandbox) -> None:
    """A wait of no time, or that asks without a pause, is refused."""
    with pytest.raises(InvalidField, match="more than zero"):
        PaytmEDC(**DEMO, transport=sandbox.handle).wait("CLINIC000001", tid=TID, **waits)


@pytest.mark.parametrize(
    "wrong",
    [{"key": "too short"}, {"mid": ""}, {"environment": "prod"}, {"base_url": "https://securegw.paytm.in"}],
)
@pytest.mark.parametrize("client", [PaytmEDC, AsyncPaytmEDC])
def test_a_wrong_setting_is_found_at_once(client: type[PaytmEDC], wrong: dict[str, str]) -> None:
    """A key, MID, environment or address that cannot be right fails when the client is made."""
    with pytest.raises(ConfigError):
        client(**{**DEMO, **wrong})


@pytest.mark.parametrize("client", [PaytmEDC, AsyncPaytmEDC])
def test_the_key_never_shows(client: type[PaytmEDC | AsyncPaytmEDC]) -> None:
    """Neither the client's texts nor what it is made of show the key."""
    made = client(**DEMO)

    assert DEMO_KEY not in f"{made!r} {made} {vars(made)!r}"
    assert "key='****'" in repr(made)


def test_the_key_does_not_show_in_a_traceback_with_its_locals() -> None:
    """Not even a traceback that prints every local variable of every frame shows the key."""
    with servers.serving(servers.closing_after_request) as (url, _):
        edc = PaytmEDC(**DEMO, base_url=url)
        with pytest.raises(NoReply) as caught:
            edc.sale(tid=TID, amount_paise=100)
        edc.close()

    ours = traceback.TracebackException.from_exception(caught.value, capture_locals=True, compact=True)
    frames = [frame for frame in ours.stack if "galla" in frame.filename and "tests" not in frame.filename]
    assert frames
    assert not [frame for frame in frames if DEMO_KEY in str(frame.locals)]


def test_a_transport_of_your_own_stays_open() -> None:
    """Closing a client closes what it opened itself, and nothing else."""

    class Mine:
        is_closed = False

        def send(self, request: Request, timeout_s: float | None = None) -> Response:
            raise NotSent("nowhere")

        def close(self) -> None:
            self.is_closed = True

    mine = Mine()
    with PaytmEDC(**DEMO, transport=mine) as edc, pytest.raises(NotSent):
        edc.status("CLINIC000001", tid=TID)
    assert not mine.is_closed


def merchants(url: str) -> list[dict[str, Any]]:
    """Return two merchants of two environments, at one address."""
    return [
        {"mid": "CLINICA0000000000001", "key": "key_of_clinic_a_", "environment": "sandbox", "base_url": url},
        {"mid": "CLINICB0000000000002", "key": "b" * 32, "environment": "staging", "base_url": url},
    ]


def two_merchants() -> Sandbox:
    """Return a sandbox that knows both, with ten machines each."""
    sandbox = Sandbox(seed=1, has_demo=False)
    for number, who in enumerate(merchants("http://127.0.0.1:1")):
        sandbox.add_merchant(who["mid"], who["key"])
        for machine in range(10):
            sandbox.add_terminal(f"{number}000000{machine}", who["mid"])
    return sandbox


def assert_kept_apart(sandbox: Sandbox, sold: list[tuple[str, str]]) -> None:
    """Each merchant's ten sales are its own, under its own environment's stamp."""
    assert {(mid, paytm_id) for mid, paytm_id in sold} == set(sandbox.charges)
    assert {("CLINICA0000000000001", "SB"), ("CLINICB0000000000002", "ST")} == {
        (mid, paytm_id[:2]) for mid, paytm_id in sandbox.charges
    }
    assert len(sandbox.charges) == 20


def test_two_merchants_in_threads_do_not_bleed() -> None:
    """Two MIDs, keys and environments at once in one process: every sale is signed and filed as its own."""
    sandbox = two_merchants()
    with behind_http(sandbox) as url, ExitStack() as stack:
        clients = [stack.enter_context(PaytmEDC(**who)) for who in merchants(url)]

        def sell(turn: int) -> tuple[str, str]:
            client = clients[turn % 2]
            reply = client.sale(tid=f"{turn % 2}000000{turn // 2}", amount_paise=100 + turn)
            return client.mid, str(reply.merchant_transaction_id)

        with ThreadPoolExecutor(8) as pool:
            sold = list(pool.map(sell, range(20)))

    assert_kept_apart(sandbox, sold)


async def test_two_merchants_in_tasks_do_not_bleed() -> None:
    """The same on one event loop, all at once."""
    sandbox = two_merchants()
    with behind_http(sandbox) as url:
        one, other = merchants(url)
        async with AsyncPaytmEDC(**one) as first, AsyncPaytmEDC(**other) as second:

            async def sell(turn: int) -> tuple[str, str]:
                client = (first, second)[turn % 2]
                reply = await client.sale(tid=f"{turn % 2}000000{turn // 2}", amount_paise=100 + turn)
                return client.mid, str(reply.merchant_transaction_id)

            sold = await asyncio.gather(*(sell(turn) for turn in range(20)))

    assert_kept_apart(sandbox, list(sold))


def test_another_merchants_key_is_refused() -> None:
    """The right MID with the other's key is told about its signature, and nothing is sold."""
    sandbox = two_merchants()
    one, other = merchants("http://127.0.0.1:1")
    edc = PaytmEDC(mid=one["mid"], key=other["key"], environment="sandbox", transport=sandbox.handle)

    with pytest.raises(Refused) as caught:
        edc.sale(tid="00000000", amount_paise=100)

    assert caught.value.code == "0330"
    assert not sandbox.charges
