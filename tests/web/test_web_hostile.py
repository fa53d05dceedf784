"""Nothing that anybody typed, sent or answered runs: not in a page, a file, a printer, a PDF or a log."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import unicodedata
from html.parser import HTMLParser
from urllib.parse import quote

import httpx2
import pypdf
import pytest

from galla.cli.logs import configure
from galla.config import Settings
from tests.corpus import HALVES, PAGES, SHEETS, WHOLE
from tests.receipts.papers import unspoken
from tests.web.hostile_shop import Traces, fill, open_hostile_shop
from tests.web.staff import hire, session_of, signed_in

_ADDRESSES = frozenset({"href", "src", "action", "formaction", "xlink:href", "data", "poster", "hx-get", "hx-post"})
_OUR_OWN = re.compile(r"[/?#]|data:image/(?:svg\+xml|png)|upi:|http://127\.0\.0\.1")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]{2})?")
_FORMULA = "=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20"


class Reader(HTMLParser):
    """Reads a page as a browser does, and notes what could run, load or lead away."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element and its attributes."""
        given = {name: value or "" for name, value in attrs}
        if tag in ("iframe", "object", "embed", "base") or "zqx" in tag:
            self.faults.append(f"<{tag}>")
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.faults.append(f"a script of its own: {given}")
        for name, value in given.items():
            is_ours = not name.startswith("on") and "zqx" not in name and name not in ("style", "srcdoc")
            leads_away = name in _ADDRESSES and _OUR_OWN.match(value) is None
            if not is_ours or leads_away or (value == "/sign-out" and name.startswith("hx-")):
                self.faults.append(f"<{tag} {name}={value!r}>")

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


def pages_of(traces: Traces) -> list[str]:
    """Return every address that shows a text of these, once."""
    found = ["/counter", "/counter?new=bill", "/payments", "/terminals", "/people", "/settings", "/audit", "/tasks"]
    found += ["/webhooks", "/queue", "/queue/hall", "/displays", "/reports", "/account", f"/shift/{traces.shift}"]
    found += [f"/shift/{traces.shift}/report", *traces.pay_pages]
    for payment in traces.payments:
        found += [f"/payments/{payment}", f"/payments/{payment}/evidence", f"/counter?payment={payment}"]
    found += [f"/counter?bill={quote(number)}" for number in traces.bills]
    found += [f"/customers/{customer}" for customer in traces.customers]
    return found


def answers_of() -> list[str]:
    """Return every address that says again what was asked of it."""
    found = [f"/r/{quote(text, safe='')}" for text in PAGES[:2]]
    for text in (*PAGES[::2], SHEETS[0]):
        asked = quote(text, safe="")
        found += [f"/counter/search?q={asked}", f"/payments?q={asked}&least={asked}", f"/sign-in?next={asked}"]
        found += [f"/counter/customers?name={asked}", f"/counter?bill={asked}", f"/nowhere/{asked}"]
    return found


async def faults_of_page(client: httpx2.AsyncClient, path: str) -> list[str]:
    """Return what a page holds besides galla's own elements, and the characters in it that hide."""
    answer = await client.get(path, headers={"Accept": "text/html"})
    reader = read(answer.text)
    found = [*reader.faults, *hidden(answer.text)]
    policy = answer.headers["content-security-policy"]
    if answer.status_code >= 500 or "script-src 'self';" not in policy or "unsafe" in policy:
        found.append(f"{answer.status_code} {policy}")
    return [f"{path}: {fault}" for fault in found]


async def faults_of_paper(client: httpx2.AsyncClient, paper: str) -> list[str]:
    """Return what a receipt holds besides words, in any of its forms."""
    path = f"/v1/{paper}/receipt"
    found = await faults_of_page(client, path)
    printed = (await client.get(f"{path}?format=text&width=48")).content
    sent = unspoken((await client.get(f"{path}?format=escpos&width=48")).content)
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
    assert "zqx" in said, path
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


async def test_hostile_text_runs_nowhere(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole corpus through every field, then every page, paper, file and log line: all of it is only text.

    On one engine in English, on the other in Hindi.
    """
    configure(Settings(log_format="json"))
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    async with open_hostile_shop(database_url) as (shop, liar):
        rounds, tongue = (7, "en") if database_url.startswith("sqlite") else (3, "hi")
        traces = await fill(shop, liar, (*HALVES, *WHOLE), rounds)
        await hire(shop, "admin")
        faults: list[str] = []
        async with signed_in(shop, await session_of(shop, "admin"), **{"Accept-Language": tongue}) as client:
            for path in [*pages_of(traces), *(answers_of() if rounds > 3 else ())]:
                faults += await faults_of_page(client, path)
            faults += await faults_of_sheet(client)
            await check_pdf(client, f"/payments/{traces.payments[0]}/evidence.pdf")
        async with shop.client() as client:
            for paper in traces.papers:
                faults += await faults_of_paper(client, paper)
            await check_pdf(client, f"/v1/{traces.papers[0]}/receipt?format=pdf")
    assert faults == []
    for line in capsys.readouterr().err.splitlines():
        assert line.isascii()
        assert line.isprintable()
        assert "event" in json.loads(line)
