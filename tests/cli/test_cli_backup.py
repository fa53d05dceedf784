"""`galla backup`, `galla restore` and `galla rebuild`, as an operator uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from galla import cli
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database of a shop whose Paytm cannot be reached."""
    for name, text in {
        "GALLA_DATABASE_URL": f"sqlite:///{tmp_path / 'galla.db'}",
        "GALLA_PAYTM_MID": DEMO_MID,
        "GALLA_PAYTM_KEY": DEMO_KEY,
        "GALLA_EDC_URL": "http://127.0.0.1:9",
        "GALLA_PG_URL": "http://127.0.0.1:9",
        "GALLA_SECRET_KEY": "x" * 40,
    }.items():
        monkeypatch.setenv(name, text)
    assert cli.main(["merchant", "list"]) == 0
    return tmp_path / "galla.db"


def test_a_database_is_copied_put_back_and_asked_about(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied once and never written over; put back with what was there kept; a Paytm that is silent ends with 6."""
    copy = tmp_path / "copy.db"
    assert (cli.main(["backup", str(copy)]), cli.main(["backup", str(copy)])) == (0, 7)
    assert copy.stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr()
    assert "every page of the copy checked" in said.out
    assert "a backup is never written over" in said.err
    assert cli.main(["restore", str(copy)]) == 0
    said = capsys.readouterr()
    assert [path.name for path in tmp_path.glob("galla.db.before-*Z")] != []
    since = said.out.split("galla rebuild --since ")[1].strip()
    assert cli.main(["rebuild", "--since", since]) == 6
    assert "Not learned: Paytm's list of transactions" in capsys.readouterr().out
    assert (cli.main(["rebuild", "--since", "yesterday"]), cli.main(["restore", str(tmp_path / "no.db")])) == (7, 7)
    monkeypatch.setenv("GALLA_DATABASE_URL", "postgresql://localhost/galla")
    assert cli.main(["backup", str(tmp_path / "other.db")]) == 3
    assert "pg_dump" in capsys.readouterr().err
