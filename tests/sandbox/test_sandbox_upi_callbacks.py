"""Callbacks: what Paytm tells by itself, when, and what each rehearsed failure does to it."""

from typing import Any

import msgspec
import pytest
from paytmchecksum import PaytmChecksum

from galla.errors import ChecksumMismatch, InvalidField
from galla.protocol.codes import Kind as Says
from galla.protocol.notify import EdcNotice, PaymentNotice, RefundEvent, RefundNotice, read_notice
from galla.sandbox import DEMO_KEY, Fault, Kind
from galla.sandbox.outbox import RETRY_AFTER_S, Outbox, Post, Subject
from tests.sandbox.online_pretend import ORDER, Shop, form_of
from tests.sandbox.pretend import KEY, NOON, Till

URL = "http://127.0.0.1:9/paytm"


def read(post: Post) -> Any:
    return read_notice(post.body, post.content_type, KEY)


def paid(shop: Shop) -> tuple[Post, ...]:
    shop.pay()
    return shop.sandbox.outbox.waiting


def struck(kind: Kind, **fields: Any) -> Shop:
    shop = Shop(hears=True)
    shop.sandbox.add_fault(Fault(kind=kind, operation="callback", **fields))
    return shop


def test_a_payment_is_called_back_as_a_signed_form() -> None:
    """One form, to the merchant's address, at the instant of payment; Paytm's own library accepts it."""
    shop = Shop(hears=True)

    (post,) = paid(shop)

    assert (URL, Subject.PAYMENT, ORDER, shop.now) == (post.url, post.subject, post.about, post.due_at)
    fields = form_of(post)
    assert tuple(fields[name] for name in ("STATUS", "RESPCODE", "TXNAMOUNT", "CURRENCY")) == (
        "TXN_SUCCESS",
        "01",
        "2500.00",
        "INR",
    )
    signature = fields.pop("CHECKSUMHASH")
    assert PaytmChecksum.verifySignature(fields, DEMO_KEY, signature)
    notice = read(post)
    assert isinstance(notice, PaymentNotice)
    assert (Says.SUCCESS, shop.status().txn_id) == (notice.kind, notice.txn_id)


def test_the_order_s_own_address_comes_first() -> None:
    """A `callbackUrl` given with the order is used before the merchant's; without either nothing is sent."""
    shop = Shop(hears=True)
    shop.pay(callback_url="http://127.0.0.1:9/own", extend_info={"mercUnqRef": "INV-7"})
    (post,) = shop.sandbox.outbox

    assert post.url == "http://127.0.0.1:9/own"
    assert form_of(post)["MERC_UNQ_REF"] == "INV-7"
    assert paid(Shop()) == ()


def test_only_an_end_is_called_back() -> None:
    """Nothing is sent while the payer decides; a decline is."""
    shop = Shop(hears=True)
    prompt = shop.sandbox.open_link(shop.link())
    shop.tap(prompt, "approve")
    assert len(shop.sandbox.outbox) == 0

    shop.tap(prompt, "decline")
    assert form_of(shop.sandbox.outbox[0])["STATUS"] == "TXN_FAILURE"


def test_a_refund_is_called_back_twice_in_json() -> None:
    """Accepted at once, done at its time, each signed over its body."""
    shop = Shop(hears=True)
    shop.pay()
    shop.refund(amount="100.00")
    shop.sandbox.clock.advance(5)
    shop.sandbox.settle()
    accepted, done = (read(post) for post in shop.sandbox.outbox.waiting[1:])

    assert isinstance(accepted, RefundNotice)
    assert (
        accepted.event,
        accepted.status,
        accepted.refund_amount,
    ) == (RefundEvent.ACCEPTED, "SUCCESS", "100.00")
    assert (done.event, done.total_refund_amount) == (RefundEvent.DONE, "100.00")
    assert done.refund_detail_info_list[0].rrn is not None


def test_a_rejected_refund_is_called_back_with_the_reason() -> None:
    """The second notice says FAILED and why."""
    shop = Shop(hears=True)
    shop.pay()
    shop.sandbox.add_fault(Fault(kind=Kind.REFUND_FAILS))
    shop.refund()
    shop.sandbox.clock.advance(5)
    shop.sandbox.settle()

    notice = read(shop.sandbox.outbox[-1])

    assert (notice.status, notice.reject_refund_reason_code) == ("FAILED", "600")


@pytest.mark.parametrize(
    ("presses", "types"),
    [
        (("accept", "tap"), ["PRE_AUTH", None, "CAPTURE"]),
        (("accept", "show_qr", "scan", "approve"), [None]),
        (("reject",), [None]),
    ],
)
def test_a_card_machine_calls_back(presses: tuple[str, ...], types: list[str | None]) -> None:
    """Three callbacks of a card, one of UPI or of a failure, to the sale's own address, signed."""
    till = Till()
    till.sale(callback_url=URL)
    till.press(*presses)

    posts = till.sandbox.outbox.waiting

    assert types == [msgspec.json.decode(post.body)["body"].get("txnType") for post in posts]
    for post in posts:
        notice = read(post)
        assert isinstance(notice, EdcNotice)
        assert notice.reply is not None
        assert notice.reply.transaction_amount == "50000"
        assert (Says.DECLINED if presses == ("reject",) else Says.SUCCESS) == notice.kind


def test_a_card_machine_s_late_success_is_called_back_late() -> None:
    """Callbacks never tell what the status does not tell yet."""
    till = Till()
    till.sandbox.add_fault(Fault(kind=Kind.LATE_SUCCESS_AFTER_FAILURE, after_ms=60_000))
    till.sale(callback_url=URL)
    till.press("accept", "tap")
    assert (till.says(), till.sandbox.due_posts()) == ("F 0011", ())

    till.sandbox.clock.advance(60)

    assert till.says() == "S 0000"
    assert {read(post).kind for post in till.sandbox.due_posts()} == {Says.SUCCESS}


def test_a_sale_without_an_address_calls_nobody() -> None:
    """No `callbackUrl`, no callback."""
    till = Till()
    till.sale()
    till.press("accept", "tap")

    assert len(till.sandbox.outbox) == 0


def test_a_callback_is_lost() -> None:
    """Nothing goes out."""
    assert paid(struck(Kind.DROP_BEFORE)) == ()


def test_a_callback_is_sent_twice() -> None:
    """The same form, two times."""
    first, second = paid(struck(Kind.DUPLICATE))

    assert first.body == second.body
    assert first.number != second.number


def test_a_callback_is_late() -> None:
    """It falls due after the milliseconds given."""
    shop = struck(Kind.DELAY, after_ms=90_000)
    paid(shop)
    assert shop.sandbox.due_posts() == ()

    shop.sandbox.clock.advance(90)
    assert len(shop.sandbox.due_posts()) == 1


def test_a_callback_carries_no_checksum() -> None:
    """As with merchants who have not opted for it."""
    (post,) = paid(struck(Kind.NO_CHECKSUM))

    assert "CHECKSUMHASH" not in form_of(post)
    with pytest.raises(ChecksumMismatch):
        read(post)


def test_a_callback_carries_a_wrong_checksum() -> None:
    """Somebody else's key."""
    (post,) = paid(struck(Kind.BAD_SIGNATURE))

    assert len(form_of(post)["CHECKSUMHASH"]) == 108
    with pytest.raises(ChecksumMismatch):
        read(post)


def test_a_callback_comes_as_json() -> None:
    """The style of Paytm's newer samples, signed over its body."""
    (post,) = paid(struck(Kind.JSON_STYLE))

    assert post.content_type == "application/json"
    assert ((notice := read(post)).order_id, notice.status) == (ORDER, "TXN_SUCCESS")


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        (Kind.WRONG_AMOUNT, "TXNAMOUNT", "2501.00"),
        (Kind.WRONG_MID, "MID", "SOMEBODYELSE00000000"),
        (Kind.WRONG_ID, "ORDERID", "SOMEBODYELSE0001"),
    ],
)
def test_a_callback_says_something_wrong_under_a_right_checksum(kind: Kind, name: str, told: str) -> None:
    """Only comparing it with one's own record finds it out."""
    (post,) = paid(struck(kind))

    assert told == form_of(post)[name]
    read(post)


def test_a_card_machine_s_callback_can_be_wrong_too() -> None:
    """Amount and checksum of the three are struck one at a time."""
    till = Till()
    till.sandbox.add_fault(Fault(kind=Kind.WRONG_AMOUNT, operation="callback"))
    till.sandbox.add_fault(Fault(kind=Kind.BAD_SIGNATURE, operation="callback", skip=1))
    till.sale(callback_url=URL)
    till.press("accept", "tap")

    first, second, third = till.sandbox.outbox.waiting

    assert read(first).reply.transaction_amount == "50100"
    with pytest.raises(ChecksumMismatch):
        read(second)
    assert read(third).reply.transaction_amount == "50000"


def test_callbacks_come_out_of_order() -> None:
    """A decline's callback waits for the payment's of the same QR, and comes after it."""
    shop = struck(Kind.OUT_OF_ORDER)
    text = shop.qr().qr_data or ""
    shop.tap(shop.sandbox.open_link(text), "decline")
    assert shop.sandbox.due_posts() == ()

    shop.tap(shop.sandbox.open_link(text), "approve", "pin_right")

    assert [form_of(post)["STATUS"] for post in shop.sandbox.due_posts()] == ["TXN_SUCCESS", "TXN_FAILURE"]


def test_an_out_of_order_callback_without_a_next_one_comes_late() -> None:
    """After a minute it goes out by itself."""
    shop = struck(Kind.OUT_OF_ORDER)
    paid(shop)
    shop.sandbox.clock.advance(60)

    assert len(shop.sandbox.due_posts()) == 1


def test_a_late_success_is_called_back_when_it_is_told() -> None:
    """The callbacks tell what the status tells: failed now, paid later."""
    shop = Shop(hears=True)
    fault = Fault(kind=Kind.LATE_SUCCESS_AFTER_FAILURE, operation="initiate", after_ms=60_000)
    shop.sandbox.add_fault(fault)
    now, later = paid(shop)

    assert (form_of(now)["STATUS"], form_of(later)["STATUS"]) == ("TXN_FAILURE", "TXN_SUCCESS")
    assert (later.due_at - now.due_at).total_seconds() == 60


@pytest.mark.parametrize("kind", [Kind.HTTP_500, Kind.LATE_SUCCESS, Kind.REFUND_FAILS])
def test_what_cannot_befall_a_callback_is_refused(kind: Kind) -> None:
    """A fault that would never strike is not taken."""
    with pytest.raises(InvalidField):
        struck(kind, after_ms=1)


def test_a_fault_for_any_call_leaves_callbacks_alone() -> None:
    """Only a fault that names callbacks strikes one."""
    shop = Shop(hears=True)
    token = shop.initiate().txn_token
    link = shop.process(token).deep_link_info
    assert link is not None
    prompt = shop.sandbox.open_link(link.deep_link)
    shop.sandbox.add_fault(Fault(kind=Kind.DROP_BEFORE))
    shop.tap(prompt, "approve", "pin_right")

    assert (len(shop.sandbox.outbox), len(shop.sandbox.faults.waiting)) == (1, 1)


def test_retries_follow_the_clock_until_it_is_given_up() -> None:
    """No answer: again after 1 m, 5 m, 30 m, 2 h, 6 h, 24 h, then never."""
    shop = Shop(hears=True)
    (post,) = paid(shop)
    for wait_s in RETRY_AFTER_S:
        shop.sandbox.posted(post.number, 503 if wait_s == 300 else None)
        shop.sandbox.clock.advance(wait_s - 1)
        assert shop.sandbox.due_posts() == ()
        shop.sandbox.clock.advance(1)
        assert [post.number] == [due.number for due in shop.sandbox.due_posts()]

    last = shop.sandbox.posted(post.number, None)

    assert last is not None
    assert (last.ended, len(shop.sandbox.outbox)) == ("given up", 0)


@pytest.mark.parametrize(("status", "ended"), [(200, "taken"), (204, "taken"), (401, "refused, HTTP 401")])
def test_an_answer_ends_it(status: int, ended: str) -> None:
    """2xx takes it, 4xx refuses it for good."""
    shop = Shop(hears=True)
    (post,) = paid(shop)

    done = shop.sandbox.posted(post.number, status)

    assert done is not None
    assert (ended, ()) == (done.ended, shop.sandbox.due_posts())
    assert (done,) == shop.sandbox.outbox.ended
    assert shop.sandbox.posted(post.number, 200) is None


def test_an_outbox_keeps_turns() -> None:
    """What falls due first comes first, whatever came in first."""
    box = Outbox()
    late = Post(
        subject=Subject.PAYMENT, about="O1", url=URL, content_type="x", body=b"", due_at=NOON.replace(hour=8)
    )
    box.add(late)
    box.add(Post(subject=Subject.SALE, about="O2", url=URL, content_type="x", body=b"", due_at=NOON))

    assert [post.about for post in box] == ["O2", "O1"]
    box.drop(1, "not sent")
    assert [(post.about, post.ended) for post in box.ended] == [("O1", "not sent")]
