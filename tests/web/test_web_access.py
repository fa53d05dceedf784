"""Who may do what: every address by every scope, other merchants' things, sessions and their forms."""

import asyncio
import re
from typing import Any

import httpx2

from galla.service import access
from galla.web.security import IMPLIED, local_path
from tests.web.shop import ADMIN_KEY, FIRST, Shop

SALE: dict[str, Any] = {"amount": 5000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}


async def operations(shop: Shop) -> list[tuple[str, str, str]]:
    """Return method, address and needed scope of every call in the OpenAPI document."""
    async with shop.client(None) as client:
        document = (await client.get("/openapi.json")).json()
    return [
        (method.upper(), re.sub(r"\{\w+\}", "none", path), operation["x-galla-scope"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def status_of(client: httpx2.AsyncClient, method: str, path: str) -> int:
    """Return the status of a call, without waiting for the end of a stream."""
    body = {"json": {}} if method in ("POST", "PATCH") else {}
    async with client.stream(method, path, **body) as answer:
        return answer.status_code


async def test_every_address_by_every_scope(small_shop: Shop) -> None:
    """Each call admits exactly the keys whose scope covers it: no key 401, a lesser key 403."""
    calls = await operations(small_shop)
    assert len(calls) >= 25
    keys = {scope: await small_shop.key(scope) for scope in IMPLIED}
    for method, path, needed in calls:
        async with small_shop.client(None) as nobody:
            status = await status_of(nobody, method, path)
        assert (status != 401) if needed == "none" else (status == 401), (method, path)
        for scope, key in keys.items():
            async with small_shop.client(key) as client:
                status = await status_of(client, method, path)
            is_admitted = needed == "none" or scope in IMPLIED[needed]
            assert (status not in (401, 403)) == is_admitted, (method, path, scope, status)
            assert status < 500, (method, path, scope)


async def test_keys_that_are_none(small_shop: Shop) -> None:
    """Wrong, empty, revoked and oddly spelled keys are 401 and ask for a bearer key."""
    revoked = await small_shop.key("read")
    async with small_shop.client() as client:
        listed = (await client.get("/v1/api_keys")).json()["data"]
        gone = await client.delete(f"/v1/api_keys/{listed[-1]['id']}")
        assert (gone.status_code, gone.content) == (204, b"")
    for header in (
        f"Bearer {revoked}",
        "Bearer",
        "Bearer wrong",
        f"Basic {ADMIN_KEY}",
        ADMIN_KEY,
        f"Bearer {ADMIN_KEY}x",
        "Bearer " + "x" * 5000,
        "Bearer कुंजी",
    ):
        async with small_shop.client(None) as client:
            answer = await client.get("/v1/payments", headers=[(b"Authorization", header.encode())])
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), header
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_is_shown_once(small_shop: Shop) -> None:
    """A new key works, and is never told again: lists know its prefix only."""
    async with small_shop.client() as client:
        made = (await client.post("/v1/api_keys", json={"scopes": ["read"], "label": "report"})).json()
        listed = await client.get("/v1/api_keys")
    assert made["key"] not in listed.text
    assert {"id", "scopes", "label", "key"} <= set(made)
    async with small_shop.client(made["key"]) as client:
        assert (await client.get("/v1/payments")).status_code == 200


async def test_a_merchants_key_is_never_shown(small_shop: Shop) -> None:
    """What goes in as `key` comes out nowhere."""
    body = {"name": "Other", "mid": "OTHER000000000000001", "key": "fedcba9876543210"}
    async with small_shop.client() as client:
        made = await client.post("/v1/merchants", json=body)
        listed = await client.get("/v1/merchants")
        twice = await client.post("/v1/merchants", json=body)
        foreign = await client.post("/v1/merchants", json={**body, "environment": "production"})
    assert made.status_code == 201
    assert body["key"] not in made.text + listed.text + twice.text
    assert (twice.status_code, twice.json()["param"]) == (422, "mid")
    assert (foreign.status_code, foreign.json()["param"]) == (422, "environment")


async def test_other_merchants_things_do_not_exist(shop: Shop) -> None:
    """Another merchant's payment, bill, machine and key are answered as what was never there."""
    line = {"description": "Cream", "unit_amount": 100}
    async with shop.client() as ours:
        payment = (await ours.post("/v1/payments", json=SALE)).json()
        bill = (await ours.post("/v1/bills", json={"lines": [line]})).json()
        body = {"name": "Other", "mid": "OTHER000000000000001", "key": "0123456789abcdef"}
        other = (await ours.post("/v1/merchants", json=body)).json()
        key = (await ours.get("/v1/api_keys")).json()["data"][0]
    theirs_key = await shop.key("read", "collect", "admin", merchant=other["id"])
    async with shop.client(theirs_key) as theirs:
        for method, path in (
            ("GET", f"/v1/payments/{payment['id']}"),
            ("POST", f"/v1/payments/{payment['id']}/check"),
            ("POST", f"/v1/payments/{payment['id']}/cancel"),
            ("GET", f"/v1/bills/{bill['id']}"),
            ("POST", f"/v1/bills/{bill['id']}/cancel"),
            ("GET", f"/v1/terminals/{payment['terminal']}"),
            ("DELETE", f"/v1/api_keys/{key['id']}"),
        ):
            there = await theirs.request(method, path)
            nowhere = await theirs.request(method, path.replace(path.split("/")[3], "none"))
            assert (there.status_code, nowhere.status_code) == (404, 404), path
            assert there.json()["code"] == nowhere.json()["code"]
        for path in ("/v1/payments", "/v1/bills", "/v1/terminals", "/v1/events", "/v1/ledger/entries"):
            assert (await theirs.get(path)).json()["data"] == [], path


async def sign_in(client: httpx2.AsyncClient) -> str:
    """Sign a client in as a browser would, and return the CSRF token of its pages."""
    answer = await client.post("/sign-in", data={"key": ADMIN_KEY, "counter": "Counter 7", "next": "/counter"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/counter")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    page = (await client.get("/counter")).text
    found = re.search(r'name="csrf" value="(\w+)"', page)
    assert found
    return found[1]


async def test_a_session_reads_and_its_forms_need_their_token(shop: Shop) -> None:
    """A session may read; to change anything it must send its own CSRF token, and never from another site."""
    async with shop.client(None, follow_redirects=False) as client:
        csrf = await sign_in(client)
        assert (await client.get("/v1/payments")).status_code == 200
        sale = {"json": SALE}
        bare = await client.post("/v1/payments", **sale)
        wrong = await client.post("/v1/payments", headers={"X-CSRF-Token": "x" * len(csrf)}, **sale)
        foreign = await client.post(
            "/v1/payments", headers={"X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"}, **sale
        )
        older = await client.post(
            "/v1/payments", headers={"X-CSRF-Token": csrf, "Origin": "https://evil.example"}, **sale
        )
        form = await client.post("/counter/push", data={"amount": "5"})
        right = await client.post("/v1/payments", headers={"X-CSRF-Token": csrf}, **sale)
    for answer in (bare, wrong, foreign, older, form):
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert right.status_code == 201
    assert right.json()["counter"] == "Counter 7"


async def test_signing_out_ends_the_session_on_the_server(shop: Shop) -> None:
    """After signing out the old cookie opens nothing, and pages lead to the sign-in page."""
    async with shop.client(None, follow_redirects=False) as client:
        csrf = await sign_in(client)
        token = client.cookies["galla"]
        assert (await client.post("/sign-out", data={"csrf": csrf})).status_code == 303
        again = await client.get("/counter?q=x", headers={"Cookie": f"galla={token}", "Accept": "text/html"})
    assert (again.status_code, again.headers["location"]) == (303, "/sign-in?next=%2Fcounter%3Fq%3Dx")


async def test_a_ticket_signs_in_once(small_shop: Shop) -> None:
    """Looking at a one-time link uses nothing up; its button does, once."""
    ticket = await access.make_ticket(small_shop.till, await small_shop.merchant())
    async with small_shop.client(None, follow_redirects=False) as client:
        for _ in range(2):
            assert ticket in (await client.get(f"/sign-in?ticket={ticket}")).text
        first = await client.post("/sign-in", data={"ticket": ticket, "counter": "Counter 1"})
        client.cookies.clear()
        second = await client.post("/sign-in", data={"ticket": ticket, "counter": "Counter 1"})
    assert (first.status_code, second.status_code) == (303, 401)
    assert "used before" in second.text


async def test_signing_in_is_throttled(small_shop: Shop) -> None:
    """After ten wrong keys in a minute the computer has to wait, and is told how long."""
    async with small_shop.client(None, follow_redirects=False) as client:
        answers = [await client.post("/sign-in", data={"key": f"wrong-{number}"}) for number in range(11)]
        right = await client.post("/sign-in", data={"key": ADMIN_KEY})
    assert {401} == {answer.status_code for answer in answers[:10]}
    assert 429 == answers[10].status_code == right.status_code
    assert int(right.headers["retry-after"]) > 0


async def test_a_key_that_may_not_collect_opens_no_counter(small_shop: Shop) -> None:
    """A key without `collect` does not sign in."""
    key = await small_shop.key("read")
    async with small_shop.client(None) as client:
        answer = await client.post("/sign-in", data={"key": key})
    assert answer.status_code == 401
    assert key not in answer.text


async def test_over_https_the_cookie_is_bound_to_the_host(small_shop: Shop) -> None:
    """Behind a proxy that speaks https, the cookie is Secure and `__Host-`, and the browser is told to stay on it."""
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    async with small_shop.client(None, follow_redirects=False) as client:
        answer = await client.post("/sign-in", data={"key": ADMIN_KEY}, headers=headers)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-galla=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


def test_nobody_is_led_away_by_next() -> None:
    """After signing in the browser stays on this site, whatever the link says."""
    assert local_path("/counter?payment=pay_1") == "/counter?payment=pay_1"
    for text in (None, "", "//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"):
        assert local_path(text) == "/counter"


async def test_get_changes_nothing(small_shop: Shop) -> None:
    """Reading every address leaves the events and the audit trail as they were."""
    calls = [path for method, path, _ in await operations(small_shop) if method == "GET"]
    async with small_shop.client() as client:
        before = (await client.get("/v1/events")).json()
        for path in calls:
            async with client.stream("GET", path):
                await asyncio.sleep(0)
        assert before == (await client.get("/v1/events")).json()
