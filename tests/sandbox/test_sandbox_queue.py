"""The sandbox's payment queue: codes given, typed into machines, run out, taken back, and refused as Paytm does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from galla.clock import ManualClock, ist_text
from galla.errors import IllegalTransition, InvalidField
from galla.protocol.message import MerchantKey
from galla.protocol.queue import (
    QueueCancelRequest,
    QueueCreateRequest,
    QueueState,
    QueueStatusReply,
    QueueStatusRequest,
)
from galla.protocol.req_hash import SCHEMES
from galla.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, Fault, Kind, Sandbox
from galla.sandbox.app import make_app
from galla.sandbox.terminal import Action, Screen

KEY = MerchantKey(DEMO_KEY)
NOON = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
FIRST, SECOND = DEMO_TIDS
ID = "CLINIC000001"


class Desk:
    """Speaks to one sandbox as a merchant does, and stands at its machines."""

    def __init__(self) -> None:
        self.box = Sandbox(ManualClock(NOON), seed=1)

    def create(self, **changes: Any) -> QueueCreateRequest:
        """Return a create that has not been sent."""
        call = QueueCreateRequest(
            mid=DEMO_MID, client_id="C11", txn_date=ist_text(NOON), merchant_txn_id=ID, txn_amount="50000"
        )
        return replace(call, **changes)

    def said(self, call: Any) -> Any:
        """Send a call and return the reply."""
        return call.parse_reply(self.box.handle(call.encode(KEY)), KEY)

    def code(self, **changes: Any) -> str:
        """Create a request and return its code."""
        return str(self.said(self.create(**changes)).cpay_id)

    def status(self, code: str) -> QueueStatusReply:
        """Ask about a code."""
        call = QueueStatusRequest(mid=DEMO_MID, client_id="C11", cpay_id=code, txn_date=ist_text(NOON))
        reply: QueueStatusReply = self.said(call)
        return reply

    def cancel(self, code: str | None = None, id_: str | None = None) -> Any:
        """Take a request back."""
        return self.said(
            QueueCancelRequest(
                mid=DEMO_MID, client_id="C11", date=ist_text(NOON), cpay_id=code, merchant_order_id=id_, tid=FIRST
            )
        )

    def press(self, *actions: Action, tid: str = FIRST, card: str = "visa_credit") -> None:
        """Do things at a machine."""
        for action in actions:
            self.box.act(tid, action, card=card)


@pytest.fixture
def desk() -> Desk:
    """A merchant's desk at an empty sandbox."""
    return Desk()


@pytest.mark.parametrize("tid", DEMO_TIDS)
def test_any_machine_collects_a_code(desk: Desk, tid: str) -> None:
    """The code opens the amount on whichever machine it is typed into; paid there, the status names that machine."""
    code = desk.code()
    assert desk.status(code).state is QueueState.IN_QUEUE
    shown = desk.box.type_code(tid, code)
    assert (shown.screen, shown.job.amount_paise if shown.job else 0) == (Screen.PRESENT, 50_000)
    assert desk.status(code).state is QueueState.PENDING
    desk.press(Action.INSERT, Action.PIN_RIGHT, tid=tid)
    paid = desk.status(code)
    assert paid.paid_by is not None
    assert (paid.state, paid.paid_by.tid, paid.merchant_txn_id) == (QueueState.COMPLETED, tid, ID)


def test_a_code_can_be_paid_by_upi(desk: Desk) -> None:
    """The machine shows the QR of a collected code like that of a sale."""
    code = desk.code(payment_mode="QR")
    assert desk.box.type_code(FIRST, code).screen is Screen.QR
    desk.press(Action.SCAN, Action.APPROVE)
    paid = desk.status(code).paid_by
    assert paid is not None
    assert (paid.pay_method, paid.issuer_mask_card_no) == ("UPI", None)


def test_a_wrong_code_is_an_error_on_the_machine(desk: Desk) -> None:
    """Unknown, collected, paid, taken back, run out: each is said on the screen, and nothing is begun."""
    code = desk.code()
    assert "no such request" in desk.box.type_code(FIRST, "000000").notice
    desk.box.type_code(FIRST, code)
    assert "collected already" in desk.box.type_code(SECOND, code).notice
    desk.press(Action.INSERT, Action.PIN_RIGHT)
    assert "collected already" in desk.box.type_code(SECOND, code).notice
    gone, old = desk.code(merchant_txn_id="CLINIC000002"), desk.code(merchant_txn_id="CLINIC000003")
    desk.cancel(gone)
    assert "not valid any more" in desk.box.type_code(SECOND, gone).notice
    desk.box.clock.advance(86_401)
    assert "not valid any more" in desk.box.type_code(SECOND, old).notice
    assert desk.status(old).state is QueueState.EXPIRED
    assert desk.box.terminals[SECOND].screen is Screen.CODE
    desk.press(Action.RED_KEY, tid=SECOND)
    assert desk.box.terminals[SECOND].screen is Screen.IDLE
    assert len(desk.box.charges) == 1


def test_a_code_typed_without_a_network_waits(desk: Desk) -> None:
    """Offline the machine says so, and the code stays good."""
    code = desk.code()
    desk.press(Action.ENTER_CODE, Action.NETWORK_OFF)
    assert "No connection" in desk.box.type_code(FIRST, code).notice
    desk.press(Action.NETWORK_ON)
    assert desk.box.type_code(FIRST, code).screen is Screen.PRESENT


def test_a_sale_pushed_while_the_keypad_is_open_is_not_lost(desk: Desk) -> None:
    """What the counter pushes meanwhile appears when the keypad is left; a code is refused until then."""
    from galla.protocol.edc import SaleRequest

    code = desk.code()
    desk.press(Action.ENTER_CODE)
    sale = SaleRequest(
        paytm_mid=DEMO_MID, paytm_tid=FIRST, merchant_transaction_id="CLINIC000009", transaction_amount="900",
        transaction_date_time=ist_text(NOON), channel_id="EDC", request_time_stamp=ist_text(NOON),
    )
    desk.box.handle(sale.encode(KEY))
    assert "Another request" in desk.box.type_code(FIRST, code).notice
    desk.press(Action.RED_KEY)
    assert desk.box.terminals[FIRST].screen is Screen.CONFIRM
    with pytest.raises(IllegalTransition):
        desk.box.type_code(FIRST, code)


def test_a_failed_try_is_listed_and_the_code_stays_good(desk: Desk) -> None:
    """A declined card makes a FAILED entry with one try; the second machine's is the second, and the one that paid."""
    code = desk.code()
    desk.box.type_code(FIRST, code)
    desk.press(Action.INSERT, Action.PIN_RIGHT, card="no_funds")
    failed = desk.status(code)
    assert (failed.state, [each.is_paid for each in failed.orders]) == (QueueState.FAILED, [False])
    desk.box.type_code(SECOND, code)
    desk.press(Action.INSERT, Action.PIN_RIGHT, tid=SECOND)
    assert [each.is_paid for each in desk.status(code).orders] == [False, True]


@pytest.mark.parametrize("by", ["code", "id"])
def test_a_request_is_taken_back_by_code_or_id(desk: Desk, by: str) -> None:
    """Accepted, and then the status says cancelled; while somebody pays, and afterwards, it is refused."""
    code = desk.code()
    reply = desk.cancel(code) if by == "code" else desk.cancel(id_=ID)
    assert (reply.result.code, desk.status(code).state) == ("A", QueueState.CANCELLED)
    other = desk.code(merchant_txn_id="CLINIC000002")
    desk.box.type_code(FIRST, other)
    assert desk.cancel(other).result.code_id == "0090"
    desk.press(Action.INSERT, Action.PIN_RIGHT)
    assert desk.cancel(other).result.code_id == "0090"
    assert desk.cancel("999999").result.code_id == "0404"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mid": "NOBODY"}, "EDC_0021"),
        ({"scheme": SCHEMES["hmac-values"]}, "EDC_0017"),
        ({"txn_date": "2026-02-30 10:00:00"}, "EDC_0007"),
        ({"txn_date": "2026-01-06 10:00:00"}, "EDC_0007"),
    ],
)
def test_what_is_wrong_is_refused_with_paytms_code(desk: Desk, changes: dict[str, Any], code: str) -> None:
    """Another merchant, another hash, no day of the calendar, a day to come."""
    assert desk.said(desk.create(**changes)).result.code_id == code
    assert not desk.box.entries


def test_a_blocked_merchant_gets_no_code(desk: Desk) -> None:
    """A merchant whom Paytm has blocked is told that it is not configured."""
    desk.box.add_merchant(DEMO_MID, DEMO_KEY, is_blocked=True)
    assert desk.said(desk.create()).result.code_id == "EDC_0021"


def test_a_second_create_does_what_is_set(desk: Desk) -> None:
    """Another code, the same one while it waits, or a refusal: Paytm has not said which, so each can be rehearsed."""
    first = desk.code()
    assert desk.code() != first
    desk.box.queue_repeat = "same"
    assert desk.code() == list(desk.box.entries)[-1][1]
    desk.box.queue_repeat = "refused"
    assert desk.said(desk.create()).result.code_id == "EDC_0016"


def test_only_known_schemes_are_set(desk: Desk) -> None:
    """The accepted hashes are chosen by their names."""
    desk.box.queue_hashes = ("aes-json", "hmac-values")
    assert desk.said(desk.create(scheme=SCHEMES["hmac-values"])).cpay_id
    with pytest.raises(InvalidField):
        desk.box.queue_hashes = ("rot13",)


@pytest.mark.parametrize("outcome", ["card", "upi"])
def test_absent_people_type_codes_too(desk: Desk, outcome: str) -> None:
    """With autoplay each code is typed into a free machine and paid after a while, one after the other."""
    desk.box.play(after_s=2, outcome=outcome)
    codes = [desk.code(merchant_txn_id=f"CLINIC00000{number}") for number in range(4)]
    desk.box.clock.advance(120)
    assert {desk.status(code).state for code in codes} == {QueueState.COMPLETED}


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Kind.WRONG_AMOUNT, "txn_amount", "50100"),
        (Kind.WRONG_MID, "mid", "SOMEBODYELSE00000000"),
        (Kind.WRONG_ID, "merchant_txn_id", "SOMEBODYELSE0001"),
    ],
)
def test_faults_change_a_status(desk: Desk, kind: Kind, field: str, value: str) -> None:
    """Wrong amount, MID and id strike the queue's status as they strike others."""
    code = desk.code()
    desk.box.add_fault(Fault(kind=kind, operation="queue_status", paytm_id=ID))
    assert getattr(desk.status(code), field) == value


def test_a_window_of_not_found_and_a_late_success(desk: Desk) -> None:
    """A fault of the create hides the code for a while, or tells its success late."""
    desk.box.add_fault(Fault(kind=Kind.NOT_FOUND_WINDOW, operation="queue", after_ms=5_000))
    hidden = desk.code()
    assert desk.status(hidden).result.code_id == "0404"
    desk.box.clock.advance(6)
    assert desk.status(hidden).state is QueueState.IN_QUEUE
    desk.box.add_fault(Fault(kind=Kind.LATE_SUCCESS_AFTER_FAILURE, operation="queue", after_ms=5_000))
    late = desk.code(merchant_txn_id="CLINIC000002")
    desk.box.type_code(FIRST, late)
    desk.press(Action.INSERT, Action.PIN_RIGHT)
    assert desk.status(late).state is QueueState.FAILED
    desk.box.clock.advance(6)
    assert desk.status(late).state is QueueState.COMPLETED


def test_the_remote_control_types_codes_and_sets_the_queue(desk: Desk) -> None:
    """Over HTTP: the state lists the queue, a code is typed in, its life and dialects are set, nonsense is refused."""
    with TestClient(make_app(desk.box), base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as http:
        code = desk.code()
        (entry,) = http.get("/_sandbox/state").json()["queue"]
        assert (entry["code"], entry["state"]) == (code, "IN_QUEUE")
        assert http.post(f"/_sandbox/terminals/{FIRST}/code", json={"code": code}).json()["screen"] == "present"
        assert http.post(f"/_sandbox/terminals/{FIRST}/code", json={"code": code}).status_code == 409
        assert http.post("/_sandbox/terminals/1/code", json={"code": code}).status_code == 404
        chosen = {"queue_life_s": 60, "queue_repeat": "same", "queue_hashes": ["aes-values"]}
        assert http.post("/_sandbox/settings", json=chosen).json().items() >= chosen.items()
        assert http.post("/_sandbox/settings", json={"queue_hashes": ["x"]}).status_code == 422
        assert http.post("/_sandbox/settings", json={"queue_repeat": "x"}).status_code == 422
