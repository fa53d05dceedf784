"""Voids over HTTP and in Chromium: the clock, accepted and voided without reloading, refused and refunded."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from galla.sandbox.terminal import Action
from galla.service.access import create_key
from tests.axe import check_accessible
from tests.browser import ARGUMENTS, find
from tests.web.shop import ADMIN_KEY, FIRST, Shop, eventually, open_shop_over_http
from tests.web.shots import shoot

AMOUNT = 250_000
expect.set_options(timeout=10_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


async def sold(shop: Shop, amount: int = AMOUNT) -> Any:
    """Take a sale on the first machine to its end."""
    async with shop.client() as client:
        begun = (await client.post("/v1/payments", json={"amount": amount, "method": "edc", "terminal": FIRST})).json()
        await shop.until_on_machine()
        shop.pay()

        async def is_paid() -> bool:
            await client.post(f"/v1/payments/{begun['id']}/check")
            return (await client.get(f"/v1/payments/{begun['id']}")).json()["status"] == "paid"

        await eventually(is_paid)
        shop.act(Action.CLEAR)
        return (await client.get(f"/v1/payments/{begun['id']}")).json()


async def give_back(shop: Shop, payment: Any, **body: Any) -> Any:
    """Ask for money to go back and return the whole answer."""
    async with shop.client() as client:
        return await client.post(f"/v1/payments/{payment['id']}/refunds", json={"reason": "returned", **body})


async def test_c22_a_void_over_http_is_pending_until_the_machine_says_so(shop: Shop) -> None:
    """201 with kind, choice and pending; voided in the payment only after the accept on the machine."""
    payment = await sold(shop)
    assert payment["is_voided"] is False
    assert payment["void_until"] is not None
    answer = await give_back(shop, payment)
    void = answer.json()
    assert (answer.status_code, void["kind"], void["status"]) == (201, "void", "pending")
    assert void["choice"].startswith("The whole sale is taken back on Counter 1.")
    assert void["void_until"] == payment["void_until"]
    again = await give_back(shop, payment)
    assert (again.status_code, again.json()["code"]) == (409, "over_refund")
    shop.act(Action.ACCEPT)
    async with shop.client() as client:

        async def is_voided() -> bool:
            return bool((await client.get(f"/v1/payments/{payment['id']}")).json()["is_voided"])

        await eventually(is_voided)
        done = (await client.get(f"/v1/refunds/{void['id']}")).json()
    assert (done["status"], done["amount"]) == ("done", AMOUNT)


async def test_c21_a_part_by_void_is_refused_in_words(small_shop: Shop) -> None:
    """409 `void_not_possible`, the reason, what to do, and nothing given back."""
    payment = await sold(small_shop)
    answer = await give_back(small_shop, payment, amount=1000, kind="void")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["param"]) == (409, "void_not_possible", "kind")
    assert "not a part of it" in problem["detail"]
    assert "refund instead" in problem["detail"]


async def test_the_limit_is_set_over_http_and_a_second_person_passes_it(
    small_shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """403 without, with one's own and with an unknown credential; 201 with a colleague's, which no log line holds."""
    shop = small_shop
    merchant = await shop.merchant()
    colleague = await create_key(shop.till, merchant, ["refund"], "Supervisor")
    async with shop.client() as client:
        changed = await client.patch(f"/v1/merchants/{merchant}", json={"refund_limit": 100_000})
        assert (changed.status_code, changed.json()["refund_limit"]) == (200, 100_000)
        for wrong in ({}, {"void_cutoff": "25:00"}, {"refund_limit": -1}, {"void_cutoff": None}, {"mid": "x"}):
            assert (await client.patch(f"/v1/merchants/{merchant}", json=wrong)).status_code == 422
    payment = await sold(shop)
    refusals = [
        ({}, "approval_needed"),
        ({"approver": ADMIN_KEY}, "approver_same_person"),
        ({"approver": "gk_nobody_has_this_one"}, "approver_unknown"),
        ({"approver": "nobody:nothing"}, "approver_unknown"),
        ({"approver": None}, "approval_needed"),
        ({"approver": {"name": "nobody", "password": "nothing"}}, "approver_unknown"),
    ]
    for more, code in refusals:
        answer = await give_back(shop, payment, **more)
        assert (answer.status_code, answer.json()["code"], answer.json()["param"]) == (403, code, "approver")
    for shape in (5, "", {"name": "a"}, {"name": "a:b", "password": "c"}, {"name": "a", "password": "b", "x": "c"}):
        answer = await give_back(shop, payment, approver=shape)
        assert (answer.status_code, answer.json()["param"]) == (422, "approver"), shape
    answer = await give_back(shop, payment, approver=colleague)
    assert (answer.status_code, answer.json()["approver"]) == (201, "key Supervisor")
    assert colleague not in answer.text
    said = capsys.readouterr()
    assert colleague not in said.out + said.err
    shop.act(Action.ACCEPT)


async def open_payment(browser: Browser, shop: Shop, payment: Any, *, scripts: bool = True) -> Page:
    """Open the page of a payment, signed in."""
    context = await browser.new_context(
        viewport={"width": 1366, "height": 900}, java_script_enabled=scripts, base_url=shop.url
    )
    page = await context.new_page()
    await page.goto("/sign-in")
    await page.fill("#key", ADMIN_KEY)
    await page.fill("#counter", "Counter 1")
    await page.press("#counter", "Enter")
    await page.wait_for_url("**/counter")
    await page.goto(f"/counter?payment={payment['id']}")
    await page.get_by_role("link", name="Give back").click()
    await page.wait_for_url("**/payments/pay_*")
    return page


async def fill_in(page: Page) -> None:
    """Fill in the form, which is open for whoever came by the panel's link."""
    await page.get_by_label("Reason").fill("wrong patient")
    await page.get_by_role("checkbox").check()


async def test_a_void_is_counted_down_accepted_and_seen_voided_without_reloading(
    tmp_path: Path, browser: Browser
) -> None:
    """The form says until when; then press accept on the virtual machine, and the page turns to Voided by itself."""
    async with open_shop_over_http(f"sqlite:///{tmp_path / 'galla.db'}") as (shop, paytm):
        payment = await sold(shop)
        page = await open_payment(browser, shop, payment)
        await fill_in(page)
        plan = page.locator(".plan")
        await expect(plan).to_contain_text(re.compile(r"Void until 12:05 am, (\d+ h \d+ min|\d+:\d\d) left"))
        await expect(plan).to_contain_text("The whole sale is taken back on Counter 1.")
        await expect(page.locator("input[name=approver]")).to_have_count(0)
        await shoot(page, "void", "1-until-when")
        await check_accessible(page)
        await page.get_by_role("button", name="Give it back").click()
        given = page.locator("#refunds")
        await expect(given).to_contain_text("Accepted by Paytm is not yet voided: press accept on Counter 1.")
        await expect(page.locator("#payment-state")).to_contain_text("Paid")
        await page.evaluate("window.wasHere = true")
        machine = await (await browser.new_context()).new_page()
        await machine.goto(f"{paytm}/terminals/{FIRST}")
        await machine.locator(f'[formaction$="/{Action.ACCEPT}"]').first.click()
        await expect(given.locator(".state")).to_contain_text("Voided")
        await expect(page.locator("#payment-state")).to_contain_text("Voided")
        assert await page.evaluate("window.wasHere")
        await shoot(page, "void", "2-voided")
        await check_accessible(page)
        await page.goto(f"/counter?payment={payment['id']}")
        await expect(page.locator(".panel h1")).to_have_text("Voided")
        await expect(page.get_by_role("link", name="Next customer")).to_be_visible()
        await machine.context.close()
        await page.context.close()


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_refused_void_offers_the_refund(small_shop: Shop, browser: Browser, scripts: bool) -> None:
    """Rejected on the machine: not voided, and one press gives the money back as a refund, with scripts or without."""
    shop = small_shop
    payment = await sold(shop)
    page = await open_payment(browser, shop, payment, scripts=scripts)
    await fill_in(page)
    await page.get_by_role("button", name="Give it back").click()
    await expect(page.locator("#refunds")).to_contain_text("press accept on Counter 1")
    shop.act(Action.REJECT)
    if not scripts:
        await eventually_failed(shop, payment)
        await page.reload()
    await expect(page.locator("#refunds .state").first).to_contain_text("Not voided")
    await page.get_by_role("button", name="Refund ₹2,500.00 instead").click()
    await expect(page.locator("#refunds")).to_contain_text("A refund was asked for.")
    assert [call.body["refundAmount"] for call in shop.sandbox.wire.calls(operation="refund")] == ["2500.00"]
    await page.context.close()


async def test_the_form_asks_for_a_second_person_only_where_one_is_needed(small_shop: Shop, browser: Browser) -> None:
    """Above the limit there are fields for the second person; a wrong credential is said beside them and not kept."""
    shop = small_shop
    merchant = await shop.merchant()
    colleague = await create_key(shop.till, merchant, ["refund"], "Supervisor")
    async with shop.client() as client:
        await client.patch(f"/v1/merchants/{merchant}", json={"refund_limit": 100_000})
    payment = await sold(shop)
    page = await open_payment(browser, shop, payment)
    await fill_in(page)
    await page.get_by_label("Their password or key").fill(ADMIN_KEY)
    await page.get_by_role("button", name="Give it back").click()
    await expect(page.locator("#approver-fault")).to_contain_text("is your own")
    await shoot(page, "approval", "1-a-second-person")
    assert ADMIN_KEY not in await page.content()
    await check_accessible(page)
    await page.get_by_label("Their password or key").fill(colleague)
    await page.get_by_role("button", name="Give it back").click()
    await expect(page.locator("#refunds")).to_contain_text("with key Supervisor")
    await shoot(page, "approval", "2-with-their-word")
    assert colleague not in await page.content()
    shop.act(Action.ACCEPT)
    await expect(page.locator("#payment-state")).to_contain_text("Voided")
    await page.context.close()


async def eventually_failed(shop: Shop, payment: Any) -> None:
    """Wait until the latest void of a payment has failed."""
    async with shop.client() as client:

        async def is_so() -> bool:
            found = (await client.get("/v1/refunds", params={"payment": payment["id"]})).json()["data"]
            return bool(found[0]["status"] == "failed")

        await eventually(is_so)
