"""A request to a customer's UPI id in a real Chromium: offered or not, and why; sent, approved, declined, run out."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from galla.sandbox.phone import Tap
from galla.sandbox.sandbox import DEMO_VPA
from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.service.upi_shop import change_merchant
from tests.web.shop import FIRST, Shop
from tests.web.upi_shop import open_upi_shop, sign_in

ENDED = "UPI Collect ended on 28 February 2026 for a merchant without a category code."
INSTEAD = "Show a QR code or open the customer's UPI app."

expect.set_options(timeout=10_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop that asks often, whose setting and whose Paytm allow asking a UPI id; the rule decides."""
    async with open_upi_shop(f"sqlite:///{tmp_path / 'galla.db'}", collect_allowed=True) as shop:
        change_merchant(shop.sandbox, collect_allowed=True)
        yield shop


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Shop]:
    """That shop as a financial institution, which the end of Collect does not concern."""
    async with open_upi_shop(f"sqlite:///{tmp_path / 'bank.db'}", mcc="6012", collect_allowed=True) as shop:
        change_merchant(shop.sandbox, collect_allowed=True)
        yield shop


def answer(shop: Shop, *taps: Tap) -> None:
    """Let the first customer answer the one request that stands open on the phone."""
    (prompt,) = [each for each in shop.sandbox.prompts.values() if each.step == "asked"]
    for tap in taps:
        shop.sandbox.tap(prompt.id, tap)


async def ask(till: Page, vpa: str = DEMO_VPA, amount: str = "2500") -> None:
    """Type an amount, press F8, type the UPI id, press Enter; then the request is with the customer."""
    await till.fill("#amount", amount)
    await till.fill("#reference", "INV-7")
    await till.keyboard.press("F8")
    await expect(till.locator("#vpa")).to_be_focused()
    await till.keyboard.type(vpa)
    await till.keyboard.press("Enter")


async def newest(shop: Shop) -> Any:
    """Return the newest payment, or None."""
    async with shop.client() as client:
        found = (await client.get("/v1/payments?limit=1")).json()["data"]
    return found[0] if found else None


async def test_where_it_is_switched_off_the_reason_is_shown(tmp_path: Path, browser: Browser) -> None:
    """Off, as it is by default: no field and no button; F8 shows why, and what to do in its place."""
    async with open_upi_shop(f"sqlite:///{tmp_path / 'galla.db'}") as shop:
        till = await sign_in(browser, shop)
        await expect(till.get_by_text(INSTEAD)).to_be_hidden()
        await till.keyboard.press("F8")
        await expect(till.locator("[data-key=F8]")).to_contain_text("UPI Collect is switched off for this merchant.")
        await expect(till.locator("[data-key=F8]")).to_contain_text(INSTEAD)
        await expect(till.locator("#vpa")).to_have_count(0)
        await expect(till.get_by_role("button", name="Send the request")).to_have_count(0)
        await check_accessible(till)
        await till.context.close()


async def test_after_its_end_only_an_iphone_is_asked(asking: Shop, browser: Browser) -> None:
    """A clinic after the end: the rule is told; without the tick nothing is sent, with it the customer is asked."""
    till = await sign_in(browser, asking)
    await ask(till)
    await expect(till.get_by_role("alert")).to_contain_text(f"{ENDED} {INSTEAD}")
    await expect(till.locator("[data-key=F8]")).to_contain_text("A customer who pays on an iPhone may still be asked.")
    await expect(till.locator("#vpa")).to_have_value(DEMO_VPA)
    await check_accessible(till)
    assert await newest(asking) is None
    assert asking.sandbox.wire.calls() == ()

    await till.get_by_label("The customer pays on an iPhone").check()
    await till.get_by_role("button", name="Send the request").click()
    await expect(till.locator(".panel.waiting")).to_contain_text("Sent to ra***@oksbi.")
    answer(asking, Tap.APPROVE, Tap.PIN_RIGHT)
    await expect(till.locator(".panel.paid")).to_be_visible()
    await till.context.close()


async def test_a_request_is_sent_approved_and_paid(bank: Shop, browser: Browser) -> None:
    """Amount, F8, UPI id, Enter; the phone approves; counter and customer's screen turn to Paid by themselves."""
    till = await sign_in(browser, bank)
    screen = await till.context.new_page()
    await screen.goto(f"/display/{FIRST}")
    await ask(till)
    panel = till.locator(".panel.waiting")
    await expect(panel).to_contain_text("Sent to ra***@oksbi.")
    await expect(panel).to_contain_text("Ask the customer to approve the request in the UPI app.")
    await expect(panel.locator(".steps")).to_contain_text("request sent")
    await expect(till.locator("#strip")).to_contain_text("by UPI request")
    await expect(till.locator(".qr")).to_have_count(0)
    await expect(screen.locator("#screen")).to_contain_text("Please approve the request in your UPI app.")
    await check_accessible(till)
    await check_accessible(screen)
    assert DEMO_VPA not in await till.content()
    await till.evaluate("window.wasHere = true")
    answer(bank, Tap.APPROVE, Tap.PIN_RIGHT)
    await expect(till.locator(".panel.paid")).to_contain_text("ra***@oksbi")
    await expect(till.get_by_role("button", name="Print", exact=True)).to_be_focused()
    await expect(screen.locator("[data-state=paid]")).to_contain_text("Paid. Thank you.")
    assert await till.evaluate("window.wasHere")
    assert (await newest(bank))["method"] == "upi_collect"
    await till.context.close()


@pytest.mark.parametrize(
    ("taps", "said"),
    [
        ((Tap.DECLINE,), "declined"),
        ((Tap.APPROVE, Tap.NO_FUNDS), "declined"),
        ((Tap.TIME_OUT,), "not finished"),
    ],
    ids=["declined", "without money", "run out"],
)
async def test_a_request_that_fails_is_not_paid_with_its_reason(
    bank: Shop, browser: Browser, taps: tuple[Tap, ...], said: str
) -> None:
    """Declined, refused by the bank or left to run out: Not paid, why, and one press leads to the form again."""
    till = await sign_in(browser, bank)
    await ask(till)
    await expect(till.locator(".panel.waiting")).to_contain_text("Sent to")
    answer(bank, *taps)
    panel = till.locator(".panel.not-paid")
    await expect(panel.locator("h1")).to_have_text("Not paid")
    await expect(panel.locator(".say").first).to_contain_text(said)
    again = till.get_by_role("link", name="Ask again or another way")
    await expect(again).to_be_focused()
    await till.keyboard.press("Enter")
    await expect(till.locator("#amount")).to_have_value("2500.00")
    await expect(till.locator("#reference")).to_have_value("INV-7")
    await till.context.close()


async def test_a_wrong_id_is_told_beside_its_field(bank: Shop, browser: Browser) -> None:
    """An e-mail address or nothing at all: the fault stands at the field, what was typed is kept, nothing is sent."""
    till = await sign_in(browser, bank)
    await ask(till, "ramesh@bank.com")
    await expect(till.locator("#vpa-fault")).to_contain_text("UPI id")
    await expect(till.locator("#vpa")).to_have_value("ramesh@bank.com")
    await check_accessible(till)
    await till.fill("#vpa", "")
    await till.press("#vpa", "Enter")
    await expect(till.locator("#vpa-fault")).to_contain_text("Write the customer's UPI id")
    assert await newest(bank) is None
    await till.context.close()


async def test_without_scripts_enter_sends_nothing_to_the_machine(bank: Shop, browser: Browser) -> None:
    """Scripts off, Enter in the field presses the form's first button, the machine's: refused, with what to press."""
    till = await sign_in(browser, bank, java_script_enabled=False)
    await till.fill("#amount", "2500")
    await till.get_by_text("Ask a UPI id").click()
    await till.fill("#vpa", DEMO_VPA)
    await till.press("#vpa", "Enter")
    await expect(till.locator("#vpa-fault")).to_contain_text("Nothing was sent yet. Press Send the request")
    assert bank.sandbox.terminals[FIRST].job is None
    await till.get_by_role("button", name="Send the request").click()
    await expect(till.locator(".panel.waiting")).to_be_visible()
    answer(bank, Tap.APPROVE, Tap.PIN_RIGHT)
    await expect(till.locator(".panel.paid")).to_be_visible(timeout=15_000)
    await till.context.close()
