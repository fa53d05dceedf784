"""The names the library promises, and what importing them costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import galla

SERVER = ["alembic", "asyncpg", "fastapi", "pydantic", "pysqlite3", "sqlalchemy", "starlette", "uvicorn"]
HEAVY = ["aiohttp", "cryptography", "urllib3"]


def test_public_names_are_sorted_and_unique() -> None:
    """`__all__` is the whole promise, in order."""
    assert sorted(set(galla.__all__)) == galla.__all__
    assert galla.__all__ == dir(galla)


@pytest.mark.parametrize("name", [name for name in galla.__all__ if name != "__version__"])
def test_every_public_name_loads_and_is_described(name: str) -> None:
    """Each name can be had from `galla`, is the one of its home module, and says what it is."""
    thing = getattr(galla, name)

    home = import_module(galla._HOME[name])
    assert getattr(home, name) is thing
    assert thing.__doc__


def test_type_checkers_see_what_is_loaded() -> None:
    """The imports written for type checkers are exactly those that are made when a name is used."""
    block = next(
        node
        for node in ast.parse(Path(str(galla.__file__)).read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imported = {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert imported == galla._HOME
    assert {*imported, "__version__"} == set(galla.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A typing mistake is told apart from a name that failed to load."""
    with pytest.raises(AttributeError, match="PaytmEDCs"):
        getattr(galla, "PaytmEDCs")  # noqa: B009 - a literal attribute would not pass the type checker


def test_the_version_is_the_installed_one() -> None:
    """`galla.__version__` comes from the package's own metadata."""
    assert galla.__version__.count(".") == 2


def test_importing_galla_is_quick_and_light() -> None:
    """`import galla` takes under 150 ms and loads no HTTP library, no server and no database."""
    script = f"import galla, sys; print([m for m in {[*HEAVY, *SERVER]} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"

    assert min(import_ms("import galla") for _ in range(3)) < 150


def test_the_clients_load_no_server() -> None:
    """Making a client of each colour loads neither server nor database."""
    script = (
        "import sys; from galla import PaytmEDC, AsyncPaytmEDC\n"
        "for client in (PaytmEDC, AsyncPaytmEDC): client(mid='M', key='unit_test_key_16')\n"
        f"print([m for m in {SERVER} if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def import_ms(script: str) -> float:
    """Return what the imports of a script cost beyond those of a bare interpreter, in milliseconds."""
    run = [sys.executable, "-X", "importtime", "-c", script]
    lines = subprocess.run(run, capture_output=True, text=True, check=True).stderr.splitlines()
    rows = [line.removeprefix("import time:").split("|") for line in lines if "|" in line]
    costs = {name.strip(): total.strip() for _, total, name in rows}
    return int(costs["galla"]) / 1000


def test_the_public_types_are_what_callers_rely_on() -> None:
    """`tests/typing/api.py`, read by `mypy --strict`, holds: right uses pass and wrong ones do not."""
    api = Path(__file__).parent / "typing" / "api.py"
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(api)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
