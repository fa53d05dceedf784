"""Each rehearsed failure, in process: what it does to the answer and what Paytm knows afterwards."""

import msgspec
import pytest

from galla.errors import ChecksumMismatch, InvalidField, NoReply, NotSent, RemoteProtocolError
from galla.protocol.message import Response
from galla.sandbox import Fault, Kind
from tests.sandbox.pretend import FIRST, KEY, SECOND, Till, verdict


def till_with(kind: Kind, **fields: object) -> Till:
    till = Till()
    till.sandbox.add_fault(Fault(kind=kind, **fields))  # type: ignore[arg-type]
    return till


def paid_till() -> Till:
    till = Till()
    till.sale()
    till.press("accept", "tap")
    return till


def body(response: Response) -> dict[str, str]:
    fields: dict[str, str] = msgspec.json.decode(response.body)["body"]
    return fields


@pytest.mark.parametrize(
    ("kind", "error", "is_known"),
    [
        (Kind.REFUSE_CONNECTION, NotSent, False),
        (Kind.DROP_BEFORE, NoReply, False),
        (Kind.DROP_AFTER, NoReply, True),
    ],
)
def test_a_lost_conversation(kind: Kind, error: type[Exception], is_known: bool) -> None:
    """Before processing nothing is known afterwards, after it the sale is on the machine."""
    till = till_with(kind)

    with pytest.raises(error) as caught:
        till.sale()

    assert type(caught.value) is error
    assert ("P 0010" if is_known else "F 0404") == till.says()
    assert ("F 0233" if is_known else "A 0009") == verdict(till.sale())


def test_a_delay_passes_on_the_clock() -> None:
    """A late reply arrives when its time has passed."""
    till = till_with(Kind.DELAY, after_ms=7_000)
    before = till.clock.now()

    assert verdict(till.sale()) == "A 0009"

    assert (till.clock.now() - before).total_seconds() == 7


@pytest.mark.parametrize("kind", [Kind.DELAY, Kind.SLOW_DRIP])
def test_a_reply_later_than_the_time_out_is_lost(kind: Kind) -> None:
    """In process, a reply that nobody waits for is a lost reply, and the work is done."""
    till = till_with(kind, after_ms=60_000)

    with pytest.raises(NoReply):
        till.sale()

    assert till.says() == "P 0010"


async def test_the_async_door_is_the_same() -> None:
    """`ahandle` answers, waits and loses as `handle` does."""
    till = till_with(Kind.DELAY, after_ms=2_000)
    before = till.clock.now()
    request = till.sale_request()
    reply = request.parse_reply(await till.sandbox.ahandle(request.encode(KEY)), KEY)
    assert (verdict(reply), (till.clock.now() - before).total_seconds()) == ("A 0009", 2)

    till.sandbox.add_fault(Fault(kind=Kind.REFUSE_CONNECTION))
    with pytest.raises(NotSent):
        await till.sandbox.ahandle(till.status_request())


def test_a_request_delivered_twice_is_a_duplicate() -> None:
    """The second answer comes back, 0233, and there is one sale."""
    till = till_with(Kind.DUPLICATE)

    assert verdict(till.sale()) == "F 0233"
    assert till.says() == "P 0010"
    assert len(till.sandbox.charges) == 1


@pytest.mark.parametrize("kind", [Kind.HTTP_500, Kind.HTML, Kind.TRUNCATED_JSON, Kind.RATE_LIMITED])
def test_an_unreadable_answer(kind: Kind) -> None:
    """What is not a reply cannot be read as one; only a 429 has not been worked on."""
    till = till_with(kind)

    with pytest.raises(RemoteProtocolError):
        till.sale()

    assert ("F 0404" if kind is Kind.RATE_LIMITED else "P 0010") == till.says()


def test_a_rate_limit_says_when_to_come_back() -> None:
    """A 429 carries Retry-After."""
    till = till_with(Kind.RATE_LIMITED, retry_after_s=9)

    response = till.sandbox.handle(till.status_request())

    assert (response.status, response.headers["retry-after"]) == (429, "9")


def test_a_trailing_comma_is_not_json_and_is_forgiven() -> None:
    """The text is broken JSON, and the protocol reads it all the same."""
    till = till_with(Kind.TRAILING_COMMA)
    request = till.sale_request()

    response = till.sandbox.handle(request.encode(KEY))

    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(response.body)
    assert verdict(request.parse_reply(response, KEY)) == "A 0009"


@pytest.mark.parametrize(("kind", "told"), [(Kind.INTERNAL_0012, "F 0012"), (Kind.UNKNOWN_STATUS, "R 7777")])
def test_a_result_that_says_nothing(kind: Kind, told: str) -> None:
    """The answer is useless once, and true the next time."""
    till = paid_till()
    till.sandbox.add_fault(Fault(kind=kind))

    assert [told, "S 0000"] == [till.says(), till.says()]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (Kind.WRONG_AMOUNT, "transactionAmount", "50100"),
        (Kind.WRONG_MID, "paytmMid", "SOMEBODYELSE00000000"),
        (Kind.WRONG_ID, "merchantTransactionId", "SOMEBODYELSE0001"),
    ],
)
def test_an_answer_about_something_else(kind: Kind, name: str, value: str) -> None:
    """One field of a success is another's, and nothing else changes."""
    till = paid_till()
    honest = body(till.sandbox.handle(till.status_request()))
    till.sandbox.add_fault(Fault(kind=kind))

    told = body(till.sandbox.handle(till.status_request()))

    assert honest | {name: value} == told


def test_a_wrong_amount_waits_for_an_answer_with_an_amount() -> None:
    """The fault is not spent on an answer it cannot change."""
    till = till_with(Kind.WRONG_AMOUNT)

    assert verdict(till.sale()) == "A 0009"
    assert len(till.sandbox.faults.waiting) == 1
    assert till.status().transaction_amount == "50100"


def test_a_checksum_that_does_not_fit() -> None:
    """A signed answer with a wrong signature is not believed."""
    till = paid_till()
    till.sandbox.add_fault(Fault(kind=Kind.BAD_SIGNATURE))

    with pytest.raises(ChecksumMismatch):
        till.status()


def test_a_sale_nobody_knows_yet() -> None:
    """Inside the window status is 0404; outside it is the truth."""
    till = till_with(Kind.NOT_FOUND_WINDOW, after_ms=3_000)
    till.sale()
    assert till.says() == "F 0404"

    till.clock.pause(2.999)
    assert till.says() == "F 0404"
    till.clock.pause(0.001)

    assert till.says() == "P 0010"


@pytest.mark.parametrize(
    ("kind", "meanwhile"), [(Kind.LATE_SUCCESS, "P 0010"), (Kind.LATE_SUCCESS_AFTER_FAILURE, "F 0011")]
)
def test_a_success_told_late(kind: Kind, meanwhile: str) -> None:
    """Paid at the machine, told as something else for a while, then told truly; no proof leaks before."""
    till = till_with(kind, after_ms=20_000)
    till.sale()
    till.press("accept", "tap")
    early = till.status()
    till.clock.pause(20)

    assert meanwhile == verdict(early)
    assert (early.acquirement_id, early.retrieval_reference_no) == (None, None)
    assert till.says() == "S 0000"


def test_a_fault_strikes_only_what_it_names() -> None:
    """Operation, machine, id and skip narrow a fault; `times` ends it."""
    till = Till()
    till.sandbox.add_fault(Fault(kind=Kind.INTERNAL_0012, operation="status", tid=SECOND))
    till.sandbox.add_fault(
        Fault(kind=Kind.INTERNAL_0012, operation="status", paytm_id="CLINIC000001", skip=1, times=2)
    )
    till.sale()

    told = [till.says() for _ in range(5)]

    assert told == ["P 0010", "F 0012", "F 0012", "P 0010", "P 0010"]
    assert [fault.tid for fault in till.sandbox.faults.waiting] == [SECOND]


def test_a_fault_without_end_is_removed_by_hand() -> None:
    """`times=None` strikes until it is removed by its number."""
    till = till_with(Kind.INTERNAL_0012, times=None)
    assert [till.says() for _ in range(3)] == ["F 0012"] * 3

    till.sandbox.clear_faults(till.sandbox.faults.waiting[0].number)

    assert till.says() == "F 0404"


def test_faults_strike_together() -> None:
    """A late reply can also be lost: the wait passes, then nothing comes."""
    till = till_with(Kind.DELAY, after_ms=5_000)
    till.sandbox.add_fault(Fault(kind=Kind.DROP_AFTER))
    before = till.clock.now()

    with pytest.raises(NoReply):
        till.sale(tid=FIRST)

    assert (till.clock.now() - before).total_seconds() == 5
    assert till.says() == "P 0010"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"kind": Kind.DELAY}, "after_ms"),
        ({"kind": Kind.LATE_SUCCESS}, "after_ms"),
        ({"kind": Kind.HTML, "operation": "dance"}, "operation"),
        ({"kind": Kind.NOT_FOUND_WINDOW, "operation": "status", "after_ms": 1}, "operation"),
        ({"kind": Kind.HTML, "times": 0}, "times"),
        ({"kind": Kind.HTML, "skip": -1}, "skip"),
    ],
)
def test_a_fault_that_could_never_strike_is_refused(fields: dict[str, object], param: str) -> None:
    """A fault that cannot work is refused when it is added, naming what to write."""
    with pytest.raises(InvalidField) as caught:
        Till().sandbox.add_fault(Fault(**fields))  # type: ignore[arg-type]

    assert param == caught.value.param
