"""What makes a page, a paper or a file more than text: whatever could run, load, lead away, command or hide."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from html.parser import HTMLParser

import httpx2
import pypdf

from tests.corpus import MARK
from tests.receipts.papers import unspoken
from tests.web.forms import Form, Forms

_ADDRESSES = frozenset({"href", "src", "action", "formaction", "xlink:href", "data", "poster", "hx-get", "hx-post"})
_OUR_OWN = re.compile(r"[/?#]|data:image/(?:svg\+xml|png)|upi:|http://127\.0\.0\.1")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]{2})?")
_FORMULA = "=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20"


class Reader(HTMLParser):
    """Reads a page as a browser does, and notes its forms, and what could run, load or lead away."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.words: list[str] = []
        self.actions: set[str] = set()
        self._forms = Forms()

    @property
    def forms(self) -> list[Form]:
        """The page's forms."""
        return self._forms.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element and its attributes."""
        given = {name: value or "" for name, value in attrs}
        self._forms.open(tag, given)
        self.actions |= {given[name].partition("?")[0] for name in ("action", "formaction", "hx-post") if name in given}
        if tag in ("iframe", "object", "embed", "base") or MARK in tag:
            self.faults.append(f"<{tag}>")
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.faults.append(f"a script of its own: {given}")
        for name, value in given.items():
            is_ours = not name.startswith("on") and MARK not in name and name not in ("style", "srcdoc")
            leads_away = name in _ADDRESSES and _OUR_OWN.match(value) is None
            if not is_ours or leads_away or (value == "/sign-out" and name.startswith("hx-")):
                self.faults.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        """Note where a form ends."""
        self._forms.close(tag)

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.words.append(data)


def read(page: str) -> Reader:
    """Read a page."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def hidden(text: str) -> list[str]:
    """Return the characters that show nothing and change how a text is read: controls, direction, halves."""
    return [
        repr(char)
        for char in text
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in "\n\r\t\u200c\u200d"
    ]


def faults_of_answer(path: str, answer: httpx2.Response, *, is_typed: bool = False) -> list[str]:
    """Return what a page holds besides galla's own elements, and the characters in it that hide, unless just typed."""
    found = [*read(answer.text).faults, *(() if is_typed else hidden(answer.text))]
    policy = answer.headers["content-security-policy"]
    if answer.status_code >= 500 or "script-src 'self';" not in policy or "unsafe" in policy:
        found.append(f"{answer.status_code} {policy}")
    return [f"{path}: {fault}" for fault in found]


async def faults_of_page(client: httpx2.AsyncClient, path: str) -> list[str]:
    """Open a page and return what is wrong with it."""
    return faults_of_answer(path, await client.get(path, headers={"Accept": "text/html"}))


async def faults_of_paper(client: httpx2.AsyncClient, path: str) -> list[str]:
    """Return what a receipt or a report holds besides words, as a page, as text and as a printer gets it."""
    found = await faults_of_page(client, path)
    printed = (await client.get(f"{path}?format=text&width=48")).content
    sent = unspoken((await client.get(f"{path}?format=escpos&width=48")).content)
    assert MARK.encode() in printed, path
    found += [f"{path}: {code:#x}" for code in printed + sent if code != 0x0A and not 0x20 <= code <= 0x7E]
    return found


async def check_pdf(client: httpx2.AsyncClient, path: str) -> None:
    """Fail on a PDF that cannot be read, does something when opened, or leads anywhere but to galla."""
    document = pypdf.PdfReader(io.BytesIO((await client.get(path)).content))
    root = document.trailer["/Root"]
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(root), path
    assert "/JavaScript" not in root.get("/Names", {}), path
    said = "".join(page.extract_text() for page in document.pages)
    assert "root:" not in said
    assert MARK in said, path
    for page in document.pages:
        for note in page.get("/Annots") or []:
            assert str(note.get_object()["/A"].get("/URI", "")).startswith("http://127.0.0.1"), path


async def faults_of_sheet(client: httpx2.AsyncClient) -> list[str]:
    """Return the cells that a spreadsheet would take for a formula."""
    answer = await client.get("/payments.csv")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert len(rows) > 9
    assert len({len(row) for row in rows}) == 1
    cells = [cell for row in rows for cell in row if cell and _NUMBER.fullmatch(cell) is None]
    return [cell for cell in cells if cell.strip()[:1] in _FORMULA or hidden(cell)]
