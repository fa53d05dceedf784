"""The counter's forms and pieces over plain HTTP: what a browser without scripts sends and gets."""

import asyncio
import re
from typing import Any

import httpx2
import pytest

from galla.errors import TerminalBusy
from galla.sandbox.terminal import Action
from galla.web.pages.bill_form import bill_form, bill_values
from galla.web.pages.entry import Faults, SaleForm, faults_of, payment_body
from tests.web.shop import ADMIN_KEY, FIRST, SECOND, Shop, eventually


@pytest.fixture
async def browser(shop: Shop) -> Any:
    """A signed-in client without scripts."""
    async with shop.client(None, follow_redirects=False) as client:
        await client.post("/sign-in", data={"key": ADMIN_KEY, "counter": "Counter 1"})
        yield client


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's sale form."""
    form = re.search(r'<form class="sale".*?</form>', page, re.S)
    assert form
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))


async def machine(shop: Shop, tid: str = FIRST) -> str:
    """Return the id of a machine."""
    async with shop.client() as client:
        return str((await client.get(f"/v1/terminals/{tid}")).json()["id"])


async def payments(shop: Shop) -> list[dict[str, Any]]:
    """Return every payment."""
    async with shop.client() as client:
        return list((await client.get("/v1/payments")).json()["data"])


async def test_one_form_is_one_payment(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """F31: the same form, sent five times at once and once more later, leads to one payment."""
    form = {**hidden((await browser.get("/counter")).text), "amount": "₹2,500.00", "reference": "INV-1"}
    form["terminal"] = await machine(shop)
    answers = await asyncio.gather(*(browser.post("/counter/push", data=form) for _ in range(5)))
    answers.append(await browser.post("/counter/push", data=form))
    assert {303} == {answer.status_code for answer in answers}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert [payment["amount"] for payment in await payments(shop)] == [250000]
    assert len(shop.sandbox.wire.calls(operation="sale")) == 1


async def test_a_form_sent_again_with_other_values_is_stopped(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """Going back and changing the amount does not push again: the page leads to the first payment."""
    form = {**hidden((await browser.get("/counter")).text), "amount": "10", "terminal": await machine(shop)}
    first = await browser.post("/counter/push", data=form)
    again = await browser.post("/counter/push", data={**form, "amount": "20"})
    assert (first.status_code, again.status_code) == (303, 422)
    assert first.headers["location"] in again.text
    assert hidden(again.text)["attempt"] != form["attempt"]
    assert len(await payments(shop)) == 1


async def test_what_cannot_be_used_is_said_beside_its_field(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """A wrong amount comes back with what was typed and a sentence; nothing was made."""
    form = {**hidden((await browser.get("/counter")).text), "terminal": await machine(shop), "reference": "INV-1"}
    for typed in ("", "abc", "0", "-5", "1.234", "10000000000", "१००", "1e3", "NaN"):
        answer = await browser.post("/counter/push", data={**form, "amount": typed})
        assert answer.status_code == 422, typed
        assert 'id="amount-fault"' in answer.text
        assert 'value="INV-1"' in answer.text
    broken = await browser.post("/counter/push", data={**form, "amount": "10", "attempt": "short"})
    assert (broken.status_code, "Load the page again" in broken.text) == (422, True)
    assert await payments(shop) == []


async def test_the_machine_of_this_counter_is_chosen(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """At first the machine named like the counter; afterwards the one used last on this computer."""
    second = await machine(shop, SECOND)
    page = (await browser.get("/counter")).text
    assert re.search(rf'value="{await machine(shop)}" required checked', page)
    form = {**hidden(page), "amount": "10", "terminal": second}
    await browser.post("/counter/push", data=form)
    assert re.search(rf'value="{second}" required checked', (await browser.get("/counter")).text)


async def test_a_bill_shows_its_live_payment(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """F29: whoever opens a bill that is being paid is led to that payment, and not to a second form."""
    csrf = hidden((await browser.get("/counter")).text)["csrf"]
    fields = {"csrf": csrf, "name": "Ramesh Kumar", "description": "Consultation", "quantity": "", "price": "500"}
    opened = await browser.post("/counter/bills", data=fields)
    bill = opened.headers["location"]
    page = (await browser.get(bill)).text
    assert 'value="500.00"' in page
    assert "Ramesh K." in page
    assert "Ramesh Kumar" not in page
    form = {**hidden(page), "amount": "500.00", "terminal": await machine(shop)}
    pushed = (await browser.post("/counter/push", data=form)).headers["location"]
    assert pushed == (await browser.get(bill)).headers["location"]
    shop.pay()

    async def is_done() -> bool:
        return (await browser.get(bill)).status_code == 200

    await eventually(is_done)
    assert "Nothing is due" in (await browser.get(bill)).text


async def test_sending_again_is_one_new_payment_for_each_that_failed(
    shop: Shop, browser: httpx2.AsyncClient
) -> None:
    """`Send again` pressed at two counters makes one new payment: its attempt id comes from the one that failed."""
    form = {**hidden((await browser.get("/counter")).text), "amount": "10", "terminal": await machine(shop)}
    where = (await browser.post("/counter/push", data=form)).headers["location"]
    await shop.until_on_machine()
    shop.act(Action.RED_KEY)

    async def has_failed() -> bool:
        return "Send again" in (await browser.get(where)).text

    await eventually(has_failed)
    page = (await browser.get(where)).text
    again = re.search(r'<form method="post" action="/counter/push".*?</form>', page, re.S)
    assert again
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', again[0]))
    answers = await asyncio.gather(*(browser.post("/counter/push", data=fields) for _ in range(3)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert where != answers[0].headers["location"]
    assert len(await payments(shop)) == 2


async def test_check_and_cancel_answer_forms_and_scripts(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """A form is led back to the payment; a script gets only the note, since the stream brings the panel."""
    form = {**hidden((await browser.get("/counter")).text), "amount": "10", "terminal": await machine(shop)}
    where = (await browser.post("/counter/push", data=form)).headers["location"]
    payment = where.partition("=")[2]
    csrf = {"csrf": form["csrf"]}
    assert where == (await browser.post(f"/payments/{payment}/check", data=csrf)).headers["location"]
    note = await browser.post(f"/payments/{payment}/check", data=csrf, headers={"HX-Request": "true"})
    assert (note.status_code, "<html" in note.text) == (200, False)
    assert where == (await browser.post(f"/payments/{payment}/cancel", data=csrf)).headers["location"]
    assert "press the red key" in (await browser.get(where)).text
    for path in ("/payments/pay_none/check", "/payments/pay_none/cancel", "/payments/pay_none"):
        method = "GET" if path.endswith("none") else "POST"
        answer = await browser.request(method, path, data=csrf if method == "POST" else None)
        assert answer.status_code == 404


async def test_the_live_stream_sends_what_changed(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """The stream begins with the whole screen, then sends the pieces that differ, as partials for their places."""
    form = {**hidden((await browser.get("/counter")).text), "amount": "10", "terminal": await machine(shop)}
    where = (await browser.post("/counter/push", data=form)).headers["location"]
    await shop.until_on_machine()
    async with browser.stream("GET", where.replace("/counter?", "/counter/live?")) as answer, asyncio.timeout(10):
        lines = answer.aiter_lines()
        told: set[str] = set()
        async for line in lines:
            told |= set(re.findall(r'hx-target="(#[\w-]+)"', line))
            if "#panel" in told:
                break
        assert {"#unexplained", "#strip"} <= told | {
            target async for line in _until_blank(lines) for target in re.findall(r'hx-target="(#[\w-]+)"', line)
        }
        shop.pay()
        async for line in lines:
            if "Paid" in line:
                break


async def _until_blank(lines: Any) -> Any:
    async for line in lines:
        if line == "":
            return
        yield line


async def test_a_payments_page_tells_all_of_it(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """The evidence page shows ids, people and every exchange; another's payment is not there."""
    form = {**hidden((await browser.get("/counter")).text), "amount": "10", "terminal": await machine(shop)}
    where = (await browser.post("/counter/push", data=form)).headers["location"]
    payment = where.partition("=")[2]

    async def is_sent() -> bool:
        return "Sent to Paytm" in (await browser.get(f"/payments/{payment}")).text

    await eventually(is_sent)
    page = (await browser.get(f"/payments/{payment}")).text
    for text in (payment, FIRST, "Counter 1", "What happened"):
        assert text in page
    missing = await browser.get("/payments/pay_none", headers={"Accept": "text/html"})
    assert (missing.status_code, "To the counter" in missing.text) == (404, True)


async def test_pages_that_need_a_session_lead_to_the_door(small_shop: Shop) -> None:
    """Without a session each page leads to the sign-in page and back; for programs it is a 401 problem."""
    async with small_shop.client(None, follow_redirects=False) as client:
        html = {"Accept": "text/html"}
        assert (await client.get("/", headers=html)).headers["location"] == "/counter"
        for path in ("/counter", "/counter/search", "/counter/live", "/payments/pay_1"):
            answer = await client.get(path, headers=html)
            assert (answer.status_code, answer.headers["location"].startswith("/sign-in?next=")) == (303, True)
            assert (await client.get(path)).status_code == 401
        for path in ("/counter/push", "/counter/bills", "/payments/pay_1/check", "/sign-out"):
            assert (await client.post(path, data={}, headers=html)).headers["location"] == "/sign-in"


async def test_forms_of_other_kinds_are_refused(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """A page's address takes an urlencoded form in UTF-8, and nothing else."""
    for body, kind, status in (
        (b"{}", "application/json", 415),
        (b"amount=1", "text/plain", 415),
        (b"amount=%ff", "application/x-www-form-urlencoded", 400),
        (b"amount=\xff", "application/x-www-form-urlencoded", 400),
        (b"amount=%00", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(400)), "application/x-www-form-urlencoded", 400),
    ):
        answer = await browser.post("/counter/push", content=body, headers={"Content-Type": kind})
        assert status == answer.status_code, body[:20]


def test_an_empty_line_is_no_line() -> None:
    """The quick bill drops empty lines, takes one as the quantity, and reads rupees exactly."""
    fields = {"description": ["Cream", "", "Peel"], "quantity": ["", "", "2"], "price": ["1.15", "", "₹1,750"]}
    assert [
        (line["description"], line["quantity"], line["unit_amount"]) for line in bill_values(bill_form(fields))["lines"]
    ] == [("Cream", 1, 115), ("Peel", 2, 175000)]
    for wrong in ({"price": [""]}, {"price": ["x"]}, {"quantity": ["many"]}, {"description": [""], "price": [""]}):
        with pytest.raises(Faults):
            bill_values(bill_form({"description": ["Cream"], "quantity": ["1"], "price": ["1"], **wrong}))


def test_every_paisa_typed_is_the_paisa_pushed() -> None:
    """C01 at the counter's end: what is typed in rupees is read without rounding."""
    for paise in range(1, 1_000_001, 997):
        form = SaleForm(attempt="a" * 16, amount=f"{paise // 100}.{paise % 100:02d}")
        assert paise == payment_body(form).amount


def test_a_payment_in_the_way_is_led_to() -> None:
    """A refusal that names another payment is said above the form, with the way to it."""
    faults = faults_of(TerminalBusy("Counter 1 is busy.", param="terminal", blocker="pay_1"))
    assert (faults.fields, faults.general, faults.blocker) == ({}, "Counter 1 is busy.", "pay_1")
