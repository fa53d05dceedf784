"""The pretend card machine API: what it accepts, what it refuses and with which code, and the day of a void."""

from datetime import datetime

import msgspec
import pytest

from galla.clock import IST, ManualClock
from galla.protocol.edc import SALE_PATH, StatusReply
from galla.protocol.message import Host, MerchantKey, Request, Response
from galla.sandbox import DEMO_MID, Fault, Kind
from galla.sandbox.charge import void_ends_at
from galla.sandbox.terminal import Action
from tests.sandbox.pretend import FIRST, KEY, SECOND, Till, verdict


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-05T{clock}:00+05:30")


def altered(request: Request, **changes: object) -> Request:
    """Change body fields without signing again."""
    envelope = msgspec.json.decode(request.body)
    for name, value in changes.items():
        if value is None:
            envelope["body"].pop(name)
        else:
            envelope["body"][name] = value
    return msgspec.structs.replace(request, body=msgspec.json.encode(envelope))


def result(response: Response) -> dict[str, str]:
    info: dict[str, str] = msgspec.json.decode(response.body)["body"]["resultInfo"]
    return info


def test_a_sale_is_accepted_waits_and_is_paid_with_every_field() -> None:
    """A paid sale's status carries all that a receipt and a refund need, card masked."""
    till = Till()
    assert verdict(till.sale(merchant_reference_no="INV-42")) == "A 0009"
    assert till.says() == "P 0010"

    till.press("accept", "tap")
    reply = till.status()

    assert verdict(reply) == "S 0000"
    assert (
        reply.transaction_amount,
        reply.merchant_reference_no,
        reply.paytm_tid,
    ) == ("50000", "INV-42", FIRST)
    assert (
        reply.pay_method, reply.card_type, reply.card_scheme, reply.issuing_bank_name,
    ) == ("CREDIT_CARD", "CREDIT", "VISA", "HDFC Bank")  # fmt: skip
    assert reply.retrieval_reference_no is not None
    assert (len(reply.retrieval_reference_no), len(reply.auth_code or "")) == (12, 6)
    assert len(reply.acquirement_id or "") == 35
    raw = till.sandbox.handle(till.status_request()).body
    assert b"411111XXXXXX1234" in raw


def test_a_upi_payment_has_no_card() -> None:
    """UPI on the machine answers payMethod UPI, an RRN, and neither card nor auth code."""
    till = Till()
    till.sale()
    till.press("accept", "show_qr", "scan", "approve")
    reply = till.status()

    assert (verdict(reply), reply.pay_method) == ("S 0000", "UPI")
    assert (reply.issuer_mask_card_no, reply.auth_code) == (None, None)
    assert len(reply.retrieval_reference_no or "") == 12


def test_a_decline_says_the_bank_s_reason() -> None:
    """A bank's no is F 0011 with the bank's code; a rejection is F 0011 without one."""
    till = Till()
    till.sale()
    till.press("accept", "tap", card="no_funds")
    declined = till.status()
    till.sale("CLINIC000002")
    till.press("reject")
    rejected = till.status("CLINIC000002")

    assert (verdict(declined), declined.bank_response_code) == ("F 0011", "51")
    assert (verdict(rejected), rejected.bank_response_code) == ("F 0011", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("paytmMid", None),
        ("paytmTid", None),
        ("merchantTransactionId", None),
        ("merchantTransactionId", "SHORT"),
        ("merchantTransactionId", "INV-2026-0001"),
        ("merchantTransactionId", "A" * 33),
        ("transactionAmount", None),
        ("transactionAmount", "500.00"),
        ("transactionAmount", "0"),
        ("transactionAmount", "1234567890123"),
        ("transactionDateTime", "05-01-2026 12:00"),
        ("transactionDateTime", "2026-13-41 12:00:00"),
        ("merchantReferenceNo", "A" * 33),
    ],
)
def test_a_bad_field_is_0002_and_named(name: str, value: str | None) -> None:
    """Invalid parameters are told with the field's name, before anybody looks at the checksum."""
    till = Till()
    info = result(till.sandbox.handle(altered(till.sale_request().encode(KEY), **{name: value})))

    assert (info["resultCode"], info["resultCodeId"]) == ("F", "0002")
    assert name in info["resultMsg"]
    assert till.sandbox.charges == {}


def test_a_body_that_is_no_json_is_0002() -> None:
    """An unreadable request is refused, not a crash."""
    till = Till()
    request = Request(host=Host.EDC, path=SALE_PATH, body=b"<xml/>", operation="sale")

    assert result(till.sandbox.handle(request))["resultCodeId"] == "0002"


def test_a_wrong_checksum_is_0330() -> None:
    """A changed amount or another merchant's key fails the signature."""
    till = Till()
    changed = altered(till.sale_request().encode(KEY), transactionAmount="1")
    foreign = till.sale_request().encode(MerchantKey("another_key_here"))

    assert result(till.sandbox.handle(changed))["resultCodeId"] == "0330"
    assert result(till.sandbox.handle(foreign))["resultCodeId"] == "0330"


def test_machines_and_merchants_are_checked() -> None:
    """Unknown, foreign and inactive machines are 0007, a blocked merchant 0022, an unknown one 9001."""
    till = Till()
    sandbox = till.sandbox
    sandbox.add_merchant("OTHER000000000000001", "other_other_key_", name="Other")
    sandbox.add_terminal("87654321", "OTHER000000000000001")
    sandbox.add_terminal("11111111", DEMO_MID, is_active=False)

    assert verdict(till.sale(tid="99999999")) == "F 0007"
    assert verdict(till.sale(tid="87654321")) == "F 0007"
    assert verdict(till.sale(tid="11111111")) == "F 0007"
    assert verdict(till.sale(paytm_mid="NOBODY00000000000001")) == "F 9001"
    sandbox.add_merchant(DEMO_MID, KEY.reveal(), is_blocked=True)
    assert verdict(till.sale()) == "F 0022"


def test_an_id_is_good_once() -> None:
    """The same id again is 0233, even with the same body, and makes no second sale."""
    till = Till()
    till.sale()

    assert verdict(till.sale()) == "F 0233"
    assert verdict(till.sale(tid=SECOND)) == "F 0233"
    assert len(till.sandbox.charges) == 1


def test_a_busy_machine_is_0333_until_it_is_free() -> None:
    """A machine takes one request at a time; the refused id may be used again afterwards."""
    till = Till()
    till.sale()
    assert verdict(till.sale("CLINIC000002")) == "F 0333"

    till.press("reject")

    assert verdict(till.sale("CLINIC000002")) == "A 0009"


def test_an_unknown_id_is_0404() -> None:
    """Status of what was never sent is 0404, and so is another machine's sale."""
    till = Till()
    till.sale()

    assert till.says("CLINIC000009") == "F 0404"
    assert till.says(tid=SECOND) == "F 0404"


def test_both_status_paths_answer() -> None:
    """The older status path answers as the newer does."""
    till = Till()
    till.sale()

    assert till.says(path="/ecr/payment/status") == "P 0010"


@pytest.mark.parametrize("path", ["/ecr/void", "/ecr/void/request", "/ecr/ext/void"])
def test_a_void_is_accepted_then_done(path: str) -> None:
    """Accepted is not voided: the machine must agree, and the sale stays a success."""
    till = Till()
    till.sale()
    till.press("accept", "tap")
    assert till.says(event="VOID") == "F 0180"

    assert verdict(till.void(path=path)) == "A 0009"
    assert till.says(event="VOID") == "P 0010"
    till.press("accept")

    assert till.says(event="VOID") == "S 0000"
    assert till.says() == "S 0000"
    assert verdict(till.void()) == "F 0090"


def test_a_void_can_be_rejected_and_tried_again() -> None:
    """A rejected void is F 0090 and leaves the payment; another may follow."""
    till = Till()
    till.sale()
    till.press("accept", "tap")
    till.void()
    till.press("reject")

    assert till.says(event="VOID") == "F 0090"
    assert verdict(till.void()) == "A 0009"


def test_only_a_paid_sale_can_be_voided() -> None:
    """Unknown, waiting and failed sales are 0180; a busy machine is 0333."""
    till = Till()
    assert verdict(till.void()) == "F 0180"
    till.sale()
    assert verdict(till.void()) == "F 0180"
    till.press("accept", "tap")
    till.sale("CLINIC000002")
    assert verdict(till.void()) == "F 0333"
    till.press("reject")
    assert verdict(till.void("CLINIC000002")) == "F 0180"


@pytest.mark.parametrize(
    ("paid", "wait_min", "told"),
    [
        ("12:00", 11 * 60 + 59, "A 0009"),  # 23:59 of the day
        ("12:00", 12 * 60 + 4, "A 0009"),  # 00:04 of the next
        ("12:00", 12 * 60 + 5, "F 0090"),
        ("12:00", 12 * 60 + 6, "F 0090"),  # 00:06
        ("23:59", 5, "A 0009"),
        ("23:59", 7, "F 0090"),
        ("00:01", 24 * 60 + 3, "A 0009"),  # its own day ends at 00:05 of the next
        ("00:01", 24 * 60 + 5, "F 0090"),
    ],
)
def test_a_void_belongs_to_the_india_day_of_the_payment(paid: str, wait_min: int, told: str) -> None:
    """A sale is voidable until 00:05 India time of the day after it was paid."""
    clock = ManualClock(at(paid))
    till = Till(clock)
    till.sale()
    till.press("accept", "tap")

    clock.advance(wait_min * 60)

    assert told == verdict(till.void())


def test_the_cut_off_is_five_past_midnight_in_india() -> None:
    """The end of a void is an India instant, whatever the zone it is asked in."""
    assert void_ends_at(at("23:59")).astimezone(IST).isoformat() == "2026-01-06T00:05:00+05:30"


def test_a_late_request_is_still_paid() -> None:
    """Nobody finishing means pending for ever, and a payment after an hour is a payment."""
    till = Till()
    till.sale()
    till.press("accept", "walk_away")
    till.clock.pause(3600)
    assert till.says() == "P 0010"

    till.press("tap")

    assert till.says() == "S 0000"


def test_an_operator_expiry_ends_what_nobody_finishes() -> None:
    """With an expiry set, an abandoned request becomes F 0011 at that moment and frees the machine."""
    till = Till()
    till.sandbox.operator_expiry_s = 300
    till.sale()
    till.clock.pause(299)
    assert till.says() == "P 0010"

    till.clock.pause(1)

    assert till.says() == "F 0011"
    assert verdict(till.sale("CLINIC000002")) == "A 0009"


def test_two_machines_do_not_mix() -> None:
    """Sales on two machines, finished in the other order, keep their amounts and cards."""
    till = Till()
    till.sale("CLINIC000001", FIRST, transaction_amount="10000")
    till.sale("CLINIC000002", SECOND, transaction_amount="20000")
    till.press("accept", "tap", tid=SECOND, card="rupay_debit")
    assert till.says("CLINIC000001", FIRST) == "P 0010"
    till.press("accept", "tap", card="amex")

    first, second = till.status("CLINIC000001", FIRST), till.status("CLINIC000002", SECOND)

    assert (first.transaction_amount, first.card_scheme) == ("10000", "AMEX")
    assert (second.transaction_amount, second.card_scheme) == ("20000", "RUPAY")


def test_many_machines_do_not_mix() -> None:
    """Forty machines of two merchants at once each pay their own amount."""
    till = Till()
    tids = [f"{number:08d}" for number in range(1, 41)]
    for number, tid in enumerate(tids):
        till.sandbox.add_terminal(tid, DEMO_MID)
        till.sale(f"CLINIC{number:06d}", tid, transaction_amount=str(1000 + number))
    for tid in reversed(tids):
        till.press("accept", "tap", tid=tid)

    paid = [till.status(f"CLINIC{number:06d}", tid).transaction_amount for number, tid in enumerate(tids)]

    assert [str(1000 + number) for number in range(40)] == paid


def test_the_same_seed_gives_the_same_numbers() -> None:
    """Transaction numbers follow from the seed, and differ without one."""

    def rrn(seed: int | None) -> StatusReply:
        till = Till(seed=seed)
        till.sale()
        till.press("accept", "tap")
        return till.status()

    assert rrn(7) == rrn(7)
    assert rrn(7) != rrn(8)
    assert rrn(None).acquirement_id != rrn(None).acquirement_id


def test_the_wire_log_keeps_everything_but_secrets() -> None:
    """Each request is logged with its answer; no checksum and no key is kept."""
    till = Till()
    till.sandbox.add_fault(Fault(kind=Kind.INTERNAL_0012, operation="status"))
    till.sale()
    till.says()
    sale, status = till.sandbox.wire.calls(paytm_id="CLINIC000001")

    assert (sale.operation, sale.answer, sale.faults) == ("sale", "A 0009", ())
    assert (status.operation, status.answer, status.faults) == ("status", "F 0012", ("internal_0012",))
    kept = msgspec.json.encode(till.sandbox.wire.calls()).decode()
    assert "checksum" not in kept
    assert KEY.reveal() not in repr(till.sandbox.merchants)


def test_reset_forgets_sales_and_keeps_machines() -> None:
    """After a reset the same id may be used again on the same, idle machine."""
    till = Till()
    till.sale()
    till.sandbox.clock.advance(3600)
    till.sandbox.reset()

    assert (till.sandbox.charges, len(till.sandbox.wire), till.sandbox.clock.ahead_s) == ({}, 0, 0.0)
    assert till_possible(till) == (
        *(Action.ENTER_CODE, Action.NETWORK_OFF, Action.BATTERY_DEAD, Action.PAPER_OUT),
    )
    assert verdict(till.sale()) == "A 0009"


def till_possible(till: Till) -> tuple[Action, ...]:
    from galla.sandbox.terminal import possible

    return possible(till.sandbox.terminals[FIRST])


def test_an_unknown_path_is_the_gateway_s_404() -> None:
    """A path Paytm does not have is answered as its gateway does."""
    till = Till()
    response = till.sandbox.handle(
        Request(host=Host.EDC, path="/ecr/abort/txn", body=b"{}", operation="abort")
    )

    assert (
        response.status,
        msgspec.json.decode(response.body)["errorDetails"]["errorCode"],
    ) == (404, "SVE-003")
