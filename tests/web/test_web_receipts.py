"""Receipts over HTTP and in a real Chromium: each form, what strangers see, and hostile names."""

import io
from pathlib import Path
from typing import Any

import httpx2
import pypdf
from playwright.async_api import async_playwright, expect

from galla.web.pages.receipts import CHECKS
from tests.browser import ARGUMENTS, find
from tests.web.shop import ADMIN_KEY, FIRST, Shop, eventually


async def test_a_receipt_comes_in_every_form(shop: Shop) -> None:
    """Page, PDF, text and printer bytes of one payment: right types and names, never kept by a cache, counted."""
    async with shop.client() as client:
        path = f"/v1/payments/{await _sold(shop, client)}/receipt"
        page = await client.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "₹2,500.00" in page.text
        assert "DUPLICATE" not in page.text
        document = await client.get(path, params={"format": "pdf", "paper": "80mm"})
        assert document.headers["content-type"] == "application/pdf"
        assert document.headers["content-disposition"].startswith('inline; filename="receipt-')
        assert "DUPLICATE 1" in _words(document.content)
        for width in (32, 42, 48):
            printed = await client.get(path, params={"format": "text", "width": width})
            assert printed.headers["content-type"] == "text/plain; charset=utf-8"
            assert max(map(len, printed.text.split("\n"))) <= width
        raw = await client.get(path, params={"format": "escpos", "width": "48"})
        assert raw.headers["content-type"] == "application/octet-stream"
        assert raw.headers["content-disposition"].startswith("attachment;")
        assert raw.content.startswith(b"\x1b@")
        assert b"DUPLICATE 5" in raw.content
        for answer in (page, document, printed, raw):
            assert answer.headers["cache-control"] == "no-store"
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_cannot_be_printed_is_said(small_shop: Shop) -> None:
    """An unknown id is 404, an unpaid payment 409, a form that does not exist 422 with its name."""
    async with small_shop.client() as client:
        sale = {"amount": 5000, "method": "edc", "terminal": FIRST}
        waiting = (await client.post("/v1/payments", json=sale)).json()
        answers = [
            await client.get("/v1/payments/pay_none/receipt"),
            await client.get(f"/v1/payments/{waiting['id']}/receipt"),
            await client.get(f"/v1/payments/{waiting['id']}/receipt", params={"format": "docx"}),
            await client.get(f"/v1/payments/{waiting['id']}/receipt", params={"width": "40"}),
        ]
        codes = [(answer.status_code, answer.json().get("code")) for answer in answers]
        assert codes[:2] == [(404, "not_found"), (409, "nothing_to_print")]
        assert [(answer.status_code, answer.json()["param"]) for answer in answers[2:]] == [
            (422, "format"),
            (422, "width"),
        ]


async def test_evidence_is_for_staff_alone(small_shop: Shop) -> None:
    """The evidence of a payment is a PDF for whoever is signed in, and nothing for a stranger."""
    async with small_shop.client() as client, small_shop.client(key=None) as stranger:
        payment = await _sold(small_shop, client, reference="INV-1")
        assert (await stranger.get(f"/payments/{payment}/evidence.pdf")).status_code == 401
        entered = {"key": ADMIN_KEY, "counter": "Counter 1"}
        await stranger.post("/sign-in", data=entered, headers={"Sec-Fetch-Site": "same-origin"})
        made = await stranger.get(f"/payments/{payment}/evidence.pdf")
        assert made.headers["content-type"] == "application/pdf"
        said = _words(made.content)
        assert "This payment took ₹2,500.00 once" in said
        assert "Asked Paytm: paid." in said
        assert (await stranger.get("/payments/pay_none/evidence")).status_code == 404


async def test_strangers_see_four_facts(small_shop: Shop) -> None:
    """The page behind the code names shop, date, amount and state; no name, no card, no line; unknown is 404."""
    async with small_shop.client() as client, small_shop.client(key=None) as stranger:
        line = {"description": "Secret treatment", "quantity": 1, "unit_amount": 250_000}
        made = await client.post("/v1/bills", json={"customer": {"name": "Ramesh Kumar"}, "lines": [line]})
        payment = await _sold(small_shop, client, bill=made.json()["id"])
        link = await _link(client, payment)
        page = await stranger.get(link)
        assert page.status_code == 200
        assert "This paper is genuine" in page.text
        assert "₹2,500.00" in page.text
        for hidden in ("Ramesh", "Secret", "••••", "RRN", payment):
            assert hidden not in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        unknown = await stranger.get("/r/00000000000000000")
        assert unknown.status_code == 404
        assert "unknown" in unknown.text


async def test_guessing_codes_is_throttled(small_shop: Shop) -> None:
    """After thirty tries in a minute the same computer is asked to wait."""
    async with small_shop.client(key=None) as stranger:
        for _ in range(CHECKS):
            small_shop.app.state.paper_checks.count("127.0.0.1")
        refused = await stranger.get("/r/00000000000000000")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0


async def test_print_has_the_focus_and_opens_the_paper(small_shop: Shop, tmp_path: Path) -> None:
    """Paid: Enter on Print opens the paper in a tab of its own; a reload prints nothing more."""
    shop = small_shop
    async with shop.client() as client:
        line = {"description": "Consultation", "quantity": 1, "unit_amount": 250_000, "tax_rate": "18"}
        made = await client.post("/v1/bills", json={"customer": {"name": "सुनीता शर्मा"}, "lines": [line]})
        payment = await _sold(shop, client, bill=made.json()["id"])
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        context = await chromium.new_context(base_url=shop.url, viewport={"width": 1366, "height": 768})
        counter = await context.new_page()
        await _sign_in(shop, counter)
        await counter.goto(f"/counter?payment={payment}")
        await expect(counter.get_by_role("button", name="Print", exact=True)).to_be_focused()
        async with context.expect_page() as opened:
            await counter.keyboard.press("Enter")
        paper = await opened.value
        await expect(paper.locator("h1")).to_have_text("Receipt")
        await expect(paper.locator(".paper")).to_contain_text("सुनीता श.")
        await paper.reload()
        await expect(paper.locator(".paper")).not_to_contain_text("DUPLICATE")
        await paper.emulate_media(media="print")
        await expect(paper.locator(".paper-tools")).to_be_hidden()
        await paper.screenshot(path=tmp_path / "receipt.png", full_page=True)
        await paper.emulate_media(media="screen")
        link = await paper.locator(".paper-seal .small").inner_text()
        await paper.goto(link)
        await expect(paper.locator("h1")).to_have_text("This paper is genuine")
        await paper.goto(f"/payments/{payment}/evidence")
        await expect(paper.locator("main")).to_contain_text("This payment took ₹2,500.00 once, by Visa •••• 1234.")
        await paper.screenshot(path=tmp_path / "evidence.png", full_page=True)
        await chromium.close()


async def _sold(shop: Shop, client: httpx2.AsyncClient, **more: Any) -> str:
    sale = {"amount": 250_000, "method": "edc", "terminal": FIRST, **more}
    payment = (await client.post("/v1/payments", json=sale)).json()["id"]
    await shop.until_on_machine()
    shop.pay()

    async def is_paid() -> bool:
        return bool((await client.get(f"/v1/payments/{payment}")).json()["status"] == "paid")

    await eventually(is_paid)
    return str(payment)


async def _link(client: httpx2.AsyncClient, payment: str) -> str:
    printed = await client.get(f"/v1/payments/{payment}/receipt", params={"format": "text", "width": 48})
    tail = printed.text.rsplit("/r/", 1)[1]
    return "/r/" + "".join(tail.split())


async def _sign_in(shop: Shop, page: Any) -> None:
    await page.goto("/sign-in")
    await page.fill("#key", ADMIN_KEY)
    await page.fill("#counter", "Counter 1")
    await page.press("#counter", "Enter")
    await page.wait_for_url("**/counter")


def _words(document: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(document)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())
