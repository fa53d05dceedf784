"""Nothing that anybody typed, sent or answered runs: not in a page, a file, a printer, a PDF or a log."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

import pytest

from galla.cli.logs import configure
from galla.config import Settings
from tests.corpus import HALVES, PAGES, SHEETS, WHOLE
from tests.web.hostile_shop import Traces, fill, open_hostile_shop
from tests.web.inert import check_pdf, faults_of_page, faults_of_paper, faults_of_sheet
from tests.web.shop import FIRST
from tests.web.staff import hire, session_of, signed_in
from tests.web.written import fields_of


def pages_of(traces: Traces) -> list[str]:
    """Return every address that shows a text of these, once."""
    found = ["/counter", "/counter?new=bill", "/payments", "/terminals", "/people", "/settings", "/audit", "/tasks"]
    found += ["/webhooks", "/queue", "/queue/hall", "/displays", "/reports", "/account", f"/shift/{traces.shift}"]
    found += [f"/shift/{traces.shift}/report", "/shift", f"/display/{traces.machines[FIRST]}", *traces.pay_pages]
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


async def test_hostile_text_runs_nowhere(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole corpus through every field, then every page, paper, file and log line: all of it is only text.

    On one engine in English, on the other in Hindi.
    """
    configure(Settings(log_format="json"))
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    async with open_hostile_shop(database_url) as (shop, liar):
        rounds, tongue = (5, "en") if database_url.startswith("sqlite") else (3, "hi")
        traces = await fill(shop, liar, (*HALVES, *WHOLE), rounds)
        unwritten = fields_of(shop.app) - traces.written.fields
        assert unwritten == set(), "write a hostile text into each of these, in hostile_shop.py"
        await hire(shop, "admin")
        faults: list[str] = []
        async with signed_in(shop, await session_of(shop, "admin"), **{"Accept-Language": tongue}) as client:
            for path in [*pages_of(traces), *(answers_of() if rounds > 3 else ())]:
                faults += await faults_of_page(client, path)
            faults += await faults_of_sheet(client)
            await check_pdf(client, f"/payments/{traces.payments[0]}/evidence.pdf")
        async with shop.client() as client:
            for paper in traces.papers:
                faults += await faults_of_paper(client, f"/v1/{paper}")
            for paper in (traces.papers[0], traces.papers[-1]):
                await check_pdf(client, f"/v1/{paper}?format=pdf")
    assert faults == []
    for line in capsys.readouterr().err.splitlines():
        assert line.isascii()
        assert line.isprintable()
        assert "event" in json.loads(line)
