"""The office in a real Chromium: its pages without scripts, at a desk and on a tablet, light and dark, under axe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from galla.protocol.message import MerchantKey
from galla.sandbox.sandbox import DEMO_MID
from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import Shop
from tests.web.shots import shoot
from tests.web.staff import hire, session_of
from tests.web.test_web_listing import by_card, take

DESK, TABLET = {"width": 1366, "height": 768}, {"width": 820, "height": 1180}
Visit = Callable[[Shop, str], Awaitable[Page]]

expect.set_options(timeout=20_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def office(browser: Browser, small_shop: Shop) -> Visit:
    """Sign somebody in at a browser that runs no scripts of ours: the office needs none."""

    async def opened(shop: Shop, name: str) -> Page:
        context = await browser.new_context(base_url=shop.url, viewport=DESK, bypass_csp=True)
        await context.route("**/*.js*", lambda route: route.abort())
        session = await session_of(shop, name)
        await context.add_cookies([{"name": "galla", "value": session.token, "url": shop.url}])
        return await context.new_page()

    return opened


async def looked_at(page: Page, step: str) -> None:
    """Keep pictures of a page at a desk and on a tablet, and let axe judge it on the tablet, light and dark."""
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await shoot(page, "office", f"{step}-{scheme}")
    await page.set_viewport_size(TABLET)
    await check_accessible(page)
    await shoot(page, "office", f"{step}-tablet")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{step} is wider than a tablet"
    await page.set_viewport_size(DESK)


async def test_an_accountant_looks_through_payments(small_shop: Shop, office: Visit) -> None:
    """From the counter to the list, narrowed to one, its page, and back; nothing found says what to do."""
    await hire(small_shop, "accountant", display_name="Ira P.")
    await take(small_shop, "INV-2026-0401", 50_000)
    await take(small_shop, "INV-2026-0402", 12_345_600, customer={"name": "Sunita Devi Ramachandran"})
    await by_card(small_shop, "INV-2026-0403", 250_000)
    await by_card(small_shop, "INV-2026-0404", 90_000, is_paid=False)
    page = await office(small_shop, "accountant")
    await page.goto("/counter")
    await page.get_by_role("link", name="Office").click()
    await expect(page.locator(".ledger tbody tr")).to_have_count(4)
    await looked_at(page, "payments")
    await page.get_by_label("Search").fill("ramesh")
    await page.get_by_label("State").select_option("Paid")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(".ledger tbody tr")).to_have_count(1)
    await expect(page.get_by_label("Search")).to_have_value("ramesh")
    await expect(page.locator(".tally")).to_contain_text("₹2,500.00")
    await page.get_by_text("Keep this list").click()
    await page.get_by_label("Name", exact=True).fill("Ramesh, paid")
    await page.get_by_role("button", name="Keep it").click()
    await expect(page.get_by_role("link", name="Ramesh, paid")).to_have_attribute("aria-current", "true")
    await page.get_by_text("Keep this list, or remove one").click()
    await looked_at(page, "payments-kept")
    await page.get_by_role("link", name="INV-2026-0403").click()
    await expect(page.get_by_role("heading", name="₹2,500.00")).to_be_visible()
    await page.go_back()
    await page.get_by_role("link", name="Yesterday").click()
    await expect(page.locator(".empty")).to_contain_text("None on these days fits")
    await looked_at(page, "payments-none")
    await page.goto("/payments?since=2026-11-22&until=2026-11-21&least=many")
    await expect(page.get_by_role("alert")).to_be_visible()
    await looked_at(page, "payments-fault")
    await page.get_by_role("link", name="Report").click()
    await expect(page.locator(".tally")).to_contain_text("₹1,26,456.00")
    await expect(page.get_by_role("region", name="By machine")).to_contain_text("Counter 1")
    await looked_at(page, "report")
    await page.get_by_role("link", name="Yesterday").click()
    await expect(page.locator(".empty")).to_contain_text("No payments.")
    await page.get_by_role("link", name="Audit trail").click()
    await page.get_by_role("button", name="Verify the trail").click()
    await expect(page.get_by_role("status")).to_contain_text("Whole")
    await page.locator("summary").first.click()
    await looked_at(page, "audit")


async def test_an_admin_minds_the_machines(small_shop: Shop, office: Visit) -> None:
    """Who has a machine is on its line; one is added, refused, renamed, switched off, and the counter knows."""
    await hire(small_shop, "admin", display_name="Dr. Rao")
    await hire(small_shop, "cashier", display_name="Asha N.")
    await by_card(small_shop, "INV-2026-0405", 90_000, is_paid=False)
    page = await office(small_shop, "admin")
    await page.goto("/terminals")
    first = page.locator(".sheet-rows > li").nth(0)
    await expect(first).to_contain_text("Nothing paid on it yet")
    await expect(page.locator(".sheet-rows > li").nth(1)).to_contain_text("₹900.00 for INV-2026-0405, since")
    await page.get_by_label("Name", exact=True).last.fill("Pharmacy")
    await page.get_by_label("TID").fill("12345671")
    await page.get_by_role("button", name="Add the machine").click()
    await expect(page.locator("#tid-fault")).to_contain_text("The machine 12345671 is there already.")
    await looked_at(page, "machines-fault")
    await page.get_by_label("TID").fill("99990001")
    await page.get_by_role("button", name="Add the machine").click()
    added = page.locator(".sheet-rows > li", has_text="99990001")
    await added.locator("summary").click()
    await added.get_by_label("Name").fill("Ground floor")
    await added.get_by_role("button", name="Save").click()
    await expect(added).to_contain_text("Ground floor")
    await first.locator("summary").click()
    await looked_at(page, "machines")
    await first.get_by_role("button", name="Switch off").click()
    await expect(first).to_contain_text("Switched off")
    cashier = await office(small_shop, "cashier")
    await cashier.goto("/counter")
    await expect(cashier.locator(".machine")).to_have_count(2)
    await expect(cashier.locator(".machines")).to_contain_text("Ground floor")
    await cashier.goto("/terminals")
    await expect(cashier.get_by_role("button")).to_have_text(["हिन्दी"])
    await looked_at(cashier, "machines-cashier")


async def test_an_admin_sets_the_shop_up(small_shop: Shop, office: Visit) -> None:
    """The settings say what is wrong beside its field, and are saved whole; a cashier is not offered them."""
    await hire(small_shop, "admin", display_name="Dr. Rao")
    page = await office(small_shop, "admin")
    await page.goto("/payments")
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_label("Name", exact=True).fill("Skin Clinic, Main Road")
    await page.get_by_label("One person may give back, ₹").fill("much")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#refund_limit-fault")).to_have_text("Write rupees, such as 2500 or 2500.50.")
    await looked_at(page, "settings-fault")
    await page.get_by_label("One person may give back, ₹").fill("5,000")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved.")
    await expect(page.locator(".merchant")).to_have_text("Skin Clinic, Main Road")
    await expect(page.get_by_label("One person may give back, ₹")).to_have_value("5000.00")
    await page.get_by_role("button", name="Test the connection").click()
    await expect(page.locator(".findings > li")).to_have_count(2)
    await expect(page.locator(".findings")).to_contain_text("Paytm knows this MID and accepts the key.")
    known = small_shop.sandbox.merchants
    known[DEMO_MID] = msgspec.structs.replace(known[DEMO_MID], key=MerchantKey("ponmlkjihgfedcba"))
    await page.get_by_role("button", name="Test again").click()
    await expect(page.locator(".findings .state").first).to_have_text("Wrong key")
    await expect(page.locator(".findings")).to_contain_text("The key kept here has 16 characters.")
    await looked_at(page, "settings")
