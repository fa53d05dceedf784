"""Papers as text and as printer bytes: the wording, the widths, and that nothing typed becomes a command."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galla.clock import IST
from galla.money import format_inr
from galla.receipts.amount_words import in_words
from galla.receipts.code import LENGTH, new_code, read_code, spaced
from galla.receipts.escpos import escpos
from galla.receipts.latin import latin
from galla.receipts.model import Bill, Kind
from galla.receipts.paper import paper_of
from galla.receipts.text import WIDTHS, text
from tests.corpus import WHOLE
from tests.receipts.golden import GOLDEN
from tests.receipts.papers import CARD, CODE, LINK, line, paper, receipt, slip, taxes, unspoken


@pytest.mark.parametrize("width", WIDTHS)
def test_a_receipt_reads_as_agreed(width: int) -> None:
    """A bill paid by card and cash prints line by line as it was agreed, at each width."""
    assert text(paper(copy=2), width) == GOLDEN[width]


@given(
    names=st.lists(st.text(max_size=60), min_size=1, max_size=4),
    price=st.integers(min_value=1, max_value=99_99_99_99_99),
    width=st.sampled_from(WIDTHS),
)
def test_no_line_is_wider_than_the_roll(names: list[str], price: int, width: int) -> None:
    """Whatever the names and amounts are, each line fits the roll and is printable ASCII."""
    lines = tuple(line(name, 3, price, "9993") for name in names)
    total = sum(each.amount_paise for each in lines)
    bill = Bill(
        number=names[0], customer=names[-1], lines=lines, total_paise=total, paid_paise=0, due_paise=total
    )
    printed = text(paper_of(receipt(bill=bill, customer=names[-1])), width)
    assert printed.isascii()
    assert max(map(len, printed.split("\n"))) <= width
    assert all(part.isprintable() for part in printed.split("\n"))


@given(
    prices=st.lists(
        st.tuples(st.integers(1, 500), st.integers(1, 9_99_99_999), st.sampled_from((0, 500, 1200, 1800, 2800))),
        min_size=1,
        max_size=8,
    ),
    is_interstate=st.booleans(),
)
def test_the_paper_adds_up(prices: list[tuple[int, int, int]], is_interstate: bool) -> None:
    """The amounts of the lines add up to the total, and tax and amounts before tax to the taxed lines, to the paisa."""
    lines = tuple(line("x", quantity, unit) for quantity, unit, _ in prices)
    gst = taxes(*((quantity * unit, rate) for quantity, unit, rate in prices), is_interstate=is_interstate)
    total = sum(each.amount_paise for each in lines)
    bill = Bill(number="B", customer=None, lines=lines, total_paise=total, paid_paise=0, due_paise=total, taxes=gst)
    said = paper_of(receipt(bill=bill))
    assert sum(_paise(item.amount) for item in said.items) == total == _paise(said.total.value)
    taxed = sum(quantity * unit for quantity, unit, rate in prices if rate)
    bases = [_paise(row.label.rsplit(" on ", 1)[1]) for row in said.taxes if " on " in row.label]
    assert sum(_paise(row.value) for row in said.taxes) + sum(bases) == taxed


def test_gst_is_shown_in_halves_or_whole() -> None:
    """Within the state each rate has CGST, with the odd paisa, and SGST; to another state IGST alone, and its place."""
    gst = {"lines": (line("x", 1, 101, "3004"),), "total_paise": 101, "paid_paise": 101, "due_paise": 0}
    home = Bill(number="B", customer=None, taxes=taxes((101, 500)), **gst)
    assert [(row.label, row.value) for row in paper_of(receipt(bill=home)).taxes] == [
        ("CGST 2.5 % on 0.96", "0.03"), ("SGST 2.5 %", "0.02"),
    ]  # fmt: skip
    there = Bill(
        number="B", customer=None, taxes=taxes((101, 500), is_interstate=True), place_of_supply="29 Karnataka", **gst
    )
    for printed in (text(paper_of(receipt(bill=there))), escpos(paper_of(receipt(bill=there)), 48).decode("latin-1")):
        assert "IGST 5 % on 0.96" in printed
        assert "CGST" not in printed
        assert "Place of supply: 29 Karnataka" in printed
        assert "GSTIN: 27AAPFU0939F1ZV" in printed
        assert "HSN 3004" in printed


@pytest.mark.parametrize("width", [32, 48])
@pytest.mark.parametrize("typed", WHOLE)
def test_nothing_typed_commands_the_printer(typed: str, width: int) -> None:
    """With galla's own commands taken away, the bytes for the printer are printable ASCII and line ends alone."""
    for made in (receipt(text=typed), slip(text=typed)):
        rest = unspoken(escpos(paper_of(made), width))
        assert all(code == 0x0A or 0x20 <= code <= 0x7E for code in rest)


def test_the_printer_draws_the_qr_and_cuts_once() -> None:
    """The printer's own QR holds the link with its length before it, and the paper is cut once, at the end."""
    sent = escpos(paper(), 32)
    size = len(LINK) + 3
    assert b"\x1d(k" + bytes((size & 255, size >> 8)) + b"1P0" + LINK.encode() in sent
    assert sent.startswith(b"\x1b@")
    assert sent.endswith(b"\x1dVB\x03")
    assert sent.count(b"\x1dV") == 1


@pytest.mark.parametrize("typed", WHOLE)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_typed_moves_a_line(typed: str, width: int) -> None:
    """Hostile text in every field leaves no control character, and no line begins as a spreadsheet formula would."""
    printed = text(paper(text=typed), width)
    assert printed.isascii()
    assert all(part.isprintable() and len(part) <= width for part in printed.split("\n"))


def test_later_copies_say_so() -> None:
    """The first print carries no mark; each later one says which duplicate it is."""
    assert "DUPLICATE" not in text(paper())
    assert "* DUPLICATE 1 *" in text(paper(copy=2))
    assert "* DUPLICATE 6 *" in text(paper(copy=7))


@pytest.mark.parametrize("kind", [Kind.VOID, Kind.REFUND])
def test_a_slip_says_whether_the_money_has_gone(kind: Kind) -> None:
    """A slip that is not done says so, and claims nothing; a done one names amount, reason and reference."""
    open_slip, done = text(paper_of(slip(kind, is_done=False))), text(paper_of(slip(kind)))
    assert "To be given back" in open_slip
    assert "yet:" in open_slip
    assert "yet:" not in done
    assert "Cream brought back" in done
    assert ("Voided" if kind is Kind.VOID else "Given back") in done
    assert "Rs.500.00" in done
    assert "Consultation" not in done


def test_money_beyond_the_bill_is_shown() -> None:
    """A bill paid twice says what was paid beyond it, and what has gone back."""
    bill = Bill(number="B", customer=None, lines=(line(),), total_paise=50_000, paid_paise=50_000, due_paise=0)
    twice = receipt(bill=bill, tenders=(CARD, CARD)).tenders
    printed = text(paper_of(receipt(bill=bill, tenders=twice)), 48)
    assert "Paid beyond the bill                 Rs.2,500.00" in printed


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("सुनीता शर्मा", "Sunita Sharma"),
        ("रमेश कुमार", "Ramesh Kumar"),
        ("प्रिया श.", "Priya Sh."),
        ("રમેશ", "Ramesh"),
        ("রমেশ", "Ramesh"),
        ("ரமேஷ்", "Ramesh"),
        ("రమేష్", "Ramesh"),
        ("१२३", "123"),
        ("José Müller", "Jose Muller"),
        ("₹500 – 2×", "Rs.500 - 2x"),
        ("東京 👍", "?? ?"),
    ],
)
def test_names_are_written_as_they_sound(typed: str, printed: str) -> None:
    """Names in Indian scripts and accents come out in Latin letters that people recognise."""
    assert latin(typed) == printed


@pytest.mark.parametrize(
    ("paise", "said"),
    [
        (0, "Zero paise only"),
        (1, "One paisa only"),
        (100, "Rupee one only"),
        (250_000, "Rupees two thousand five hundred only"),
        (12_345_650, "Rupees one lakh twenty-three thousand four hundred fifty-six and fifty paise only"),
        (1_00_00_000_00, "Rupees one crore only"),
        (
            99_99_99_99_99_99,
            "Rupees nine hundred ninety-nine crore ninety-nine lakh ninety-nine thousand nine hundred ninety-nine "
            "and ninety-nine paise only",
        ),
    ],
)
def test_amounts_are_written_out(paise: int, said: str) -> None:
    """Amounts in words follow lakh and crore, to the largest that galla takes."""
    assert in_words(paise) == said


def test_a_code_is_read_back_as_people_type_it() -> None:
    """Small letters, spaces, hyphens and the usual confusions of O, I and L do not matter."""
    for _ in range(50):
        code = new_code()
        assert len(code) == LENGTH
        assert read_code(spaced(code).lower()) == code
        assert read_code(code.replace("0", "O").replace("1", "l")) == code


@given(at=st.integers(0, LENGTH - 1), other=st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_slip_of_the_pen_is_noticed(at: int, other: str) -> None:
    """One wrong character, or two neighbours changed over, never reads as a code."""
    wrong = CODE[:at] + other + CODE[at + 1 :]
    assert (read_code(wrong) is None) == (wrong != CODE)
    swapped = CODE[:at] + CODE[at : at + 2][::-1] + CODE[at + 2 :]
    assert (read_code(swapped) is None) == (swapped != CODE)


def test_times_are_indian() -> None:
    """What is printed is India time, whatever the computer's zone is."""
    assert CARD.paid_at.astimezone(IST).hour == 14
    assert "21 Nov 2026, 2:14 pm" in text(paper())


def _paise(said: str) -> int:
    return int(re.sub(r"\D", "", said))


def test_amounts_are_grouped_as_in_india() -> None:
    """Totals on paper carry the Indian grouping."""
    bill = Bill(
        number="B", customer=None, lines=(line("x", 1, 12_345_600),), total_paise=12_345_600, paid_paise=0,
        due_paise=12_345_600,
    )  # fmt: skip
    assert "Rs.1,23,456.00" in text(paper_of(receipt(bill=bill)))
    assert format_inr(12_345_600) in paper_of(receipt(bill=bill)).total.value
