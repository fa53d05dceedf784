"""Every address by every role, signed out, and by another shop's people: what each row of `role_rows.py` promises."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts

from galla.service.access import Session
from galla.service.roles import ROLES
from tests.web.role_rows import CALLS, EVERYBODY, PAGES, ROWS
from tests.web.shop import FIRST, Shop
from tests.web.staff import hire, session_of, signed_in

OTHER_MID = "OTHER000000000000001"
DOORS = {"POST /sign-in", "POST /setup", "POST /welcome"}
NOT_AN_OBJECT = {"token"}
"""Names in an address that are secrets of their own, not things of a shop."""


def test_every_route_has_its_row(small_shop: Shop) -> None:
    """The application's own route table and the rows name the same addresses: a new route needs a row."""
    found = {
        f"{method} {context.path}"
        for context in iter_route_contexts(small_shop.app.routes)
        for method in context.methods or ()
        if method != "HEAD"
    }
    assert sorted(found - set(ROWS)) == [], "give each of these a row in tests/web/role_rows.py"
    assert sorted(set(ROWS) - found) == [], "these rows lead nowhere"


async def things(shop: Shop) -> dict[str, str]:
    """Make one of each thing an address can name, and return their ids by the names of the addresses."""
    line = {"description": "Cream", "unit_amount": 5000}
    async with shop.client() as client:
        sale = {"amount": 5000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}
        payment = (await client.post("/v1/payments", json=sale)).json()
        bill = (await client.post("/v1/bills", json={"lines": [line]})).json()
        shift = (await client.post("/v1/shifts", json={"counter": "Counter 1"})).json()
        key = (await client.post("/v1/api_keys", json={"scopes": ["read"], "label": "x"})).json()
        hook = {"url": "https://billing.example/hook"}
        endpoint = (await client.post("/v1/webhook_endpoints", json=hook)).json()
    user = await hire(shop, "cashier", name="spare", display_name="Spare")
    return {
        "payment_id": payment["id"],
        "bill_id": bill["id"],
        "terminal_id": payment["terminal"],
        "shift_id": shift["id"],
        "key_id": key["id"],
        "merchant_id": await shop.merchant(),
        "user_id": user["id"],
        "endpoint_id": endpoint["id"],
        "delivery_id": "dlv_none",
        "refund_id": "rfd_none",
        "token": "none",
        "session_id": "ses_none",
    }


def filled(path: str, ids: dict[str, str]) -> str:
    """Return an address with the ids of things in it; what a test does not know of is `none`."""
    return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "none"), path)


async def asked(
    client: httpx2.AsyncClient, session: Session | None, row: str, ids: dict[str, str]
) -> tuple[int, str]:
    """Send one request with an empty form or body in a session; return its status and where it leads."""
    method, _, path = row.partition(" ")
    client.cookies.clear()
    more: dict[str, Any] = {}
    if session is not None:
        more["headers"] = {"Cookie": f"galla={session.token}", "X-CSRF-Token": session.csrf}
    if method in ("POST", "PATCH"):
        more |= {"json": {}} if row in CALLS else {"data": {"csrf": session.csrf if session else ""}}
    async with client.stream(method, filled(path, ids), **more) as answer:
        return answer.status_code, answer.headers.get("location", "")


def is_refused(answer: tuple[int, str]) -> bool:
    """Return whether somebody who is signed in was kept out."""
    return answer[0] in (401, 403) or answer[1].startswith("/sign-in?")


@pytest.mark.timeout(300)
async def test_each_role_meets_what_its_row_says(small_shop: Shop) -> None:
    """A role that may is not refused, one that may not is 403, nobody is sent to the door; never a server error."""
    ids = await things(small_shop)
    for role in ROLES:
        await hire(small_shop, role)
    await hire(small_shop, "admin", name="second", display_name="Second")  # so that no row meets the last admin
    wrong = []
    async with signed_in(small_shop, None) as client:
        for row, who in ROWS.items():
            status, where = await asked(client, None, row, ids)
            shut_out = where.startswith("/sign-in") if row in PAGES else status == 401
            if row not in DOORS and shut_out == (who == EVERYBODY):
                wrong.append((row, "signed out", status, where))
            for role in ROLES if who != EVERYBODY else ():
                answer = await asked(client, await session_of(small_shop, role), row, ids)
                if is_refused(answer) != (role not in who) or answer[0] >= 500:
                    wrong.append((row, role, *answer))
    assert wrong == []


@pytest.mark.timeout(300)
async def test_another_shops_people_find_nothing(small_shop: Shop) -> None:
    """Whatever their role, another shop's people are told that a thing of ours does not exist."""
    ids = await things(small_shop)
    async with small_shop.client() as client:
        body = {"name": "Other", "mid": OTHER_MID, "key": "0123456789abcdef"}
        other = (await client.post("/v1/merchants", json=body)).json()["id"]
    for role in ROLES:
        await hire(small_shop, role, merchant=other)
    wrong = []
    async with signed_in(small_shop, None) as client:
        for row, who in ROWS.items():
            named = set(re.findall(r"\{(\w+)\}", row)) - NOT_AN_OBJECT
            for role in sorted(who) if who != EVERYBODY and named else ():
                theirs = await session_of(small_shop, role, merchant=other)
                status, _ = await asked(client, theirs, row, ids)
                nowhere, _ = await asked(client, theirs, row, dict.fromkeys(ids, "none"))
                if status != nowhere or status < 400:
                    wrong.append((row, role, status, nowhere))
    assert wrong == []


async def test_every_form_needs_its_own_page(small_shop: Shop) -> None:
    """A form without the session's token is refused, and so is any form that another site sends, the door's too."""
    ids = await things(small_shop)
    for role in ROLES:
        await hire(small_shop, role)
    async with signed_in(small_shop, None) as client:
        for row, who in PAGES.items():
            method, _, path = row.partition(" ")
            if method != "POST" or path.startswith("/pay/"):
                continue
            session = await session_of(small_shop, "admin" if who == EVERYBODY else sorted(who)[-1])
            own = {"Cookie": f"galla={session.token}", "Accept": "application/json"}
            foreign = {**own, "Sec-Fetch-Site": "cross-site"}
            from_elsewhere = await client.post(filled(path, ids), data={"csrf": session.csrf}, headers=foreign)
            bare = await client.post(filled(path, ids), data={"name": "x"}, headers=own)
            assert from_elsewhere.status_code == 403, row
            if who != EVERYBODY:
                assert (bare.status_code, bare.json()["code"]) == (403, "csrf"), row


async def test_who_is_refused_is_told_who_may(small_shop: Shop) -> None:
    """The page says whose business it is and who is signed in; the bar offers only what a role may see."""
    for role in ROLES:
        await hire(small_shop, role)
    async with signed_in(small_shop, await session_of(small_shop, "cashier")) as client:
        refused = await client.get("/people")
        page = (await client.get("/payments")).text
    assert refused.status_code == 403
    assert "This is for an admin. You are signed in as Cashier, a cashier." in refused.text
    assert 'href="/people"' not in page
    async with signed_in(small_shop, await session_of(small_shop, "admin")) as client:
        assert 'href="/people"' in (await client.get("/payments")).text
        page = (await client.get("/counter")).text
    for offer in ("/displays", "/counter/push", "new=bill"):
        assert offer not in page
