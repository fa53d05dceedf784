"""The sandbox over real sockets: what a client sees when a reply is lost, and the remote control."""

import http.client
import json
from collections.abc import Iterator
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest

from galla.protocol.message import Request, Response
from galla.sandbox import DEMO_KEY, DEMO_MID, Fault, Kind, Sandbox
from tests.sandbox.pretend import FIRST, KEY, Till, real_till, served, verdict

Served = tuple[Till, str]


@pytest.fixture
def live() -> Iterator[Served]:
    """A till and the address of its sandbox."""
    till = real_till()
    with served(till.sandbox) as address:
        yield till, address


def post(address: str, request: Request) -> Response:
    """Send one request over a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    try:
        connection.request(request.method, request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(status=answer.status, body=answer.read(), headers=headers)
    finally:
        connection.close()


def control(address: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """Use the remote control."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, f"/_sandbox/{path}", data, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def sale(till: Till, address: str, id_: str = "CLINIC000001") -> str:
    request = till.sale_request(id_)
    return verdict(request.parse_reply(post(address, request.encode(KEY)), KEY))


def test_a_sale_over_http(live: Served) -> None:
    """The same answers come over a socket, as JSON."""
    till, address = live

    assert sale(till, address) == "A 0009"
    assert post(address, till.status_request()).headers["content-type"] == "application/json"
    assert (
        post(address, Request(host=till.status_request().host, path="/x", body=b"", operation="x")).status
        == 404
    )


@pytest.mark.parametrize(
    ("kind", "is_known"),
    [(Kind.REFUSE_CONNECTION, False), (Kind.DROP_BEFORE, False), (Kind.DROP_AFTER, True)],
)
def test_the_connection_is_cut_without_a_byte(live: Served, kind: Kind, is_known: bool) -> None:
    """A lost conversation ends in a closed connection, and the next one works."""
    till, address = live
    till.sandbox.add_fault(Fault(kind=kind))

    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        sale(till, address)

    assert ("F 0233" if is_known else "A 0009") == sale(till, address)


def test_a_delay_is_really_waited_for(live: Served) -> None:
    """The reply comes no sooner than the fault says, and others are not held up."""
    till, address = live
    till.sandbox.add_fault(Fault(kind=Kind.DELAY, after_ms=400, operation="sale"))
    start = monotonic()

    assert sale(till, address) == "A 0009"

    assert monotonic() - start >= 0.4


def test_a_delay_and_then_nothing(live: Served) -> None:
    """A delay on a lost reply passes before the line is cut."""
    till, address = live
    till.sandbox.add_fault(Fault(kind=Kind.DELAY, after_ms=300))
    till.sandbox.add_fault(Fault(kind=Kind.DROP_AFTER))
    start = monotonic()

    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        sale(till, address)

    assert monotonic() - start >= 0.3


def test_a_reply_drips(live: Served) -> None:
    """The head comes at once and the body spread over the time given, whole in the end."""
    till, address = live
    till.sandbox.add_fault(Fault(kind=Kind.SLOW_DRIP, after_ms=400))
    request = till.sale_request().encode(KEY)
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    start = monotonic()
    connection.request("POST", request.path, request.body)
    answer = connection.getresponse()
    answer.read(1)
    first = monotonic() - start
    rest = answer.read()
    connection.close()

    assert first < 0.3
    assert monotonic() - start >= 0.4
    assert rest.endswith(b"}}}")


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [
        (Kind.HTTP_500, 500, "text/plain"),
        (Kind.HTML, 502, "text/html"),
        (Kind.RATE_LIMITED, 429, "text/plain"),
        (Kind.TRUNCATED_JSON, 200, "application/json"),
        (Kind.TRAILING_COMMA, 200, "application/json"),
    ],
)
def test_bad_answers_over_http(live: Served, kind: Kind, status: int, content: str) -> None:
    """Status, type and body arrive as the fault made them, with the right length."""
    till, address = live
    till.sandbox.add_fault(Fault(kind=kind))

    response = post(address, till.status_request())

    assert (status, content) == (response.status, response.headers["content-type"].partition(";")[0])
    assert str(len(response.body)) == response.headers["content-length"]


def test_a_body_too_large_is_refused(live: Served) -> None:
    """More than a mebibyte is not read."""
    till, address = live
    request = Request(
        host=till.status_request().host, path="/ecr/void", body=b" " * 1_048_577, operation="void"
    )

    assert post(address, request).status == 413


def test_the_remote_control_does_everything(live: Served) -> None:
    """Machines, faults, autoplay, clock, settings, wire and reset answer to JSON."""
    till, address = live
    assert control(address, "POST", "terminals", {"tid": "55555555", "label": "Pharmacy"})[0] == 200
    assert control(address, "POST", "merchants", {"mid": "M2", "key": "another_key_here"})[0] == 200
    assert control(address, "POST", "faults", {"kind": "drop_after", "operation": "void"})[1]["number"] == 1
    assert control(address, "POST", "autoplay", {"after_s": 100, "outcome": "upi"})[1]["outcome"] == "upi"
    assert control(address, "POST", "settings", {"operator_expiry_s": 300})[1]["operator_expiry_s"] == 300
    sale(till, address)
    assert control(address, "POST", f"terminals/{FIRST}/accept")[1]["screen"] == "present"
    assert control(address, "POST", "clock", {"advance_s": 100})[1]["ahead_s"] >= 100

    status, state = control(address, "GET", "state")
    assert status == 200
    assert {"12345671", "12345672", "55555555"} == {terminal["tid"] for terminal in state["terminals"]}
    assert [charge["state"] for charge in state["charges"]] == ["paid"]
    assert [call["operation"] for call in control(address, "GET", "wire?id=CLINIC000001")[1]] == ["sale"]
    assert control(address, "GET", "wire?id=NOBODY")[1] == []
    assert DEMO_KEY not in json.dumps(state)
    assert "another_key_here" not in json.dumps(state)

    assert control(address, "DELETE", "faults")[1] == []
    assert None is control(address, "DELETE", "autoplay")[1]
    state = control(address, "POST", "reset", {})[1]
    assert (state["charges"], state["wire"], state["operator_expiry_s"]) == ([], [], None)


def test_the_clock_can_be_set_to_midnight_and_never_back(live: Served) -> None:
    """The sandbox's day can be moved ahead to an instant, not behind."""
    _, address = live
    assert (
        "2090-01-05T18:29:00"
        in control(address, "POST", "clock", {"set": "2090-01-05T23:59:00+05:30"})[1]["now"]
    )

    assert control(address, "POST", "clock", {"set": "2026-01-01T00:00:00+05:30"})[0] == 422
    assert control(address, "POST", "clock", {"advance_s": -5})[0] == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "terminals/99999999/accept", {}, 404),
        ("POST", f"terminals/{FIRST}/dance", {}, 404),
        ("POST", f"terminals/{FIRST}/accept", {}, 409),
        ("POST", f"terminals/{FIRST}/accept", {"colour": "red"}, 422),
        ("POST", "terminals", {"tid": "1"}, 422),
        ("POST", "merchants", {"mid": "M", "key": "short"}, 422),
        ("POST", "merchants", {"mid": "a b", "key": "another_key_here"}, 422),
        ("POST", "faults", {"kind": "earthquake"}, 422),
        ("POST", "faults", {"kind": "delay"}, 422),
        ("POST", "autoplay", {"after_s": -1}, 422),
    ],
)
def test_the_remote_control_explains_itself(
    live: Served, method: str, path: str, body: object, status: int
) -> None:
    """A wrong request gets a status and a sentence, and never shows a key."""
    told, problem = control(live[1], method, path, body)

    assert status == told
    assert problem["detail"].endswith(".")
    assert "short" not in problem["detail"] or "key" not in path


def test_the_remote_control_is_this_computer_s(live: Served) -> None:
    """A foreign name or a foreign page is refused, unless the control was opened."""
    _, address = live
    assert control(address, "GET", "state", Host="evil.example")[0] == 403
    assert control(address, "POST", "reset", {}, Origin="https://evil.example")[0] == 403
    assert control(address, "POST", "reset", {}, Origin=address)[0] == 200

    with served(Sandbox(), is_control_open=True) as opened:
        assert control(opened, "GET", "state", Host="till.example")[0] == 200


def test_a_sandbox_may_start_empty() -> None:
    """Without the demo there is no merchant, and machines need one."""
    empty = Sandbox(has_demo=False)

    assert (empty.merchants, empty.terminals) == ({}, {})
    with served(empty) as address:
        assert control(address, "POST", "terminals", {"tid": FIRST})[0] == 404
        assert control(address, "POST", "merchants", {"mid": DEMO_MID, "key": DEMO_KEY})[0] == 200
        assert control(address, "POST", "terminals", {"tid": FIRST})[1]["mid"] == DEMO_MID
