"""A day's two hand-overs in a real Chromium: the morning's first sale, and the evening when two people close."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import FIRST, Shop, eventually
from tests.web.shots import shoot
from tests.web.staff import PASSWORD, hire, session_of, signed_in

Visit = Callable[..., Awaitable[Page]]

expect.set_options(timeout=20_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open a page of a shop as somebody of it, at Counter 1."""
    contexts = []

    async def opened(shop: Shop, path: str, name: str, **context: Any) -> Page:
        made = await browser.new_context(base_url=shop.url, viewport={"width": 1366, "height": 768}, **context)
        contexts.append(made)
        session = await session_of(shop, name)
        await made.add_cookies([{"name": "galla", "value": session.token, "url": shop.url}])
        page = await made.new_page()
        await page.goto(path)
        return page

    yield opened
    for context in contexts:
        await context.close()


async def test_morning(small_shop: Shop, visit: Visit) -> None:
    """By keyboard: the drawer is counted, the shift opened, the first sale pushed; the bar shows what it took."""
    await hire(small_shop, "cashier", display_name="Asha N.")
    page = await visit(small_shop, "/counter", "cashier")
    await page.get_by_role("link", name="Open a shift").press("Enter")
    await expect(page.get_by_label("Cash in the drawer, ₹")).to_be_focused()
    await check_accessible(page)
    await shoot(page, "shift-morning", "1-open")
    await page.keyboard.type("2,000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Shift at Counter 1")).to_be_visible()
    await expect(page.locator(".drawer-sum .total")).to_contain_text("₹2,000.00")
    await shoot(page, "shift-morning", "2-opened")
    await page.goto("/counter")
    await page.fill("#amount", "250")
    await page.get_by_role("button", name="Push to the machine").click()
    await page.wait_for_url("**payment=pay_*")
    await small_shop.until_on_machine()
    small_shop.pay()
    await expect(page.locator("#standing")).to_contain_text("₹250.00")  # pushed by the page's stream
    await shoot(page, "shift-morning", "3-first-sale")
    await page.get_by_role("link", name=re.compile("Shift since")).click()
    await expect(page.get_by_role("table", name="By machine")).to_contain_text(FIRST)
    await shoot(page, "shift-morning", "4-so-far")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_handover(small_shop: Shop, visit: Visit, scripts: bool) -> None:
    """An unfinished sale holds the close and is one click away; a difference needs a reason, and two people sign."""
    await hire(small_shop, "cashier", display_name="Asha N.")
    await hire(small_shop, "lead", display_name="Meena R.", password=PASSWORD)
    async with signed_in(small_shop, await session_of(small_shop, "cashier")) as asha:
        await asha.post("/v1/shifts", json={"counter": "Counter 1", "float": 200_000})
        await asha.post("/v1/payments", json={"amount": 80_000, "method": "cash", "reference": "INV-1"})
        sale = {"amount": 250_000, "method": "edc", "terminal": FIRST, "reference": "INV-2"}
        sold = (await asha.post("/v1/payments", json=sale)).json()
    await small_shop.until_on_machine()

    page = await visit(small_shop, "/shift", "cashier", java_script_enabled=scripts)
    await expect(page.get_by_text("cannot be closed yet")).to_be_visible()
    if scripts:
        await check_accessible(page)
        await shoot(page, "shift-handover", "1-blocked")
    await page.get_by_role("link", name=re.compile("Payment INV-2")).click()
    await page.wait_for_url(f"**payment={sold['id']}")
    small_shop.pay()
    async with small_shop.client() as client:

        async def paid() -> bool:
            return (await client.get(f"/v1/payments/{sold['id']}")).json()["status"] == "paid"

        await eventually(paid)
    await page.goto("/shift")
    await page.get_by_text("Put cash in or take it out").click()
    await page.get_by_label("Amount, ₹").fill("100")
    await page.get_by_label("What for").fill("tea")
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.locator(".drawer-sum .total")).to_contain_text("₹2,700.00")
    await page.get_by_role("button", name="Compare now").click()
    await expect(page.get_by_text("Paytm's list and galla's books agree.")).to_be_visible()
    charge = next(iter(small_shop.sandbox.charges.values()))
    keyed = replace(charge, id="KEYEDIN000001", amount_paise=90_000)
    small_shop.sandbox.charges[charge.mid, keyed.id] = keyed  # typed into the machine, past galla
    await page.get_by_label("Cash counted, ₹").fill("2690")
    await _sign(page)
    await expect(page.locator("#paytm_reason-fault")).to_contain_text("differ in 1 payment")
    await expect(page.locator("main")).to_contain_text("KEYEDIN000001")
    if scripts:
        await check_accessible(page)
        await shoot(page, "shift-handover", "2-beside-paytm")
    await page.get_by_label("What a lead says to Paytm's list").fill("Typed by hand at noon, the slip is in the book.")
    await _sign(page)
    await expect(page.locator("#reason-fault")).to_contain_text("₹10.00 less in the drawer")
    await expect(page.get_by_label("Cash counted, ₹")).to_have_value("2690")
    await expect(page.get_by_label("Second person's name")).to_have_value("lead")
    await expect(page.get_by_label("Their password or key")).to_have_value("")
    await expect(page.get_by_label("Reason, if it differs")).to_be_focused()
    if scripts:
        await check_accessible(page)
        await shoot(page, "shift-handover", "3-differs")
    await page.get_by_label("Reason, if it differs").fill("A ten-rupee note was torn.")
    await _sign(page)
    await page.wait_for_url("**/shift/shf_*")
    await expect(page.locator("main")).to_contain_text("Closed by Asha N. and Meena R. at")
    await expect(page.locator(".drawer")).to_contain_text("A ten-rupee note was torn.")
    if scripts:
        await shoot(page, "shift-handover", "4-closed")
    await page.get_by_role("link", name="Z report 1").click()
    await expect(page.get_by_role("heading", name="Z report 1")).to_be_visible()
    await expect(page.locator(".paper")).to_contain_text("Taken over: Meena R.")
    if scripts:
        await shoot(page, "shift-handover", "5-z-report")
    await page.goto("/shift")
    await expect(page.get_by_role("button", name="Open the shift")).to_be_visible()


async def _sign(page: Page) -> None:
    """Let the lead give her name and password, and press the button."""
    await page.get_by_label("Second person's name").fill("lead")
    await page.get_by_label("Their password or key").fill(PASSWORD)
    await page.get_by_role("button", name="Both of us close the shift").click()
