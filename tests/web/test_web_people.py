"""The pages and calls about people: the door, set-up, links, one's own account, and what none of them may tell."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from galla.service import access, people, welcome
from tests.web.shop import ADMIN_KEY, Shop
from tests.web.staff import PASSWORD, hire, session_of, signed_in

NASTY = "<img src=x onerror=alert(1)>"


async def link_in(page: str, where: str = "welcome") -> str:
    """Return the token of the one-time link that a page shows."""
    found = re.search(rf"/{where}\?token=(\w+)", page)
    assert found, page
    return found[1]


async def csrf_of(client: httpx2.AsyncClient, path: str = "/account") -> str:
    """Return the CSRF token of a page."""
    found = re.search(r'name="csrf" value="(\w+)"', (await client.get(path)).text)
    assert found
    return found[1]


async def test_a_shops_first_people(shop: Shop) -> None:
    """From the set-up link to a cashier at the counter: each link works once, and nobody knows another's password."""
    token = (await welcome.open_set_ups(shop.till))[0].token
    async with signed_in(shop, None) as admin, signed_in(shop, None) as cashier:
        shown = await admin.get(f"/setup?token={token}")
        assert (shown.status_code, shown.headers["referrer-policy"]) == (200, "no-referrer")
        form = {"token": token, "name": "rao", "display_name": "Dr. Rao", "password": PASSWORD, "again": PASSWORD}
        mistyped = await admin.post("/setup", data={**form, "again": "another"})
        weak = await admin.post("/setup", data={**form, "password": "welcome@123", "again": "welcome@123"})
        assert (mistyped.status_code, weak.status_code) == (422, 422)
        assert "Dr. Rao" in weak.text
        made = await admin.post("/setup", data=form)
        assert (made.status_code, made.headers["location"]) == (303, "/people")
        assert (await admin.get("/setup", params={"token": token})).status_code == 404
        assert "Add your first cashier" in (await admin.get("/people")).text
        csrf = await csrf_of(admin, "/people")
        wanted = {"csrf": csrf, "name": "asha", "display_name": "Asha", "role": "cashier"}
        added = await admin.post("/people", data=wanted)
        link = await link_in(added.text)
        assert "Asha" in (await cashier.get(f"/welcome?token={link}")).text
        chosen = {"token": link, "password": PASSWORD, "again": PASSWORD, "counter": "Counter 2"}
        entered = await cashier.post("/welcome", data=chosen)
        assert (entered.status_code, entered.headers["location"]) == (303, "/counter")
        assert "Counter 2" in (await cashier.get("/counter")).text
        assert (await cashier.post("/welcome", data=chosen)).status_code == 404
        assert (await cashier.get("/people")).status_code == 403


async def test_the_door_asks_for_a_name_once_somebody_has_one(small_shop: Shop) -> None:
    """Before there are users the door takes a key; afterwards a name, and a key too; an admin begins at /people."""
    async with signed_in(small_shop, None) as client:
        assert 'name="key"' in (await client.get("/sign-in")).text
        await hire(small_shop, "admin", password=PASSWORD)
        named = (await client.get("/sign-in")).text
        assert 'name="password"' in named
        assert 'name="key"' not in named
        assert 'name="key"' in (await client.get("/sign-in?by=key")).text
        wrong = await client.post("/sign-in", data={"name": "admin", "password": "not this one"})
        nobody = await client.post("/sign-in", data={"name": "nobody", "password": "not this one"})
        right = await client.post("/sign-in", data={"name": "Admin", "password": PASSWORD})
        by_key = await client.post("/sign-in", data={"key": ADMIN_KEY})
    assert (wrong.status_code, nobody.status_code) == (401, 401)
    told = [re.sub(r'data-now="[^"]*"|value="(admin|nobody)"', "", answer.text) for answer in (wrong, nobody)]
    assert told[0] == told[1]
    assert "not this one" not in wrong.text
    assert (right.status_code, right.headers["location"]) == (303, "/people")
    assert by_key.status_code == 303


async def test_signing_in_brings_a_new_session_and_ends_the_old(small_shop: Shop) -> None:
    """A cookie from before signing in is worth nothing afterwards; signing out ends it on the server."""
    await hire(small_shop, "cashier", password=PASSWORD)
    form = {"name": "cashier", "password": PASSWORD}
    async with signed_in(small_shop, None) as client:
        await client.post("/sign-in", data=form)
        first = client.cookies["galla"]
        await client.post("/sign-in", data=form)
        second = client.cookies["galla"]
    assert first != second
    assert await access.session(small_shop.till, first) is None
    assert await access.session(small_shop.till, second) is not None


async def test_two_shops_may_have_an_asha_each(small_shop: Shop) -> None:
    """Where there are two shops the door asks which; the same name in both is two people with their own passwords."""
    async with small_shop.client() as client:
        body = {"name": "Other Clinic", "mid": "OTHER000000000000001", "key": "0123456789abcdef"}
        other = (await client.post("/v1/merchants", json=body)).json()["id"]
    await hire(small_shop, "cashier", name="asha", password=PASSWORD)
    await hire(small_shop, "lead", name="asha", password="quite another one", merchant=other)
    async with signed_in(small_shop, None) as client:
        assert 'name="shop"' in (await client.get("/sign-in")).text
        form = {"name": "asha", "password": "quite another one"}
        nowhere = await client.post("/sign-in", data=form)
        mine = await client.post("/sign-in", data={**form, "shop": body["mid"].lower()})
        crossed = await client.post("/sign-in", data={**form, "shop": "Other Clinic", "password": PASSWORD})
        called = await client.post("/sign-in", data={**form, "shop": "other clinic"})
    assert [answer.status_code for answer in (nowhere, mine, crossed, called)] == [401, 303, 401, 303]


async def test_the_throttle_answers_429(small_shop: Shop) -> None:
    """After ten wrong passwords from one computer it must wait, and is told how long."""
    async with signed_in(small_shop, None) as client:
        for _ in range(10):
            assert (await client.post("/sign-in", data={"name": "x", "password": "y"})).status_code == 401
        slowed = await client.post("/sign-in", data={"name": "x", "password": "y"})
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) > 0


async def test_ones_own_account(shop: Shop) -> None:
    """One's own sessions are listed, and end with a new password; mistakes are said beside their fields."""
    await hire(shop, "lead", password=PASSWORD)
    elsewhere = await session_of(shop, "lead")
    async with signed_in(shop, await session_of(shop, "lead")) as client:
        page = (await client.get("/account")).text
        assert "this browser" in page
        assert elsewhere.id in page
        csrf = await csrf_of(client)
        new = "another good one"
        form = {"csrf": csrf, "current": PASSWORD, "password": new, "again": new}
        wrong = await client.post("/account/password", data={**form, "current": "wrong"})
        unlike = await client.post("/account/password", data={**form, "again": "unlike"})
        assert (wrong.status_code, unlike.status_code) == (422, 422)
        assert "This is not your password now" in wrong.text
        assert "not the same" in unlike.text
        changed = await client.post("/account/password", data=form)
        assert changed.headers["location"] == "/account?changed=yes"
        assert "Your password is changed" in (await client.get("/account?changed=yes")).text
        assert await access.session(shop.till, elsewhere.token) is None
        everywhere = await client.post("/account/sign-out-everywhere", data={"csrf": await csrf_of(client)})
        assert everywhere.headers["location"] == "/sign-in"
        assert (await client.get("/account")).status_code == 303


async def test_an_admin_changes_people(small_shop: Shop) -> None:
    """The page changes a role, makes a link, disables and lets in again; a refused change is said and stays typed."""
    await hire(small_shop, "admin")
    user = await hire(small_shop, "cashier", name="asha", display_name="Asha")
    async with signed_in(small_shop, await session_of(small_shop, "admin")) as client:
        csrf = {"csrf": await csrf_of(client, "/people")}
        where = f"/people/{user['id']}"
        changed = await client.post(where, data={**csrf, "display_name": "Asha N.", "role": "lead", "branch": "North"})
        taken = await client.post(where, data={**csrf, "display_name": "Admin", "role": "lead"})
        assert (changed.status_code, taken.status_code) == (303, 409)
        assert "Somebody is called Admin already" in taken.text
        assert await link_in((await client.post(f"{where}/link", data=csrf)).text)
        assert (await client.post(f"{where}/disable", data=csrf)).status_code == 303
        assert "Let in again" in (await client.get("/people")).text
        assert (await client.post(f"{where}/link", data=csrf)).status_code == 409
        assert (await client.post(f"{where}/enable", data=csrf)).status_code == 303
        shown = (await client.get("/v1/users/asha")).json()
        assert (shown["display_name"], shown["role"], shown["branch"]) == ("Asha N.", "lead", "North")
        assert (await client.post("/people/usr_none/disable", data=csrf)).status_code == 404
        last = await client.post(f"/people/{(await client.get('/v1/users/admin')).json()['id']}/disable", data=csrf)
        assert last.status_code == 409
        assert "is the last admin" in last.text


async def test_names_full_of_markup_are_text(small_shop: Shop) -> None:
    """Whatever a name or a branch holds is shown as typed on every page that shows it."""
    await hire(small_shop, "lead", display_name=f"{NASTY}{{{{7*7}}}}"[:40], branch="'\"><b>x")
    await hire(small_shop, "admin", display_name="\"'><script>alert(2)</script>")
    token = await people.invite(small_shop.till, (await session_of(small_shop, "admin")).principal, "lead")
    async with signed_in(small_shop, await session_of(small_shop, "admin")) as client:
        paths = ("/people", "/counter", "/account", f"/welcome?token={token}")
        pages = [(await client.get(path)).text for path in paths]
        pages.append((await client.post("/people", data={"csrf": await csrf_of(client), "name": NASTY})).text)
    async with signed_in(small_shop, None) as client:
        pages.append((await client.post("/sign-in", data={"name": NASTY, "password": "x", "shop": NASTY})).text)
    for page in pages:
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "<b>x" not in page
    assert "{{7*7}}" in pages[0]


async def test_the_api_adds_and_changes_users(shop: Shop) -> None:
    """POST, GET and PATCH: names and roles out, a link once, and never a password or a hash."""
    async with shop.client() as client:
        made = await client.post("/v1/users", json={"name": "Asha", "display_name": "Asha N.", "role": "cashier"})
        given = {"name": "bilal", "display_name": "Bilal", "role": "lead", "password": PASSWORD}
        second = await client.post("/v1/users", json=given)
        assert (made.status_code, second.status_code) == (201, 201)
        assert "/welcome?token=" in made.json()["invitation"]["url"]
        assert "invitation" not in second.json()
        where = made.headers["location"]
        cases: list[tuple[dict[str, Any], int, str | None]] = [
            ({"role": "lead", "branch": "North"}, 200, None),
            ({"branch": None}, 200, None),
            ({"reset_password": True}, 200, None),
            ({"display_name": "Bilal"}, 422, "display_name"),
            ({"role": "owner"}, 422, "role"),
            ({"password": PASSWORD}, 422, "password"),
            ({}, 422, None),
            ({"is_active": False}, 200, None),
            ({"reset_password": True}, 409, None),
        ]
        told = made.text + second.text
        for body, status, param in cases:
            answer = await client.patch(where, json=body)
            assert (answer.status_code, answer.json().get("param")) == (status, param), body
            told += answer.text
        weak = await client.post("/v1/users", json={**given, "name": "carl", "password": "welcome@1"})
        taken = await client.post("/v1/users", json={**given, "display_name": "B."})
        assert (weak.json()["code"], taken.json()["code"]) == ("password_refused", "name_taken")
        listed = await client.get("/v1/users")
    assert [user["name"] for user in listed.json()["data"]] == ["bilal", "asha"]
    assert [user["has_password"] for user in listed.json()["data"]] == [True, False]
    for secret in (PASSWORD, "argon2", "hash"):
        assert secret not in told + listed.text + taken.text


async def test_a_password_is_in_no_log(small_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Right, wrong, refused and new passwords, and the tokens of links, leave no trace in the log or an error."""
    canary = "canary of the log, long"
    await hire(small_shop, "cashier", password=canary)
    invitation = await people.invite(small_shop.till, (await session_of(small_shop, "cashier")).principal, "cashier")
    async with signed_in(small_shop, None) as client:
        answers = [
            await client.post("/sign-in", data={"name": "cashier", "password": canary + "!"}),
            await client.post("/sign-in", data={"name": canary, "password": canary}),
            await client.post("/welcome", data={"token": invitation, "password": canary, "again": ""}),
            await client.get(f"/welcome?token={invitation}&x={canary}"),
            await client.post("/welcome", data={"token": invitation, "password": canary + "2", "again": canary + "2"}),
        ]
        token = client.cookies["galla"]
    said = "".join(capsys.readouterr())
    assert "/welcome" in said
    for secret in (canary, invitation, token):
        assert secret not in said
    assert [canary in answer.text for answer in answers] == [False, True, False, False, False]  # a name is shown again
