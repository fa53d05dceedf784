"""The house's floor plan holds: who may import whom is written in pyproject.toml, under tool.importlinter."""

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]


def test_every_import_points_down(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each module has a layer and imports only what lies below; the pure packages do no I/O."""
    monkeypatch.chdir(ROOT)
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    if broken:
        pytest.fail(capsys.readouterr().out, pytrace=False)
