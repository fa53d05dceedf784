"""Tasks over HTTP and on pages: the API's shapes and rights, and what pops up at the counter, in a real Chromium."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from galla.service import access, payments, tasks
from tests.browser import ARGUMENTS, find
from tests.web.shop import ADMIN_KEY, FIRST, Shop, eventually
from tests.web.staff import hire, session_of, signed_in

expect.set_options(timeout=20_000)
SALE: dict[str, Any] = {"amount": 30_000, "method": "edc", "terminal": FIRST, "reference": "INV-8"}


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield browser
        await browser.close()


async def at_counter(chromium: Browser, shop: Shop, key: str = ADMIN_KEY, *, scripts: bool = True) -> Page:
    """Return a browser signed in at Counter 1."""
    context = await chromium.new_context(
        viewport={"width": 1366, "height": 768}, base_url=shop.url, java_script_enabled=scripts
    )
    page = await context.new_page()
    await page.goto("/sign-in")
    await page.fill("#key", key)
    await page.fill("#counter", "Counter 1")
    await page.press("#counter", "Enter")
    await page.wait_for_url("**/counter")
    return page


async def stopped(shop: Shop, **more: Any) -> dict[str, Any]:
    """Start a payment, stop waiting for it, and let the customer pay all the same."""
    async with shop.client() as client:
        payment = (await client.post("/v1/payments", json={**SALE, **more})).json()
        await shop.until_on_machine()
        await client.post(f"/v1/payments/{payment['id']}/cancel")
    shop.pay()
    return dict(payment)


async def opened(shop: Shop) -> dict[str, Any]:
    """Wait for one open task and return it."""
    async with shop.client() as client:

        async def is_there() -> bool:
            return bool((await client.get("/v1/tasks?status=open")).json()["data"])

        await eventually(is_there)
        return dict((await client.get("/v1/tasks?status=open")).json()["data"][0])


async def test_tasks_over_the_api(shop: Shop) -> None:
    """List, take, close: the shapes are the documented ones, and the number is the one of the metrics and the page."""
    payment = await stopped(shop)
    task = await opened(shop)
    assert (task["kind"], task["payment"], task["owner"]) == ("stopped", payment["id"], None)
    async with shop.client() as client:
        listed = (await client.get(f"/v1/tasks?payment={payment['id']}&kind=stopped")).json()
        assert (listed["unexplained"], listed["next_cursor"]) == (1, None)
        assert "galla_unexplained 1.0" in (await client.get("/metrics")).text
        taken = (await client.post(f"/v1/tasks/{task['id']}/take")).json()
        assert taken["owner"]
        empty = await client.post(f"/v1/tasks/{task['id']}/close", json={"note": " "})
        done = (await client.post(f"/v1/tasks/{task['id']}/close", json={"note": "Kept."})).json()
        again = await client.post(f"/v1/tasks/{task['id']}/close", json={"note": "Kept."})
        wrong = await client.get("/v1/tasks?kind=nothing")
        none = await client.post("/v1/tasks/task_none/take")
    assert (done["status"], done["note"]) == ("closed", "Kept.")
    assert (again.status_code, again.json()["code"]) == (409, "task_closed")
    assert (empty.status_code, wrong.status_code, none.status_code) == (422, 422, 404)


async def test_what_a_person_says_has_one_bound(small_shop: Shop) -> None:
    """A note takes as many characters in the API as in the form and in what is kept; one more is refused by name."""
    await stopped(small_shop)
    task = await opened(small_shop)
    await hire(small_shop, "lead")
    session = await session_of(small_shop, "lead")
    async with signed_in(small_shop, session) as lead:
        await lead.post(f"/v1/tasks/{task['id']}/take")
        offered = re.findall(r'name="note" maxlength="([0-9]+)"', (await lead.get("/tasks")).text)
        assert offered == ["500"]
        path = f"/tasks/{task['id']}/close"
        form = {"csrf": session.csrf, "note": "ब" * 501}
        by_form = await lead.post(path, data=form)
        by_api = await lead.post(f"/v1{path}", json={"note": "ब" * 501})
        assert (by_api.status_code, by_api.json()["param"]) == (422, "note")
        assert "`note` may have at most 500 characters." in by_form.text
        done = await lead.post(path, data={**form, "note": "ब" * 500})
        assert done.status_code == 303
        kept = (await lead.get("/v1/tasks?status=closed")).json()["data"][0]["note"]
    assert kept == "ब" * 500


async def test_attach_and_resolve_over_the_api(shop: Shop) -> None:
    """What cannot be attached or decided yet is refused with a code, a sentence and a 4xx; unknown fields too."""
    async with shop.client() as client:
        payment = (await client.post("/v1/payments", json=SALE)).json()
        bill = (await client.post("/v1/bills", json={"lines": [{"description": "Cream", "unit_amount": 500}]})).json()
        path = f"/v1/payments/{payment['id']}"
        nothing = await client.post(f"{path}/attach", json={"bill": bill["number"]})
        other = await shop.key("refund")
        body = {"outcome": "paid", "evidence": "slip", "approver": other}
        early = await client.post(f"{path}/resolve", json=body)
        alone = await client.post(f"{path}/resolve", json={**body, "approver": ADMIN_KEY})
        odd = await client.post(f"{path}/resolve", json={**body, "outcome": "perhaps"})
        extra = await client.post(f"{path}/attach", json={"bill": "x", "all": True})
    assert [(each.status_code, each.json()["code"]) for each in (nothing, early, alone)] == [
        (409, "nothing_to_attach"),
        (409, "too_early"),
        (403, "approver_same_person"),
    ]
    assert (odd.status_code, extra.status_code) == (422, 422)
    assert other not in early.text + alone.text


async def test_c10_money_that_comes_after_all_pops_up_and_is_kept(small_shop: Shop, chromium: Browser) -> None:
    """C10: while another sale is on the screen, money for the one given up pops up and stays until it is kept."""
    page = await at_counter(chromium, small_shop)
    payment = await stopped(small_shop)
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Paid after all: ₹300.00 for INV-8")
    await expect(page.locator("#strip")).to_contain_text("needs a person")
    await expect(page.locator("#unexplained")).to_contain_text("1 unexplained")
    await page.fill("#amount", "12")
    assert await page.input_value("#amount") == "12"  # nobody's typing is disturbed by it
    await page.get_by_role("link", name="New bill").click()
    await expect(alert).to_be_visible()
    await alert.get_by_role("button", name="Keep it for INV-8").click()
    await expect(alert).to_have_count(0)
    await expect(page.locator("#surprise-note")).to_contain_text("Kept.")
    await expect(page.locator("#unexplained")).to_contain_text("0 unexplained")
    async with small_shop.client() as client:
        assert not (await client.get(f"/v1/payments/{payment['id']}")).json()["needs_review"]
    await page.context.close()


async def test_c10_money_that_comes_after_all_is_given_back_at_once(small_shop: Shop, chromium: Browser) -> None:
    """C10: one press gives the surprise back; the alert goes, and the money is on its way."""
    page = await at_counter(chromium, small_shop)
    payment = await stopped(small_shop)
    alert = page.get_by_role("alert")
    await alert.get_by_role("button", name="Give it back now").click()
    await expect(alert).to_have_count(0)
    await expect(page.locator("#surprise-note")).to_contain_text("₹300.00 is being")
    async with small_shop.client() as client:
        refunds = (await client.get(f"/v1/refunds?payment={payment['id']}")).json()["data"]
    assert [each["amount"] for each in refunds] == [30_000]
    await page.context.close()


async def test_c10_the_alert_names_its_own_bill_on_another_bills_screen(small_shop: Shop, chromium: Browser) -> None:
    """C10: with another bill on the screen, the alert speaks of the bill that was paid, and takes no second push."""
    async with small_shop.client() as client:
        line = {"description": "Peel", "unit_amount": 30_000}
        first = (await client.post("/v1/bills", json={"lines": [line]})).json()
        second = (await client.post("/v1/bills", json={"lines": [line]})).json()
        payment = await stopped(small_shop, bill=first["id"], reference=None)
        await opened(small_shop)
        again = {**SALE, "reference": None, "bill": first["id"], "allow_parallel": True}
        refused = await client.post("/v1/payments", json=again)
        assert refused.status_code == 422  # the bill is paid: nothing more may be pushed for it
    page = await at_counter(chromium, small_shop)
    await page.goto(f"/counter?bill={second['id']}")
    await expect(page.get_by_role("alert")).to_contain_text(f"for {first['number']}")
    await expect(page.get_by_role("button", name=f"Keep it for {first['number']}")).to_be_visible()
    await page.context.close()
    assert payment["bill"] == first["id"]


async def test_the_page_of_tasks(small_shop: Shop, chromium: Browser) -> None:
    """From the counter's number to the list: age, owner, next step, one button at a time."""
    await stopped(small_shop)
    await opened(small_shop)
    page = await at_counter(chromium, small_shop, scripts=False)
    await page.get_by_role("link", name="1 unexplained").click()
    await page.wait_for_url("**/tasks")
    row = page.locator(".task")
    await expect(row).to_contain_text("Paid after we stopped")
    await expect(row).to_contain_text("nobody yet")
    await expect(row).to_contain_text("Next:")
    assert [await each.inner_text() for each in await row.get_by_role("button").all()] == ["Take it"]
    await row.get_by_role("button").click()
    await page.wait_for_url("**/tasks")
    assert [await each.inner_text() for each in await row.get_by_role("button").all()] == ["Close it"]
    await row.get_by_label("What you found").fill("Kept: paid by card, no cash was taken.")
    await row.get_by_role("button").click()
    await expect(page.locator(".tasks")).to_contain_text("Nothing needs a person.")
    await page.get_by_role("link", name="Closed").click()
    await expect(page.locator(".tasks")).to_contain_text("Found: Kept: paid by card")
    await page.context.close()


async def test_another_counters_money_does_not_pop_up_here(small_shop: Shop) -> None:
    """What came for Counter 1 is in everyone's strip, and pops up at Counter 1 only."""
    await stopped(small_shop)
    await opened(small_shop)
    for counter, is_told in (("Counter 1", True), ("Counter 2", False)):
        async with small_shop.client(None, follow_redirects=False) as client:
            await client.post("/sign-in", data={"key": ADMIN_KEY, "counter": counter})
            page = (await client.get("/counter")).text
            assert ('role="alert"' in page) is is_told
            assert "needs a person" in page
    assert re.search(r"1 unexplained", page)
    assert await tasks.unexplained(small_shop.till) == 1
    principal = await access.principal_for_key(small_shop.till, ADMIN_KEY)
    assert principal is not None
    assert len(await payments.unfinished(small_shop.till, principal)) == 1
