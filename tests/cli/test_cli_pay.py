"""`galla pay` and `galla status` against a running service, a stopped one, and this computer's database."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from galla.sandbox.world import DEMO_KEY, DEMO_MID
from tests.cli.processes import call, read_until, started

API_KEY = "the-key-of-these-tests-000000"
FAST = {"GALLA_LADDER_SCALE": "0.2", "GALLA_INQUIRY_TIMEOUT": "0.6"}
Env = dict[str, str]


def shop(url: str, folder: Path) -> Env:
    """Return the settings of a shop whose Paytm is at an address."""
    return {
        **FAST,
        "GALLA_DATABASE_URL": f"sqlite:///{folder / 'galla.db'}",
        "GALLA_PAYTM_MID": DEMO_MID,
        "GALLA_PAYTM_KEY": DEMO_KEY,
        "GALLA_PAYTM_TIDS": "12345671,12345672",
        "GALLA_API_KEY": API_KEY,
        "GALLA_EDC_URL": url,
    }


@contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    """Give the address of a sandbox whose machines let the paise decide."""
    words = ("sandbox", "--port", "0", "--autoplay", "by-amount", "--after", "0.3")
    with started(*words, env={}, cwd=folder) as process:
        yield read_until(process, r"The sandbox is at (http://\S+)")[0].group(1)


@pytest.fixture
def paytm(tmp_path: Path) -> Iterator[str]:
    """The address of a sandbox of this test's own."""
    with sandbox(tmp_path) as url:
        yield url


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """The settings with which a command reaches a running service."""
    folder = tmp_path_factory.mktemp("service")
    with (
        sandbox(folder) as paytm,
        started("serve", "--port", "0", env=shop(paytm, folder), cwd=folder) as process,
    ):
        url = read_until(process, r"The counter is at (http://\S+)/")[0].group(1)
        yield {"GALLA_URL": url, "GALLA_API_KEY": API_KEY}


def test_a_card_payment_ends_paid(service: Env) -> None:
    """The result comes first: paid, amount, card and RRN, and the exit code is 0."""
    done = call("pay", "900", "--terminal", "12345671", "--reference", "INV-1", env=service)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^Paid ₹900\.00 · VISA •••• 1234 · RRN \d{12}$", done.stdout, re.MULTILINE)
    assert re.search(r"^  Reference +INV-1$", done.stdout, re.MULTILINE)


def test_a_declined_card_ends_not_paid(service: Env) -> None:
    """A decline is an answer, not a failure of the command: 4, the reason, and what to do now."""
    done = call("pay", "900.51", "--terminal", "12345671", env=service)
    assert done.returncode == 4, done.stdout + done.stderr
    assert re.search(r"^Not paid ₹900\.51 · \S", done.stdout, re.MULTILINE)
    assert "Do now" in done.stdout
    assert done.stderr == ""


def test_when_the_wait_ends_the_payment_does_not(service: Env) -> None:
    """A customer who walks away leaves 5 and the command to look again; a second push names the payment in the way."""
    first = call("pay", "900.68", "--terminal", "12345672", "--wait", "1.5", env=service)
    assert first.returncode == 5, first.stdout + first.stderr
    payment = re.search(r"galla status (pay_\w+)$", first.stdout, re.MULTILINE)
    assert payment is not None
    second = call("pay", "100", "--terminal", "12345672", env=service)
    assert second.returncode == 7
    assert payment.group(1) in second.stderr
    assert call("status", payment.group(1), env=service).returncode == 5
    whole = call("status", env=service)
    assert re.search(r"^0 unexplained$", whole.stdout, re.MULTILINE)
    assert payment.group(1) in whole.stdout.partition("Last payments")[0]
    assert whole.returncode == 0


def test_ctrl_c_stops_looking_and_nothing_else(paytm: str, tmp_path: Path) -> None:
    """Ctrl-C ends the command with 5 and the command to look again; the payment goes on."""
    env = shop(paytm, tmp_path)
    with started("pay", "800.68", "--terminal", "12345671", env=env, cwd=tmp_path) as process:
        read_until(process, "on the machine")
        process.send_signal(signal.SIGINT)
        found, _ = read_until(process, r"galla status (pay_\w+)$")
        assert process.wait(timeout=15) == 5
    shown = call("status", found.group(1), "--json", env=env, cwd=tmp_path)
    assert json.loads(shown.stdout)["status"] == "pending"


def test_json_is_one_document(service: Env) -> None:
    """With --json there is exactly the API's payment on stdout, and the same exit code."""
    done = call("pay", "12.50", "--terminal", "12345671", "--json", env=service)
    payment = json.loads(done.stdout)
    assert (payment["object"], payment["status"], payment["amount"]) == ("payment", "paid", 1250)
    shown = json.loads(call("status", payment["id"], "--json", env=service).stdout)
    assert shown["proof"] == payment["proof"]
    assert shown["timeline"]


def test_what_the_rules_forbid_is_refused(service: Env) -> None:
    """A machine that does not exist, or none named of two, ends with 7 and nothing on stdout."""
    for words in (("--terminal", "99999999"), ()):
        done = call("pay", "10", *words, env=service)
        assert (done.returncode, done.stdout) == (7, "")
        assert "machine" in done.stderr
    assert call("status", "pay_nosuch", env=service).returncode == 7


def test_a_wrong_key_is_a_setting(service: Env) -> None:
    """A key galla does not know is a matter of configuration, and is not printed."""
    done = call("status", env={**service, "GALLA_API_KEY": "not-the-key-at-all"})
    assert done.returncode == 3
    assert "galla key new" in done.stderr
    assert "not-the-key-at-all" not in done.stderr
    assert call("status", env={"GALLA_URL": service["GALLA_URL"]}).returncode == 3


def test_a_service_that_is_not_there(tmp_path: Path) -> None:
    """When nothing listens the command says that nothing was charged, and ends with 6."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {"GALLA_URL": f"http://127.0.0.1:{port}", "GALLA_API_KEY": API_KEY}
    done = call("pay", "10", env=env, cwd=tmp_path)
    assert done.returncode == 6
    assert "nothing was charged" in done.stderr


def test_without_a_service_it_follows_by_itself(paytm: str, tmp_path: Path) -> None:
    """With no service running, `pay` uses this computer's database and follows the payment itself."""
    env = shop(paytm, tmp_path)
    done = call("pay", "45", "--terminal", "12345671", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    whole = call("status", env=env, cwd=tmp_path)
    assert whole.returncode == 0
    assert re.search(r"^  paytm +ok$", whole.stdout, re.MULTILINE)
    assert "Paid ₹45.00" in whole.stdout


def test_paytm_out_of_reach_is_said(tmp_path: Path) -> None:
    """`galla status` says when Paytm's host takes no connection, and ends with 6."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = call("status", env=shop(url, tmp_path), cwd=tmp_path)
    assert done.returncode == 6
    assert re.search(r"^  paytm +not reached at 127\.0\.0\.1:\d+$", done.stdout, re.MULTILINE)


def test_a_taken_port_ends_with_the_option_to_use(tmp_path: Path) -> None:
    """`galla serve` on a taken port ends with 3 and names --port, before the database is touched."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = call("serve", "--port", port, env=shop("http://127.0.0.1:1", tmp_path), cwd=tmp_path)
    assert done.returncode == 3
    assert "--port" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("worker",), ("serve", "--no-worker")], ids=" ".join)
def test_sqlite_is_for_one_process(words: tuple[str, ...], tmp_path: Path) -> None:
    """Splitting the service over processes is refused on SQLite, with the reason and the way out."""
    done = call(*words, env=shop("http://127.0.0.1:1", tmp_path), cwd=tmp_path)
    assert done.returncode == 3
    assert "PostgreSQL" in done.stderr


def test_postgres_splits_over_processes(paytm: str, tmp_path: Path, fresh_postgres_url: str) -> None:
    """On PostgreSQL the API runs in one process and the worker in another, and a payment is followed all the same."""
    env = shop(paytm, tmp_path) | {
        "GALLA_DATABASE_URL": fresh_postgres_url,
        "GALLA_SECRET_KEY": "a-secret-that-both-processes-share",
    }
    with started("serve", "--no-worker", "--port", "0", env=env, cwd=tmp_path) as serving:
        url = read_until(serving, r"The counter is at (http://\S+)/")[0].group(1)
        with started("worker", env=env, cwd=tmp_path) as working:
            read_until(working, "This worker asks Paytm")
            asking = {"GALLA_URL": url, "GALLA_API_KEY": API_KEY}
            done = call("pay", "75", "--terminal", "12345671", env=asking, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Paid ₹75.00" in done.stdout
