"""The online conversations stepped by hand: no network, no clock but a manual one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from galla.client.flows import Flow, Keep, Wait, run
from galla.client.online import (
    collect_flow,
    initiate_flow,
    intent_flow,
    is_settled,
    options_flow,
    order_list_flow,
    process_flow,
    qr_flow,
    refund_flow,
    refund_status_flow,
    status_flow,
    vpa_flow,
    wait_flow,
)
from galla.clock import ManualClock
from galla.errors import NoReply, NotSent, PaytmError, Refused, RemoteProtocolError
from galla.protocol.codes import Kind
from galla.protocol.message import Request, Response
from tests.protocol.upi_samples import (
    COLLECT_BODY,
    INITIATE,
    INTENT,
    KEY,
    LINK,
    LIST,
    MID,
    OPTIONS,
    QR,
    REFUND,
    REFUND_STATUS,
    STATUS,
    STATUS_BODY,
    TOKEN,
    TOKEN_TEXT,
    VPA,
    answer,
    envelope,
    result,
)

T = TypeVar("T")

TOKENED = answer(result("S", "0000", txnToken=TOKEN_TEXT))
BEGUN = result("S", "0000", deepLinkInfo={"deepLink": LINK, "orderId": "ORD1", "transId": "T1"})
PENDING = answer(result("PENDING", "402", orderId="ORD1", mid=MID))
NOBODY = answer(result("NO_RECORD_FOUND", "331"))
PAID = answer(STATUS_BODY)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when somebody waits."""
    return ManualClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC))


def talk(flow: Flow[T], *answers: Response | PaytmError) -> tuple[T, list[Request]]:
    """Run a flow against these answers, in order; return its end and what it sent."""
    left = list(answers)
    sent: list[Request] = []

    def send(request: Request) -> Response:
        sent.append(request)
        each = left.pop(0)
        if isinstance(each, PaytmError):
            raise each
        return each

    ended = run(flow, send, ManualClock(datetime(2026, 1, 5, tzinfo=UTC)))
    assert not left
    return ended, sent


def test_an_intent_is_two_requests_and_a_link(clock: ManualClock) -> None:
    """Order, then begin with its token in the head; the link comes back byte for byte, with its end."""
    intent, sent = talk(
        intent_flow(INITIATE, KEY, clock=clock, note="Bill 42"), TOKENED, answer(BEGUN, key=None)
    )

    assert [request.operation for request in sent] == ["initiate", "process"]
    assert envelope(sent[1])["head"]["txnToken"] == TOKEN_TEXT
    assert envelope(sent[1])["body"]["txnNote"] == "Bill 42"
    assert (intent.order_id, intent.link, intent.transaction_id, intent.txn_token) == (
        "ORD1",
        LINK,
        "T1",
        TOKEN,
    )
    assert intent.expires_at == clock.now() + timedelta(minutes=15)
    assert TOKEN_TEXT not in repr(intent)


def test_a_collect_is_two_requests_and_a_page(clock: ManualClock) -> None:
    """The payer's id is in the second; Paytm's page comes back."""
    collect, sent = talk(
        collect_flow(INITIATE, KEY, vpa="neha@okbank", clock=clock), TOKENED, answer(COLLECT_BODY, key=None)
    )
    assert envelope(sent[1])["body"]["payerAccount"] == "neha@okbank"
    assert collect.form is not None
    assert TOKEN_TEXT not in repr(collect)


def test_an_identical_repeat_goes_on_with_its_token(clock: ManualClock) -> None:
    """0002 brings its token, and the payment is begun with it."""
    again = answer(result("S", "0002", txnToken=TOKEN_TEXT))
    intent, _ = talk(intent_flow(INITIATE, KEY, clock=clock), again, answer(BEGUN, key=None))
    assert intent.link == LINK


@pytest.mark.parametrize(
    ("code", "status", "is_retryable"),
    [("2005", "F", False), ("1001", "F", False), ("501", "U", True), ("900", "U", True)],
)
def test_a_refused_order_is_raised(code: str, status: str, is_retryable: bool) -> None:
    """No token, whatever the reason: the code, a sentence, a hint, and whether to try again."""
    with pytest.raises(Refused) as caught:
        talk(initiate_flow(INITIATE, KEY), answer(result(status, code), key=None))
    assert (caught.value.code, caught.value.is_retryable) == (code, is_retryable)
    assert (caught.value.operation, caught.value.paytm_id) == ("initiate", "ORD1")


def test_a_used_order_id_is_a_clear_error() -> None:
    """2023 says what happened, forbids another charge, and asks for the status."""
    with pytest.raises(Refused, match="used before") as caught:
        talk(initiate_flow(INITIATE, KEY), answer(result("F", "2023")))
    assert caught.value.hint.startswith("Do not charge again. Ask for the status")


@pytest.mark.parametrize(
    "body",
    [result("S", "0000"), result("S", "7777", txnToken=TOKEN_TEXT), result("F", "7777"), result("", "0000")],
)
def test_an_order_without_a_token_begins_nothing(body: dict[str, Any]) -> None:
    """A success without a token, or an answer nobody knows, is an error and not a payment."""
    with pytest.raises(RemoteProtocolError) as caught:
        talk(initiate_flow(INITIATE, KEY), answer(body))
    assert caught.value.paytm_id == "ORD1"


@pytest.mark.parametrize(("code", "kind"), [("1006", "over"), ("1005", "already"), ("510", "not begin")])
def test_a_refused_payment_is_raised(code: str, kind: str) -> None:
    """A token that has ended, an attempt that is under way, a failure: each with its advice."""
    with pytest.raises(Refused, match=kind) as caught:
        talk(process_flow(INTENT, KEY), answer(result("F", code), key=None))
    assert (caught.value.code, caught.value.operation) == (code, "process")


def test_paytms_own_failure_leaves_the_payment_open() -> None:
    """501 at process may have begun the payment: it is a lost answer, so ask and never resend."""
    with pytest.raises(NoReply, match="ask for the status") as caught:
        talk(process_flow(INTENT, KEY), answer(result("F", "501"), key=None))
    assert caught.value.paytm_id == "ORD1"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        (LINK.replace("am=1.00", "am=9.00"), "link.am"),
        (LINK.replace("am=1.00", "am=1.000"), "link.am"),
        (LINK.replace("paytm-00000001@ptybl", "x"), "link.pa"),
        ("https://example.com", "link"),
        ("", "body.deepLinkInfo"),
    ],
)
def test_a_link_for_something_else_is_not_shown(clock: ManualClock, link: str, path: str) -> None:
    """Another amount, no payee, no UPI link, none at all: an error that names the order."""
    body = result("S", "0000", deepLinkInfo={"deepLink": link})
    with pytest.raises(RemoteProtocolError) as caught:
        talk(intent_flow(INITIATE, KEY, clock=clock), TOKENED, answer(body, key=None))
    assert (caught.value.path, caught.value.operation, caught.value.paytm_id) == (path, "process", "ORD1")


def test_a_link_for_another_order_is_not_shown(clock: ManualClock) -> None:
    """The order in the answer is compared."""
    body = result("S", "0000", deepLinkInfo={"deepLink": LINK, "orderId": "ORD2"})
    with pytest.raises(RemoteProtocolError):
        talk(intent_flow(INITIATE, KEY, clock=clock), TOKENED, answer(body, key=None))


def test_a_qr_is_checked_before_it_is_shown() -> None:
    """A QR for the amount is returned; one for another amount, or a success without any, is an error."""
    read, _ = talk(qr_flow(QR, KEY), answer(result("SUCCESS", "QR_0001", qrData=LINK)))
    assert read.qr_data == LINK
    for body in (
        result("SUCCESS", "QR_0001", qrData=LINK.replace("1.00", "2.00")),
        result("SUCCESS", "QR_0001"),
    ):
        with pytest.raises(RemoteProtocolError):
            talk(qr_flow(QR, KEY), answer(body))
    with pytest.raises(Refused, match="used before"):
        talk(qr_flow(QR, KEY), answer(result("FAILURE", "DQR_0006")))


# What became of it.


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.SUCCESS, STATUS_BODY),
        (Kind.DECLINED, result("TXN_FAILURE", "227")),
        (Kind.PENDING, result("PENDING", "402")),
        (Kind.NOT_FOUND, result("NO_RECORD_FOUND", "331")),
        (Kind.INTERNAL, result("TXN_FAILURE", "501")),
        (None, result("TXN_FAILURE", "7777")),
        (None, result("TXN_SUCCESS", "227")),
    ],
)
def test_what_became_of_it_is_a_value(kind: Kind | None, body: dict[str, Any]) -> None:
    """Paid, failed, pending, unknown to Paytm, in doubt: an answer like any other."""
    read, _ = talk(status_flow(STATUS, KEY, amount_paise=100), answer(body))
    assert kind is read.kind
    assert is_settled(read) is (kind in (Kind.SUCCESS, Kind.DECLINED))


@pytest.mark.parametrize("code", ["334", "335"])
def test_a_refused_question_is_raised(code: str) -> None:
    """A wrong MID or order id says nothing about the payment."""
    with pytest.raises(Refused):
        talk(status_flow(STATUS, KEY), answer(result("TXN_FAILURE", code)))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"mid": "OTHERMID"}, "body.mid"),
        ({"orderId": "ORD2"}, "body.orderId"),
        ({"orderId": None}, "body.orderId"),
        ({"txnAmount": "1.01"}, "body.txnAmount"),
        ({"txnAmount": "0.99"}, "body.txnAmount"),
        ({"txnAmount": "100"}, "body.txnAmount"),
        ({"txnAmount": "1.001"}, "body.txnAmount"),
        ({"txnAmount": None}, "body.txnAmount"),
        ({"txnAmount": {"value": "1.00"}}, "body.txnAmount"),
    ],
)
def test_a_success_about_something_else_proves_nothing(change: dict[str, Any], path: str) -> None:
    """Another merchant, order or amount, though signed, is an error: the outcome is open."""
    with pytest.raises(RemoteProtocolError) as caught:
        talk(status_flow(STATUS, KEY, amount_paise=100), answer({**STATUS_BODY, **change}))
    assert (caught.value.path, caught.value.paytm_id) == (path, "ORD1")


def test_a_failure_about_another_order_proves_nothing_either() -> None:
    """A failure of somebody else's order does not fail ours."""
    with pytest.raises(RemoteProtocolError):
        talk(status_flow(STATUS, KEY), answer(result("TXN_FAILURE", "227", orderId="ORD2")))


@pytest.mark.parametrize("status", [404, 408, 429, 500, 502, 503, 504])
def test_a_failing_gateway_is_no_answer(status: int) -> None:
    """HTTP 404, 408, 429 and 5xx on a question leave the outcome unknown, and never say failed."""
    with pytest.raises((NoReply, RemoteProtocolError)) as caught:
        talk(status_flow(STATUS, KEY), answer(result("TXN_FAILURE", "227"), status=status))
    assert caught.value.paytm_id == "ORD1"


# Waiting.


def waiting(clock: ManualClock, seconds: float, every_s: float | None = 5.0) -> Flow[Any]:
    """A wait of so long."""
    return wait_flow(
        lambda: STATUS,
        KEY,
        ends_s=clock.monotonic() + seconds,
        every_s=every_s,
        clock=clock,
        amount_paise=100,
    )


def live(flow: Flow[T], clock: ManualClock, *answers: Response | PaytmError) -> tuple[T, list[float]]:
    """Run a wait on its own clock; return its end and when each question was asked."""
    left = list(answers)
    asked: list[float] = []

    def send(_: Request) -> Response:
        asked.append(clock.monotonic())
        each = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(each, PaytmError):
            raise each
        return each

    return run(flow, send, clock), asked


def test_waiting_ends_with_the_payment(clock: ManualClock) -> None:
    """Nobody has paid, pending, a server down, a lost answer, a gateway: all are asked again, until it is paid."""
    read, asked = live(
        waiting(clock, 600), clock, NOBODY, PENDING, answer(result("TXN_FAILURE", "501")), NoReply("lost"),
        answer({}, status=429), answer({}, status=404), answer({**STATUS_BODY, "txnAmount": "9.00"}), NotSent("down"),
        Response(status=200, body=b"<html>"), PAID,
    )  # fmt: skip
    assert read.kind is Kind.SUCCESS
    assert asked == [5.0 * turn for turn in range(10)]


@pytest.mark.parametrize("last", [NOBODY, PENDING, answer(result("TXN_FAILURE", "7777"))])
def test_time_never_decides(clock: ManualClock, last: Response) -> None:
    """When the time is up, the last answer is returned as it is, within the time."""
    read, asked = live(waiting(clock, 30), clock, last)
    assert not is_settled(read)
    assert 29 <= clock.monotonic() <= 30
    assert max(asked) <= 29


def test_the_pauses_grow(clock: ManualClock) -> None:
    """Without an interval of the caller's the questions thin out: 5, 5, 10, 15, 30, then every minute."""
    _, asked = live(waiting(clock, 300, None), clock, PENDING)
    gaps = [later - sooner for sooner, later in pairwise(asked)]
    assert gaps[:8] == [5.0, 5.0, 10.0, 15.0, 30.0, 60.0, 60.0, 60.0]
    assert max(gaps) == 60.0


def test_without_one_answer_the_last_failure_is_raised(clock: ManualClock) -> None:
    """A wait in which nothing was heard says so."""
    with pytest.raises(NoReply):
        live(waiting(clock, 20), clock, NoReply("lost"))


def test_a_failure_ends_the_waiting(clock: ManualClock) -> None:
    """A declined payment is an end; a refused question is raised at once."""
    read, asked = live(
        waiting(clock, 60), clock, PENDING, answer(result("TXN_FAILURE", "227", orderId="ORD1"))
    )
    assert (read.kind, len(asked)) == (Kind.DECLINED, 2)
    with pytest.raises(Refused):
        live(waiting(clock, 60), clock, answer(result("TXN_FAILURE", "335")))


def test_a_flow_yields_only_requests_and_waits(clock: ManualClock) -> None:
    """Between two questions the flow asks its driver to let time pass."""
    flow = waiting(clock, 60)
    assert isinstance(next(flow), Request)
    step = flow.send(PENDING)
    assert isinstance(step, Wait)
    assert not isinstance(step, Keep)
    assert step.seconds == 5.0


# Money back, and questions.


def test_a_refund_is_taken_in_then_done() -> None:
    """601 is returned as taken in; 10 of the right amount as done."""
    raised, _ = talk(refund_flow(REFUND, KEY), answer(result("PENDING", "601", refId="REF1", orderId="ORD1")))
    assert raised.kind is Kind.ACCEPTED
    done = result("TXN_SUCCESS", "10", refId="REF1", orderId="ORD1", mid=MID, refundAmount="0.50")
    read, _ = talk(refund_status_flow(REFUND_STATUS, KEY, amount_paise=50), answer(done))
    assert read.kind is Kind.SUCCESS


@pytest.mark.parametrize("code", ["501", "628", "7777"])
def test_an_open_refund_is_returned(code: str) -> None:
    """Where the refund may be under way the answer is a value, to be asked about."""
    read, _ = talk(refund_flow(REFUND, KEY), answer(result("PENDING", code)))
    assert read.kind not in (Kind.ACCEPTED, Kind.SUCCESS)


@pytest.mark.parametrize(
    ("code", "is_retryable"), [("619", False), ("617", False), ("620", True), ("626", True)]
)
def test_a_refused_refund_is_raised(code: str, is_retryable: bool) -> None:
    """Too much, known already, no balance, another one going on."""
    with pytest.raises(Refused) as caught:
        talk(refund_flow(REFUND, KEY), answer(result("TXN_FAILURE", code)))
    assert (caught.value.code, caught.value.is_retryable) == (code, is_retryable)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"mid": "OTHERMID"}, "body.mid"),
        ({"orderId": "ORD2"}, "body.orderId"),
        ({"refId": "REF2"}, "body.refId"),
        ({"refId": None}, "body.refId"),
        ({"refundAmount": "0.51"}, "body.refundAmount"),
        ({"refundAmount": None}, "body.refundAmount"),
    ],
)
def test_a_refund_of_something_else_proves_nothing(change: dict[str, Any], path: str) -> None:
    """Another merchant, order, refund or amount is an error, though signed."""
    done = {"refId": "REF1", "orderId": "ORD1", "mid": MID, "refundAmount": "0.50"}
    body = result("TXN_SUCCESS", "10", **{**done, **change})
    with pytest.raises(RemoteProtocolError) as caught:
        talk(refund_status_flow(REFUND_STATUS, KEY, amount_paise=50), answer(body))
    assert caught.value.path == path
    if change.get("refId"):
        with pytest.raises(RemoteProtocolError):
            talk(refund_flow(REFUND, KEY), answer(result("PENDING", "601", **change)))


def test_a_failed_refund_is_a_value_and_a_refused_question_is_not() -> None:
    """620 at status says that the refund failed; 335 says nothing about it."""
    read, _ = talk(refund_status_flow(REFUND_STATUS, KEY), answer(result("TXN_FAILURE", "620")))
    assert read.kind is Kind.VOID_FAILED
    with pytest.raises(Refused):
        talk(refund_status_flow(REFUND_STATUS, KEY), answer(result("TXN_FAILURE", "335")))


def test_questions_are_answered_or_refused() -> None:
    """Options, a UPI id and the list of orders: an answer is returned, a no and a failure are raised."""
    options, _ = talk(options_flow(OPTIONS, KEY), answer(result("S", "0000"), key=None))
    verdict, _ = talk(vpa_flow(VPA, KEY), answer(result("S", "0000", valid=False), key=None))
    page, _ = talk(order_list_flow(LIST, KEY), answer(result("SUCCESS", "1001", orders=[])))
    assert (options.kind, verdict.is_valid, page.orders) == (Kind.SUCCESS, False, ())
    for flow, code in (
        (options_flow(OPTIONS, KEY), "1006"),
        (vpa_flow(VPA, KEY), "501"),
        (order_list_flow(LIST, KEY), "4001"),
    ):
        with pytest.raises(Refused):
            talk(flow, answer(result("F", code), key=None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (initiate_flow(INITIATE, KEY), "No money has moved yet: send the same order again."),
        (process_flow(INTENT, KEY), "Money may have moved"),
        (status_flow(STATUS, KEY), "Asking moves no money"),
        (options_flow(OPTIONS, KEY), "Asking moves no money"),
        (refund_flow(REFUND, KEY), "Money may have moved"),
    ],
)
def test_a_lost_answer_says_what_it_means_for_money(call: Flow[Any], advice: str) -> None:
    """The advice fits what was asked."""
    with pytest.raises(NoReply, match=advice):
        talk(call, replace(PENDING, status=503))
