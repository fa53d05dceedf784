"""`galla user` and the way in that `galla serve` and `galla demo` print."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.cli.processes import call, read_until, started
from tests.cli.test_cli_admin import Env, add_merchant

GOOD = "four odd words kept"


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """The settings of a database with one merchant."""
    settings = {"GALLA_DATABASE_URL": f"sqlite:///{tmp_path / 'galla.db'}"}
    add_merchant(settings)
    return settings


def users(env: Env) -> dict[str, tuple[str, bool, bool]]:
    """Return role, whether active and whether there is a password, by sign-in name."""
    listed = json.loads(call("user", "list", "--json", env=env).stdout)
    return {user["name"]: (user["role"], user["is_active"], user["has_password"]) for user in listed}


@pytest.mark.timeout(240)  # nine processes, one after the other
def test_users_are_added_changed_and_listed(env: Env) -> None:
    """Each command does what it says, the password comes from the input, and no output holds it."""
    words = ("user", "add", "Rao", "--role", "admin", "--display-name", "Dr. Rao", "--branch", "North")
    added = call(*words, env=env, sent=f"{GOOD}\n")
    assert added.stdout == "Added Dr. Rao, who signs in as rao\n"
    assert call("user", "add", "asha", "--role", "cashier", env=env, sent=f"{GOOD}\n").returncode == 0
    assert users(env) == {"asha": ("cashier", True, True), "rao": ("admin", True, True)}
    assert call("user", "role", "asha", "lead", env=env).returncode == 0
    assert call("user", "disable", "asha", env=env).returncode == 0
    assert users(env)["asha"] == ("lead", False, True)
    assert call("user", "enable", "asha", env=env).returncode == 0
    assert call("user", "password", "asha", env=env, sent="another good one\n").returncode == 0
    shown = call("user", "list", env=env).stdout
    assert shown.startswith("2 users\n")
    assert "North" in shown
    assert GOOD not in shown + added.stdout + added.stderr


@pytest.mark.timeout(240)
def test_what_cannot_be_is_refused(env: Env) -> None:
    """No password, a common one, an unknown user or role, and losing the last admin end with their codes."""
    for words, sent, code in (
        (("add", "rao", "--role", "admin"), "", 7),
        (("add", "rao", "--role", "admin"), "welcome@123\n", 7),
        (("add", "rao", "--role", "owner"), f"{GOOD}\n", 2),
        (("add", "rao", "--role", "admin"), f"{GOOD}\n", 0),
        (("add", "rao", "--role", "lead"), f"{GOOD}\n", 7),
        (("disable", "rao"), "", 7),
        (("password", "nobody"), f"{GOOD}\n", 7),
    ):
        assert call("user", *words, env=env, sent=sent).returncode == code, words
    assert users(env) == {"rao": ("admin", True, True)}


def test_a_log_holds_no_way_in(env: Env, tmp_path: Path) -> None:
    """Where no terminal is looking, serving a shop without users says what to do, and prints no link."""
    with started("serve", "--port", "0", env=env, cwd=tmp_path) as process:
        _, lines = read_until(process, "Stop with Ctrl-C")
    said = "\n".join(lines)
    assert "galla user add" in said
    assert "token" not in said


def test_the_demos_people_sign_in(tmp_path: Path) -> None:
    """`galla demo` prints a password for each role, and each of them opens its pages."""
    with started("demo", "--port", "0", "--sandbox-port", "0", env={}, cwd=tmp_path) as process:
        _, lines = read_until(process, "Stop with Ctrl-C")
        said = "\n".join(lines)
        found = re.search(r"Counter +(http://\S+?)/sign-in", said)
        assert found
        people = dict(re.findall(r"(?:Cashier|Lead|Accountant|Admin) +(\w+)  (\w+)", said))
        assert len(people) == 4
        for name, password in people.items():
            body = urllib.parse.urlencode({"name": name, "password": password}).encode()
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with opener.open(f"{found[1]}/sign-in", body, timeout=20) as answer:
                assert answer.status == 200
                assert answer.url.endswith("/people" if name == "rao" else "/counter")
