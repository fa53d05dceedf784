"""`galla demo`: a whole sale through the real API, then a counter that stays until it is stopped."""

from __future__ import annotations

import re
import signal
import socket
import urllib.request
from pathlib import Path

from tests.cli.processes import call, read_until, started

STAGES = (
    "Bill INV-",
    "Pushed to machine 12345671",
    "Accepted by Paytm; nothing is paid yet",
    "On the machine: waiting for the card",
    "Card inserted: waiting for the PIN",
    "The machine shows approved",
    "Paid: Paytm's status reply proves it, RRN",
    "Booked: debit Clearing Paytm",
)


def test_once_plays_a_sale_and_ends(tmp_path: Path) -> None:
    """`galla demo --once` ends by itself with 0 after bill, machine, proof and ledger entry, in that order."""
    done = call("demo", "--once", "--port", "0", "--sandbox-port", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    places = [done.stdout.find(stage) for stage in STAGES]
    assert -1 not in places
    assert places == sorted(places)
    assert re.search(r"^Paid ₹2,500\.00 · VISA •••• 1234 · RRN \d{12}$", done.stdout, re.MULTILINE)
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_it_finds_its_own_ports_and_never_a_real_shop(tmp_path: Path) -> None:
    """A taken port is replaced and said, and settings of a real merchant in the environment are not read."""
    real = {
        "GALLA_PAYTM_ENVIRONMENT": "production",
        "GALLA_PAYTM_MID": "REAL",
        "GALLA_PAYTM_KEY": "x",
        "GALLA_DATABASE_URL": f"sqlite:///{tmp_path / 'real.db'}",
    }
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call("demo", "--once", "--port", str(port), "--sandbox-port", "0", env=real, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^Port {port} is taken, so the counter is on port \d+\.$", done.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_it_stays_until_it_is_stopped(tmp_path: Path) -> None:
    """Without --once the counter and the machines answer, and Ctrl-C ends everything cleanly."""
    words = ("demo", "--port", "0", "--sandbox-port", "0", "--data", str(tmp_path / "kept"))
    with started(*words, env={}, cwd=tmp_path) as process:
        _, lines = read_until(process, "Stop with Ctrl-C")
        places = dict(re.findall(r"^  (Counter|Machines|API) +(http\S+)$", "\n".join(lines), re.MULTILINE))
        assert set(places) == {"Counter", "Machines", "API"}
        for url in places.values():
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
                assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 0
    assert (tmp_path / "kept" / "galla-demo.db").is_file()


def test_a_kept_demo_goes_on_and_starts_afresh(tmp_path: Path) -> None:
    """A demo goes on with the database in --data, which must be one; with --fresh it starts an empty one."""
    words = ("demo", "--once", "--port", "0", "--sandbox-port", "0", "--data", str(tmp_path))
    (tmp_path / "galla-demo.db").write_text("this is not a database")
    assert call(*words, cwd=tmp_path).returncode != 0
    assert call(*words, "--fresh", cwd=tmp_path).returncode == 0
