"""A connector from outside galla: installed as its users install it, found, and paid through."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[1]
COUNTER = Path(__file__).parent / "counter.py"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it, as pip puts it there; galla itself comes from this environment."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-build-isolation", "--target", str(folder), str(PACKAGE)], check=True, timeout=100)
    return folder


def run(installed: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a Python that sees the installed package."""
    own = {name: text for name, text in os.environ.items() if not name.startswith(("PAISAPAY_", "GALLA_"))}
    path = os.pathsep.join(filter(None, [str(installed), own.get("PYTHONPATH")]))
    place = {**own, "PYTHONPATH": path, **more}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=place, timeout=60)


@pytest.fixture(scope="session")
def told(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of one honest payment and of one that PaisaPay lied about."""
    database = tmp_path_factory.mktemp("shop") / "galla.db"
    done = run(installed, "-W", "error", str(COUNTER), f"sqlite:///{database}")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # the lines before it are the log
    return found


def test_galla_finds_the_connector(told: dict[str, Any]) -> None:
    """Installing the package is all it takes: its method stands beside galla's own, in the API's document too."""
    assert "paisapay" in told["methods"]
    assert "edc" in told["methods"]


def test_a_method_that_nobody_brings_is_refused_by_name(told: dict[str, Any]) -> None:
    """The API takes the methods of installed connectors and no other; its answer says which those are."""
    refused = told["refused"]
    assert (refused["status"], refused["code"], refused["param"]) == (422, "method_not_offered", "method")
    assert "paisapay" in refused["detail"]


def test_a_payment_is_taken_to_paid(told: dict[str, Any]) -> None:
    """Asked for over galla's API it gets a link, is paid by the customer, asked about and proven, over real HTTP."""
    honest = told["honest"]
    link = f"upi://pay?pa=shop@paisapay&tr={honest['end']['paytm']['id']}"
    assert honest["begun"] == {"answer": 201, "status": "pending", "phase": "awaiting_payer", "link": link}
    assert (honest["end"]["status"], honest["end"]["needs_review"]) == ("paid", False)
    assert honest["end"]["proof"]["rrn"] == "612345678901"
    assert {each["method"] for each in told["found"]["data"]} == {"paisapay"}
    assert told["calls"] == ["/v1/order", "/v1/order/state"]


def test_a_provider_that_speaks_of_other_money_is_held(told: dict[str, Any]) -> None:
    """One paisa more than was asked for is never paid: the framework compares, not the connector."""
    lying = told["lying"]["end"]
    assert (lying["status"], lying["needs_review"], lying["proof"]) == ("in_doubt", True, None)
    assert lying["reason"]["code"] == "mismatch"


def test_the_books_hold_only_what_was_proven(told: dict[str, Any]) -> None:
    """The ledger has the honest payment's money and nothing of the other."""
    assert (told["books"]["debit"], told["books"]["credit"]) == (250_000, 250_000)


def test_the_command_shows_it(installed: Path) -> None:
    """`galla connectors` lists it with what it can do."""
    done = run(
        installed, "-m", "galla.cli", "connectors", PAISAPAY_URL="https://api.paisapay.example", PAISAPAY_SECRET="x"
    )
    (line,) = [line.split() for line in done.stdout.splitlines() if line.split()[:1] == ["paisapay"]]
    assert line == ["paisapay", "paisapay", "INR", "paise", "text", "no", "no", "no", "no", "₹2,00,000.00", "10", "min"]


def test_a_missing_setting_is_named(installed: Path) -> None:
    """Without its settings galla does not start, and the message says which one is missing."""
    done = run(installed, "-m", "galla.cli", "connectors", PAISAPAY_URL="http://api.paisapay.example")
    assert done.returncode == 3
    assert "PAISAPAY_URL must be" in done.stderr
    assert "Traceback" not in done.stderr
