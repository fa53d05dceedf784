"""Merchants, machines, keys and the audit trail from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.processes import call

KEY = "a-merchant-key-0"
Env = dict[str, str]


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """The settings of an empty database."""
    return {"GALLA_DATABASE_URL": f"sqlite:///{tmp_path / 'galla.db'}"}


def add_merchant(env: Env, mid: str = "CLINIC0000000001") -> str:
    """Add a merchant and return its id."""
    done = call("merchant", "add", "--name", "Skin Clinic", "--mid", mid, "--json", env=env, sent=f"{KEY}\n")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])


def test_a_merchants_key_goes_in_and_never_comes_out(env: Env) -> None:
    """The key is read from the input, and no command prints it afterwards."""
    merchant = add_merchant(env)
    shown = call("merchant", "show", merchant, env=env)
    listed = call("merchant", "list", env=env)
    assert shown.returncode == listed.returncode == 0
    assert shown.stdout.startswith("Skin Clinic · CLINIC0000000001")
    assert listed.stdout.startswith("1 merchant\n")
    assert KEY not in shown.stdout + listed.stdout


def test_a_merchant_without_a_key_is_refused(env: Env) -> None:
    """No key on the input, or one of a length no key has, is refused and nothing is added."""
    for sent in ("", "short\n"):
        assert call("merchant", "add", "--name", "X", "--mid", "MID00001", env=env, sent=sent).returncode == 7
    assert json.loads(call("merchant", "list", "--json", env=env).stdout) == []


def test_how_a_merchant_gives_money_back_is_changed(env: Env) -> None:
    """The limit is rupees in and paise out, `none` takes it away; what cannot be used changes nothing."""
    merchant = add_merchant(env)

    def change(*words: str) -> dict[str, object]:
        done = call("merchant", "change", merchant, *words, "--json", env=env)
        assert done.returncode == 0, done.stderr
        return {name: json.loads(done.stdout)[name] for name in ("void_cutoff", "refund_limit", "gstin")}

    both = change("--void-cutoff", "23:30", "--refund-limit", "5,000.50")
    assert both == {"void_cutoff": "23:30", "refund_limit": 500_050, "gstin": None}
    named = change("--refund-limit", "none", "--gstin", "27aapfu0939f1zv")
    assert named == {"void_cutoff": "23:30", "refund_limit": None, "gstin": "27AAPFU0939F1ZV"}
    for wrong in (("--void-cutoff", "25:00"), ("--refund-limit", "-5"), ("--gstin", "27AAPFU0939F1ZW"), ()):
        assert call("merchant", "change", merchant, *wrong, env=env).returncode == 7
    without = change("--refund-limit", "0", "--gstin", "none")
    assert without == {"void_cutoff": "23:30", "refund_limit": 0, "gstin": None}


def test_machines_are_added_and_listed(env: Env) -> None:
    """A machine added by its TID is in the list, free; the same TID twice is refused."""
    add_merchant(env)
    added = call("terminal", "add", "12345671", "--label", "Counter 1", env=env)
    again = call("terminal", "add", "12345671", env=env)
    listed = call("terminal", "list", env=env)
    assert (added.returncode, again.returncode) == (0, 7)
    assert [line.split() for line in listed.stdout.splitlines()[2:]] == [
        ["12345671", "Counter", "1", "Main", "yes", "free"]
    ]


def test_a_key_is_shown_once_and_can_be_revoked(env: Env) -> None:
    """A new key stands alone on the first line; the list shows only its beginning; revoking ends it."""
    add_merchant(env)
    made = call("key", "new", "--scope", "read", "--scope", "collect", "--label", "Billing", env=env)
    secret = made.stdout.splitlines()[0]
    keys = json.loads(call("key", "list", "--json", env=env).stdout)
    assert made.returncode == 0
    assert [(key["label"], key["scopes"], key["revoked_at"]) for key in keys] == [
        ("Billing", ["collect", "read"], None)
    ]
    assert secret not in json.dumps(keys)
    assert secret.startswith(keys[0]["prefix"])
    assert call("key", "revoke", keys[0]["id"], env=env).returncode == 0
    assert call("key", "revoke", keys[0]["id"], env=env).returncode == 7
    assert "revoked" in call("key", "list", env=env).stdout


def test_without_a_merchant_it_says_how_to_make_one(env: Env) -> None:
    """On an empty database, what needs a merchant ends with 3 and the command that adds one."""
    done = call("terminal", "list", env=env)
    assert done.returncode == 3
    assert "galla merchant add" in done.stderr


def test_several_merchants_must_be_told_apart(env: Env) -> None:
    """With two merchants --merchant is needed, and takes an id or a MID."""
    add_merchant(env)
    second = add_merchant(env, "CLINIC0000000002")
    assert call("key", "list", env=env).returncode == 7
    assert call("key", "list", "--merchant", second, env=env).returncode == 0
    assert call("key", "list", "--merchant", "CLINIC0000000002", env=env).returncode == 0
    assert call("key", "list", "--merchant", "CLINIC0000000003", env=env).returncode == 7


def test_the_audit_trail_is_checked(env: Env) -> None:
    """A whole trail ends with 0 and the number of rows."""
    add_merchant(env)
    call("terminal", "add", "12345671", env=env)
    done = call("audit", "verify", env=env)
    assert done.returncode == 0
    assert "whole" in done.stdout
    assert json.loads(call("audit", "verify", "--json", env=env).stdout)["first_bad"] is None


def test_a_malformed_setting_is_named(tmp_path: Path) -> None:
    """A setting that cannot be used ends with 3 and its name, before anything is opened."""
    done = call("status", env={"GALLA_PORT": "many"}, cwd=tmp_path)
    assert done.returncode == 3
    assert "GALLA_PORT" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_webhook_is_added_and_its_secret_shown_once(env: Env) -> None:
    """The secret stands alone on the first line; the list has the address and no secret; an unusable one is refused."""
    add_merchant(env)
    added = call("webhook", "add", "https://billing.example/galla", "--event", "payment.*", env=env)
    assert added.returncode == 0, added.stderr
    secret = added.stdout.splitlines()[0]
    assert secret.startswith("whsec_")
    listed = call("webhook", "list", "--json", env=env)
    (endpoint,) = json.loads(listed.stdout)
    assert (endpoint["url"], endpoint["events"]) == ("https://billing.example/galla", ["payment.*"])
    rotated = call("webhook", "rotate", endpoint["id"], "--overlap-h", "0", env=env)
    assert rotated.stdout.splitlines()[0].startswith("whsec_")
    assert secret not in listed.stdout + rotated.stdout
    assert call("webhook", "add", "http://10.0.0.1/", env=env).returncode == 7
    assert call("webhook", "replay", endpoint["id"], env=env).stdout.startswith("0 messages go out again")
