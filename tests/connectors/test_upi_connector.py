"""UPI as a payment uses it: token, begin, ask; each of Paytm's answers as the outcome that it proves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from galla.client.flows import Keep, run
from galla.connectors import connector as framework
from galla.connectors.upi import Session, UpiConnector, read_session
from galla.errors import NoReply, NotSent
from galla.payments.model import (
    Captured,
    Declined,
    Duplicate,
    Lost,
    Method,
    Mismatch,
    Missing,
    Outcome,
    Payment,
    Phase,
    Proof,
    Unclear,
    Unsent,
    Waiting,
)
from galla.protocol.codes import Code, Kind
from galla.protocol.message import Response
from galla.protocol.order import OrderStatusRequest
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.qr import QrReply, QrRequest
from galla.protocol.theia import InitiateReply, InitiateRequest, ProcessRequest
from tests.connectors.upi_answers import (
    ACCOUNT,
    ENDS,
    KEY,
    LINK,
    MID,
    NOW,
    ORDER,
    PAYMENT,
    TOKEN,
    answer,
    initiated,
    is_told,
    network,
    order_status,
    processed,
    replace,
    result,
    rows,
    sent,
)


def begun(*answers: Response | Exception, payment: Payment = PAYMENT) -> Outcome:
    """Begin a payment against these answers, with the framework around it."""
    return run(framework.begin(UpiConnector(), payment, ACCOUNT, NOW), network(*answers))


def asked(said: Response | Exception, payment: Payment = PAYMENT) -> Outcome:
    """Ask about a payment, with the framework around it."""
    return run(framework.inquire(UpiConnector(), payment, ACCOUNT, NOW), network(said))


def ended(flow: Any, said: Response) -> Outcome:
    """Give a flow its last answer and return what it makes of it."""
    with pytest.raises(StopIteration) as stop:
        flow.send(said)
    outcome: Outcome = stop.value.value
    return outcome


def test_intent_goes_token_keep_link() -> None:
    """An intent asks for the order's token, has it written down, and only then begins the payment with it."""
    flow = UpiConnector().begin(PAYMENT, ACCOUNT, NOW)

    order = InitiateRequest.parse(sent(next(flow)), KEY)
    assert (order.mid, order.order_id, order.txn_amount, order.website_name) == (MID, ORDER, "2500.00", "WEBSTAGING")
    assert (order.callback_url, order.client_id) == (ACCOUNT.callback_url, "C11")
    assert [(mode.mode, mode.channels) for mode in order.enable_payment_mode] == [("UPI", ("UPIPUSH",))]

    note = flow.send(answer(initiated()))
    assert isinstance(note, Keep)
    assert msgspec.json.decode(note.text) == {"vpa": None, "token": TOKEN}

    process = ProcessRequest.parse(sent(flow.send(None)), KEY)
    assert (process.mid, process.order_id, process.txn_token) == (MID, ORDER, TxnToken(TOKEN))
    assert (process.payment_mode, process.payer_account) == ("UPI_INTENT", None)

    waiting = ended(flow, answer(processed()))
    assert waiting == Waiting(phase=Phase.AWAITING_PAYER, link=LINK, expires_at=ENDS)


def test_a_written_token_is_taken_up() -> None:
    """After a crash between the two steps the payment begins with the token it had, and makes no second order."""
    session = Session(token=TOKEN)
    resumed = replace(PAYMENT, session=msgspec.json.encode(session).decode())
    assert read_session(resumed) == session

    flow = UpiConnector().begin(resumed, ACCOUNT, NOW)
    request = sent(next(flow))

    assert (request.operation, ProcessRequest.parse(request, KEY).txn_token) == ("process", TxnToken(TOKEN))
    assert ended(flow, answer(processed())) == Waiting(phase=Phase.AWAITING_PAYER, link=LINK, expires_at=ENDS)


def test_collect_names_the_payer() -> None:
    """A collect sends the payer's whole UPI id to Paytm, keeps it beside the token, and has no link to open."""
    session = msgspec.json.encode(Session(vpa="neha.k@okbank")).decode()
    flow = UpiConnector().begin(replace(PAYMENT, method=Method.UPI_COLLECT, session=session), ACCOUNT, NOW)
    order = InitiateRequest.parse(sent(next(flow)), KEY)
    assert [(mode.mode, mode.channels) for mode in order.enable_payment_mode] == [("UPI", ("UPI", "UPIPUSH"))]
    note = flow.send(answer(initiated()))
    assert isinstance(note, Keep)
    assert msgspec.json.decode(note.text) == {"vpa": "neha.k@okbank", "token": TOKEN}
    process = ProcessRequest.parse(sent(flow.send(None)), KEY)
    assert (process.payment_mode, process.payer_account) == ("UPI", "neha.k@okbank")
    waiting = ended(flow, answer(processed(link=None)))
    assert waiting == Waiting(phase=Phase.AWAITING_PAYER, link=None, expires_at=ENDS)


def test_a_qr_is_one_request() -> None:
    """A QR asks once, with the counter's name and when it ends in India time, and shows what Paytm returned."""
    flow = UpiConnector().begin(replace(PAYMENT, method=Method.UPI_QR, tid="12345671"), ACCOUNT, NOW)
    request = QrRequest.parse(sent(next(flow)), KEY)
    assert (request.order_id, request.amount, request.pos_id) == (ORDER, "2500.00", "12345671")
    assert (request.display_name, request.expiry_date) == (ACCOUNT.name[:30], "2026-01-05 10:30:00")
    waiting = ended(flow, answer(QrReply(result=result("qr", "QR_0001"), qr_data=LINK)))
    assert waiting == Waiting(phase=Phase.AWAITING_PAYER, link=LINK, expires_at=ENDS)


def test_a_payment_without_an_end_gets_the_tokens_life() -> None:
    """Where the caller set no end, link and QR end with Paytm's token, fifteen minutes from now."""
    endless = replace(PAYMENT, expires_at=None)
    qr = QrReply(result=result("qr", "QR_0001"), qr_data=LINK)
    for waiting in (
        begun(answer(initiated()), answer(processed()), payment=endless),
        begun(answer(qr), payment=replace(endless, method=Method.UPI_QR)),
    ):
        assert isinstance(waiting, Waiting)
        assert waiting.expires_at == NOW + timedelta(minutes=15)


def test_a_token_never_shows() -> None:
    """Neither token nor UPI id is in the text of a session, for logs and tracebacks."""
    shown = f"{Session(vpa='neha.k@okbank', token=TOKEN)!r}"
    assert TOKEN not in shown
    assert "neha" not in shown


BEGUN = {
    Kind.DUPLICATE: Duplicate,
    Kind.REFUSED: Declined,
    Kind.DECLINED: Declined,
    Kind.NOT_FOUND: Declined,
    Kind.INTERNAL: Lost,
    Kind.PENDING: Unclear,
}


@pytest.mark.parametrize("row", rows("initiate"))
def test_every_code_of_an_order(row: Code) -> None:
    """Each listed answer to the order goes on to the payment, or is the outcome its row says."""
    said = answer(initiated(row.code))
    if row.kind is Kind.ACCEPTED:
        assert isinstance(begun(said, answer(processed())), Waiting)
    else:
        is_told(begun(said), BEGUN[row.kind], row)


@pytest.mark.parametrize("row", rows("process"))
def test_every_code_of_a_payment_begun(row: Code) -> None:
    """Each listed answer to the payment is a link, or the outcome its row says: none of them is proof of money."""
    outcome = begun(answer(initiated()), answer(processed(row.code)))
    if row.kind is Kind.ACCEPTED:
        assert isinstance(outcome, Waiting)
    else:
        is_told(outcome, BEGUN[row.kind], row)


@pytest.mark.parametrize("row", rows("qr"))
def test_every_code_of_a_qr(row: Code) -> None:
    """Each listed answer to a QR is the code to show, or the outcome its row says."""
    data = LINK if row.kind is Kind.ACCEPTED else None
    reply = QrReply(result=result("qr", row.code), qr_data=data)
    outcome = begun(answer(reply), payment=replace(PAYMENT, method=Method.UPI_QR))
    if row.kind is Kind.ACCEPTED:
        assert isinstance(outcome, Waiting)
    else:
        is_told(outcome, BEGUN[row.kind], row)


ASKED = {
    Kind.SUCCESS: Captured,
    Kind.PENDING: Waiting,
    Kind.NOT_FOUND: Missing,
    Kind.INTERNAL: Lost,
    Kind.DECLINED: Declined,
    Kind.REFUSED: Unclear,  # of the question, which says nothing about the order
}


@pytest.mark.parametrize("row", rows("order_status"))
def test_every_code_of_an_order_asked_about(row: Code) -> None:
    """Each listed state of an order is the outcome its row says; only one of them is paid."""
    outcome = asked(answer(order_status(row.code)))
    is_told(outcome, ASKED[row.kind], row)
    assert isinstance(outcome, Captured) == (row.code == "01")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("01", "TXN_SUCCESS", Captured),
        ("501", "F", Lost),
        ("331", "NO_RECORD_FOUND", Missing),
        ("402", "PENDING", Waiting),
        ("227", "TXN_FAILURE", Declined),
        ("01", "TXN_FAILURE", Unclear),
        ("01", "PENDING", Unclear),
        ("01", "SUCCESS", Unclear),
        ("227", "TXN_SUCCESS", Unclear),
        ("402", "TXN_FAILURE", Unclear),
        ("7777", "TXN_SUCCESS", Unclear),
        ("7777", "TXN_FAILURE", Unclear),
        ("", "TXN_SUCCESS", Unclear),
    ],
)
def test_states_of_an_order(code: str, status: str, kind: type) -> None:
    """Word and code must agree: a contradiction, or a code nobody has listed, is never paid and never failed."""
    assert isinstance(asked(answer(order_status(code, status))), kind)


def test_a_proof_holds_what_paytm_said() -> None:
    """What is kept of a proof is Paytm's own: transaction, RRN, bank, masked UPI id, and when in UTC."""
    said = order_status(
        rrn="600511112222",
        bank_name="HDFC",
        masked_vpa="neha.k@okbank",
        txn_date="2026-01-05 10:21:30.0",
        payment_mode="UPI",
    )
    assert asked(answer(said)) == Captured(
        proof=Proof(
            mid=MID,
            paytm_id=ORDER,
            amount_paise=250_000,
            transaction_id="20260105111",
            rrn="600511112222",
            mode="UPI",
            issuer="HDFC",
            upi_id="ne***@okbank",
            paid_at=datetime(2026, 1, 5, 4, 51, 30, tzinfo=UTC),
        )
    )


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"txn_amount": "2500.01"}, ("amount",)),
        ({"txn_amount": "25.00"}, ("amount",)),
        ({"mid": "OTHERMID"}, ("mid",)),
        ({"mid": None}, ("mid",)),
        ({"order_id": "SBOTHER"}, ("id",)),
        ({"order_id": None}, ("id",)),
        ({"currency": "USD"}, ("currency",)),
    ],
    ids=str,
)
def test_success_about_something_else_is_a_mismatch(changes: dict[str, Any], fields: tuple[str, ...]) -> None:
    """Success with another amount, MID, order or currency, or without saying whose it is, pays nothing."""
    outcome = asked(answer(order_status(**changes)))
    assert isinstance(outcome, Mismatch)
    assert outcome.fields == fields


@pytest.mark.parametrize("code", ["402", "227"])
@pytest.mark.parametrize(("ours", "field"), [("order_id", "order"), ("mid", "mid")])
def test_a_word_about_another_order_is_a_mismatch(code: str, ours: str, field: str) -> None:
    """Pending or failed of another order says nothing about this one: above all, not that it was not paid."""
    outcome = asked(answer(order_status(code, **{ours: "ANOTHER"})))
    assert isinstance(outcome, Mismatch)
    assert outcome.fields == (field,)


@pytest.mark.parametrize("amount", [None, "", "2500", "2500.001", "2,500.00", "abc", "-2500.00"])
def test_success_without_a_readable_amount_is_unclear(amount: str | None) -> None:
    """A success whose amount is left out, or is not rupees with two decimals, is only paid if it reads exactly."""
    outcome = asked(answer(order_status(txn_amount=amount)))
    assert isinstance(outcome, Captured) == (amount == "2500")
    assert isinstance(outcome, Captured | Unclear)


def test_an_unsigned_success_is_unclear() -> None:
    """Success without a signature, or with one that does not fit, proves nothing; "pending" may be heard."""
    assert isinstance(asked(answer(order_status(), is_signed=False)), Unclear)
    changed = answer(order_status(txn_amount="1.00"))
    forged = Response(status=200, body=changed.body.replace(b'"1.00"', b'"2500.00"'))
    assert isinstance(asked(forged), Unclear)
    assert isinstance(asked(answer(order_status("402"), is_signed=False)), Waiting)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (NoReply("lost"), Lost),
        (Response(status=503, body=b"busy"), Lost),
        (Response(status=404, body=b"<html>404</html>"), Lost),
        (Response(status=200, body=b"<html>ok</html>"), Lost),
        (Response(status=200, body=b'{"head":{},"body":{}}'), Lost),
        (NotSent("away"), Unsent),
    ],
    ids=["no reply", "5xx", "404", "html", "no result", "not sent"],
)
def test_broken_conversations(said: Response | Exception, kind: type) -> None:
    """A lost or unreadable answer says nothing, to a question, to the order and to the payment begun."""
    assert isinstance(asked(said), kind)
    assert isinstance(begun(said), kind)
    assert isinstance(begun(answer(initiated()), said), kind)


def test_an_answer_without_its_fruit_is_unclear() -> None:
    """"Begun" without a link, and a QR without its text, are nothing that a customer could pay by."""
    assert isinstance(begun(answer(initiated()), answer(processed(link=None))), Unclear)
    bare = QrReply(result=result("qr", "QR_0001"))
    assert isinstance(begun(answer(bare), payment=replace(PAYMENT, method=Method.UPI_QR)), Unclear)
    no_token = InitiateReply(result=result("initiate", "0000"))
    assert isinstance(begun(answer(no_token)), Unclear)


def test_an_unsigned_token_is_not_used() -> None:
    """A token from somebody who is not Paytm is never paid with."""
    assert isinstance(begun(answer(initiated(), is_signed=False)), Unclear)


def test_the_order_question_names_the_order() -> None:
    """A question carries the MID, the stored order id, and the client id where the MID has several keys."""
    question = OrderStatusRequest.parse(sent(next(UpiConnector().inquire(PAYMENT, ACCOUNT, NOW))), KEY)
    assert (question.mid, question.order_id, question.client_id) == (MID, ORDER, "C11")
