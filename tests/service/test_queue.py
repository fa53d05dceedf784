"""A payment by code, from the counter to the books: whichever machine collects it, whatever is lost on the way."""

from __future__ import annotations

import pytest

from galla.errors import BillHasLivePayment, InvalidField, ReferenceHasLivePayment
from galla.protocol.queue import QueueState
from galla.sandbox.faults import Kind
from galla.sandbox.terminal import Action
from galla.service import bills, payments
from tests.service.queue_shop import changing, open_queue_shop
from tests.service.shop import AMOUNT, FIRST, SECOND, only, open_shop


async def test_a_code_is_paid_at_any_machine(database_url: str) -> None:
    """Six digits are shown, typed into the second machine and paid there: paid, and that machine is on the payment."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code(reference="INV-1", terminal=FIRST)
        action = payment["next_action"]
        assert (payment["status"], payment["phase"], action["type"]) == ("pending", "queued", "enter_queue_code")
        assert (len(action["code"]), payment["terminal"], payment["paytm"]["tid"]) == (6, None, None)
        shop.type_in(payment, SECOND)
        during = await shop.check(payment)
        assert (during["phase"], during["next_action"]["type"]) == ("on_device", "approve_on_terminal")
        shop.act(Action.INSERT, Action.PIN_RIGHT, tid=SECOND)
        paid = await shop.ended(payment)
        assert (paid["status"], paid["proof"]["card_last4"], paid["paytm"]["tid"]) == ("paid", "1234", SECOND)
        assert paid["machine"] == "Counter 2"


async def test_a_code_reserves_like_any_tender(database_url: str) -> None:
    """While a code is out, its bill and its reference take no second full payment; a machine stays free."""
    async with open_queue_shop(database_url) as shop:
        bill = await shop.bill()
        await shop.code(bill=bill["number"])
        with pytest.raises(BillHasLivePayment):
            await shop.start(bill=bill["number"])
        await shop.code(reference="R-1")
        with pytest.raises(ReferenceHasLivePayment):
            await shop.code(reference="R-1")
        other = await shop.start(tid=FIRST, reference="R-2")
        assert other["status"] == "pending"


async def test_a_failed_try_is_not_the_end(database_url: str) -> None:
    """A card without money leaves the code in the queue and the payment open; the next card pays it, once."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code()
        shop.collect(payment, FIRST, card="no_funds")
        after = await shop.check(payment)
        assert (after["status"], after["phase"], shop.state(payment)) == ("pending", "try_failed", QueueState.FAILED)
        assert after["next_action"]["code"] == payment["next_action"]["code"]
        shop.collect(payment, SECOND)
        paid = await shop.ended(payment)
        assert (paid["status"], paid["paytm"]["tid"]) == ("paid", SECOND)


async def test_a_code_that_runs_out_is_not_paid(database_url: str) -> None:
    """Paytm's word that the code has expired ends the payment; time alone never does."""
    async with open_queue_shop(database_url) as shop:
        shop.box.queue_life_s = 300
        payment = await shop.code()
        ended = await shop.ended(payment, within_s=400)
        assert (ended["status"], ended["reason"]["code"]) == ("not_paid", "expired")
        assert shop.state(payment) is QueueState.EXPIRED


async def test_stopping_takes_the_code_out_of_the_queue(database_url: str) -> None:
    """A cancel asks Paytm; its definite word ends the payment, and the machine does not take the code any more."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code()
        await payments.cancel(shop.till, shop.principal, payment["id"])
        await shop.drain()
        ended = await shop.see(payment)
        assert (ended["status"], ended["reason"]["code"]) == ("not_paid", "cancelled")
        assert shop.type_in(payment).notice == "Invalid code. It is not valid any more."


async def test_a_code_on_a_machine_cannot_be_stopped(database_url: str) -> None:
    """Paytm does not take back what somebody is paying: watched on, and paid after all."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code()
        shop.type_in(payment, SECOND)
        await payments.cancel(shop.till, shop.principal, payment["id"])
        await shop.drain()
        assert (await shop.see(payment))["status"] == "pending"
        assert shop.calls("queue_cancel") == 0
        shop.act(Action.INSERT, Action.PIN_RIGHT, tid=SECOND)
        assert (await shop.ended(payment))["status"] == "paid"


async def test_a_stopped_code_whose_try_fails_is_over(database_url: str) -> None:
    """Stopped while a card is being tried: when the try fails, the code is taken back and the payment is not paid."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code()
        shop.type_in(payment, SECOND)
        await payments.cancel(shop.till, shop.principal, payment["id"])
        shop.act(Action.RED_KEY, tid=SECOND)
        ended = await shop.ended(payment)
        assert (ended["status"], shop.state(payment)) == ("not_paid", QueueState.CANCELLED)


@pytest.mark.parametrize("kind", [Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.HTTP_500, Kind.TRUNCATED_JSON])
async def test_an_indefinite_cancel_keeps_watching(database_url: str, kind: Kind) -> None:
    """When the cancel or its answer is lost, nothing is decided: Paytm is asked, and asked to cancel again."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code()
        shop.fault(kind, operation="queue_cancel")
        await payments.cancel(shop.till, shop.principal, payment["id"])
        ended = await shop.ended(payment)
        assert (ended["status"], shop.state(payment)) == ("not_paid", QueueState.CANCELLED)


@pytest.mark.parametrize("repeat", ["another", "same", "refused"])
@pytest.mark.parametrize("kind", [Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.HTTP_500, Kind.TRUNCATED_JSON])
async def test_f01_a_lost_create_is_neither_lost_nor_doubled(database_url: str, kind: Kind, repeat: str) -> None:
    """The same id is sent again, since nobody can pay by a code nobody saw: one code is shown, and one charge made.

    Whatever a repeated create is answered (Paytm has not published it): another code, the same, or a refusal, after
    which the request is taken back and ended as not paid.
    """
    async with open_queue_shop(database_url) as shop:
        shop.box.queue_repeat = repeat
        shop.fault(kind, operation="queue")
        bill = await shop.bill()
        payment = await shop.code(bill=bill["number"], key="click-1")
        assert (payment["status"], payment["next_action"]["type"]) == ("created", "none")
        await shop.pass_time(20)
        again = await shop.code(bill=bill["number"], key="click-1")
        assert again["id"] == payment["id"]
        now = await shop.see(payment)
        if repeat == "refused" and kind is not Kind.DROP_BEFORE:
            ended = await shop.ended(payment)
            assert (ended["status"], ended["reason"]["code"]) == ("not_paid", "cancelled")
            assert {shop.box.state_of(each, shop.clock.now()) for each in shop.entries(payment)} == {
                QueueState.CANCELLED
            }
            return
        assert now["next_action"]["code"] == shop.entries(payment)[-1].code
        shop.collect(now)
        assert (await shop.ended(payment))["status"] == "paid"
        assert (await bills.get(shop.till, shop.principal, bill["number"]))["status"] == "paid"


async def test_f01_a_code_nobody_saw_does_not_stay_in_the_queue(database_url: str) -> None:
    """Before a code is asked for again the lost one is taken back: typed by mistake, the machine does not take it."""
    async with open_queue_shop(database_url) as shop:
        shop.fault(Kind.DROP_AFTER, operation="queue")
        payment = await shop.code()
        await shop.pass_time(10)
        lost, shown = shop.entries(payment)
        assert shop.box.type_code(SECOND, lost.code).notice == "Invalid code. It is not valid any more."
        shop.box.type_code(SECOND, shown.code)
        shop.act(Action.INSERT, Action.PIN_RIGHT, tid=SECOND)
        assert (await shop.ended(payment))["status"] == "paid"


@pytest.mark.parametrize("kind", [Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.HTTP_500, Kind.TRUNCATED_JSON])
async def test_f01_two_codes_are_never_in_force(database_url: str, kind: Kind) -> None:
    """While it is not known that the lost code was taken back no other is asked for; then one is, and it is paid."""
    async with open_queue_shop(database_url) as shop:
        shop.fault(Kind.DROP_AFTER, operation="queue")
        shop.fault(kind, operation="queue_cancel", times=2)
        payment = await shop.code()
        for _ in range(30):
            await shop.pass_time(1)
            states = [shop.box.state_of(each, shop.clock.now()) for each in shop.entries(payment)]
            assert states.count(QueueState.IN_QUEUE) <= 1, states
        assert shop.calls("queue") == 2
        shop.collect(await shop.see(payment))
        assert (await shop.ended(payment))["status"] == "paid"


async def test_f01_what_is_being_paid_under_a_lost_code_is_not_asked_for_again(database_url: str) -> None:
    """A lost code that somebody typed by mistake stops the second request: in doubt, flagged, one charge."""
    async with open_queue_shop(database_url) as shop:
        shop.fault(Kind.DROP_AFTER, operation="queue")
        payment = await shop.code()
        shop.box.type_code(SECOND, only(shop.entries(payment)).code)
        shop.act(Action.INSERT, Action.PIN_RIGHT, tid=SECOND)
        await shop.pass_time(10)
        after = await shop.see(payment)
        assert (after["status"], after["needs_review"], shop.calls("queue")) == ("in_doubt", True, 1)


async def test_f01_when_no_answer_ever_comes_the_request_is_taken_back(database_url: str) -> None:
    """Four answers lost in a row: in doubt, nobody is shown a code, Paytm takes the requests back, not paid."""
    async with open_queue_shop(database_url) as shop:
        shop.fault(Kind.DROP_AFTER, operation="queue", times=4)
        payment = await shop.code()
        seen = []
        for _ in range(12):
            await shop.pass_time(3)
            seen.append((await shop.see(payment))["next_action"].get("code"))
        ended = await shop.ended(payment)
        assert (ended["status"], ended["reason"]["code"]) == ("not_paid", "cancelled")
        assert not any(seen)
        assert shop.calls("queue") == 4
        assert {shop.box.state_of(each, shop.clock.now()) for each in shop.entries(payment)} == {QueueState.CANCELLED}


async def test_stopped_before_the_code_came_it_is_taken_back(database_url: str) -> None:
    """After a cancel no create is sent again; the request whose answer was lost is withdrawn by its id."""
    async with open_queue_shop(database_url) as shop:
        shop.fault(Kind.DROP_AFTER, operation="queue")
        payment = await shop.code()
        await payments.cancel(shop.till, shop.principal, payment["id"])
        ended = await shop.ended(payment)
        assert (ended["status"], shop.calls("queue"), shop.state(payment)) == ("not_paid", 1, QueueState.CANCELLED)


async def test_a_request_that_never_left_is_sent_when_the_network_is_back(database_url: str) -> None:
    """A refused connection proves that nothing was sent: the same id gets its code at the second try."""
    async with open_queue_shop(database_url) as shop:
        shop.fault(Kind.REFUSE_CONNECTION, operation="queue")
        payment = await shop.code()
        await shop.pass_time(5)
        assert (await shop.see(payment))["next_action"]["type"] == "enter_queue_code"
        assert len(shop.entries(payment)) == 1


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"txnAmount":"250000"', b'"txnAmount":"250100"', "amount"),
        (b'"mid":"SANDBX00000000000001"', b'"mid":"SOMEBODYELSE00000000"', "mid"),
        (b'"merchantTxnId":"', b'"merchantTxnId":"X', "id"),
    ],
)
async def test_f09_only_this_very_payment_is_a_proof(database_url: str, old: bytes, new: bytes, field: str) -> None:
    """Completed with another amount, MID or id, in the entry or in its try: not paid, and a person is asked."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code()
        shop.collect(payment)
        changing(shop, "queue_status", old, new)
        after = await shop.check(payment)
        assert (after["status"] != "paid", after["needs_review"], field in after["reason"]["message"]) == (
            True,
            True,
            True,
        )
        shop.line.answer_with(shop.box.ahandle)
        assert (await shop.ended(payment))["status"] == "paid"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"txnStatus":"COMPLETED"', b'"txnStatus":"EXPIRED"'),
        (b'"txnStatus":"COMPLETED"', b'"txnStatus":"ON_THE_MOON"'),
        (b'"status":"SUCCESS"', b'"status":"FAILED"'),
        (b'"resultCodeId":"EDC_0000"', b'"resultCodeId":"9999"'),
    ],
)
async def test_f08_a_contradicting_answer_decides_nothing(database_url: str, old: bytes, new: bytes) -> None:
    """Expired with a paid try, completed without one, a state or code nobody knows: open, flagged, asked again."""
    async with open_queue_shop(database_url) as shop:
        payment = await shop.code()
        shop.collect(payment)
        changing(shop, "queue_status", old, new)
        after = await shop.check(payment)
        assert (after["status"] in ("pending", "in_doubt"), after["needs_review"]) == (True, True)
        shop.line.answer_with(shop.box.ahandle)
        assert (await shop.ended(payment))["status"] == "paid"


async def test_f05_a_success_told_late_is_found(database_url: str) -> None:
    """F05: Paid, but the status says failed for a while: the payment waits, and is paid in the end."""
    async with open_queue_shop(database_url) as shop:
        shop.fault(Kind.LATE_SUCCESS_AFTER_FAILURE, operation="queue", after_ms=60_000)
        payment = await shop.code()
        shop.collect(payment)
        assert (await shop.check(payment))["status"] == "pending"
        assert (await shop.ended(payment, within_s=180))["status"] == "paid"


@pytest.mark.parametrize("code", ["EDC_0007", "EDC_0016", "EDC_0017", "EDC_0021"])
async def test_a_refused_request_is_not_paid_and_says_why(fresh_sqlite_url: str, code: str) -> None:
    """Each of Paytm's refusals of a create ends the payment at once, in its own words."""
    async with open_queue_shop(fresh_sqlite_url) as shop:
        changing(
            shop,
            "queue",
            b'"resultStatus":"SUCCESS","resultCode":"S","resultCodeId":"EDC_0000"',
            f'"resultStatus":"FAILURE","resultCode":"F","resultCodeId":"{code}"'.encode(),
        )
        payment = await shop.code()
        assert (payment["status"], payment["reason"]["paytm_code"]) == ("not_paid", code)


async def test_a_hash_that_the_other_side_does_not_speak_is_said_so(fresh_sqlite_url: str) -> None:
    """With another scheme than Paytm's every create is refused with the advice to check the setting; no money moves."""
    async with open_queue_shop(fresh_sqlite_url, queue_hash="aes-json") as shop:
        refused = await shop.code()
        assert (refused["status"], refused["reason"]["paytm_code"]) == ("not_paid", "EDC_0017")
        shop.box.queue_hashes = ("aes-json",)
        assert (await shop.code())["next_action"]["type"] == "enter_queue_code"


@pytest.mark.parametrize(
    "dialect",
    [{"queue_status_method": "GET"}, {"queue_cancel_path": "/edc-integration-service/payment/cancel"}],
)
async def test_each_dialect_carries_a_code_to_its_end(fresh_sqlite_url: str, dialect: dict[str, str]) -> None:
    """A status by GET, or a cancel under another path, works as the usual one does."""
    async with open_queue_shop(fresh_sqlite_url, **dialect) as shop:
        paid, stopped = await shop.code(), await shop.code()
        shop.collect(paid)
        await payments.cancel(shop.till, shop.principal, stopped["id"])
        assert [(await shop.ended(each))["status"] for each in (paid, stopped)] == ["paid", "not_paid"]


async def test_without_a_client_id_no_code_is_offered(fresh_sqlite_url: str) -> None:
    """The queue needs a client id of Paytm's: without one the request is refused here, with the setting's name."""
    async with open_shop(fresh_sqlite_url) as bare:
        new = payments.NewPayment(amount_paise=AMOUNT, method="queue")
        with pytest.raises(InvalidField, match="GALLA_QUEUE_CLIENT_ID"):
            await payments.start(bare.till, bare.principal, new)


async def test_what_the_evidence_page_keeps_holds_no_hash(fresh_sqlite_url: str) -> None:
    """The exchange of a create is kept without its hash."""
    async with open_queue_shop(fresh_sqlite_url) as shop:
        payment = await shop.code()
        kept = [item for item in await shop.timeline(payment) if item["kind"] == "exchange"]
        assert "****" in str(only(kept))
