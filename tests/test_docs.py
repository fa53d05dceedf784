"""The documentation says what the code does: generated pages are current, examples run, nothing is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import get_args

import msgspec
import pytest

from galla import errors
from galla.cli.commands import COMMANDS
from galla.cli.ending import Exit
from galla.config import ALIASES, SETTINGS
from galla.connectors.connector import Capabilities
from galla.connectors.registry import own
from galla.payments.model import Outcome, Phase, Status
from galla.payments.refund import RefundOutcome
from galla.protocol.codes import EDC_CODES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
LONGEST_DECISION = 40

_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    """Return a page's path as one would type it."""
    return path.relative_to(ROOT).as_posix()


def examples() -> Iterator[tuple[str, str]]:
    """Yield each python block of the documentation with where it stands."""
    for page in PAGES:
        for number, found in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            yield f"{name_of(page)}#{number}", found.group(1)


def generator() -> ModuleType:
    """Return docs/generate.py as a module."""
    spec = spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current() -> None:
    """Every page made from the code is what `make docs` would write now."""
    assert generator().behind() == []


@pytest.mark.parametrize(("where", "code"), [pytest.param(*each, id=each[0]) for each in examples()])
def test_examples_run(where: str, code: str, tmp_path: Path) -> None:
    """Each python block of the documentation runs by itself, without a network."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, ""), where


def test_readme_has_an_example() -> None:
    """The README's library section is code that runs, not a picture of code."""
    assert any(where.startswith("README.md#") for where, _ in examples())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page leads to a file, and its anchor to a heading."""
    lost = []
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            lost.append(target)
    assert lost == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_command_is_documented() -> None:
    """Each command and each exit code has its place in docs/commands.md."""
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    wanted = [f"\n## galla {' '.join(command.words)}\n" for command in COMMANDS]
    wanted += [f"| {code.value} | {code.meaning} |" for code in Exit]
    assert [text for text in wanted if text not in page] == []


def test_every_setting_is_documented() -> None:
    """Each setting and each accepted alias has its row in docs/settings.md."""
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    wanted = [setting.name for setting in SETTINGS] + list(ALIASES)
    assert [name for name in wanted if f"| `{name}` |" not in page] == []


def test_every_state_and_code_is_documented() -> None:
    """Each status, phase and result code has its row."""
    states = (DOCS / "states.md").read_text(encoding="utf-8")
    codes = (DOCS / "result-codes.md").read_text(encoding="utf-8")
    assert [word for word in (*Status, *Phase) if f"| `{word}` |" not in states] == []
    assert [code for code in EDC_CODES if f"| `{code}` |" not in codes] == []


def test_every_connector_is_documented() -> None:
    """Each connector of galla's own has its row with its methods, and the page on writing one names what it may say."""
    page = (DOCS / "connectors.md").read_text(encoding="utf-8")
    guide = (DOCS / "writing-a-connector.md").read_text(encoding="utf-8")
    powers = [connector.capabilities for connector in own()]
    wanted = [f"| `{each.name}` | {', '.join(f'`{method}`' for method in sorted(each.methods))} |" for each in powers]
    assert [text for text in wanted if text not in page] == []
    words = [kind.__name__ for kind in (*get_args(Outcome), *get_args(RefundOutcome))]
    words += [field.name for field in msgspec.structs.fields(Capabilities)]
    assert [word for word in words if f"`{word}`" not in guide] == []


def test_every_error_is_documented() -> None:
    """Each exception galla raises has its row in docs/errors.md."""
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    kinds = [name for name, kind in vars(errors).items() if isinstance(kind, type)]
    assert [name for name in kinds if f"| `{name}` |" not in page] == []


def test_every_dependency_has_its_reason() -> None:
    """The README gives a reason for each dependency, and for nothing that is not one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["server"]]
    names = {re.split(r"[\[<>=;]", text)[0] for text in listed}
    section = (
        (ROOT / "README.md").read_text(encoding="utf-8").split("## What it stands on")[1].split("\n## ")[0]
    )
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == names


@pytest.mark.parametrize("decision", DECISIONS, ids=name_of)
def test_decisions_are_short_and_enforced(decision: Path) -> None:
    """A decision fits on a screen, has its four parts, and its last line names a test that exists."""
    lines = decision.read_text(encoding="utf-8").splitlines()
    heads = [line[3:] for line in lines if line.startswith("## ")]
    named = _LINK.findall(lines[-1])
    assert len(lines) <= LONGEST_DECISION
    assert heads == ["Context", "Decision", "Consequences", "Alternatives"]
    assert lines[-1].startswith("Enforced by ")
    assert named
    assert all((decision.parent / name).resolve().is_file() for name in named)


def test_every_guarantee_is_held_by_a_test() -> None:
    """Each guarantee of the README leads to at least one test file."""
    section = (
        (ROOT / "README.md").read_text(encoding="utf-8").split("## What it guarantees")[1].split("\n## ")[0]
    )
    guarantees = section.split("\n- ")[1:]
    assert guarantees
    assert [text for text in guarantees if "](tests/" not in text] == []


def test_every_page_is_on_the_map() -> None:
    """docs/README.md leads to every page of docs/, directly or through one of its pages."""
    reached = {DOCS / "README.md"}
    waiting = [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            path = (page.parent / target.partition("#")[0]).resolve()
            if path.suffix == ".md" and DOCS in path.parents and path not in reached:
                reached.add(path)
                waiting.append(path)
    assert sorted(set(DOCS.rglob("*.md")) - reached) == []
