"""The library's payment queue, blocking and not: codes, their ends, refusals and lost answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from galla import AsyncPaytmQueue, NoReply, PaytmQueue, QueueState, Refused, is_over
from galla.clock import ManualClock
from galla.errors import AmountNotAllowed, ConfigError, InvalidField, RemoteProtocolError
from galla.protocol.message import Request, Response
from galla.sandbox import DEMO_KEY, DEMO_MID, Fault, Kind, Sandbox

ID = "CLINIC000001"


def queue_at(box: Sandbox, clock: ManualClock, **more: Any) -> PaytmQueue:
    """Return a client of the demo merchant in front of a sandbox."""
    given = {"client_id": "C11", "environment": "sandbox", "transport": box.handle, "clock": clock, **more}
    return PaytmQueue(mid=DEMO_MID, key=DEMO_KEY, **given)


@pytest.fixture
def clock() -> ManualClock:
    """A clock moved by hand."""
    return ManualClock(datetime(2026, 1, 5, 6, 30, tzinfo=UTC))


@pytest.fixture
def box(clock: ManualClock) -> Sandbox:
    """A sandbox on that clock."""
    return Sandbox(clock, seed=1)


def test_a_code_is_waited_for_to_its_end(box: Sandbox, clock: ManualClock) -> None:
    """Create, and wait until somebody has typed the code in and paid."""
    box.play(after_s=3)
    queue = queue_at(box, clock)
    code = queue.create(amount_paise=90_000, id=ID, reference="INV-1").cpay_id
    assert code is not None
    final = queue.wait(code, timeout_s=60)
    assert (final.state, is_over(final)) == (QueueState.COMPLETED, True)
    assert final.paid_by is not None
    assert (final.merchant_txn_id, final.paid_by.txn_amount) == (ID, "90000")


def test_a_wait_ends_with_what_is_true(box: Sandbox, clock: ManualClock) -> None:
    """When the time is up the answer is that it waits; time decides nothing."""
    queue = queue_at(box, clock)
    code = queue.create(amount_paise=90_000).cpay_id
    assert code is not None
    last = queue.wait(code, timeout_s=20)
    assert (last.state, is_over(last)) == (QueueState.IN_QUEUE, False)


def test_a_code_is_taken_back(box: Sandbox, clock: ManualClock) -> None:
    """A cancel, and then the status says so; one that is being paid is refused."""
    queue = queue_at(box, clock)
    gone, taken = (queue.create(amount_paise=90_000).cpay_id for _ in range(2))
    assert gone is not None
    assert taken is not None
    queue.cancel(gone)
    assert queue.status(gone).state is QueueState.CANCELLED
    box.type_code("12345671", taken)
    with pytest.raises(Refused):
        queue.cancel(taken)


def test_a_lost_answer_says_that_the_same_id_may_be_sent_again(box: Sandbox, clock: ManualClock) -> None:
    """Unlike a sale, a create may be repeated, and the error says why."""
    box.add_fault(Fault(kind=Kind.DROP_AFTER, operation="queue"))
    queue = queue_at(box, clock)
    with pytest.raises(NoReply, match="send the same id again") as lost:
        queue.create(amount_paise=90_000, id=ID)
    assert lost.value.paytm_id == ID
    assert queue.create(amount_paise=90_000, id=ID).cpay_id


def test_a_no_is_raised_with_its_advice(box: Sandbox, clock: ManualClock) -> None:
    """A hash that Paytm does not speak, or a code it does not know, is a refusal with a hint."""
    with pytest.raises(Refused) as refused:
        queue_at(box, clock, hash="aes-values").create(amount_paise=90_000)
    assert (refused.value.code, bool(refused.value.hint)) == ("EDC_0017", True)
    with pytest.raises(Refused):
        queue_at(box, clock).status("999999")


def test_an_answer_about_another_code_proves_nothing(box: Sandbox, clock: ManualClock) -> None:
    """A status that speaks of another code or merchant is not taken for an answer."""
    code = queue_at(box, clock).create(amount_paise=90_000).cpay_id
    assert code is not None

    def crossed(request: Request) -> Response:
        answer = box.handle(request)
        return Response(status=200, body=answer.body.replace(code.encode(), b"000000"))

    with pytest.raises(RemoteProtocolError, match="proves nothing"):
        queue_at(box, clock, transport=crossed).status(code)


def test_an_acceptance_without_a_code_is_no_code(box: Sandbox, clock: ManualClock) -> None:
    """Without a code nobody can collect: the error says to create it again."""

    def silent(request: Request) -> Response:
        return Response(status=200, body=box.handle(request).body.replace(b"cpayId", b"other"))

    with pytest.raises(RemoteProtocolError, match="no code"):
        queue_at(box, clock, transport=silent).create(amount_paise=90_000)


@pytest.mark.parametrize("wrong", [{"client_id": ""}, {"hash": "x"}, {"status_method": "PUT"}])
def test_what_cannot_work_is_found_before_any_io(box: Sandbox, clock: ManualClock, wrong: dict[str, str]) -> None:
    """A missing client id, an unknown hash or verb is refused when the client is made."""
    with pytest.raises(ConfigError):
        queue_at(box, clock, **wrong)


def test_what_cannot_be_asked_is_not_sent(box: Sandbox, clock: ManualClock) -> None:
    """No amount, no way to pay, no request named: said before anything leaves."""
    queue = queue_at(box, clock)
    with pytest.raises(AmountNotAllowed):
        queue.create(amount_paise=0)
    with pytest.raises(InvalidField):
        queue.create(amount_paise=1, accept="cash")  # type: ignore[arg-type]
    with pytest.raises(InvalidField):
        queue.cancel()
    assert not box.wire.calls()


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_the_awaitable_client_does_the_same(box: Sandbox, clock: ManualClock, method: str) -> None:
    """The same verbs and ends on an event loop, by POST and by GET."""
    async with AsyncPaytmQueue(
        mid=DEMO_MID, key=DEMO_KEY, client_id="C11", environment="sandbox", transport=box.ahandle, clock=clock,
        status_method=method,
    ) as queue:
        code = (await queue.create(amount_paise=90_000)).cpay_id
        assert code is not None
        assert (await queue.status(code)).state is QueueState.IN_QUEUE
        await queue.cancel(code)
        assert (await queue.wait(code, timeout_s=10)).state is QueueState.CANCELLED
