"""The page of webhooks in a real Chromium, without scripts, under axe: added, not taken, sent again, a new secret."""

from __future__ import annotations

from playwright.async_api import Page, async_playwright, expect

from tests.browser import ARGUMENTS, find
from tests.web.receiving import billing
from tests.web.shop import eventually, open_shop
from tests.web.staff import hire, session_of
from tests.web.test_web_office_browser import DESK, looked_at


async def test_an_admin_minds_a_webhook(fresh_sqlite_url: str) -> None:
    """Nobody is told anything; a system is added, refuses a test, takes it sent again, gets a new secret, and goes."""
    async with (
        open_shop(fresh_sqlite_url, webhooks_to_private=True, ladder_scale=1.0) as shop,
        billing() as system,
        async_playwright() as playwright,
    ):
        await hire(shop, "admin", display_name="Dr. Rao")
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        context = await chromium.new_context(base_url=shop.url, viewport=DESK, bypass_csp=True)  # type: ignore[arg-type]
        await context.route("**/*.js*", lambda route: route.abort())
        session = await session_of(shop, "admin")
        await context.add_cookies([{"name": "galla", "value": session.token, "url": shop.url}])
        page = await context.new_page()
        await page.goto("/terminals")
        await page.get_by_role("link", name="Webhooks").click()
        await expect(page.locator(".empty")).to_contain_text("Nobody is told anything yet")
        await page.get_by_label("Address").fill("ftp://billing")
        await page.get_by_label("Events").fill("payment.payed")
        await page.get_by_role("button", name="Add and show the secret").click()
        await expect(page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
        await looked_at(page, "webhooks-fault")
        await page.get_by_label("Address").fill(system.url)
        await page.get_by_label("Name").fill("Billing")
        await page.get_by_label("Events").fill("payment.*, refund.done")
        await page.get_by_role("button", name="Add and show the secret").click()
        system.secrets.append(await page.locator(".link-box .code").inner_text())
        await looked_at(page, "webhook-made")
        system.status = 500
        await page.get_by_role("button", name="Send a test").click()
        await eventually(lambda: _came(system.ids, 1))
        await expect(page.get_by_role("status")).to_contain_text("A test is on its way")
        await eventually(lambda: _shows(page, "500 the database is full"))
        await looked_at(page, "webhook-not-taken")
        system.status = 204
        await page.get_by_role("button", name="Send all of them now").click()
        await eventually(lambda: _came(system.ids, 2))
        assert len(set(system.ids)) == 1
        await page.get_by_role("link", name="Taken").click()
        await eventually(lambda: _shows(page, "204"))
        await page.get_by_role("button", name="New secret").click()
        await expect(page.locator(".link-box")).to_contain_text("signs too until")
        await page.get_by_role("link", name="All webhooks").click()
        await expect(page.locator(".sheet-rows")).to_contain_text("payment.*, refund.done")
        await looked_at(page, "webhooks")
        await page.get_by_role("link", name="Open Billing").click()
        await page.get_by_text("Change or remove").click()
        await page.get_by_role("button", name="Remove it").click()
        await expect(page.locator(".empty")).to_be_visible()
        await chromium.close()


async def _shows(page: Page, text: str) -> bool:
    """Load the page again, as a person would, and say whether the table holds a text now."""
    await page.reload()
    rows = await page.locator(".ledger tbody tr").all_inner_texts()
    return any(text in row for row in rows)


async def _came(ids: list[str], count: int) -> bool:
    return len(ids) >= count
