"""Result codes of the online APIs: every one has its row, its sentences, and its only word."""

from itertools import product

import pytest

from galla.protocol.codes import Kind
from galla.protocol.pg_codes import PG_CODES, PgResult, classify_pg, explain_pg
from tests.protocol.upi_samples import ALL

# As Paytm's pages list them: operation, word, codes, what each is.
DOCUMENTED: list[tuple[str, str, str, Kind]] = [
    ("initiate", "S", "0000 0002", Kind.ACCEPTED),
    ("initiate", "F", "196 1001 1006 1007 1008 1011 1012 2004 2005 2007 2013 2014", Kind.REFUSED),
    ("initiate", "F", "2023", Kind.DUPLICATE),
    ("initiate", "F", "501", Kind.INTERNAL),
    ("initiate", "U", "501 900", Kind.INTERNAL),
    ("process", "S", "0000", Kind.ACCEPTED),
    ("process", "F", "0001 510 931", Kind.DECLINED),
    ("process", "F", "309 312 315 1001 1006 1007 2004 RC-00018", Kind.REFUSED),
    ("process", "F", "372 1005", Kind.DUPLICATE),
    ("process", "F", "501", Kind.INTERNAL),
    ("options", "S", "0000", Kind.SUCCESS),
    ("options", "F", "1001 1006 1007 2004 2013 2014", Kind.REFUSED),
    ("options", "U", "900", Kind.INTERNAL),
    ("vpa", "S", "0000", Kind.SUCCESS),
    ("vpa", "F", "1006 1007 2004 501 00000004 613", Kind.REFUSED),
    ("vpa", "U", "00000900 0", Kind.INTERNAL),
    ("order_status", "TXN_SUCCESS", "01", Kind.SUCCESS),
    ("order_status", "TXN_FAILURE", "227 401 235 267 295 810 820 843", Kind.DECLINED),
    (
        "order_status",
        "TXN_FAILURE",
        "141 202 205 208 207 209 3102 220 222 229 232 296 2271 2272",
        Kind.DECLINED,
    ),
    ("order_status", "NO_RECORD_FOUND", "331", Kind.NOT_FOUND),
    ("order_status", "TXN_FAILURE", "334 335", Kind.REFUSED),
    ("order_status", "PENDING", "400 402", Kind.PENDING),
    ("order_status", "TXN_FAILURE", "501", Kind.INTERNAL),
    ("refund", "PENDING", "601", Kind.ACCEPTED),
    ("refund", "PENDING", "628 677", Kind.PENDING),
    ("refund", "PENDING", "501", Kind.INTERNAL),
    ("refund", "TXN_FAILURE", "330 335 600 607 619 620 627 635 640 702", Kind.REFUSED),
    ("refund", "TXN_FAILURE", "610 617 629 701 703", Kind.DUPLICATE),
    ("refund", "TXN_FAILURE", "626", Kind.BUSY),
    ("refund_status", "TXN_SUCCESS", "10", Kind.SUCCESS),
    ("refund_status", "PENDING", "601 604 628 677", Kind.PENDING),
    ("refund_status", "PENDING", "501", Kind.INTERNAL),
    ("refund_status", "TXN_FAILURE", "330 335", Kind.REFUSED),
    ("refund_status", "TXN_FAILURE", "600 602 620", Kind.VOID_FAILED),
    ("refund_status", "TXN_FAILURE", "631 800", Kind.NOT_FOUND),
    ("qr", "SUCCESS", "QR_0001", Kind.ACCEPTED),
    ("qr", "FAILURE", "QR_1005 QR_1007 QR_1018 QR_1019 QR_1026", Kind.REFUSED),
    ("qr", "FAILURE", "QR_1021 QR_1033 QR_1034 DQR_0006", Kind.DUPLICATE),
    ("qr", "FAILURE", "DQR_0001 DQR_0002 DQR_0003 DQR_0004 DQR_0007 DQR_0021", Kind.REFUSED),
    ("qr", "FAILURE", "GE_0001 GE_0003 GE_1010 GE_1043 DQRO_0001", Kind.INTERNAL),
    ("order_list", "SUCCESS", "1001", Kind.SUCCESS),
    ("order_list", "FAILURE", "4001 4009 4002 4003 4099", Kind.REFUSED),
]
ROWS = [
    (operation, word, code, kind) for operation, word, codes, kind in DOCUMENTED for code in codes.split()
]
EVERY = [(operation, code) for operation, table in PG_CODES.items() for code in table]
WORDS = ["", "S", "SUCCESS", "TXN_SUCCESS", "F", "FAIL", "FAILED", "FAILURE", "TXN_FAILURE", "U", "PENDING",
         "NO_RECORD_FOUND", "ACCEPTED", "TXN_SUCCES", "OK"]  # fmt: skip


@pytest.mark.parametrize(("operation", "word", "code", "kind"), ROWS)
def test_documented_code_is_classified(operation: str, word: str, code: str, kind: Kind) -> None:
    """Each code of Paytm's pages, with its word, is what the page says."""
    assert kind is classify_pg(operation, PgResult(status=word, code=code))
    assert kind is classify_pg(operation, PgResult(status=f" {word.lower()} ", code=code))


@pytest.mark.parametrize("number", range(1001, 1035))
def test_every_code_of_the_qr_series_is_a_no(number: int) -> None:
    """The series QR_1001 to QR_1034, most of it without published meanings, is refused or known already."""
    kind = classify_pg("qr", PgResult(status="FAILURE", code=f"QR_{number}"))
    assert kind in (Kind.REFUSED, Kind.DUPLICATE)


def test_every_operation_has_its_table() -> None:
    """No request is without a table, and no table without a request."""
    assert set(PG_CODES) == {call.operation for call in ALL}


@pytest.mark.parametrize(("operation", "code"), EVERY)
def test_every_row_speaks_in_sentences(operation: str, code: str) -> None:
    """What the cashier reads is sentences: what happened, what it means for the money, what to do."""
    row = PG_CODES[operation][code]
    assert code == row.code
    assert row.meaning
    for text in (row.message, row.hint):
        assert text[0].isupper()
        assert text.endswith(".")


@pytest.mark.parametrize(
    ("operation", "code"), [each for each in EVERY if PG_CODES[each[0]][each[1]].kind is Kind.REFUSED]
)
def test_a_refusal_says_that_no_money_moved(operation: str, code: str) -> None:
    """After a refused call the cashier reads that nothing was charged, or refunded, by it."""
    assert "Nothing was" in PG_CODES[operation][code].message


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        each
        for each in EVERY
        if PG_CODES[each[0]][each[1]].kind in (Kind.DUPLICATE, Kind.INTERNAL)
        and "Nothing was" not in PG_CODES[each[0]][each[1]].message
    ],
)
def test_an_open_outcome_forbids_another_try(operation: str, code: str) -> None:
    """Where money may have moved the cashier reads not to charge, or not to refund, again."""
    assert PG_CODES[operation][code].hint.startswith(("Do not charge again.", "Do not refund again."))


@pytest.mark.parametrize("operation", PG_CODES)
def test_nothing_but_agreement_is_success(operation: str) -> None:
    """Of every word with every code, only the one code with its own word says success."""
    codes = {code for _, code in EVERY} | {"", "7777", "1", "0", "00", "001", "S"}
    found = {
        (word, code)
        for word, code in product(WORDS, codes)
        if classify_pg(operation, PgResult(status=word, code=code)) is Kind.SUCCESS
    }
    proven = {
        "order_status": {("TXN_SUCCESS", "01"), ("TXN_SUCCESS", "1")},
        "refund_status": {("TXN_SUCCESS", "10")},
        "options": {(word, code) for word in ("S", "SUCCESS") for code in ("0000", "0", "00")},
        "vpa": {(word, code) for word in ("S", "SUCCESS") for code in ("0000", "00")},
        "order_list": {("S", "1001"), ("SUCCESS", "1001")},
    }
    assert proven.get(operation, set()) == found


@pytest.mark.parametrize("operation", PG_CODES)
def test_an_unknown_code_is_unknown(operation: str) -> None:
    """A code that nobody has listed is neither paid nor failed, whatever the word."""
    for word, code in product(WORDS, ["", "7777", "99", "X", "१", "0_1", "-1"]):
        assert classify_pg(operation, PgResult(status=word, code=code)) is None


@pytest.mark.parametrize(
    ("operation", "word", "code"),
    [
        ("order_status", "TXN_FAILURE", "01"),
        ("order_status", "PENDING", "01"),
        ("order_status", "S", "01"),
        ("order_status", "", "01"),
        ("order_status", "TXN_SUCCESS", "227"),
        ("order_status", "TXN_SUCCESS", "402"),
        ("order_status", "TXN_FAILURE", "402"),
        ("order_status", "PENDING", "227"),
        ("order_status", "NO_RECORD_FOUND", "01"),
        ("refund", "TXN_SUCCESS", "601"),
        ("refund", "TXN_FAILURE", "601"),
        ("refund_status", "PENDING", "10"),
        ("process", "F", "0000"),
        ("process", "TXN_SUCCESS", "0000"),
        ("initiate", "F", "0002"),
        ("initiate", "S", "2023"),
    ],
)
def test_a_contradiction_is_unknown(operation: str, word: str, code: str) -> None:
    """A code beside a word that says otherwise decides nothing."""
    assert classify_pg(operation, PgResult(status=word, code=code)) is None


def test_a_number_gets_its_zeros_back() -> None:
    """A code that came as a JSON number has lost its zeros; it is found all the same."""
    read = PgResult.from_wire({"resultStatus": "TXN_SUCCESS", "resultCode": 1})
    assert classify_pg("order_status", read) is Kind.SUCCESS
    assert (
        classify_pg("initiate", PgResult.from_wire({"resultStatus": "S", "resultCode": 2})) is Kind.ACCEPTED
    )
    assert classify_pg("vpa", PgResult.from_wire({"resultStatus": "U", "resultCode": 0})) is Kind.INTERNAL


def test_the_message_is_read_under_either_name_and_masked() -> None:
    """`resultMessage` is read as `resultMsg` is, and a card number in it is masked."""
    read = PgResult.from_wire({"resultCode": "F", "resultMessage": "Card 4111 1111 1111 1234 declined"})
    assert read.message == "Card XXXX1234 declined"


def test_unknown_code_is_explained() -> None:
    """A code nobody has listed still gets sentences, quotes Paytm, and forbids another charge."""
    row = explain_pg("order_status", PgResult(status="", code="7777", message="Card 4111111111111234\n no"))
    assert Kind.INTERNAL is row.kind
    assert "7777" in row.message
    assert "“Card XXXX1234 no”" in row.message
    assert "Do not charge again" in row.hint
    assert "without a code" in explain_pg("qr", PgResult(status="", code="")).message


def test_unknown_beside_a_no_is_no_no() -> None:
    """The word U says that Paytm does not know: with a code of refusal it contradicts itself, and decides nothing."""
    for operation, code in (("process", "0001"), ("process", "309"), ("initiate", "1001"), ("initiate", "2023")):
        assert classify_pg(operation, PgResult(status="U", code=code)) is None
    assert classify_pg("process", PgResult(status="U", code="900")) is Kind.INTERNAL
