"""Pages in Hindi in a real Chromium: accessible, on one calm line at the top, and wide enough for their words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import FIRST, Shop
from tests.web.shots import shoot
from tests.web.staff import hire, session_of

SIZES = ((1366, 768), (1024, 768), (820, 1180))
LINE = 56
FITS = """() => [
    document.querySelector(".bar").getBoundingClientRect().height,
    document.documentElement.scrollWidth - innerWidth,
    ...[...document.querySelectorAll("button, .button, .state, .badge, .chip, dt, summary")]
        .filter((part) => part.clientWidth > 1 && part.scrollWidth > part.clientWidth + 1)
        .map((part) => part.textContent.trim()),
]"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


async def lead_at(browser: Browser, shop: Shop) -> Page:
    """Return a page of a lead with a long name, signed in at a counter whose shift is open."""
    await hire(shop, "lead", display_name="Annapurna Venkataraman")
    session = await session_of(shop, "lead")
    context = await browser.new_context(viewport={"width": 1366, "height": 768}, base_url=shop.url)
    await context.add_cookies([{"name": "galla", "value": session.token, "url": shop.url}])
    return await context.new_page()


async def test_one_press_turns_the_counter_to_hindi(small_shop: Shop, browser: Browser) -> None:
    """The switch keeps the page, the payment that waits says in Hindi what to do."""
    async with small_shop.client() as client:
        sale = {"amount": 250000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}
        payment = (await client.post("/v1/payments", json=sale)).json()
    page = await lead_at(browser, small_shop)
    await page.goto(f"/counter?payment={payment['id']}")
    await page.get_by_role("button", name="हिन्दी").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Counter 1 पर कार्ड का इंतज़ार")
    await expect(page.locator(".panel .say").first).to_have_text("ग्राहक से Counter 1 पर टैप, इन्सर्ट या स्कैन करने को कहें।")
    await small_shop.until_on_machine()
    small_shop.pay()
    await expect(page.locator(".panel.paid h1")).to_have_text("पेमेंट हो गया")
    await check_accessible(page)
    await shoot(page, "hindi", "paid")
    await page.context.clear_cookies(name="galla")
    await page.goto("/sign-in")
    await expect(page.get_by_role("heading", level=1)).to_have_text("साइन इन करें")


async def test_the_bar_is_one_line_and_words_fit(small_shop: Shop, browser: Browser) -> None:
    """At 1366, 1024 and 820 points, in both languages, the bar is one line, no word is cut off or out of sight."""
    async with small_shop.client() as client:
        await client.post("/v1/shifts", json={"counter": "Counter 1", "float": 4_825_000})
        sale = {"amount": 250000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}
        payment = (await client.post("/v1/payments", json=sale)).json()
    page = await lead_at(browser, small_shop)
    for language in ("en", "hi"):
        await page.context.add_cookies([{"name": "galla_language", "value": language, "url": small_shop.url}])
        for path in (f"/counter?payment={payment['id']}", "/counter?new=bill", "/payments"):
            await page.goto(path)
            for width, height in SIZES:
                await page.set_viewport_size({"width": width, "height": height})
                bar, aside, *cut = await page.evaluate(FITS)
                assert (bar <= LINE, aside, cut) == (True, 0, []), (language, path, width, bar)
            await shoot(page, "hindi", f"tablet-{language}-{path.split('?')[0].strip('/')}")
