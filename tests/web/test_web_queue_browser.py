"""A payment by code in a real Chromium: shown at one counter, typed into another machine, seen by everybody."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from galla.sandbox.terminal import Action
from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import FIRST, SECOND, Shop
from tests.web.upi_shop import open_upi_shop, sign_in

expect.set_options(timeout=15_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop that takes codes and asks often."""
    async with open_upi_shop(f"sqlite:///{tmp_path / 'galla.db'}") as opened:
        yield opened


async def ask_for_code(page: Page, amount: str = "2500", reference: str = "INV-7") -> str:
    """Press F4 for an amount at the first counter, and read the code off the panel."""
    await page.goto("/counter")
    await page.fill("#amount", amount)
    await page.fill("#reference", reference)
    await page.keyboard.press("F4")
    digits = page.locator(".panel .digits")
    await expect(digits).to_have_text(re.compile(r"^\d{3} \d{3}$"))
    return (await digits.inner_text()).replace(" ", "")


async def test_a_code_of_one_counter_is_paid_at_another_machine(quick: Shop, browser: Browser) -> None:
    """F4 shows six digits, large, and so does the customer's screen; typed into the second machine and paid there by
    card, counter and screen turn to Paid without a reload.
    """
    till = await sign_in(browser, quick)
    screen = await till.context.new_page()
    await screen.goto(f"/display/{FIRST}")
    code = await ask_for_code(till)
    box = await till.locator(".panel .digits").bounding_box()
    assert box is not None
    assert box["height"] >= 60
    await expect(screen.locator(".digits")).to_have_text(f"{code[:3]} {code[3:]}")
    await expect(till.locator("#strip")).to_contain_text("by code")
    await check_accessible(screen)
    await till.evaluate("window.wasHere = true")

    machine = await browser.new_page()
    await machine.goto(f"{quick.paytm}/terminals/{SECOND}")
    await machine.get_by_role("button", name="Enter code").click()
    await machine.get_by_label("Code, six digits").fill("000001" if code != "000001" else "000002")
    await machine.get_by_role("button", name="OK").click()
    await expect(machine.get_by_role("status")).to_contain_text("Invalid code")
    await machine.get_by_label("Code, six digits").fill(code)
    await machine.get_by_role("button", name="OK").click()
    await expect(machine.get_by_role("status")).to_contain_text("₹2,500.00")
    await expect(till.locator(".panel")).to_contain_text("The code is on a machine")
    await expect(till.locator(".digits")).to_have_count(0)
    await machine.get_by_role("button", name="Insert card").click()
    await machine.get_by_role("button", name="PIN right").click()

    await expect(till.locator(".panel.paid")).to_contain_text("•••• 1234")
    await expect(till.locator(".panel.paid")).to_contain_text("RRN")
    await expect(till.get_by_role("button", name="Print", exact=True)).to_be_focused()
    assert await till.evaluate("window.wasHere")
    await till.context.close()


async def test_stopping_a_code_takes_it_off_the_screens(quick: Shop, browser: Browser) -> None:
    """Esc takes the code away at once; when Paytm has taken it back it is not paid, and one press makes a new code."""
    till = await sign_in(browser, quick)
    code = await ask_for_code(till)
    await till.keyboard.press("Escape")
    await expect(till.locator(".panel.not-paid")).to_contain_text("taken out of Paytm's queue")
    renew = till.get_by_role("button", name="Make a new code")
    await expect(renew).to_be_focused()
    await till.keyboard.press("Enter")
    digits = till.locator(".panel .digits")
    await expect(digits).to_be_visible()
    assert (await digits.inner_text()).replace(" ", "") != code
    await till.context.close()


async def test_the_board_follows_the_queue_and_leads_to_a_machine(quick: Shop, browser: Browser) -> None:
    """The board lists codes in their order; a push takes the code back first and then starts the machine, once."""
    till = await sign_in(browser, quick)
    first, second = await ask_for_code(till), await ask_for_code(till, "900", "INV-8")
    board = await till.context.new_page()
    await board.goto("/queue")
    rows = board.locator(".board tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text(f"{first[:3]} {first[3:]}")
    await expect(rows.first).to_contain_text("₹2,500.00")
    hall = await till.context.new_page()
    await hall.goto("/queue/hall")
    await expect(hall.locator(".board tbody tr")).to_have_count(2)
    await expect(hall.locator("body")).not_to_contain_text("₹")

    quick.sandbox.type_code(SECOND, second)
    quick.sandbox.act(SECOND, Action.RED_KEY)
    quick.sandbox.act(SECOND, Action.CLEAR)
    await expect(rows.nth(1)).to_contain_text("try failed, type it again")
    await rows.first.get_by_role("button", name="Push").click()
    await expect(board.locator(".panel.waiting")).to_contain_text("₹2,500.00")
    assert quick.sandbox.type_code(SECOND, first).notice == "Invalid code. It is not valid any more."
    await expect(hall.locator(".board tbody tr")).to_have_count(1)
    assert len(quick.sandbox.wire.calls(operation="sale")) == 1
    await till.context.close()
