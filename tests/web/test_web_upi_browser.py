"""UPI in a real Chromium: the customer's phone, the counter's code, the screen beside it, money given back."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from galla.sandbox.phone import Tap
from galla.sandbox.terminal import Action
from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import FIRST, Shop
from tests.web.shots import shoot
from tests.web.upi_shop import open_upi_shop, pay_in_app, pay_page, sign_in

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "user_agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
    "is_mobile": True,
    "has_touch": True,
}
DESK = {"viewport": {"width": 1280, "height": 800}}
Open = Callable[..., Awaitable[Page]]

expect.set_options(timeout=10_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop that takes UPI and asks often."""
    async with open_upi_shop(f"sqlite:///{tmp_path / 'galla.db'}") as opened:
        yield opened


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Open]:
    """Open a page of a shop without signing in; what the browser complains about fails the test."""
    complaints: list[str] = []
    contexts = []

    async def opened(shop: Shop, path: str, **context: Any) -> Page:
        made = await browser.new_context(base_url=shop.url, **context)
        contexts.append(made)
        page = await made.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(path)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert complaints == []


async def link_of(shop: Shop) -> str:
    """Return the newest payment's UPI link."""
    async with shop.client() as client:
        newest = (await client.get("/v1/payments?limit=1")).json()["data"][0]
    return str(newest["next_action"]["upi_link"])


async def let_it_run_out(page: Page) -> None:
    """Move a page's own clock past the end of any code; the server's stays."""
    await page.clock.install()
    await page.clock.fast_forward(16 * 60 * 1000)


async def test_a_phone_pays_and_sees_it(quick: Shop, visit: Open) -> None:
    """On a phone: press, choose an app, approve there; the page turns to Paid by itself, without a reload."""
    _, path = await pay_page(quick)
    page = await visit(quick, path, **PHONE)
    await expect(page.locator(".amount")).to_have_text("₹2,500.00")
    await page.get_by_role("button", name="Pay with a UPI app").click()
    button = page.get_by_role("link", name="Open a UPI app")
    await expect(button).to_be_visible()
    await check_accessible(page)
    assert await button.get_attribute("href") == await link_of(quick)
    await expect(page.locator("[data-until]")).to_have_text(re.compile(r"14:[0-9]{2}"))
    await page.evaluate("window.wasHere = true")
    pay_in_app(quick, str(await button.get_attribute("href")))
    await expect(page.locator(".pay-state.paid h2")).to_have_text("Paid")
    await expect(page.locator(".facts")).to_contain_text("RRN")
    await expect(page.locator("main form")).to_have_count(0)
    await check_accessible(page)
    assert await page.evaluate("window.wasHere")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["viewport"]["width"]  # type: ignore[index]


async def test_a_desktop_scans_and_a_decline_is_told(quick: Shop, visit: Open) -> None:
    """On a desktop: the QR, large; declined on the phone it says Not paid, and one press makes a new code."""
    _, path = await pay_page(quick)
    page = await visit(quick, path, **DESK)
    await page.get_by_role("button", name="Show the QR code").click()
    code = page.locator(".qr")
    await expect(code).to_be_visible()
    box = await code.bounding_box()
    assert box is not None
    assert box["width"] >= 250
    await check_accessible(page)
    first = await link_of(quick)
    pay_in_app(quick, first, Tap.DECLINE)
    await expect(page.locator(".pay-state.not-paid h2")).to_have_text("Not paid")
    await check_accessible(page)
    await page.get_by_role("button", name="Make a new code").click()
    await expect(code).to_be_visible()
    assert await link_of(quick) != first
    pay_in_app(quick, await link_of(quick))
    await expect(page.locator(".pay-state.paid")).to_be_visible()


async def test_the_page_works_without_scripts(quick: Shop, visit: Open) -> None:
    """Scripts off: a form, a plain link, a page that asks again by itself."""
    _, path = await pay_page(quick)
    page = await visit(quick, path, **PHONE, java_script_enabled=False)
    await page.get_by_role("button", name="Pay with a UPI app").click()
    link = str(await page.get_by_role("link", name="Open a UPI app").get_attribute("href"))
    assert 'http-equiv="refresh"' in await page.content()
    pay_in_app(quick, link)
    await page.get_by_role("button", name="check now").click()
    await expect(page.locator(".pay-state.paid")).to_be_visible()
    assert 'http-equiv="refresh"' not in await page.content()


async def test_a_code_that_runs_out_is_taken_away(quick: Shop, visit: Open, browser: Browser) -> None:
    """At zero the code goes at once, on the page and at the counter; a new one comes only after Paytm's no."""
    page = await visit(quick, (await pay_page(quick))[1], **DESK)
    await page.get_by_role("button", name="Show the QR code").click()
    await expect(page.locator(".qr")).to_be_visible()
    await let_it_run_out(page)
    await expect(page.locator(".qr")).to_be_hidden()
    await expect(page.locator(".over-line")).to_be_visible()

    till = await sign_in(browser, quick)
    await till.fill("#amount", "900")
    await till.get_by_role("button", name="UPI QR").click()
    await expect(till.locator(".panel .qr")).to_be_visible()
    await let_it_run_out(till)
    await expect(till.locator(".qr")).to_be_hidden()
    first = await link_of(quick)
    pay_in_app(quick, first, Tap.APPROVE, Tap.TIME_OUT)
    await expect(till.locator(".panel.not-paid")).to_be_visible()
    renew = till.get_by_role("button", name="Make a new code")
    await expect(renew).to_be_focused()
    await till.keyboard.press("Enter")
    await expect(till.locator(".panel .qr")).to_be_visible()
    assert await link_of(quick) != first
    await till.context.close()


async def test_the_counter_shows_a_code_and_the_screen_beside_it_follows(
    quick: Shop, visit: Open, browser: Browser
) -> None:
    """F3 shows the code at the counter and on the customer's screen; the approval turns both to Paid by themselves."""
    till = await sign_in(browser, quick)
    screen = await visit(
        quick, f"/display/{FIRST}", **DESK, storage_state=await till.context.storage_state()
    )
    await expect(screen.locator("[data-state=idle]")).to_be_visible()
    await check_accessible(screen)
    await till.fill("#amount", "2500")
    await till.fill("#reference", "INV-7")
    await till.keyboard.press("F3")
    panel = till.locator(".panel.waiting")
    await expect(panel.locator(".qr")).to_be_visible()
    await expect(panel).to_contain_text("Ask the customer to scan the QR with any UPI app and approve.")
    await expect(till.locator("#strip")).to_contain_text("by UPI QR")
    await expect(screen.locator(".qr")).to_be_visible()
    await expect(screen.locator(".amount")).to_have_text("₹2,500.00")
    await check_accessible(screen)
    pay_in_app(quick, await link_of(quick))
    await expect(till.locator(".panel.paid")).to_be_visible()
    await expect(till.get_by_role("button", name="Print", exact=True)).to_be_focused()
    await expect(screen.locator("[data-state=paid]")).to_contain_text("Paid. Thank you.")
    await check_accessible(screen)
    await till.context.close()


async def test_a_declined_card_then_a_code(quick: Shop, browser: Browser) -> None:
    """The card is declined: one press leads back to the same amount, F3 shows a code, and the bill is paid once."""
    till = await sign_in(browser, quick)
    await till.fill("#amount", "2500")
    await till.fill("#reference", "INV-7")
    await till.get_by_role("radio", name="Counter 1").check()
    await till.get_by_role("button", name="Push to the machine").click()
    await quick.until_on_machine()
    quick.act(Action.RED_KEY)
    await expect(till.locator(".panel.not-paid h1")).to_have_text("Not paid")
    await shoot(till, "declined-then-upi", "1-declined")
    await till.get_by_role("link", name="Another way or amount").click()
    await expect(till.locator("#amount")).to_have_value("2500.00")
    await till.keyboard.press("F3")
    await expect(till.locator(".panel .qr")).to_be_visible()
    await shoot(till, "declined-then-upi", "2-code")
    pay_in_app(quick, await link_of(quick))
    await expect(till.locator(".panel.paid")).to_be_visible()
    await shoot(till, "declined-then-upi", "3-paid")
    async with quick.client() as client:
        payments = (await client.get("/v1/payments")).json()["data"]
    assert [(each["method"], each["status"]) for each in payments] == [("upi_qr", "paid"), ("edc", "not_paid")]
    await till.context.close()


async def test_stopping_a_code_is_honest(quick: Shop, visit: Open, browser: Browser) -> None:
    """Esc takes the code away and says what may still happen; an approval all the same is told as Paid after all."""
    till = await sign_in(browser, quick)
    await till.fill("#amount", "300")
    await till.keyboard.press("F3")
    await expect(till.locator(".panel .qr")).to_be_visible()
    link = await link_of(quick)
    await till.keyboard.press("Escape")
    await expect(till.locator(".panel.checking")).to_contain_text("The customer may still approve it in the app")
    await expect(till.locator(".panel .qr")).to_have_count(0)
    pay_in_app(quick, link)
    await expect(till.locator(".panel.paid h1")).to_have_text("Paid after all")
    await till.context.close()


async def test_money_given_back_is_followed_live(quick: Shop, browser: Browser) -> None:
    """One press opens the form: amount, reason, a tick; it says on its way, and turns to given back by itself."""
    till = await sign_in(browser, quick)
    await till.fill("#amount", "2500")
    await till.keyboard.press("F3")
    await expect(till.locator(".panel .qr")).to_be_visible()
    pay_in_app(quick, await link_of(quick))
    await expect(till.locator(".panel.paid")).to_be_visible()
    await till.get_by_role("link", name="Give back", exact=True).click()
    await expect(till.get_by_text("Paytm pays it to the account it came from")).to_be_visible()
    await expect(till.locator("#refund-amount")).to_have_value("2500.00")
    await till.fill("#refund-amount", "500")
    await till.fill("#reason", "Cream returned")
    await till.get_by_label("cannot be called back").check()
    await till.get_by_role("button", name="Give it back").click()
    await expect(till.locator("#refunds")).to_contain_text("Cream returned")
    await expect(till.locator("#refunds .state.paid")).to_contain_text("Given back")
    await expect(till.locator("#refunds")).to_contain_text("Can still be given back2,000.00")
    await till.context.close()


async def test_a_tablet_becomes_a_screen(quick: Shop, visit: Open, browser: Browser) -> None:
    """The counter makes a link; a tablet without a session opens it with one press and follows the machine."""
    till = await sign_in(browser, quick)
    await till.locator(".menu summary").click()
    await till.get_by_role("link", name="Customer screen").click()
    await till.get_by_role("button", name="Link for a tablet").first.click()
    await check_accessible(till)
    where = await till.locator(".link-box .code").inner_text()
    tablet = await visit(quick, where, viewport={"width": 800, "height": 1280})
    await tablet.get_by_role("button", name="Open the screen").click()
    await expect(tablet.locator("[data-state=idle]")).to_be_visible()
    await till.goto("/counter")
    await till.fill("#amount", "75")
    await till.get_by_role("button", name="Push to the machine").click()
    await expect(tablet.locator(".screen-state")).to_contain_text("Tap, insert or scan on the machine.")
    await till.context.close()


async def test_a_slow_script_does_not_lose_the_stream(quick: Shop, visit: Open, browser: Browser) -> None:
    """The part that listens arrives long after the rest, on a bad line: the page is live all the same."""
    till = await sign_in(browser, quick)
    _, path = await pay_page(quick)
    page = await visit(quick, "/docs", **DESK)
    for each in (till, page):
        await each.context.route("**/hx-sse.min.js*", _slowly)
    await page.goto(path)
    await page.get_by_role("button", name="Show the QR code").click()
    await expect(page.locator(".qr")).to_be_visible()
    pay_in_app(quick, await link_of(quick))
    await expect(page.locator(".pay-state.paid")).to_be_visible()
    await till.goto("/counter")
    await till.fill("#amount", "300")
    await till.keyboard.press("F3")
    await expect(till.locator(".panel .qr")).to_be_visible()
    pay_in_app(quick, await link_of(quick))
    await expect(till.locator(".panel.paid")).to_be_visible()
    await till.context.close()


async def _slowly(route: Route) -> None:
    await asyncio.sleep(1)
    await route.continue_()
