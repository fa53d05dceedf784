"""Live streams that strangers can open are bounded, per address and in all; a page without one goes on by reloading."""

from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from playwright.async_api import async_playwright, expect

from galla.web.problem import Problem
from galla.web.room import PER_KEY, Room
from tests.browser import ARGUMENTS, find
from tests.web.shop import ADMIN_KEY, FIRST, Shop, eventually
from tests.web.upi_shop import pay_in_app, pay_page

OWN = {"Sec-Fetch-Site": "same-origin"}


def visitor(shop: Shop) -> httpx2.AsyncClient:
    """Return a browser without any key that may hold many streams open."""
    return httpx2.AsyncClient(base_url=shop.url, timeout=20, limits=httpx2.Limits(max_connections=50))


async def refused(browser: httpx2.AsyncClient, path: str) -> tuple[int, str]:
    """Ask for a stream that there is no room for; return the status and when to come again."""
    async with browser.stream("GET", path) as answer:
        return answer.status_code, answer.headers.get("retry-after", "")


async def opened(stack: AsyncExitStack, browser: httpx2.AsyncClient, path: str) -> Any:
    """Open a stream and wait for its first line; it stays open until its end or the stack's."""
    answer = await stack.enter_async_context(browser.stream("GET", path))
    assert answer.status_code == 200
    lines = answer.aiter_lines()
    stack.push_async_callback(lines.aclose)  # a reader that is dropped closes the stream
    assert (await anext(lines)).startswith("retry:")
    return answer


def test_a_room_counts_by_key_and_in_all() -> None:
    """The first bound that is met refuses: this key's with 429, everybody's with 503; a place given back is free."""
    room = Room(per_key=2, in_all=3)
    for key in ("a", "a", "b"):
        room.enter(key)
    for key, status in (("a", 429), ("b", 503), ("c", 503)):
        with pytest.raises(Problem) as raised:
            room.enter(key)
        assert (raised.value.status, raised.value.headers["Retry-After"]) == (status, "10")
    room.leave("a")
    room.enter("c")


async def test_a_pay_page_is_followed_so_often_and_no_more(upi_shop: Shop) -> None:
    """The streams of one token are bounded; another page of the shop, and this page itself, still open."""
    (_, path), (_, other) = await pay_page(upi_shop), await pay_page(upi_shop, number="INV-10")
    async with visitor(upi_shop) as browser, AsyncExitStack() as stack:
        held = [await opened(stack, browser, f"{path}/live") for _ in range(PER_KEY)]
        assert await refused(browser, f"{path}/live") == (429, "10")
        assert (await browser.get(path)).status_code == 200
        await opened(stack, browser, f"{other}/live")
        await held[0].aclose()

        async def is_free() -> bool:
            async with browser.stream("GET", f"{path}/live") as answer:
                return answer.status_code == 200

        await eventually(is_free)


async def test_all_pay_pages_together_are_bounded_and_staff_are_not_shut_out(upi_shop: Shop) -> None:
    """Strangers with many addresses fill their own room: the next is 503, and the counter's stream still opens."""
    upi_shop.app.state.payers = Room(in_all=3)
    paths = [(await pay_page(upi_shop, number=f"INV-{number}"))[1] for number in range(4)]
    async with visitor(upi_shop) as browser, AsyncExitStack() as stack:
        for path in paths[:3]:
            await opened(stack, browser, f"{path}/live")
        assert await refused(browser, f"{paths[3]}/live") == (503, "10")
        await browser.post("/sign-in", data={"key": ADMIN_KEY}, headers=OWN)
        await opened(stack, browser, "/counter/live")
        await opened(stack, browser, f"/display/{FIRST}/live")


async def test_a_customers_screen_is_followed_so_often_and_no_more(upi_shop: Shop) -> None:
    """One session's screens are bounded; the counter of the same session is not."""
    upi_shop.app.state.screens = Room(per_key=2)
    async with visitor(upi_shop) as browser, AsyncExitStack() as stack:
        await browser.post("/sign-in", data={"key": ADMIN_KEY}, headers=OWN)
        for _ in range(2):
            await opened(stack, browser, f"/display/{FIRST}/live")
        assert await refused(browser, f"/display/{FIRST}/live") == (429, "10")
        await opened(stack, browser, "/counter/live")


@pytest.mark.parametrize("in_all", [0, 1], ids=["from the start", "after its stream broke"])
async def test_a_page_without_a_place_reloads_by_itself(upi_shop: Shop, in_all: int) -> None:
    """No room at all, or none when it comes back: the page still turns to Paid, by loading itself again."""
    upi_shop.app.state.payers = Room(in_all=in_all)
    _, path = await pay_page(upi_shop)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        page = await browser.new_page(base_url=upi_shop.url)
        await page.clock.install()
        async with page.expect_response("**/live*"):
            await page.goto(path)
        async with page.expect_response("**/live*"):
            await page.get_by_role("button", name="Show the QR code").click()
        await expect(page.locator(".qr")).to_be_visible()
        if in_all:
            upi_shop.app.state.payers = Room(in_all=0)
            upi_shop.app.state.closing.set()  # as when galla restarts: every stream ends
        async with upi_shop.client() as client:
            payment = (await client.get("/v1/payments")).json()["data"][0]
            pay_in_app(upi_shop, payment["next_action"]["upi_link"])
            await client.post(f"/v1/payments/{payment['id']}/check")
        await page.evaluate("window.wasHere = true")

        async def is_paid() -> bool:
            await page.clock.fast_forward(13_000)
            return await page.locator(".pay-state.paid").count() > 0

        await eventually(is_paid)
        assert not await page.evaluate("window.wasHere === true")
        await browser.close()
