"""The pay page, the customer screen and refunds over plain HTTP: who may do what, and what is never told."""

import asyncio
import re
from typing import Any

import httpx2
import pytest

from galla.sandbox.phone import Tap
from galla.service import access, bills, payments
from galla.service.payments import NewPayment
from galla.service.till import Principal
from galla.web.pages.pay import app_links
from tests.web.shop import ADMIN_KEY, FIRST, PLAIN, SECOND, Shop, eventually
from tests.web.upi_shop import QR, SHOP_NAME, pay_in_app, pay_page

PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36", "Accept": "text/html"}
DESK = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Safari/537.36", "Accept": "text/html"}
OWN = {"Sec-Fetch-Site": "same-origin"}


def visitor(shop: Shop, headers: dict[str, str]) -> httpx2.AsyncClient:
    """Return a browser without any key."""
    return httpx2.AsyncClient(base_url=shop.url, headers=headers, timeout=20, verify=PLAIN)


async def press(browser: httpx2.AsyncClient, path: str, action: str = "", **more: str) -> httpx2.Response:
    """Open a page and press the button of its form."""
    page = await browser.get(path)
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    fields = {"csrf": found[1] if found else "", **more}
    return await browser.post(f"{path.partition('?')[0]}{action}", data=fields, headers=OWN)


async def ask_for(shop: Shop, path: str, **params: str) -> Any:
    """Return the JSON of an address of the API."""
    async with shop.client() as client:
        return (await client.get(path, params=params)).json()


async def test_looking_starts_nothing(upi_shop: Shop) -> None:
    """A messenger's preview, a reload, a HEAD: no payment begins before somebody presses."""
    _, path = await pay_page(upi_shop)
    async with visitor(upi_shop, PHONE) as browser:
        for verb in ("GET", "HEAD", "GET", "OPTIONS"):
            await browser.request(verb, path)
    assert upi_shop.sandbox.wire.calls() == ()


async def test_the_page_tells_amount_and_shop_and_no_more(upi_shop: Shop) -> None:
    """Amount, shop, bill number; no name, no phone, no id of ours or Paytm's, in no state; nobody keeps it."""
    bill, path = await pay_page(upi_shop)
    async with visitor(upi_shop, PHONE) as browser:
        ready = await browser.get(path)
        assert (await press(browser, path)).status_code == 303
        waiting = await browser.get(path)
        payment = (await ask_for(upi_shop, "/v1/payments"))["data"][0]
        pay_in_app(upi_shop, payment["next_action"]["upi_link"])
        await eventually_paid(upi_shop, payment["id"])
        done = await browser.get(path)
    for state, answer in (("ready", ready), ("waiting", waiting), ("paid", done)):
        assert answer.status_code == 200
        assert f'data-state="{state}"' in answer.text
        assert "2,500.00" in answer.text
        assert SHOP_NAME in answer.text
        ours = (bill["id"], payment["id"], payment["paytm"]["id"], payment["paytm"]["mid"], "pay_", "bill_", "mer_")
        for word in (*ours, "Ramesh", "Kumar", "98765", "Consultation", "galla demo", "Counter 1"):
            assert word not in answer.text, (state, word)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
    assert "set-cookie" in ready.headers
    assert "HttpOnly" in ready.headers["set-cookie"]


async def eventually_paid(shop: Shop, payment_id: str) -> None:
    """Wait until a payment is paid."""

    async def is_paid() -> bool:
        return bool((await ask_for(shop, f"/v1/payments/{payment_id}"))["status"] == "paid")

    await eventually(is_paid)


async def test_a_wrong_token_leads_nowhere(upi_shop: Shop) -> None:
    """Unknown, cut, long, strange tokens: the same plain 404 for page, stream and form; a bill's id is no token."""
    bill, path = await pay_page(upi_shop)
    async with visitor(upi_shop, PHONE) as browser:
        await browser.get(path)
        cut = path.removeprefix("/pay/")[:-1]
        for token in ("x", cut, "0" * 5000, bill["id"], bill["number"], "%F0%9F%92%A9", "'--"):
            answer = await browser.get(f"/pay/{token}")
            assert answer.status_code == 404, token
            assert "expired" in answer.text
            assert (await browser.get(f"/pay/{token}/live")).status_code == 404
            assert (await press(browser, f"/pay/{token}")).status_code in (403, 404)
    assert upi_shop.sandbox.wire.calls() == ()


async def test_only_the_pages_own_form_pays(upi_shop: Shop) -> None:
    """Without this browser's form token, with another's, from another site, as JSON: 403 or 415, and nothing starts."""
    _, path = await pay_page(upi_shop)
    async with visitor(upi_shop, PHONE) as browser:
        token = re.search(r'name="csrf" value="(\w+)"', (await browser.get(path)).text)
        assert token is not None
        for fields, headers, status in (
            ({"other": "x"}, OWN, 403),
            ({"csrf": "x" * 26}, OWN, 403),
            ({"csrf": "é"}, OWN, 403),
            ({"csrf": token[1]}, {"Sec-Fetch-Site": "cross-site"}, 403),
            ({"csrf": token[1]}, {"Origin": "https://evil.example"}, 403),
        ):
            assert (await browser.post(path, data=fields, headers=headers)).status_code == status
        assert (await browser.post(path, json={"csrf": token[1]}, headers=OWN)).status_code == 415
    async with visitor(upi_shop, PHONE) as stranger:
        assert (await stranger.post(path, data={"csrf": token[1]}, headers=OWN)).status_code == 403
    assert upi_shop.sandbox.wire.calls() == ()


async def test_two_presses_are_one_payment(upi_shop: Shop) -> None:
    """A double press, or a press in two tabs, makes one payment; both are led to it."""
    _, path = await pay_page(upi_shop)
    async with visitor(upi_shop, PHONE) as browser:
        await browser.get(path)
        answers = await asyncio.gather(*(press(browser, path) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len((await ask_for(upi_shop, "/v1/payments"))["data"]) == 1


async def test_the_device_chooses_the_way(upi_shop: Shop) -> None:
    """A phone gets the link, plain and for single apps with the same bytes; a desktop the QR; each can switch."""
    _, path = await pay_page(upi_shop)
    async with visitor(upi_shop, PHONE) as phone, visitor(upi_shop, DESK) as desk:
        await press(phone, path)
        payment = (await ask_for(upi_shop, "/v1/payments"))["data"][0]
        link = payment["next_action"]["upi_link"]
        shown, drawn = (await phone.get(path)).text, (await desk.get(path)).text
        assert payment["method"] == "upi_intent"
        hrefs = [each.replace("&amp;", "&") for each in re.findall(r'href="([^"]*pay\?[^"]*am=[^"]*)"', shown)]
        query = link.partition("?")[2]
        assert hrefs == [link, *(f"{scheme}?{query}" for scheme in ("paytmmp://pay", "phonepe://pay", "gpay://upi/pay"))]
        assert hrefs[1:] == [address for _, address in app_links(link)]
        assert 'class="qr"' not in shown
        assert 'class="qr"' in drawn
        assert "upi://" not in re.sub(r'src="[^"]*"', "", drawn)
        assert 'class="qr"' in (await phone.get(f"{path}?on=computer")).text
        assert "upi://" in (await desk.get(f"{path}?on=phone")).text


async def test_the_counter_and_the_page_do_not_both_take_it(upi_shop: Shop) -> None:
    """While the counter takes the bill, the page says so and starts nothing; cancelled and paid bills say that."""
    bill, path = await pay_page(upi_shop)
    async with upi_shop.client() as client, visitor(upi_shop, DESK) as browser:
        sale = {"amount": 250000, "method": "edc", "bill": bill["id"], "terminal": FIRST}
        assert (await client.post("/v1/payments", json=sale)).status_code == 201
        assert "being paid at the counter" in (await browser.get(path)).text
        assert (await press(browser, path)).status_code in (303, 403)
        assert len((await client.get("/v1/payments")).json()["data"]) == 1
        await upi_shop.until_on_machine()
        upi_shop.pay()

        async def is_paid() -> bool:
            return "This bill is paid" in (await browser.get(path)).text

        await eventually(is_paid)
        other, path = await pay_page(upi_shop, number="INV-10")
        await client.post(f"/v1/bills/{other['id']}/cancel")
        assert "This bill was cancelled" in (await browser.get(path)).text
        main, _, footer = (await browser.get(path)).text.partition("<footer")
        assert "<button" not in main  # nothing to pay with
        assert footer.count("<button") == 1  # the other language


async def test_a_refusal_is_told_to_the_customer(upi_shop: Shop) -> None:
    """Above the UPI limit: a sentence for a customer with a way back, and no payment."""
    _, path = await pay_page(upi_shop, amount=2_00_000_00)
    async with visitor(upi_shop, PHONE) as browser:
        answer = await press(browser, path)
    assert answer.status_code == 409
    assert "Please pay at the counter." in answer.text
    assert "Nothing was charged" in answer.text


async def test_the_pages_stream_carries_its_own_news_only(upi_shop: Shop) -> None:
    """Other payments of the shop come and go: the open page hears nothing of them, then hears of its own."""
    _, path = await pay_page(upi_shop)
    heard = ""

    async def listen(browser: httpx2.AsyncClient) -> None:
        nonlocal heard
        async with browser.stream("GET", f"{path}/live") as stream:
            assert stream.headers["referrer-policy"] == "no-referrer"
            async for piece in stream.aiter_text():
                heard += piece

    async with visitor(upi_shop, DESK) as browser, upi_shop.client() as client:
        await press(browser, path)
        own = (await client.get("/v1/payments")).json()["data"][0]
        listening = asyncio.create_task(listen(browser))

        async def has(text: str, times: int) -> None:
            async def is_heard() -> bool:
                return heard.count(text) >= times

            await eventually(is_heard)

        await has("data-state", 1)
        other = await client.post("/v1/payments", json={**QR, "amount": 77700, "reference": "SECRET-1"})
        pay_in_app(upi_shop, other.json()["next_action"]["upi_link"], Tap.DECLINE)
        await asyncio.sleep(1)
        before = heard
        pay_in_app(upi_shop, own["next_action"]["upi_link"])
        await client.post(f"/v1/payments/{own['id']}/check")
        await has('data-state="paid"', 1)
        listening.cancel()
    assert before.count("data-state") == 1
    for word in ("SECRET-1", "777.00", "77700", own["id"], "Ramesh", "\nevent:", "\nid:"):
        assert word not in heard, word


async def test_checking_asks_and_never_charges(upi_shop: Shop) -> None:
    """`I have paid: check now` asks Paytm; pressed all the time it is still one question a second at most."""
    _, path = await pay_page(upi_shop)
    async with visitor(upi_shop, DESK) as browser:
        await press(browser, path)
        for _ in range(3):
            assert (await press(browser, path, "/check")).status_code == 303
    assert len(upi_shop.sandbox.wire.calls(operation="qr")) == 1


@pytest.mark.parametrize("path", ["/counter", "/displays", "/payments/pay_x", "/counter/live", "/v1/payments"])
async def test_a_display_session_is_nothing_but_a_display(upi_shop: Shop, path: str) -> None:
    """The one-time link opens the screen once; its session sees no other page and makes no call."""
    ticket = await access.make_ticket(upi_shop.till, await upi_shop.merchant(), ["display"])
    async with visitor(upi_shop, DESK) as tablet, visitor(upi_shop, DESK) as other:
        door = await tablet.get(f"/display/{FIRST}?ticket={ticket}")
        assert "Open the screen" in door.text
        assert (await tablet.get(f"/display/{FIRST}")).status_code == 303
        assert (await tablet.post(f"/display/{FIRST}", data={"ticket": ticket}, headers=OWN)).status_code == 303
        assert (await other.post(f"/display/{FIRST}", data={"ticket": ticket}, headers=OWN)).status_code == 401
        screen = await tablet.get(f"/display/{FIRST}")
        assert (screen.status_code, 'data-state="idle"' in screen.text) == (200, True)
        assert (await tablet.get("/display/NONE")).status_code == 404
        assert (await tablet.get(path)).status_code == 403


async def test_the_screen_shows_an_amount_and_nobody(upi_shop: Shop) -> None:
    """It follows its own machine: what to do, the code, the tick; never a name, a reference or another counter."""
    async with visitor(upi_shop, DESK) as browser, upi_shop.client() as client:
        await browser.post("/sign-in", data={"key": ADMIN_KEY, "counter": "Counter 1"}, headers=OWN)

        async def screen(tid: str = FIRST) -> str:
            page = (await browser.get(f"/display/{tid}")).text
            for word in ("INV-1", "Ramesh", "••••", "pay_", "RRN"):
                assert word not in page
            return page

        sale = {"amount": 150000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}
        await client.post("/v1/payments", json={**sale, "customer": {"name": "Ramesh K"}})
        assert "Tap, insert or scan on the machine." in await screen()
        assert 'data-state="idle"' in await screen(SECOND)
        await upi_shop.until_on_machine()
        upi_shop.pay()

        async def is_thanked() -> bool:
            return "Paid. Thank you." in await screen()

        await eventually(is_thanked)
        made = (await client.post("/v1/payments", json={**QR, "terminal": FIRST})).json()
        shown = await screen()
        assert 'class="qr"' in shown
        assert "2,500.00" in shown
        await client.post(f"/v1/payments/{made['id']}/cancel", json={})
        assert 'data-state="idle"' in await screen()


async def test_a_refund_from_the_page_needs_its_scope(upi_shop: Shop) -> None:
    """Without the scope there is no button and the form's address answers 403; with it, bad input is named in place."""
    who = Principal(merchant_id=await upi_shop.merchant(), actor="test", scopes=frozenset({"collect"}))
    made = await payments.start(upi_shop.till, who, NewPayment(amount_paise=250000, method="upi_qr", reference="INV-1"))
    pay_in_app(upi_shop, made.payment["next_action"]["upi_link"])
    await payments.check(upi_shop.till, who, made.payment["id"])
    await eventually_paid(upi_shop, made.payment["id"])
    path = f"/payments/{made.payment['id']}"
    clerk_key, lead_key = await upi_shop.key("collect"), await upi_shop.key("collect", "refund")
    async with visitor(upi_shop, DESK) as clerk, visitor(upi_shop, DESK) as lead:
        await clerk.post("/sign-in", data={"key": clerk_key}, headers=OWN)
        await lead.post("/sign-in", data={"key": lead_key}, headers=OWN)
        assert "Give money back" not in (await clerk.get(path)).text
        given = {"attempt": "a" * 32, "amount": "500", "reason": "Cream", "sure": "yes"}
        assert (await press(clerk, path, "/refunds", **given)).status_code == 403
        assert "Give money back" in (await lead.get(path)).text
        for change, said in (
            ({"amount": "2500.01"}, "At most ₹2,500.00"),
            ({"amount": "0.50"}, "at least ₹1.00"),
            ({"amount": "x"}, "field-fault"),
            ({"amount": ""}, "Write the amount"),
            ({"reason": ""}, "Write why"),
            ({"sure": ""}, "Tick this"),
            ({"attempt": "x"}, "incomplete"),
        ):
            answer = await press(lead, path, "/refunds", **{**given, **change})
            assert answer.status_code in (409, 422), change
            assert said in answer.text, change
        assert (await lead.post(f"{path}/refunds", data=given, headers=OWN)).status_code == 403
        assert upi_shop.sandbox.wire.calls(operation="refund") == ()
        for _ in range(2):
            assert (await press(lead, path, "/refunds", **given)).status_code == 303
        assert len(upi_shop.sandbox.wire.calls(operation="refund")) == 1
        shown = (await lead.get(path)).text
        assert "On its way" in shown
        assert "2,000.00" in shown


async def test_a_bill_paid_meanwhile_takes_the_code_away(upi_shop: Shop) -> None:
    """A supervisor takes the bill in parallel: the page's open code goes, since paying it would be paying twice."""
    bill, path = await pay_page(upi_shop)
    who = Principal(merchant_id=await upi_shop.merchant(), actor="test", scopes=frozenset({"collect", "refund"}))
    async with visitor(upi_shop, DESK) as browser:
        await press(browser, path)
        assert 'class="qr"' in (await browser.get(path)).text
        parallel = NewPayment(
            amount_paise=250000, method="edc", bill=bill["id"], terminal=FIRST, allow_parallel=True
        )
        await payments.start(upi_shop.till, who, parallel)
        await upi_shop.until_on_machine()
        upi_shop.pay()

        async def is_paid() -> bool:
            return (await bills.get(upi_shop.till, who, bill["id"]))["status"] == "paid"

        await eventually(is_paid)
        shown = (await browser.get(path)).text
    assert "do not use it" in shown
    assert 'class="qr"' not in shown


async def test_a_shop_without_a_client_id_offers_no_qr(small_shop: Shop, upi_shop: Shop) -> None:
    """Paytm makes QRs only for merchants with a client id: the counter's button is there exactly then."""
    for shop, is_offered in ((small_shop, False), (upi_shop, True)):
        async with visitor(shop, DESK) as browser:
            await browser.post("/sign-in", data={"key": ADMIN_KEY}, headers=OWN)
            assert ('value="upi_qr"' in (await browser.get("/counter")).text) == is_offered


async def test_the_counters_form_takes_only_its_own_tenders(upi_shop: Shop) -> None:
    """A form that names another way to pay than the page offers is refused, and nothing starts."""
    async with visitor(upi_shop, DESK) as browser:
        await browser.post("/sign-in", data={"key": ADMIN_KEY}, headers=OWN)
        for method in ("cheque", "upi_intent", "x"):
            given = {"attempt": "a" * 32, "amount": "5", "method": method}
            answer = await press(browser, "/counter", "/push", **given)
            assert (answer.status_code, "older page" in answer.text) == (422, True)
    assert upi_shop.sandbox.wire.calls() == ()
