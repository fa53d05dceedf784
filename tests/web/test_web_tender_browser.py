"""Cash, parts and two counters in a real Chromium: what a cashier types, sees, and may do instead."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from galla.sandbox.terminal import Action
from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import ADMIN_KEY, FIRST, SECOND, Shop
from tests.web.shots import shoot

expect.set_options(timeout=10_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


async def stand_at(browser: Browser, shop: Shop, name: str, key: str = ADMIN_KEY, *, scripts: bool = True) -> Page:
    """Return a page signed in at a counter."""
    context = await browser.new_context(
        viewport={"width": 1366, "height": 768}, base_url=shop.url, java_script_enabled=scripts
    )
    page = await context.new_page()
    await page.goto("/sign-in")
    await page.fill("#key", key)
    await page.fill("#counter", name)
    await page.press("#counter", "Enter")
    await page.wait_for_url("**/counter")
    return page


async def open_bill(shop: Shop, amount: int = 250_000, number: str = "INV-7") -> str:
    """Write a bill of one line and return its id."""
    line = {"description": "Consultation", "unit_amount": amount}
    async with shop.client() as client:
        made = await client.post("/v1/bills", json={"number": number, "customer": {"name": "Sita"}, "lines": [line]})
    return str(made.json()["id"])


async def payments_of(shop: Shop, bill: str) -> list[dict[str, Any]]:
    """Return a bill's payments, oldest first."""
    async with shop.client() as client:
        return list((await client.get(f"/v1/bills/{bill}")).json()["payments"])


async def test_cash_with_change_by_keyboard(small_shop: Shop, browser: Browser) -> None:
    """F6, what was handed over, Enter: the change is foretold, then said large by the server."""
    bill = await open_bill(small_shop)
    page = await stand_at(browser, small_shop, "Counter 1")
    await page.goto(f"/counter?bill={bill}")
    await page.keyboard.press("F6")
    await expect(page.locator("#tendered")).to_be_focused()
    await page.keyboard.type("2000")
    await expect(page.locator("[data-change]")).to_have_text("₹500.00 is missing")
    await page.fill("#tendered", "3000")
    await expect(page.locator("[data-change]")).to_have_text("Change ₹500.00")
    await check_accessible(page)
    await page.keyboard.press("Enter")
    panel = page.locator(".panel.paid")
    await expect(panel.locator("h1")).to_have_text("Paid in cash")
    await expect(panel.locator(".change")).to_have_text("Change ₹500.00")
    await expect(panel.locator(".facts")).to_contain_text("₹3,000.00")
    await expect(page.locator("#bill")).to_contain_text("Due0.00")
    await expect(page.get_by_role("button", name="Print", exact=True)).to_be_focused()
    (paid,) = await payments_of(small_shop, bill)
    assert (paid["tendered"], paid["change"], paid["terminal"]) == (300_000, 50_000, None)
    assert small_shop.sandbox.wire.calls() == ()


async def test_too_little_cash_is_said_beside_its_field(small_shop: Shop, browser: Browser) -> None:
    """Less than the amount: refused with a sentence, what was typed stays, and nothing is taken."""
    bill = await open_bill(small_shop)
    page = await stand_at(browser, small_shop, "Counter 1", scripts=False)
    await page.goto(f"/counter?bill={bill}")
    await page.locator("summary", has_text="Cash").click()
    await page.fill("#tendered", "2000")
    await page.press("#tendered", "Enter")  # without scripts Enter presses the form's first button
    await expect(page.locator("#tendered-fault")).to_contain_text("Nothing was taken yet. Press Take the cash")
    await page.get_by_role("button", name="Take the cash").click()
    await expect(page.locator("#tendered-fault")).to_contain_text("₹2,000.00 is less than ₹2,500.00")
    await expect(page.locator("#tendered")).to_have_value("2000")
    assert await payments_of(small_shop, bill) == []
    await page.fill("#tendered", "2500")
    await page.get_by_role("button", name="Take the cash").click()
    await expect(page.locator(".panel.paid .change")).to_have_text("No change")


async def test_a_bill_in_parts_by_keyboard_alone(small_shop: Shop, browser: Browser) -> None:
    """Cash, then the card for the rest: F7, the part, F6, Enter; the rest is offered at once; paid in full."""
    bill = await open_bill(small_shop)
    page = await stand_at(browser, small_shop, "Counter 1")
    await page.goto(f"/counter?bill={bill}")
    await page.keyboard.press("F7")
    await expect(page.locator("#amount")).to_be_focused()
    await expect(page.locator("#amount")).to_have_value("")
    await page.keyboard.type("1000.50")
    await expect(page.locator("[data-rest]")).to_have_text("Rest after this part: ₹1,499.50")
    await page.keyboard.press("F6")
    await page.keyboard.type("1001")
    await page.keyboard.press("Enter")
    await expect(page.locator(".panel.paid .change")).to_have_text("Change ₹0.50")
    await shoot(page, "split-tender", "1-cash-part")
    rest = page.get_by_role("link", name="Take the remaining ₹1,499.50")
    await expect(rest).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#amount")).to_have_value("1499.50")
    await page.keyboard.press("Enter")
    await expect(page.locator(".panel.waiting")).to_be_visible()
    await small_shop.until_on_machine()
    small_shop.pay()
    await expect(page.locator(".panel.paid .amount")).to_have_text("₹1,499.50")
    await expect(page.locator(".panel.paid")).to_contain_text("INV-7 is paid in full.")
    await shoot(page, "split-tender", "2-paid-in-full")
    await expect(page.get_by_role("button", name="Print", exact=True)).to_be_focused()
    await page.goto(f"/counter?bill={bill}")
    await expect(page.get_by_role("heading", name="Paid in full")).to_be_visible()
    assert [each["method"] for each in await payments_of(small_shop, bill)] == ["cash", "edc"]


async def test_the_other_part_while_the_first_waits(small_shop: Shop, browser: Browser) -> None:
    """While the machine waits for its part, the rest can be taken in cash; more than the rest cannot."""
    bill = await open_bill(small_shop)
    page = await stand_at(browser, small_shop, "Counter 1")
    await page.goto(f"/counter?bill={bill}&by=part")
    await page.fill("#amount", "1500")
    await page.get_by_role("button", name="Push to the machine").click()
    await small_shop.until_on_machine()
    await page.get_by_role("link", name="Take the other ₹1,000.00 meanwhile").click()
    await expect(page.locator("#amount")).to_have_value("1000.00")
    await page.fill("#amount", "1000.01")
    await page.keyboard.press("F6")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("At most ₹1,000.00 can be taken beside it.")
    await page.fill("#amount", "1000")
    await page.get_by_role("button", name="Take the cash").click()
    await expect(page.locator(".panel.paid .change")).to_have_text("No change")
    small_shop.pay()
    await page.goto(f"/counter?bill={bill}")
    await expect(page.locator("#bill")).to_contain_text("Paid2,500.00")


async def test_c27_f12_the_second_counter_takes_another_machine(small_shop: Shop, browser: Browser) -> None:
    """A busy machine: refused with the holder's name and bill, and one press sends it to the machine that is free."""
    first = await stand_at(browser, small_shop, "Reception")
    await push(first, "2500", "INV-1", "Counter 1")
    second = await stand_at(browser, small_shop, "Pharmacy")
    await second.get_by_role("radio", name="Counter 1").check()
    await second.fill("#reference", "INV-2")
    await second.fill("#amount", "750")
    await second.press("#amount", "Enter")
    alert = second.get_by_role("alert")
    await expect(alert).to_contain_text("Counter 1 is busy with ₹2,500.00 for INV-1, started")
    await expect(alert).to_contain_text("at Reception")
    await expect(alert.get_by_role("button", name="Wait for Counter 1")).to_be_disabled()
    await check_accessible(second)
    other = alert.get_by_role("button", name="Push to Counter 2")
    await expect(other).to_be_focused()
    await second.keyboard.press("Enter")
    await expect(second.locator(".panel.waiting")).to_contain_text("Counter 2")
    await small_shop.until_on_machine(SECOND)
    small_shop.pay(SECOND)
    small_shop.pay(FIRST)
    await expect(second.locator(".panel.paid .amount")).to_have_text("₹750.00")
    await expect(first.locator(".panel.paid .amount")).to_have_text("₹2,500.00")


async def test_c27_whoever_waits_is_told_when_the_machine_is_free(small_shop: Shop, browser: Browser) -> None:
    """The form stays filled, and the button comes alive by itself when the first payment has ended."""
    first = await stand_at(browser, small_shop, "Reception")
    await push(first, "2500", "INV-1", "Counter 1")
    await small_shop.until_on_machine()
    second = await stand_at(browser, small_shop, "Pharmacy")
    await second.get_by_role("radio", name="Counter 1").check()
    await second.fill("#reference", "INV-2")
    await second.fill("#amount", "750")
    await second.press("#amount", "Enter")
    wait = second.locator("#wait button")
    await expect(wait).to_be_disabled()
    await second.get_by_role("button", name="Push to Counter 2").focus()
    small_shop.act(Action.RED_KEY)
    await expect(wait).to_be_enabled()
    await expect(wait).to_have_text("Push to Counter 1: it is free now")
    await expect(wait).to_be_focused()
    await expect(second.locator("#amount")).to_have_value("750")
    await second.keyboard.press("Enter")
    await expect(second.locator(".panel.waiting")).to_contain_text("Counter 1")


async def test_c11_a_supervisor_takes_cash_beside_an_unproven_payment(small_shop: Shop, browser: Browser) -> None:
    """C11: Visible and noted: cash is refused, a supervisor ticks the box, both succeed; both choices are shown."""
    bill = await open_bill(small_shop)
    page = await stand_at(browser, small_shop, "Counter 1")
    await page.goto(f"/counter?bill={bill}")
    await page.get_by_role("button", name="Push to the machine").click()
    await small_shop.until_on_machine()
    await page.get_by_role("link", name="with a supervisor").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Check that one first")
    await page.keyboard.press("F6")
    await page.keyboard.press("Enter")
    await expect(alert).to_contain_text("has an unfinished payment of ₹2,500.00")
    await page.get_by_label("Take it beside that one").check()
    await check_accessible(page)
    await page.get_by_role("button", name="Take the cash").click()
    await expect(page.locator(".panel.paid h1")).to_have_text("Paid in cash")
    small_shop.pay()
    card, cash = await payments_of(small_shop, bill)
    await page.goto(f"/counter?payment={card['id']}")
    surprise = page.get_by_role("alert", name="Paid after all")
    await expect(surprise).to_contain_text("₹2,500.00 of it was no longer due")
    await expect(surprise.get_by_role("button", name="Attach to this bill")).to_be_visible()
    await expect(surprise.get_by_role("button", name="Give it back now")).to_be_visible()
    await page.goto(f"/payments/{cash['id']}")
    await page.locator("summary", has_text="Give money back").click()
    await page.fill("#reason", "paid twice")
    await page.get_by_label("The customer has the cash in hand").check()
    await page.get_by_role("button", name="Give it back").click()
    await expect(page.locator("#refunds")).to_contain_text("Given back2,500.00")


async def test_c11_a_cashier_needs_a_supervisors_key(small_shop: Shop, browser: Browser) -> None:
    """Without the right, the box asks for a second person's key, refuses a missing or own one, and keeps no key."""
    key, other = await small_shop.key("collect"), await small_shop.key("collect", "refund")
    bill = await open_bill(small_shop)
    page = await stand_at(browser, small_shop, "Counter 1", key)
    await page.goto(f"/counter?bill={bill}")
    await page.get_by_role("button", name="Push to the machine").click()
    await page.get_by_role("link", name="with a supervisor").click()
    for given, said in (("", "needs a supervisor"), (key, "is your own")):
        await page.get_by_label("Take it beside that one").check()
        await page.get_by_label("Password or key").fill(given)
        if await page.locator(".cash[open]").count() == 0:
            await page.locator("summary", has_text="Cash").click()
        await page.get_by_role("button", name="Take the cash").click()
        await expect(page.get_by_role("alert")).to_contain_text(said)
        await expect(page.get_by_label("Password or key")).to_have_value("")
    await page.get_by_label("Password or key").fill(other)
    await page.get_by_role("button", name="Take the cash").click()
    await expect(page.locator(".panel.paid h1")).to_have_text("Paid in cash")
    small_shop.pay()


async def push(page: Page, amount: str, reference: str, machine: str) -> None:
    """Push an amount to a machine."""
    await page.fill("#amount", amount)
    await page.fill("#reference", reference)
    await page.get_by_role("radio", name=machine).check()
    await page.get_by_role("button", name="Push to the machine").click()
    await page.wait_for_url("**payment=pay_*")
