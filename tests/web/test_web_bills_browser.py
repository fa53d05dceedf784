"""Bills in a real Chromium: written by keyboard alone, for a known customer, found again, safe from what is typed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import Shop
from tests.web.shots import shoot
from tests.web.staff import hire, session_of

Visit = Callable[[str], Awaitable[Page]]
CORPUS = (
    "<img src=x onerror=alert(1)>",
    "\"'><script>alert(2)</script>",
    "{{7*7}}${7*7}</textarea><hx-partial>",
    "javascript:alert(3)",
    "रमेश \u202eabc",
)

expect.set_options(timeout=20_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def visit(browser: Browser, small_shop: Shop) -> AsyncIterator[Visit]:
    """Open a page as a cashier at Counter 1; a script that runs or fails fails the test."""
    complaints: list[str] = []
    await hire(small_shop, "cashier")
    session = await session_of(small_shop, "cashier")

    async def opened(path: str) -> Page:
        context = await browser.new_context(base_url=small_shop.url, viewport={"width": 1366, "height": 768})
        await context.add_cookies([{"name": "galla", "value": session.token, "url": small_shop.url}])
        page = await context.new_page()
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        await page.goto(path)
        return page

    yield opened
    assert complaints == []


async def type_on(page: Page, *texts: str) -> None:
    """Type texts field by field, as a person does who never leaves the keyboard."""
    for text in texts:
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")


async def test_a_bill_is_written_by_keyboard_alone(small_shop: Shop, visit: Visit) -> None:
    """Picked customer, discount in rupees and per cent, GST; the server's own total while typing; Enter opens it."""
    async with small_shop.client() as client:
        known = {"name": "Ramesh Kumar", "phone": "98765 43210"}
        line = {"description": "Consultation", "unit_amount": 50_000}
        first = (await client.post("/v1/bills", json={"customer": known, "lines": [line]})).json()
    page = await visit("/counter?new=bill")
    await page.keyboard.type("rame")
    await expect(page.locator("#people")).to_contain_text("Ramesh K. •••• 3210")
    await expect(page.locator("#people")).not_to_contain_text("Kumar")
    await page.get_by_role("radio", name="Somebody else").focus()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("radio", name="Ramesh K.")).to_be_checked()
    await page.keyboard.press("Tab")
    await type_on(page, "Laser session", "1.5", "4,000", "10%", "999722", "18")
    await type_on(page, "Cream", "", "250", "50", "", "5")
    await page.locator("[name=bill_off]").focus()
    await page.keyboard.type("100")
    await expect(page.locator("#bill-sums")).to_contain_text("Total ₹5,500.00")
    await expect(page.locator("#bill-sums")).to_contain_text("Discount 750.00")
    await check_accessible(page)
    await shoot(page, "bills", "new")
    await page.keyboard.press("Enter")
    bill = page.locator("#bill")
    await expect(bill).to_contain_text("INV/")
    await expect(bill).to_contain_text("Ramesh K.")
    await expect(bill).to_contain_text("CGST")
    await expect(bill).to_contain_text("HSN 999722")
    await expect(bill).to_contain_text("less 696.43")
    await expect(page.locator("#amount")).to_have_value("5500.00")
    await shoot(page, "bills", "opened")
    async with small_shop.client() as client:
        made = (await client.get("/v1/bills?q=98765-43")).json()["data"]
    assert [each["customer"]["id"] for each in made] == [first["customer"]["id"]] * 2
    await page.keyboard.press("/")
    await page.keyboard.type("9876543")
    await page.keyboard.press("Enter")
    await expect(page.locator("#left")).to_contain_text(made[0]["number"])
    await shoot(page, "bills", "found")
    await page.locator("#left").get_by_role("link", name="Ramesh K. •••• 3210").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ramesh Kumar")
    await shoot(page, "bills", "customer")


async def test_what_is_typed_stays_text(small_shop: Shop, visit: Visit) -> None:
    """Markup in every field of the new bill is shown as typed: in the sums, at a fault, on the bill, in a search."""
    page = await visit("/counter?new=bill")
    for hostile in CORPUS:
        for field in ("name", "phone", "number", "bill_off"):
            await page.locator(f"[name={field}]").fill(hostile[:16])
        for field in ("description", "quantity", "price", "off", "gst"):
            await page.locator(f"[name={field}]").first.fill(hostile)
        await expect(page.locator("[data-total]")).to_have_text("–")
        await page.get_by_role("button", name="Open the bill").click()
        await expect(page.locator(".field-fault").first).to_be_visible()
        await page.goto("/counter?new=bill")
        await page.locator("#name").fill(hostile)
        await page.locator("[name=description]").first.fill(hostile)
        await page.locator("[name=price]").first.fill("5")
        await expect(page.locator("[data-total]")).to_have_text("₹5.00")
        await page.get_by_role("button", name="Open the bill").click()
        await expect(page.locator("#bill")).to_contain_text(hostile.replace("\u202e", " ")[:6])
        assert await page.locator("#bill img, #bill script, #bill hx-partial").count() == 0
        await page.goto("/counter?new=bill")
    await page.locator("#q").fill(CORPUS[0])
    await page.locator("#q").press("Enter")
    await expect(page.locator("#left")).to_contain_text("<img")
    assert await page.locator("#left img").count() == 0
