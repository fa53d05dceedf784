"""What the tests of the service ask for besides the databases of the top."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an empty SQLite database, for the long tables in which the engine cannot matter."""
    return f"sqlite:///{tmp_path / 'galla.db'}"
