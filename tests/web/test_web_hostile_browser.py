"""A real browser among hostile texts: nothing runs, nothing is reported, nothing is asked of anybody else."""

from __future__ import annotations

from playwright.async_api import Page, async_playwright

from tests.browser import ARGUMENTS, find
from tests.corpus import MARK, PAGES
from tests.web.hostile_shop import Traces, fill, open_hostile_shop
from tests.web.staff import hire, session_of


def watch(page: Page, origin: str) -> list[str]:
    """Return the list into which everything goes that must not happen."""
    heard: list[str] = []
    page.on("dialog", lambda dialog: heard.append(f"dialog: {dialog.message}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    page.on("popup", lambda opened: heard.append(f"popup: {opened.url}"))
    page.on("request", lambda asked: None if asked.url.startswith((origin, "data:")) else heard.append(asked.url))
    return heard


def opened(traces: Traces) -> list[str]:
    """Return the pages that show the most of it."""
    sold, lost = traces.payments[-3:-1]
    found = [f"/counter?payment={lost}", f"/payments/{sold}", f"/payments/{sold}/evidence", f"/shift/{traces.shift}"]
    found += [f"/customers/{traces.customers[-1]}", f"/counter?bill={traces.bills[-1]}"]
    found += [f"/shift/{traces.shift}/report", "/payments", "/terminals", "/people", "/audit", "/tasks", "/settings"]
    return [*found, traces.pay_pages[-1]]


async def test_a_browser_runs_nothing_of_it(fresh_sqlite_url: str) -> None:
    """Page after page with scripts on: no dialog, no error, no report of the policy, no request to anybody else."""
    async with open_hostile_shop(fresh_sqlite_url) as (shop, liar), async_playwright() as playwright:
        traces = await fill(shop, liar, PAGES, 1)
        await hire(shop, "admin")
        token = (await session_of(shop, "admin")).token
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        context = await chromium.new_context(base_url=shop.url, viewport={"width": 1366, "height": 768})
        await context.add_cookies([{"name": "galla", "value": token, "url": shop.url}])
        page = await context.new_page()
        heard = watch(page, shop.url)
        for path in opened(traces):
            await page.goto(path)
            if MARK not in await page.content() and path != traces.pay_pages[-1]:
                heard.append(f"nothing of it on {path}")
        await page.goto("/counter")
        for text in PAGES[:4]:
            await page.locator("#q").fill(text)
            await page.locator("#q").press("Enter")
            await page.wait_for_load_state()
        await chromium.close()
    assert heard == []
