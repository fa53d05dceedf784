"""The counter in a real Chromium, with real sockets: what a cashier sees and presses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from galla.sandbox.faults import Fault, Kind
from galla.sandbox.terminal import Action
from tests.browser import ARGUMENTS, find
from tests.web.shop import ADMIN_KEY, FIRST, SECOND, Shop, open_shop_over_http

Visit = Callable[..., Awaitable[Page]]

expect.set_options(timeout=10_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open the counter of a shop, signed in; a complaint of the browser or a foreign request fails the test."""
    complaints: list[str] = []
    contexts = []

    async def open_counter(
        shop: Shop, path: str = "/counter", *, name: str = "Counter 1", scripts: bool = True
    ) -> Page:
        context = await browser.new_context(
            viewport={"width": 1366, "height": 768}, java_script_enabled=scripts, base_url=shop.url
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith(shop.url) else complaints.append(request.url)
        )
        await page.goto("/sign-in")
        await page.fill("#key", ADMIN_KEY)
        await page.fill("#counter", name)
        await page.press("#counter", "Enter")
        await page.wait_for_url("**/counter")
        if path != "/counter":
            await page.goto(path)
        return page

    yield open_counter
    for context in contexts:
        await context.close()
    # Chromium itself logs an answer of 409 or 422: those are ours, and shown on the page.
    assert [text for text in complaints if "status of 409" not in text and "status of 422" not in text] == []


async def push(page: Page, amount: str, reference: str, machine: str = "Counter 1") -> None:
    """Fill in a sale and push it."""
    await page.fill("#amount", amount)
    await page.fill("#reference", reference)
    await page.get_by_role("radio", name=machine).check()
    await page.get_by_role("button", name="Push to the machine").click()
    await page.wait_for_url("**payment=pay_*")


async def test_a_sale_is_seen_paid_without_reloading(tmp_path: Path, browser: Browser, visit: Visit) -> None:
    """Push a bill, tap the virtual machine in another tab: the counter turns to Paid by itself, with its proof."""
    async with open_shop_over_http(f"sqlite:///{tmp_path / 'galla.db'}") as (shop, paytm):
        page = await visit(shop)
        await page.keyboard.press("Escape")
        await page.keyboard.press("n")
        await page.fill("#name", "Ramesh Kumar")
        for row, (what, price) in enumerate((("Consultation", "500"), ("Chemical peel", "1,750.00"))):
            await page.locator("[name=description]").nth(row).fill(what)
            await page.locator("[name=price]").nth(row).fill(price)
        await expect(page.locator("[data-total]")).to_have_text("₹2,250.00")
        await page.get_by_role("button", name="Open the bill").click()
        await expect(page.locator("#amount")).to_have_value("2250.00")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting for the card on Counter 1")
        await page.evaluate("window.wasHere = true")

        machine = await (await browser.new_context()).new_page()
        await machine.goto(f"{paytm}/terminals/{FIRST}")
        await machine.locator(f'[formaction$="/{Action.ACCEPT}"]').first.click()
        await machine.locator(f'[formaction$="/{Action.INSERT}"]').first.click()
        await machine.locator(f'[formaction$="/{Action.PIN_RIGHT}"]').first.click()

        await expect(page.locator(".panel.paid h1")).to_have_text("Paid")
        facts = page.locator(".panel .facts")
        await expect(facts).to_contain_text("•••• ")
        for name in ("RRN", "Auth code", "Time"):
            await expect(facts).to_contain_text(name)
        await expect(page.locator("#bill")).to_contain_text("Due0.00")
        await expect(page.locator("#bill")).to_contain_text("Ramesh K.")
        await expect(page.locator("#unexplained")).to_contain_text("0 unexplained")
        await expect(page.get_by_role("button", name="Print", exact=True)).to_be_focused()
        assert await page.title() == "Paid · ₹2,250.00 – galla"
        assert await page.evaluate("window.wasHere")
        await machine.context.close()
        await page.context.close()


async def test_a_reload_resumes_and_another_counter_sees_it(small_shop: Shop, visit: Visit) -> None:
    """C02, C13: reload or leave in the middle of a sale; nothing is pushed twice, and anyone can pick it up."""
    page = await visit(small_shop)
    await push(page, "900", "INV-0409")
    await small_shop.until_on_machine()
    await page.reload()
    await expect(page.locator(".panel.waiting")).to_be_visible()
    other = await visit(small_shop, name="Counter 2")
    held = other.locator("label", has_text="Counter 1")
    await expect(held).to_contain_text("Counter 1, ₹900.00")
    await page.goto("/counter")
    small_shop.act(Action.ACCEPT)
    await other.locator("#strip").get_by_text("INV-0409").click()
    await expect(other.locator(".panel.waiting")).to_be_visible()
    small_shop.act(Action.INSERT, Action.PIN_RIGHT)
    await expect(other.locator(".panel.paid")).to_be_visible()
    await expect(page.locator("#strip")).to_contain_text("Nothing.")
    assert len(small_shop.sandbox.wire.calls(operation="sale")) == 1


async def test_a_decline_gives_the_reason_and_the_next_step(small_shop: Shop, visit: Visit) -> None:
    """Not paid: the reason in a sentence, and one key press sends a new payment to the same machine."""
    page = await visit(small_shop)
    await push(page, "1200.50", "INV-7")
    first = page.url
    await small_shop.until_on_machine()
    small_shop.act(Action.RED_KEY)
    panel = page.locator(".panel.not-paid")
    await expect(panel.locator("h1")).to_have_text("Not paid")
    await expect(panel.locator(".say").first).to_contain_text(".")
    await expect(page.get_by_role("button", name="Send again to Counter 1")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".panel.waiting")).to_be_visible()
    assert page.url != first
    await expect(page.locator(".amount")).to_have_text("₹1,200.50")
    assert len(small_shop.sandbox.wire.calls(operation="sale")) == 2


async def test_a_double_click_is_one_payment(small_shop: Shop, visit: Visit) -> None:
    """F31: two quick presses, or Enter and a press, make one payment."""
    page = await visit(small_shop)
    await page.fill("#amount", "50")
    button = page.get_by_role("button", name="Push to the machine")
    await button.dblclick(no_wait_after=True)
    await page.wait_for_url("**payment=pay_*")
    await small_shop.until_on_machine()
    async with small_shop.client() as client:
        assert len((await client.get("/v1/payments")).json()["data"]) == 1


async def test_stopping_is_honest_and_a_late_card_is_told(small_shop: Shop, visit: Visit) -> None:
    """C10: Esc says what may still happen; when the card is taken all the same, the screen says Paid after all."""
    page = await visit(small_shop)
    await push(page, "300", "INV-8")
    await small_shop.until_on_machine()
    await expect(page.locator(".panel.waiting")).to_be_visible()
    await page.keyboard.press("Escape")
    panel = page.locator(".panel.checking")
    await expect(panel).to_contain_text(
        "We will stop waiting. The machine may still take the card: press the red key on it. We keep checking."
    )
    await expect(page.get_by_role("button", name="Stop waiting")).to_have_count(0)
    small_shop.pay()
    await expect(page.locator(".panel.paid h1")).to_have_text("Paid after all")


async def test_doubt_says_not_to_take_it_again(small_shop: Shop, visit: Visit) -> None:
    """C14: while Paytm does not answer, the screen forbids a second charge and offers nothing but to ask."""
    small_shop.sandbox.add_fault(Fault(kind=Kind.DROP_AFTER, operation="sale"))
    small_shop.sandbox.add_fault(Fault(kind=Kind.HTTP_500, operation="status", times=None))
    page = await visit(small_shop)
    await push(page, "1,200", "INV-0398")
    panel = page.locator(".panel.checking")
    await expect(panel).to_contain_text("We are checking with Paytm")
    await expect(panel).to_contain_text("Do not take this payment again.")
    for button in await panel.get_by_role("button").all():
        assert (await button.inner_text()).startswith(("Check again", "Stop waiting"))
    await page.get_by_role("button", name="Check again").click()
    await expect(page.locator("#note")).not_to_be_empty()
    await expect(page.locator("#strip")).to_contain_text("checking")
    small_shop.sandbox.clear_faults()
    small_shop.pay()
    await expect(page.locator(".panel.paid")).to_be_visible()


async def test_two_counters_do_not_cross(small_shop: Shop, visit: Visit) -> None:
    """C09, C12: two bills on two machines; each screen ends as its own machine did."""
    left, right = await visit(small_shop), await visit(small_shop, name="Counter 2")
    await push(left, "100", "INV-A", "Counter 1")
    await push(right, "200", "INV-B", "Counter 2")
    await small_shop.until_on_machine(FIRST)
    await small_shop.until_on_machine(SECOND)
    small_shop.act(Action.RED_KEY, tid=SECOND)
    small_shop.pay(FIRST)
    await expect(left.locator(".panel.paid .amount")).to_have_text("₹100.00")
    await expect(right.locator(".panel.not-paid .amount")).to_have_text("₹200.00")


async def test_a_busy_machine_is_told_by_name(small_shop: Shop, visit: Visit) -> None:
    """C27: pushing to a held machine is refused with who holds it and a way to that payment; what was typed stays."""
    first = await visit(small_shop)
    await push(first, "900", "INV-1")
    second = await visit(small_shop, name="Counter 2")
    await second.fill("#amount", "750")
    await second.get_by_role("radio", name="Counter 1").check()
    await second.get_by_role("button", name="Push to the machine").click()
    alert = second.get_by_role("alert")
    await expect(alert).to_contain_text("busy with ₹900.00 for INV-1")
    await expect(second.locator("#amount")).to_have_value("750")
    await alert.get_by_role("link").click()
    await expect(second.locator(".amount")).to_have_text("₹900.00")


async def test_the_counter_works_without_scripts(small_shop: Shop, visit: Visit) -> None:
    """Scripts off: forms and a page that asks again by itself carry a sale from push to paid."""
    page = await visit(small_shop, scripts=False)
    await push(page, "300", "INV-8")
    await small_shop.until_on_machine()
    await page.reload()
    assert 'http-equiv="refresh"' in await page.content()
    await page.get_by_role("button", name="Check again").click()
    await page.wait_for_url("**payment=pay_*")
    small_shop.pay()
    async with asyncio.timeout(10):
        while await page.locator(".panel.paid").count() == 0:
            await asyncio.sleep(0.2)
            await page.goto(page.url)
    assert 'http-equiv="refresh"' not in await page.content()


async def test_keys_lead_where_they_say(small_shop: Shop, visit: Visit) -> None:
    """`/` searches, F2 is the machine, Esc leaves a field, N a new bill, also from the amount; letters stay text."""
    page = await visit(small_shop)
    await expect(page.locator("#amount")).to_be_focused()
    await page.keyboard.type("2500/")
    await expect(page.locator("#q")).to_be_focused()
    await expect(page.locator("#amount")).to_have_value("2500")
    await page.keyboard.press("F2")
    await expect(page.get_by_role("radio", name="Counter 1")).to_be_focused()
    await page.keyboard.press("/")
    await page.keyboard.type("n/a")
    await expect(page.locator("#q")).to_have_value("n/a")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await expect(page.get_by_role("heading", name="New bill")).to_be_visible()
    await page.goto("/counter")
    await page.keyboard.type("2500n")
    await expect(page.locator("#name")).to_be_focused()
    await expect(page.locator("#name")).to_have_value("")


async def test_a_sale_by_keys_alone(small_shop: Shop, visit: Visit) -> None:
    """`/`, the bill's number, Enter finds it, Enter opens it, Enter pushes it; paid, Enter prints, and prints again."""
    async with small_shop.client() as client:
        line = {"description": "Cream", "unit_amount": 250_000}
        await client.post("/v1/bills", json={"number": "INV-77", "customer": {"name": "Sita Devi"}, "lines": [line]})
    page = await visit(small_shop)
    await page.keyboard.type("/INV-77")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="INV-77")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Push to the machine")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".panel.waiting")).to_be_visible()
    await small_shop.until_on_machine()
    small_shop.pay()
    await expect(page.locator(".panel.paid")).to_contain_text("•••• 1234")
    for copy in range(2):
        await expect(page.get_by_role("button", name="Print", exact=True)).to_be_focused()
        async with page.context.expect_page() as opened:
            await page.keyboard.press("Enter")
        paper = await opened.value
        await expect(paper.locator("h1")).to_have_text("Receipt")
        await expect(paper.get_by_text("DUPLICATE 1")).to_have_count(copy)
        await paper.close()


async def test_a_search_finds_while_typing(small_shop: Shop, visit: Visit) -> None:
    """What is typed finds bills by number or name, without leaving the form on the right."""
    async with small_shop.client() as client:
        line = {"description": "Cream", "unit_amount": 5000}
        await client.post("/v1/bills", json={"number": "INV-77", "customer": {"name": "Sita Devi"}, "lines": [line]})
    page = await visit(small_shop)
    await page.fill("#amount", "12")
    await page.fill("#q", "sita")
    await expect(page.locator("#left")).to_contain_text("INV-77")
    await page.fill("#q", "nobody")
    await expect(page.locator("#left")).to_contain_text("Nothing is known by “nobody”.")
    await expect(page.locator("#amount")).to_have_value("12")


async def test_markup_in_texts_stays_text(small_shop: Shop, visit: Visit) -> None:
    """Names, references and lines full of markup are shown as typed, also when they arrive over the stream."""
    nasty = "<img src=x onerror=alert(1)>"
    async with small_shop.client() as client:
        bill = {
            "customer": {"name": f"{nasty} </script><script>alert(2)</script>"},
            "lines": [{"description": f"{nasty}{{{{7*7}}}}<hx-partial hx-target=body>", "unit_amount": 5000}],
        }
        made = (await client.post("/v1/bills", json=bill)).json()
    page = await visit(small_shop, f"/counter?bill={made['id']}")
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    await expect(page.locator("#bill")).to_contain_text(f"{nasty}{{{{7*7}}}}<hx-partial hx-target=body>")
    await page.get_by_role("button", name="Push to the machine").click()
    await page.wait_for_url("**payment=pay_*")
    await small_shop.until_on_machine()
    small_shop.pay()
    await expect(page.locator(".panel.paid")).to_be_visible()
    await expect(page.locator("#bill")).to_contain_text(nasty)
    assert await page.locator("#bill img, #strip img, #bill script").count() == 0


async def test_the_stream_comes_back_after_a_break(small_shop: Shop, visit: Visit) -> None:
    """A network that was away for a while: the screen catches up by itself."""
    page = await visit(small_shop)
    await push(page, "410", "INV-4")
    await small_shop.until_on_machine()
    await page.context.set_offline(True)
    small_shop.app.state.closing.set()
    await asyncio.sleep(0.3)
    small_shop.app.state.closing.clear()
    small_shop.pay()
    await page.context.set_offline(False)
    await expect(page.locator(".panel.paid")).to_be_visible()


async def test_a_signed_out_screen_goes_to_the_door(small_shop: Shop, visit: Visit) -> None:
    """Signing out in one tab: the form of another leads to the sign-in page, and nothing is pushed."""
    page = await visit(small_shop)
    twin = await page.context.new_page()
    await twin.goto("/counter")
    await twin.locator(".menu summary").click()
    await twin.get_by_role("button", name="Sign out").click()
    await twin.wait_for_url("**/sign-in")
    await page.fill("#amount", "50")
    await page.get_by_role("button", name="Push to the machine").click()
    await page.wait_for_url("**/sign-in*")
    assert small_shop.sandbox.wire.calls(operation="sale") == ()
