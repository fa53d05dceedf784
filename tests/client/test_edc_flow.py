"""The card machine's conversations stepped by hand: no network, no clock but a manual one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from galla.client.edc import is_final, sale_flow, status_flow, void_flow, wait_flow
from galla.client.flows import Flow, Wait, run
from galla.clock import ManualClock
from galla.errors import NoReply, NotSent, Refused, RemoteProtocolError
from galla.protocol.codes import Kind, ResultInfo
from galla.protocol.edc import SaleReply, SaleRequest, StatusReply, StatusRequest, VoidReply, VoidRequest
from galla.protocol.message import MerchantKey, Request, Response

T = TypeVar("T")

KEY = MerchantKey("unit_test_key_16")
NOW = "2026-01-05 10:20:30"
WHO: dict[str, Any] = {
    "paytm_mid": "TESTMID0000000000001",
    "paytm_tid": "12345678",
    "merchant_transaction_id": "CLINIC000001",
    "transaction_date_time": NOW,
    "channel_id": "EDC",
    "request_time_stamp": NOW,
}
SALE = SaleRequest(**WHO, transaction_amount="50000")
ASK = StatusRequest(**WHO)
ASK_VOID = StatusRequest(**WHO, event="VOID")
VOID = VoidRequest(**WHO)

ACCEPTED = ResultInfo(status="ACCEPTED_SUCCESS", code="A", code_id="0009")
PENDING = ResultInfo(status="PENDING", code="P", code_id="0010")
PAID = ResultInfo(status="SUCCESS", code="S", code_id="0000")
MINE = {"merchant_transaction_id": "CLINIC000001", "paytm_mid": "TESTMID0000000000001"}


def no(code_id: str) -> ResultInfo:
    """Return a refusal with this code."""
    return ResultInfo(status="FAIL", code="F", code_id=code_id, message="No.")


def sold(result: ResultInfo, **fields: str) -> Response:
    """Return an answer to a sale."""
    return SaleReply(result=result, **{**MINE, **fields}).encode(NOW)


def told(result: ResultInfo, **fields: str) -> Response:
    """Return an answer to a status request."""
    return StatusReply(result=result, **{**MINE, **fields}).encode(NOW)


def end(flow: Flow[T], response: Response | None) -> T:
    """Send the last response and return what the flow returns."""
    with pytest.raises(StopIteration) as stop:
        flow.send(response)
    value: T = stop.value.value
    return value


def test_an_accepted_sale_is_returned() -> None:
    """One request, one answer, and the answer says accepted: never paid."""
    flow = sale_flow(SALE, KEY)
    request = next(flow)
    assert isinstance(request, Request)
    assert (request.operation, request.paytm_id) == ("sale", "CLINIC000001")

    reply = end(flow, sold(ACCEPTED))

    assert Kind.ACCEPTED is reply.kind


def test_a_reply_without_an_id_gets_the_one_that_was_sent() -> None:
    """The caller always learns the id to ask about, whatever Paytm leaves out."""
    flow = sale_flow(SALE, KEY)
    next(flow)

    reply = end(flow, SaleReply(result=ACCEPTED).encode(NOW))

    assert reply.merchant_transaction_id == "CLINIC000001"


@pytest.mark.parametrize(
    ("code_id", "is_retryable"), [("0330", False), ("0333", True), ("0011", False), ("7777", False)]
)
def test_a_refused_sale_is_raised(code_id: str, is_retryable: bool) -> None:
    """A sale that Paytm said no to raises its code, a sentence, a hint, and whether to try again."""
    flow = sale_flow(SALE, KEY)
    next(flow)

    with pytest.raises(Refused) as caught:
        flow.send(sold(no(code_id)))

    assert (code_id, is_retryable) == (caught.value.code, caught.value.is_retryable)
    assert (caught.value.operation, caught.value.paytm_id) == ("sale", "CLINIC000001")
    assert caught.value.message
    assert caught.value.hint


def test_a_duplicate_id_says_to_ask_for_its_status() -> None:
    """0233 means that an earlier request arrived: the hint is to ask, and never to try another id."""
    flow = sale_flow(SALE, KEY)
    next(flow)

    with pytest.raises(Refused, match="already") as caught:
        flow.send(sold(no("0233")))

    assert caught.value.code == "0233"
    assert "ask for the status" in caught.value.hint
    assert not caught.value.is_retryable


@pytest.mark.parametrize(
    "result",
    [no("0012"), no("0404"), ResultInfo(status="REVIEW", code="R", code_id="7777")],
)
def test_an_open_outcome_is_no_refusal(result: ResultInfo) -> None:
    """Paytm's own errors and contradictions leave the sale open, so they are returned: ask the status."""
    flow = sale_flow(SALE, KEY)
    next(flow)

    reply = end(flow, sold(result))

    assert reply.kind not in (Kind.SUCCESS, Kind.DECLINED, Kind.REFUSED)


@pytest.mark.parametrize(
    "fields", [{"merchant_transaction_id": "SOMEBODY0001"}, {"paytm_mid": "SOMEBODYELSE00000000"}]
)
def test_an_answer_about_somebody_else_proves_nothing(fields: dict[str, str]) -> None:
    """A reply that names another payment or merchant is a protocol error, paid or not."""
    sale, status = sale_flow(SALE, KEY), status_flow(ASK, KEY)
    next(sale)
    next(status)

    with pytest.raises(RemoteProtocolError, match="proves nothing"):
        sale.send(sold(ACCEPTED, **fields))
    with pytest.raises(RemoteProtocolError, match="proves nothing"):
        status.send(told(PAID, **fields))


def test_a_success_without_an_id_proves_nothing() -> None:
    """Paid, but it is not said what: not a proof."""
    flow = status_flow(ASK, KEY)
    next(flow)

    with pytest.raises(RemoteProtocolError):
        flow.send(StatusReply(result=PAID).encode(NOW))


@pytest.mark.parametrize("code_id", ["0011", "0404", "0029", "0012", "0090"])
def test_a_failed_payment_is_a_value(code_id: str) -> None:
    """Asking never raises because of how a payment fared."""
    flow = status_flow(ASK, KEY)
    next(flow)

    assert code_id == end(flow, told(no(code_id))).result.code_id


def test_a_refused_question_is_raised() -> None:
    """A wrong key makes the question fail, which says nothing about the payment."""
    flow = status_flow(ASK, KEY)
    next(flow)

    with pytest.raises(Refused) as caught:
        flow.send(told(no("0330")))
    assert (caught.value.code, caught.value.operation) == ("0330", "status")


def test_a_void_is_accepted_or_refused() -> None:
    """A void's answer is acceptance or a refusal with its hint; never that it was voided."""
    flow = void_flow(VOID, KEY)
    next(flow)
    assert Kind.ACCEPTED is end(flow, VoidReply(result=ACCEPTED, **MINE).encode(NOW)).kind

    flow = void_flow(VOID, KEY)
    next(flow)
    with pytest.raises(Refused, match="reversed"):
        flow.send(VoidReply(result=no("0180"), **MINE).encode(NOW))


@pytest.mark.parametrize("error", [NotSent("x"), NoReply("x")])
def test_a_network_failure_comes_out_of_the_sale_and_is_not_retried(error: Exception) -> None:
    """What the driver throws in is what the caller gets; the flow sends nothing more."""
    flow = sale_flow(SALE, KEY)
    next(flow)

    with pytest.raises(type(error)):
        flow.throw(error)
    with pytest.raises(StopIteration):
        next(flow)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_gateways_own_answer_is_no_reply(status: int) -> None:
    """HTTP 5xx with a page of HTML is not Paytm speaking: the outcome is open and the message says so."""
    flow = sale_flow(SALE, KEY)
    next(flow)

    with pytest.raises(NoReply, match="do not send it again") as caught:
        flow.send(Response(status=status, body=b"<html>Bad Gateway</html>"))
    assert caught.value.paytm_id == "CLINIC000001"


def waiting(clock: ManualClock, *, timeout_s: float = 20, every_s: float = 5) -> Flow[StatusReply]:
    """Begin to wait for the sale."""
    return wait_flow(lambda: ASK, KEY, ends_s=clock.monotonic() + timeout_s, every_s=every_s, clock=clock)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when told to."""
    return ManualClock(datetime(2026, 1, 5, 4, 50, tzinfo=UTC))


def test_waiting_ends_with_the_final_answer(clock: ManualClock) -> None:
    """Pending, a pause, paid: the paid answer is returned."""
    flow = waiting(clock)
    assert isinstance(next(flow), Request)
    assert Wait(5) == flow.send(told(PENDING))
    clock.advance(5)
    assert isinstance(flow.send(None), Request)

    assert Kind.SUCCESS is end(flow, told(PAID)).kind


def test_waiting_survives_lost_and_unreadable_answers(clock: ManualClock) -> None:
    """A lost answer, a refused connection, a page of HTML and a stranger's answer are asked past."""
    flow = waiting(clock)
    next(flow)
    assert Wait(5) == flow.throw(NoReply("lost"))
    flow.send(None)
    assert Wait(5) == flow.throw(NotSent("refused"))
    flow.send(None)
    assert Wait(5) == flow.send(Response(status=502, body=b"<html>"))
    flow.send(None)
    assert Wait(5) == flow.send(Response(status=200, body=b"<html>"))
    flow.send(None)
    assert Wait(5) == flow.send(told(PAID, merchant_transaction_id="SOMEBODY0001"))
    flow.send(None)

    assert Kind.SUCCESS is end(flow, told(PAID)).kind


def test_time_never_decides(clock: ManualClock) -> None:
    """When the time is up the last answer is returned, and it still says pending."""
    asked: list[float] = []

    def never_sure(request: Request) -> Response:
        asked.append(clock.monotonic())
        return told(PENDING)

    reply = run(waiting(clock, timeout_s=12, every_s=5), never_sure, clock)

    assert Kind.PENDING is reply.kind
    assert asked == [0, 5, 10, 11]  # the last one shortly before the end, with time to be answered


def test_an_answer_once_heard_outlives_later_silence(clock: ManualClock) -> None:
    """The last answer is returned at the end, even if the last questions were lost."""
    flow = waiting(clock, timeout_s=5, every_s=5)
    next(flow)
    assert Wait(4) == flow.send(told(PENDING))
    clock.advance(4)
    flow.send(None)

    with pytest.raises(StopIteration) as stop:
        flow.throw(NoReply("lost"))
    assert Kind.PENDING is stop.value.value.kind


def test_waiting_without_any_answer_raises_the_last_failure(clock: ManualClock) -> None:
    """Nobody ever answered: there is no reply to return, so the failure is raised."""
    flow = waiting(clock, timeout_s=1, every_s=5)
    next(flow)

    with pytest.raises(NoReply, match="lost"):
        flow.throw(NoReply("lost"))


def test_waiting_stops_at_a_refused_question(clock: ManualClock) -> None:
    """A wrong key is not cured by asking again."""
    flow = waiting(clock)
    next(flow)

    with pytest.raises(Refused):
        flow.send(told(no("0330")))


def test_what_is_final_depends_on_the_question() -> None:
    """A failed void ends the wait for the void, and says nothing final about the sale."""
    void_failed = StatusReply(result=no("0090"))

    assert is_final(void_failed, event="VOID")
    assert not is_final(void_failed)
    assert is_final(StatusReply(result=no("0011")))
    assert not any(is_final(StatusReply(result=info)) for info in (ACCEPTED, PENDING, no("0404"), no("0012")))
    assert [ASK_VOID.event, None] == ["VOID", ASK.event]
