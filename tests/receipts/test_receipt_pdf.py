"""Papers as PDF, read back: what they say, in which letters, and that no text is ever code."""

import io
from datetime import UTC, datetime

import pypdf
import pytest

from galla.receipts import pdf
from galla.receipts.paper import paper_of
from tests.corpus import WHOLE
from tests.receipts.papers import LINK, paper, receipt, slip

PNG = b"\x89PNG"
POINTS_TO_MM = 25.4 / 72


def read(made: bytes) -> tuple[pypdf.PdfReader, str]:
    """Return a PDF and its words, with the spaces evened out."""
    document = pypdf.PdfReader(io.BytesIO(made))
    return document, " ".join(" ".join(page.extract_text() for page in document.pages).split())


@pytest.mark.parametrize("size", pdf.SIZES)
def test_a_pdf_says_what_the_receipt_says(size: str) -> None:
    """Shop, lines, totals, tenders, words and the code are in the PDF, on one page of the right size."""
    document, said = read(pdf.pdf(paper(copy=2), size))
    for text in (
        *("Skin Clinic", "INV-2026-0412", "Ramesh K.", "Chemical peel", "₹2,500.00", "₹500.00", "152.55"),
        *("Visa •••• 1234", "632660677204", "TID 12345671", "DUPLICATE 1", "HS7A-3CK3-R7QN-EDVBB", LINK),
        "Rupees two thousand five hundred only",
    ):
        assert text in said
    assert len(document.pages) == 1
    width = round(float(document.pages[0].mediabox.width) * POINTS_TO_MM)
    assert width == {"a4": 210, "a5": 148, "80mm": 80}[size]


def test_a_pdf_is_tagged_and_named() -> None:
    """Screen readers get structure, a language and a title, and the QR has words in its place."""
    made = pdf.pdf(paper(), "a5")
    document, _ = read(made)
    root = document.trailer["/Root"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en-IN"
    assert document.metadata is not None
    assert document.metadata.title == "Receipt HS7A-3CK3-R7QN-EDVBB"


def test_the_same_paper_is_the_same_bytes() -> None:
    """Nothing of the machine or the moment gets into a PDF."""
    assert pdf.pdf(paper(), "a5") == pdf.pdf(paper(), "a5")


@pytest.mark.parametrize("typed", WHOLE)
def test_nothing_typed_is_code(typed: str) -> None:
    """Hostile text in every field is set as it stands: nothing is evaluated, and no page is lost."""
    for made in (receipt(text=typed), slip(text=typed)):
        document, said = read(pdf.pdf(paper_of(made), "80mm"))
        assert len(document.pages) == 1
        assert "HS7A-3CK3-R7QN-EDVBB" in said
        assert "root:" not in said
        squeezed = "".join(said.split())
        if typed.isascii() and typed.isprintable() and len(typed) < 60:
            assert "".join(typed.split()) in squeezed


def test_devanagari_and_the_rupee_are_drawn() -> None:
    """A name in Devanagari and ₹ come from fonts that galla ships, embedded in the PDF."""
    document, said = read(pdf.pdf(paper(text="सुनीता"), "a5"))
    fonts = {
        str(font.get_object()["/BaseFont"]).split("+")[-1]
        for font in document.pages[0]["/Resources"]["/Font"].values()
    }
    assert any(name.startswith("NotoSansDevanagari") for name in fonts)
    assert all(name.startswith("NotoSans") for name in fonts)
    assert "₹" in said
    assert pdf.png(paper(text="सुनीता"), "80mm").startswith(PNG)


def test_letters_without_a_font_are_sounded() -> None:
    """A name in a script the fonts lack is written in Latin letters instead of as empty boxes."""
    _, said = read(pdf.pdf(paper(text="ரமேஷ்"), "a5"))
    assert "Ramesh" in said


def test_a_pdf_carries_its_own_date() -> None:
    """The PDF's date is when the paper was printed."""
    document, _ = read(pdf.pdf(paper(), "a5"))
    assert document.metadata is not None
    assert document.metadata.creation_date == datetime(2026, 11, 21, 8, 44, 5, tzinfo=UTC)
