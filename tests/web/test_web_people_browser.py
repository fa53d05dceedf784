"""People in a real Chromium: a first day, a cashier at an admin's door; every page under axe, light and dark."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from galla.service import access, welcome
from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import Shop
from tests.web.shots import shoot
from tests.web.staff import PASSWORD, hire, session_of

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
    """Open a page of a shop in a browser of its own, signed in as somebody or not; its complaints fail the test."""
    complaints: list[str] = []
    contexts = []

    async def opened(shop: Shop, path: str, name: str | None = None, **context: Any) -> Page:
        size = {"width": 1366, "height": 768}
        made = await browser.new_context(base_url=shop.url, viewport=size, **context)
        contexts.append(made)
        if name is not None:
            session = await session_of(shop, name)
            await made.add_cookies([{"name": "galla", "value": session.token, "url": shop.url}])
        page = await made.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(path)
        return page

    yield opened
    for context in contexts:
        await context.close()
    # Chromium itself logs an answer of 401, 403 or 422: those are ours, and said on the page.
    assert [text for text in complaints if not re.search(r"status of (401|403|422)", text)] == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_new_users_first_day(small_shop: Shop, visit: Visit, scripts: bool) -> None:
    """Set-up makes the admin, who adds a cashier; she chooses a password, takes a payment, signs in again by name."""
    token = (await welcome.open_set_ups(small_shop.till))[0].token
    admin = await visit(small_shop, f"/setup?token={token}", java_script_enabled=scripts)
    for field, text in (("Your name", "Dr. Rao"), ("Sign-in name", "rao"), ("New password", PASSWORD)):
        await admin.get_by_label(field).fill(text)
    await admin.get_by_label("The same once more").fill(PASSWORD)
    await admin.get_by_role("button", name="Make the admin").click()
    await expect(admin.get_by_role("heading", name="People")).to_be_visible()
    await shoot(admin, "first-day", "1-the-admin")
    await admin.get_by_label("Name", exact=True).last.fill("Asha N.")
    await admin.get_by_label("Sign-in name").last.fill("asha")
    await admin.get_by_role("button", name="Add and make the link").click()
    link = await admin.locator(".link-box .code").inner_text()

    asha = await visit(small_shop, link, java_script_enabled=scripts)
    await expect(asha.get_by_role("heading", name="Welcome, Asha N.")).to_be_visible()
    await shoot(asha, "first-day", "2-welcome")
    await asha.get_by_label("New password").fill("welcome@123")
    await asha.get_by_label("The same once more").fill("welcome@123")
    await asha.get_by_role("button", name="Keep it and sign in").click()
    await expect(asha.locator("#password-fault")).to_contain_text("among the first that anybody tries")
    await asha.get_by_label("New password").fill(PASSWORD)
    await asha.get_by_label("The same once more").fill(PASSWORD)
    await asha.get_by_role("button", name="Keep it and sign in").click()
    await asha.wait_for_url("**/counter")
    await asha.fill("#amount", "250")
    await asha.get_by_role("radio", name="Counter 1").check()
    await asha.get_by_role("button", name="Push to the machine").click()
    await asha.wait_for_url("**payment=pay_*")
    await asha.get_by_role("link", name="All that happened to this payment").click()
    await expect(asha.locator(".facts").first).to_contain_text("Asha N.")
    await shoot(asha, "first-day", "3-her-first-payment")

    await asha.locator(".menu summary").click()
    await asha.get_by_role("button", name="Sign out").click()
    await asha.wait_for_url("**/sign-in")
    await asha.get_by_label("Your sign-in name").fill("asha")
    await asha.get_by_label("Password").fill("not my password")
    await asha.get_by_role("button", name="Sign in").click()
    await expect(asha.get_by_role("alert")).to_contain_text("do not belong together")
    await asha.get_by_label("Password").fill(PASSWORD)
    await asha.get_by_role("button", name="Sign in").click()
    await asha.wait_for_url("**/counter")


async def test_a_cashier_is_refused_an_admin_page(small_shop: Shop, visit: Visit) -> None:
    """The bar does not offer what is an admin's; asked for all the same, the page says who may and leads back."""
    await hire(small_shop, "cashier", display_name="Asha N.")
    page = await visit(small_shop, "/counter", "cashier")
    await expect(page.locator(".menu summary")).to_have_text("Asha N.")
    await expect(page.get_by_role("link", name="People")).to_have_count(0)
    await page.goto("/people")
    await expect(page.get_by_role("heading")).to_have_text("That is not allowed")
    await expect(page.locator("main")).to_contain_text("This is for an admin. You are signed in as Asha N., a cashier.")
    await shoot(page, "refused", "not-for-a-cashier")
    await check_accessible(page)
    await page.get_by_role("link", name="To the counter").click()
    await expect(page.locator("#amount")).to_be_visible()


async def test_faults_about_people_are_accessible(small_shop: Shop, visit: Visit) -> None:
    """Axe finds nothing on the page of people while it says what is wrong, or shows a link, light or dark."""
    await hire(small_shop, "admin")
    await hire(small_shop, "cashier", branch="North")
    page = await visit(small_shop, "/people", "admin")
    await page.get_by_label("Name", exact=True).last.fill("Admin")
    await page.get_by_label("Sign-in name").last.fill("third")
    await page.get_by_role("button", name="Add and make the link").click()
    await expect(page.locator(".field-fault")).to_contain_text("Somebody is called Admin already")
    await check_accessible(page)
    await page.locator("summary").last.click()
    await page.get_by_role("button", name="Link for a new password").last.click()
    await expect(page.locator(".link-box")).to_be_visible()
    await check_accessible(page)


async def test_who_types_the_counters_name_replaces_the_proposal(small_shop: Shop, visit: Visit) -> None:
    """A one-time link proposes Counter 1, selected: a name typed at once takes its place."""
    ticket = await access.make_ticket(small_shop.till, await small_shop.merchant())
    page = await visit(small_shop, f"/sign-in?ticket={ticket}")
    await expect(page.get_by_label("Which counter is this?")).to_be_focused()
    await page.keyboard.type("Front desk")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/counter")
    await expect(page.locator("header .where")).to_have_text(re.compile(r"Front desk$"))
