"""A paper as an answer: a page to print, a PDF, plain text, or bytes for a thermal printer."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import Request
from starlette.responses import HTMLResponse, Response

from galla.receipts.escpos import escpos, tally_escpos
from galla.receipts.evidence import Evidence
from galla.receipts.hindi_words import in_hindi_words
from galla.receipts.paper import Paper, paper_of
from galla.receipts.pdf import compiled, pdf
from galla.receipts.tally import Tally
from galla.receipts.tally_text import tally_text
from galla.receipts.text import text
from galla.service.receipts import Printed
from galla.web.language import language
from galla.web.pages.page import page
from galla.web.requests import ReceiptQuery
from galla.web.shift_shapes import ShiftReportQuery

PDF_TYPE = "application/pdf"
TEXT_TYPE = "text/plain; charset=utf-8"
ESCPOS_TYPE = "application/octet-stream"
_ENDINGS = {"pdf": "pdf", "text": "txt", "escpos": "bin"}


async def printed_answer(request: Request, printed: Printed, query: ReceiptQuery, *, is_staff: bool) -> Response:
    """Answer with a copy in the form that was asked for; `is_staff` adds the buttons of the counter."""
    paper = paper_of(printed.receipt)
    width = int(query.width)
    match query.format:
        case "pdf":
            return _file(await asyncio.to_thread(pdf, paper, query.paper), PDF_TYPE, paper, query.format)
        case "text":
            return _file(text(paper, width).encode(), TEXT_TYPE, paper, query.format)
        case "escpos":
            return _file(escpos(paper, width), ESCPOS_TYPE, paper, query.format)
        case _:
            return as_page(request, paper, printed if is_staff else None)


async def evidence_pdf(evidence: Evidence) -> Response:
    """Answer with an evidence pack as PDF."""
    value = msgspec.to_builtins(evidence)
    content = await asyncio.to_thread(compiled, "evidence.typ", value, evidence.made_at)
    headers = {"Content-Disposition": 'inline; filename="evidence.pdf"', "Cache-Control": "no-store"}
    return Response(content, media_type=PDF_TYPE, headers=headers)


async def tally_answer(request: Request, tally: Tally, query: ShiftReportQuery, *, tools: str | None) -> Response:
    """Answer with a shift's report in the form that was asked for; `tools`: its address at the counter, for buttons."""
    name = tally.title.lower().replace(" ", "-")
    if query.format == "html":
        return page(request, "tally.html", tally=tally, tools=tools)
    if query.format == "text":
        return _named(tally_text(tally, int(query.width)).encode(), TEXT_TYPE, f"{name}.txt")
    if query.format == "escpos":
        return _named(tally_escpos(tally, int(query.width)), ESCPOS_TYPE, f"{name}.bin", "attachment")
    value = {**msgspec.to_builtins(tally), "size": query.paper}
    return _named(await asyncio.to_thread(compiled, "tally.typ", value, tally.printed_at), PDF_TYPE, f"{name}.pdf")


def as_page(request: Request, paper: Paper, printed: Printed | None) -> HTMLResponse:
    """Answer with a page that prints as the paper; `printed` is given to staff, who may want another form."""
    words = in_hindi_words(paper.amount_paise) if language() == "hi" else paper.words
    return page(request, "receipt.html", paper=paper, printed=printed, words=words)


def _file(content: bytes, kind: str, paper: Paper, form: str) -> Response:
    name = f"{paper.title.lower().replace(' ', '-')}-{paper.code}.{_ENDINGS[form]}"
    return _named(content, kind, name, "attachment" if form == "escpos" else "inline")


def _named(content: bytes, kind: str, name: str, shown: str = "inline") -> Response:
    headers = {"Content-Disposition": f'{shown}; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
