"""Result codes: every known one has its sentences, and no contradiction is ever read as success."""

from itertools import product

import pytest

from galla.protocol.codes import EDC_CODES, Kind, ResultInfo, classify, explain_edc, masked_text

DOCUMENTED = [
    "0000",
    "0009",
    "0010",
    "0030",
    "0002",
    "0007",
    "0011",
    "0012",
    "0022",
    "0902",
    "0029",
    "0090",
    "0180",
    "0182",
    "0233",
    "0330",
    "0333",
    "0404",
    "1809",
    "1810",
    "1813",
    "1814",
    "1815",
    "1825",
    "9001",
    "EDC_0000",
    "EDC_0007",
    "EDC_0016",
    "EDC_0017",
    "EDC_0021",
]


def info(status: str = "", code: str = "", code_id: str = "") -> ResultInfo:
    """A result as it comes off the wire."""
    return ResultInfo.from_wire({"resultStatus": status, "resultCode": code, "resultCodeId": code_id})


def test_every_documented_code_has_a_row() -> None:
    """The table holds exactly the codes of Paytm's pages."""
    assert sorted(DOCUMENTED) == sorted(EDC_CODES)


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_row_speaks_in_sentences(code: str) -> None:
    """What the cashier reads is sentences: what happened, what it means for the money, what to do."""
    row = EDC_CODES[code]
    assert code == row.code
    for text in (row.message, row.hint):
        assert text[0].isupper()
        assert text.endswith(".")
    assert row.meaning


@pytest.mark.parametrize(
    "code", [code for code in DOCUMENTED if EDC_CODES[code].kind in (Kind.REFUSED, Kind.BUSY)]
)
def test_a_refusal_says_nothing_was_charged(code: str) -> None:
    """After a refused call the cashier reads that nothing was charged by it."""
    assert "Nothing was charged" in EDC_CODES[code].message


@pytest.mark.parametrize("code", ["0012", "0029", "0233", "0404"])
def test_an_open_outcome_forbids_another_charge(code: str) -> None:
    """Where money may have moved the cashier reads not to charge again."""
    assert EDC_CODES[code].hint.startswith("Do not charge again.")


@pytest.mark.parametrize(
    ("expected", "status", "code", "code_id"),
    [
        (Kind.SUCCESS, "SUCCESS", "S", "0000"),
        (Kind.SUCCESS, "TXN_SUCCESS", "S", "0000"),
        (Kind.SUCCESS, "success", "s", "0000"),
        (Kind.SUCCESS, "SUCCESS", "S", ""),
        (Kind.SUCCESS, "TXN_SUCCESS", "0000", ""),
        (Kind.SUCCESS, "SUCCESS", "0000", "0000"),
        (Kind.SUCCESS, "SUCCESS", "S", "0"),
        (Kind.ACCEPTED, "ACCEPTED_SUCCESS", "A", "0009"),
        (Kind.ACCEPTED, "ACCEPTED_SUCCESS", "0009", ""),
        (Kind.ACCEPTED, "ACCEPTED", "A", ""),
        (Kind.ACCEPTED, "SUCCESS", "A", "0009"),
        (Kind.ACCEPTED, "SUCCESS", "S", "EDC_0000"),
        (Kind.PENDING, "PENDING", "P", "0010"),
        (Kind.PENDING, "PENDING", "P", "0030"),
        (Kind.PENDING, "PENDING", "P", ""),
        (Kind.PENDING, "PENDING", "0030", ""),
        (Kind.DECLINED, "FAIL", "F", "0011"),
        (Kind.DECLINED, "FAILED", "F", "0182"),
        (Kind.DECLINED, "TXN_FAILURE", "F", "7777"),
        (Kind.DECLINED, "FAIL", "F", ""),
        (Kind.NOT_FOUND, "FAIL", "F", "0404"),
        (Kind.NOT_FOUND, "FAILED", "F", "0029"),
        (Kind.INTERNAL, "FAIL", "F", "0012"),
        (Kind.REFUSED, "FAIL", "F", "0330"),
        (Kind.REFUSED, "FAIL", "0330", ""),
        (Kind.REFUSED, "", "F", "0330"),
        (Kind.BUSY, "FAIL", "F", "0333"),
        (Kind.DUPLICATE, "FAIL", "F", "0233"),
        (Kind.VOID_FAILED, "FAIL", "F", "0090"),
        (Kind.VOID_FAILED, "FAIL", "F", "0180"),
        (None, "FAIL", "S", "0000"),
        (None, "PENDING", "S", "0000"),
        (None, "", "S", "0000"),
        (None, "SUCCESS", "S", "0011"),
        (None, "SUCCESS", "S", "7777"),
        (None, "SUCCESS", "F", "0011"),
        (None, "FAIL", "F", "0000"),
        (None, "FAIL", "F", "0009"),
        (None, "SUCCESS", "P", "0000"),
        (None, "SUCCESS", "A", "0000"),
        (None, "FAIL", "A", "0009"),
        (None, "PENDING", "P", "0011"),
        (None, "SUCCESS", "", ""),
        (None, "SUCCESS", "0011", ""),
        (None, "FAIL", "0000", ""),
        (None, "FAIL", "7777", ""),
        (None, "", "0000", ""),
        (None, "SUCCESS", "0000", "0011"),
        (None, "SUCCESS", "X", "0000"),
        (None, "", "F", "7777"),
        (None, "", "", ""),
    ],
)
def test_classify(expected: Kind | None, status: str, code: str, code_id: str) -> None:
    """The letter decides, then the code; parts that contradict each other are unknown."""
    assert expected == classify(info(status, code, code_id))


def test_nothing_but_agreement_is_success() -> None:
    """Of every combination of word, letter and code only those that all say success are one."""
    words = ["", "SUCCESS", "TXN_SUCCESS", "FAIL", "FAILED", "PENDING", "ACCEPTED_SUCCESS", "SUCCES", "OK"]
    letters = ["", "S", "F", "P", "A", "X", "0000", "0009", "0011", "7777"]
    paid = [
        combination
        for combination in product(words, letters, ["", "7777", *DOCUMENTED])
        if classify(info(*combination)) is Kind.SUCCESS
    ]
    assert {"SUCCESS", "TXN_SUCCESS"} == {word for word, _, _ in paid}
    assert {("S", ""), ("S", "0000"), ("0000", ""), ("0000", "0000"), ("", "0000")} == {
        (a, b) for _, a, b in paid
    }


def test_numbers_get_their_zeros_back() -> None:
    """JSON numbers lose leading zeros; the code is the four digits again."""
    read = ResultInfo.from_wire({"resultStatus": "ACCEPTED_SUCCESS", "resultCode": "A", "resultCodeId": 9})
    assert (read.code, read.code_id, read.message) == ("A", "0009", "")


def test_other_spelling_of_the_message_is_read() -> None:
    """`resultMessage` is read as `resultMsg` is, and a card number in it is masked."""
    read = ResultInfo.from_wire({"resultCode": "F", "resultMessage": "Card 4111 1111 1111 1234 declined"})
    assert read.message == "Card XXXX1234 declined"


def test_unknown_code_is_explained() -> None:
    """A code nobody has listed still gets sentences, quotes Paytm, and forbids another charge."""
    row = explain_edc("7777", "Card 4111111111111234\n declined")
    assert Kind.INTERNAL is row.kind
    assert "7777" in row.message
    assert "“Card XXXX1234 declined”" in row.message
    assert "Do not charge again" in row.hint
    assert "without a code" in explain_edc("").message
    assert EDC_CODES["0333"] is explain_edc("0333", "busy")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("XXXX1234", "4111111111111234"),
        ("XXXX1234", "4111-1111-1111-1234"),
        ("a XXXX3456 b", "a 1234567890123456 b"),
        ("20260105111212800110168000000000001", "20260105111212800110168000000000001"),
        ("600512345678", "600512345678"),
        ("2026-01-05 10:20:30", "2026-01-05 10:20:30"),
        ("", ""),
    ],
)
def test_masked_text(expected: str, text: str) -> None:
    """Card numbers are masked; RRNs, Paytm's ids and times are not."""
    assert expected == masked_text(text)
