"""People: added, changed, invited, signed in and out, on both engines; passwords that are refused and throttled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from galla.clock import ManualClock
from galla.errors import IllegalTransition, InvalidField, NotFound, TooSoon
from galla.service import access, audit, password, people, signing_in, welcome
from galla.service.access import Session
from galla.service.people import NewUser
from galla.service.roles import ROLES
from galla.store.record_tables import audit as trail
from galla.store.record_tables import users
from tests.till import Counter, open_counter

GOOD = "four odd words kept"
HERE, ELSEWHERE = "10.0.0.5", "203.0.113.7"


def somebody(name: str = "asha", role: str = "cashier", **more: Any) -> NewUser:
    """Return somebody to add."""
    return NewUser(**{"name": name, "display_name": name.title(), "role": role, "password": GOOD, **more})


async def enter(counter: Counter, name: str = "asha", given: str = GOOD, address: str = HERE) -> Session | None:
    """Try to sign in."""
    return await signing_in.sign_in(counter.till, "", name, given, address=address, counter="Counter 1")


async def entered(counter: Counter, name: str = "asha", given: str = GOOD) -> Session:
    """Sign in."""
    session = await enter(counter, name, given)
    assert session is not None
    return session


async def stands(counter: Counter, session: Session) -> bool:
    """Return whether a session still opens anything."""
    return await access.session(counter.till, session.token) is not None


async def rows(counter: Counter, table: Any = trail) -> list[dict[str, Any]]:
    """Return a table's rows."""

    def read(connection: Connection) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in connection.execute(select(table))]

    return await counter.till.database.read(read)


async def test_a_user_signs_in_as_what_their_role_says(counter: Counter) -> None:
    """Name and password open a session with the role's scopes, the display name, and an id that stays."""
    user = await people.add(counter.till, counter.principal, somebody(display_name="Asha N."))
    session = await entered(counter, " ASHA ")
    assert session.principal.actor == "Asha N."
    assert session.principal.person == user["id"]
    assert session.principal.scopes == {"read", "collect"}
    assert session.principal.counter == "Counter 1"
    assert await enter(counter, given=GOOD + " ") is None
    assert await enter(counter, "nobody") is None
    assert not any(role.scopes >= {"admin"} and role.scopes & {"collect", "refund"} for role in ROLES.values())


async def test_names_belong_to_one_person(counter: Counter) -> None:
    """Neither name is given twice, however it is spelled; a machine's name is nobody's; an unknown role is refused."""
    await people.add(counter.till, counter.principal, somebody())
    for new, param in (
        (somebody("ＡＳＨＡ", display_name="Other"), "name"),
        (somebody("other", display_name="Asha"), "display_name"),
        (somebody("two words"), "name"),
        (somebody("x"), "name"),
        (somebody("key", display_name="key Billing"), "display_name"),
        (somebody("other", role="owner"), "role"),
    ):
        with pytest.raises(InvalidField) as refused:
            await people.add(counter.till, counter.principal, new)
        assert refused.value.param == param
    assert [user["name"] for user in await people.find(counter.till, counter.principal)] == ["asha"]
    assert (await audit.verify(counter.till))["first_bad"] is None


@pytest.mark.parametrize("change", [{"role": "lead"}, {"is_active": False}, {"display_name": "Asha Nair"}])
async def test_a_change_ends_every_session_at_once(counter: Counter, change: dict[str, Any]) -> None:
    """A new role, a new name or being disabled ends all of a user's sessions and links, and nobody else's."""
    await people.add(counter.till, counter.principal, somebody())
    await people.add(counter.till, counter.principal, somebody("bilal"))
    mine = [await entered(counter), await entered(counter)]
    other = await entered(counter, "bilal")
    link = await people.invite(counter.till, counter.principal, "asha")
    await people.change(counter.till, counter.principal, "asha", branch="North")
    assert await stands(counter, mine[0])
    await people.change(counter.till, counter.principal, "asha", **change)
    assert [await stands(counter, session) for session in mine] == [False, False]
    assert await welcome.invited(counter.till, link) is None
    assert await stands(counter, other)
    assert (await enter(counter) is None) == (change.get("is_active") is False)


async def test_the_last_admin_stays(counter: Counter) -> None:
    """The only admin can neither be disabled nor given another role; with a second one they can."""
    await people.add(counter.till, counter.principal, somebody("rao", "admin"))
    for change in ({"is_active": False}, {"role": "lead"}):
        with pytest.raises(IllegalTransition) as refused:
            await people.change(counter.till, counter.principal, "rao", **change)
        assert refused.value.code == "last_admin"
    await people.add(counter.till, counter.principal, somebody("mina", "admin"))
    changed = await people.change(counter.till, counter.principal, "rao", is_active=False)
    assert not changed["is_active"]
    with pytest.raises(IllegalTransition):
        await people.change(counter.till, counter.principal, "mina", role="cashier")


async def test_two_last_admins_do_not_both_go(fresh_postgres_url: str, manual_clock: ManualClock) -> None:
    """Two processes that each disable the other's admin at the same moment: one stays, however close they come."""
    first = await open_counter(fresh_postgres_url, manual_clock)
    second = await open_counter(fresh_postgres_url, manual_clock, first.sandbox)
    for name in ("rao", "mina"):
        await people.add(first.till, first.principal, somebody(name, "admin"))
    for _ in range(5):
        answers = await asyncio.gather(
            people.change(first.till, first.principal, "rao", is_active=False),
            people.change(second.till, second.principal, "mina", is_active=False),
            return_exceptions=True,
        )
        assert sorted(isinstance(each, IllegalTransition) for each in answers) == [False, True]
        for name in ("rao", "mina"):
            await people.change(first.till, first.principal, name, is_active=True)
    for each in (first, second):
        await each.till.close()


async def test_a_link_lets_choose_a_password_once(counter: Counter) -> None:
    """Only an accepted password uses a link up; a newer link ends the older; the old password ends with its use."""
    await people.add(counter.till, counter.principal, somebody())
    before = await entered(counter)
    older = await people.invite(counter.till, counter.principal, "asha")
    link = await people.invite(counter.till, counter.principal, "asha")
    assert await stands(counter, before)
    with pytest.raises(NotFound):
        await welcome.accept(counter.till, older, "another good one", HERE)
    with pytest.raises(InvalidField):
        await welcome.accept(counter.till, link, "password123", HERE)
    session = await welcome.accept(counter.till, link, "another good one", HERE)
    assert await stands(counter, session)
    assert not await stands(counter, before)
    with pytest.raises(NotFound):
        await welcome.accept(counter.till, link, "a third good one", HERE)
    assert await enter(counter) is None
    assert await enter(counter, given="another good one") is not None


async def test_ones_own_password_needs_the_present_one(counter: Counter) -> None:
    """A wrong present password changes nothing; a right one ends every session but the new one."""
    await people.add(counter.till, counter.principal, somebody())
    one, two = await entered(counter), await entered(counter)
    with pytest.raises(InvalidField) as refused:
        await welcome.change_own(counter.till, one.principal, "not this one", "another good one", HERE)
    assert refused.value.param == "current"
    renewed = await welcome.change_own(counter.till, one.principal, GOOD, "another good one", HERE)
    assert [await stands(counter, session) for session in (one, two, renewed)] == [False, False, True]
    with pytest.raises(IllegalTransition):
        await welcome.change_own(counter.till, counter.principal, GOOD, "another good one", HERE)


async def test_the_first_admin_is_made_once(counter: Counter) -> None:
    """A set-up link makes one admin of a shop without users; a newer one ends the older; nobody is there by default."""
    assert await people.find(counter.till, counter.principal) == []
    assert not (await signing_in.door(counter.till)).has_users
    older = (await welcome.open_set_ups(counter.till))[0].token
    twins = [(await welcome.open_set_ups(counter.till))[0].token]
    assert await welcome.shop_of_set_up(counter.till, older) is None
    with pytest.raises(NotFound):
        await welcome.set_up(counter.till, older, somebody("rao", "admin"), HERE)
    with pytest.raises(InvalidField):
        await welcome.set_up(counter.till, twins[0], somebody("rao", password="rao-galla-1"), HERE)
    session = await welcome.set_up(counter.till, twins[0], somebody("rao", "cashier"), HERE)
    assert session.principal.scopes == ROLES["admin"].scopes
    with pytest.raises(NotFound):
        await welcome.set_up(counter.till, twins[0], somebody("mina"), HERE)
    assert await welcome.open_set_ups(counter.till) == []
    assert [user["role"] for user in await people.find(counter.till, counter.principal)] == ["admin"]


async def test_links_grow_old(counter: Counter) -> None:
    """After a day a link and a set-up token are worth nothing."""
    token = (await welcome.open_set_ups(counter.till))[0].token
    counter.clock.advance(24 * 3600 + 1)
    assert await welcome.shop_of_set_up(counter.till, token) is None


@pytest.mark.parametrize(("role", "rest_s"), [("cashier", 4 * 3600), ("lead", 4 * 3600), ("admin", 1800)])
async def test_sessions_end_by_rest_and_by_age(counter: Counter, role: str, rest_s: int) -> None:
    """A session ends after its role's rest; use renews it up to twelve hours in all; an open page is no use."""
    await people.add(counter.till, counter.principal, somebody(role=role))
    left, used = await entered(counter), await entered(counter)
    for _ in range(2):
        counter.clock.advance(rest_s - 120)
        assert await access.session(counter.till, left.token, is_used=False) is None or _ == 0
        assert await stands(counter, used)
    assert not await stands(counter, left)
    for _ in range(12 * 3600 // (rest_s - 120)):
        counter.clock.advance(rest_s - 120)
        await stands(counter, used)
    assert not await stands(counter, used)


async def test_one_sees_and_ends_ones_own_sessions(counter: Counter) -> None:
    """The list holds one's own sessions; another's cannot be ended; signing out everywhere ends all of one's own."""
    await people.add(counter.till, counter.principal, somebody())
    await people.add(counter.till, counter.principal, somebody("bilal"))
    one, two, other = await entered(counter), await entered(counter), await entered(counter, "bilal")
    listed = await access.sessions_of(counter.till, one.principal)
    assert {each["id"] for each in listed} == {one.id, two.id}
    assert one.token not in str(listed)
    with pytest.raises(NotFound):
        await access.end_sessions(counter.till, one.principal, other.id)
    await access.end_sessions(counter.till, one.principal, two.id)
    assert [await stands(counter, session) for session in (one, two, other)] == [True, False, True]
    await access.end_sessions(counter.till, one.principal)
    assert [await stands(counter, session) for session in (one, other)] == [False, True]


async def test_revoking_a_key_ends_the_sessions_it_opened(counter: Counter) -> None:
    """A counter that was opened with a key closes with it."""
    key = await access.create_key(counter.till, counter.principal.merchant_id, ["collect"], "lost")
    session = await access.sign_in(counter.till, key)
    assert session is not None
    await access.revoke_key(counter.till, counter.principal, str(session.principal.person))
    assert not await stands(counter, session)


async def test_guessing_is_slowed_and_keeps_no_owner_out(counter: Counter) -> None:
    """After ten wrong tries a name rests for computers nobody signed in from; its owner's own computer goes on."""
    await people.add(counter.till, counter.principal, somebody())
    await entered(counter)
    for number in range(10):
        assert await enter(counter, given=f"wrong {number}", address=f"198.51.100.{number}") is None
    with pytest.raises(TooSoon) as told:
        await enter(counter, address=ELSEWHERE)
    assert told.value.retry_after_s > 60
    assert await enter(counter, address=HERE) is not None
    counter.clock.advance(901)
    assert await enter(counter, address=ELSEWHERE) is not None


async def test_a_name_nobody_has_is_slowed_in_the_same_words(counter: Counter) -> None:
    """The throttle tells nothing about who exists: unknown names meet it as known ones do."""
    await people.add(counter.till, counter.principal, somebody())
    said = []
    for name in ("asha", "nobody"):
        for number in range(10):
            assert await enter(counter, name, "wrong", address=f"{name}-{number}") is None
        with pytest.raises(TooSoon) as told:
            await enter(counter, name, "wrong", address="x")
        said.append(str(told.value))
    assert said[0] == said[1]


async def test_an_address_is_slowed_over_all_names(counter: Counter) -> None:
    """Ten names tried from one computer in a minute are enough."""
    for number in range(10):
        assert await enter(counter, f"name-{number}", "wrong") is None
    with pytest.raises(TooSoon):
        await enter(counter, "name-99", "wrong")


async def test_every_sign_in_is_written_and_guessing_is_counted(counter: Counter) -> None:
    """A row for each right and each wrong try, at most sixty wrong ones an hour; the next row counts those left out."""
    await people.add(counter.till, counter.principal, somebody())
    await entered(counter)
    for number in range(70):
        assert await enter(counter, f"guess{number}", "wrong", address=f"a{number}") is None
    counter.clock.advance(3601)
    assert await enter(counter, given="wrong") is None
    written = [row for row in await rows(counter) if row["action"].startswith("session.")]
    assert [row["action"] for row in written].count("session.opened") == 1
    refused = [row for row in written if row["action"] == "session.refused"]
    assert len(refused) == 61
    assert '"others_left_out":10' in refused[-1]["detail"]
    assert (await audit.verify(counter.till))["first_bad"] is None


async def test_what_is_secret_is_in_no_row(counter: Counter) -> None:
    """Neither password, token nor hash is in the audit trail, and no password or token in any user or session row."""
    canary = "canary canary canary"
    await people.add(counter.till, counter.principal, somebody(password=canary))
    session = await entered(counter, given=canary)
    await enter(counter, canary[:9], canary)
    link = await people.invite(counter.till, counter.principal, "asha")
    await welcome.accept(counter.till, link, canary + "2", HERE)
    kept = await rows(counter, users)
    told = str(await rows(counter)) + str(await people.find(counter.till, counter.principal))
    assert kept[0]["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    for secret in (canary, session.token, link, session.csrf, kept[0]["password_hash"], "argon2"):
        assert secret not in told
    everything = str(kept)
    assert canary not in everything
    assert session.token not in everything


async def test_a_hash_of_older_parameters_is_renewed(counter: Counter) -> None:
    """Signing in rewrites a hash that was made with other parameters; the password stays the same."""
    from argon2 import PasswordHasher

    await people.add(counter.till, counter.principal, somebody())
    older = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    await counter.till.database.write(lambda connection: connection.execute(update(users).values(password_hash=older)))
    assert password.is_outdated(older)
    await entered(counter)
    kept = (await rows(counter, users))[0]["password_hash"]
    assert not password.is_outdated(kept)
    await entered(counter)
