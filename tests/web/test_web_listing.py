"""The office's list of payments: what narrows it, what it comes to, and the file of it."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import httpx2
import pytest

from tests.web.shop import FIRST, SECOND, Shop, eventually
from tests.web.staff import hire, session_of, signed_in

Asked = tuple[str, set[str]]


async def take(shop: Shop, reference: str, amount: int, **more: Any) -> str:
    """Start a payment in cash, or another way, and return its id."""
    async with shop.client() as client:
        body = {"amount": amount, "method": "cash", "reference": reference, **more}
        return str((await client.post("/v1/payments", json=body)).json()["id"])


async def by_card(shop: Shop, reference: str, amount: int, *, is_paid: bool = True) -> None:
    """Take a payment on a machine to its end, or leave it there."""
    tid = FIRST if is_paid else SECOND
    payment = await take(shop, reference, amount, method="edc", terminal=tid, customer={"name": "Ramesh Kumar"})
    await shop.until_on_machine(tid)
    if is_paid:
        shop.pay(tid)
        async with shop.client() as client:

            async def paid() -> bool:
                return bool((await client.get(f"/v1/payments/{payment}")).json()["status"] == "paid")

            await eventually(paid)


async def lines(client: httpx2.AsyncClient, query: str) -> list[dict[str, str]]:
    """Return the file for a query, by its columns."""
    answer = await client.get(f"/payments.csv?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))


async def test_the_list_is_narrowed_and_added_up(shop: Shop) -> None:
    """Each filter finds its payments and no others, on the page, in the sums and in the file, on either engine."""
    for role in ("accountant", "admin"):
        await hire(shop, role)
    cash = await take(shop, "INV-1", 50_000)
    await take(shop, "100%_off", 70_000)
    await by_card(shop, "INV-2", 250_000)
    await by_card(shop, "INV-3", 90_000, is_paid=False)
    async with shop.client() as client:
        given = await client.post(f"/v1/payments/{cash}/refunds", json={"amount": 20_000, "reason": "Cream returned"})
        assert given.status_code == 201, given.text
    async with signed_in(shop, await session_of(shop, "accountant")) as client:
        one = next(each for each in await lines(client, "state=paid&method=edc"))
        sold = (await client.get("/v1/payments?reference=INV-2")).json()["data"][0]
        machine = sold["terminal"]
        seen = {each["id"]: each["last_seen_at"] for each in (await client.get("/v1/terminals")).json()["data"]}
        wanted: list[Asked] = [
            ("", {"INV-1", "100%_off", "INV-2", "INV-3"}),
            ("state=paid", {"INV-1", "100%_off", "INV-2"}),
            ("state=waiting", {"INV-3"}),
            ("state=not_paid", set()),
            ("state=given_back", {"INV-1"}),
            ("method=cash", {"INV-1", "100%_off"}),
            (f"terminal={machine}", {"INV-2"}),
            ("by=nobody", set()),
            ("least=700&most=900", {"100%_off", "INV-3"}),
            ("q=inv", {"INV-1", "INV-2", "INV-3"}),
            ("q=%25_", {"100%_off"}),
            ("q=ramesh", {"INV-2", "INV-3"}),
            (f"q={one['Last four']}", {"INV-2"}),
            (f"q={one['RRN']}", {"INV-2"}),
            ("since=2001-01-01&until=2001-01-02", set()),
            ("since=&until=2199-01-01", {"INV-1", "100%_off", "INV-2", "INV-3"}),
        ]
        for query, references in wanted:
            assert {each["Reference"] for each in await lines(client, query)} == references, query
            page = (await client.get(f"/payments?{query}")).text
            assert {ref for ref in ("INV-1", "100%_off", "INV-2", "INV-3") if f">{ref}</a>" in page} == references
        everything = await lines(client, "")
        page = (await client.get("/payments")).text
    assert seen.pop(machine) == sold["settled_at"]
    assert set(seen.values()) == {None}
    nets = {each["Reference"]: (each["Amount"], each["Given back"], each["Net"]) for each in everything}
    assert nets["INV-1"] == ("500.00", "-200.00", "300.00")
    assert nets["INV-3"] == ("900.00", "0.00", "0.00")
    for text in ("₹3,700.00", "-₹200.00", "₹3,500.00", "₹900.00", "3 paid"):
        assert text in page, text


async def test_the_file_holds_no_formula_and_no_phone_number(small_shop: Shop) -> None:
    """What a customer may have typed does nothing in a spreadsheet, and nobody's phone number leaves in the file."""
    await hire(small_shop, "accountant")
    await take(small_shop, "=1+1", 100, customer={"name": "@SUM(A1:A9)", "phone": "+919812345678"})
    async with signed_in(small_shop, await session_of(small_shop, "accountant")) as client:
        (only,) = await lines(client, "")
        answer = await client.get("/payments.csv")
    assert (only["Reference"], only["Customer"], only["Amount"]) == ("'=1+1", "'@SUM(A1:A9)", "1.00")
    assert "9812345678" not in answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="payments-20')
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=yesterday", "Write the day like 2026-11-21."),
        ("since=0001-01-01", "Write the day like 2026-11-21."),
        ("since=2026-11-22&until=2026-11-21", "The last day is before the first."),
        ("least=many", "Write rupees, such as 2500 or 2500.50."),
        ("least=2&most=1", "This is less than the least amount."),
        ("state=stolen", "Choose one of the states."),
    ],
)
async def test_what_cannot_be_read_is_said(small_shop: Shop, query: str, said: str) -> None:
    """A filter that means nothing is refused with its field named, on the page and for the file."""
    await hire(small_shop, "accountant")
    async with signed_in(small_shop, await session_of(small_shop, "accountant")) as client:
        page = await client.get(f"/payments?{query}")
        file = await client.get(f"/payments.csv?{query}", headers={"Accept": "application/json"})
    assert (page.status_code, file.status_code) == (422, 422)
    assert said in page.text
    assert file.json()["detail"] == said


async def test_pages_follow_one_another(small_shop: Shop) -> None:
    """Older and older pages show every payment once; the sums are of all of them on each."""
    await hire(small_shop, "lead")
    for number in range(53):
        await take(small_shop, f"INV-{number:03}", 100)
    seen: list[str] = []
    async with signed_in(small_shop, await session_of(small_shop, "lead")) as client:
        where = "/payments"
        while where:
            page = (await client.get(where)).text
            assert "₹53.00" in page
            seen += re.findall(r">INV-(\d+)</a>", page)
            older = re.search(r'rel="next" href="([^"]+)"', page)
            where = older[1].replace("&amp;", "&") if older else ""
    assert seen == [f"{number:03}" for number in reversed(range(53))]


async def test_a_list_is_kept_under_a_name_of_ones_own(shop: Shop) -> None:
    """It comes back on any computer, with today as today; nobody else has it; the same name twice is one; it goes."""
    for role in ("accountant", "lead"):
        await hire(shop, role)
    hers, his = await session_of(shop, "accountant"), await session_of(shop, "lead")
    async with signed_in(shop, hers) as client:
        page = (await client.get("/payments?state=paid&least=5")).text
        kept = re.search(r'name="query" value="([^"]*)"', page)
        assert kept is not None
        form = {"csrf": hers.csrf, "query": kept[1].replace("&amp;", "&")}
        assert set(form["query"].split("&")) == {"days=today", "state=paid", "least=5"}
        for _ in range(2):
            done = await client.post("/payments/views", data={**form, "name": "Large <b>"})
            assert (done.status_code, done.headers["location"]) == (303, f"/payments?{form['query']}")
        again = (await client.get(done.headers["location"])).text
        assert again.count("Large &lt;b&gt;</a>") == 1
        assert 'aria-current="true">Large' in again
        for name, query in (("", form["query"]), ("x" * 41, form["query"]), ("y", "least=many")):
            wrong = await client.post("/payments/views", data={**form, "name": name, "query": query})
            assert wrong.status_code == 422, name
    async with signed_in(shop, his) as client:
        assert "Large" not in (await client.get("/payments")).text
        await client.post("/payments/views/remove", data={"csrf": his.csrf, "name": "Large <b>"})
    async with signed_in(shop, await session_of(shop, "accountant")) as client:
        assert "Large" in (await client.get("/payments")).text
    async with signed_in(shop, hers) as client:
        for number in range(19):
            await client.post("/payments/views", data={**form, "name": f"List {number}"})
        full = await client.post("/payments/views", data={**form, "name": "One more"})
        assert (full.status_code, "Remove one first" in full.text) == (422, True)
        await client.post("/payments/views/remove", data={"csrf": hers.csrf, "name": "Large <b>"})
        assert "Large" not in (await client.get("/payments")).text
