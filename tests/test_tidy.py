"""The habits that keep galla small and replayable, each checked over the whole tree."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "galla"

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
NAMES_THAT_SAY_NOTHING = {"utils", "helpers", "common", "base", "manager", "misc"}

# Only clock.py and ids.py may ask the machine for these: whatever else does cannot be replayed from a seed.
TIME_AND_CHANCE = re.compile(
    r"datetime\.(datetime\.(now|utcnow|today)|date\.today)|time\.(time|monotonic|localtime|gmtime)(_ns)?"
    r"|uuid\.uuid[1-8]|os\.(urandom|getrandom)|(random|secrets)(\..*)?"
)
SOURCES_OF_TIME_AND_CHANCE = {PACKAGE / "clock.py", PACKAGE / "ids.py"}

# Spelled so that this file does not find itself.
NOT_FOR_A_COMMIT = re.compile(
    r"py[p]i\.org|python[h]osted|registry\.n[p]mjs|deb\.de[b]ian|/wor[k]/(main|shared|\.library)|/far[m]/|/op[t]/pypi"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def test_no_file_is_long() -> None:
    """Every source file can be read in one sitting: at most 400 lines."""
    sources = (path for path in committed(PACKAGE) if path.suffix in {".py", ".html", ".css", ".js"})
    sizes = {path: len(path.read_text().splitlines()) for path in sources}
    none_of(f"{short(path)}: {size} lines" for path, size in sizes.items() if size > LONGEST_FILE)


def test_no_function_is_long() -> None:
    """Every function fits on a screen: at most 60 lines."""
    none_of(
        f"{short(path)}:{node.lineno} {node.name}: {size} lines"
        for path, node in functions(PACKAGE)
        if (size := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    )


def test_names_say_something() -> None:
    """No module or folder has a name that would fit any code at all."""
    modules = (path.relative_to(PACKAGE) for path in python(PACKAGE))
    none_of(str(path) for path in modules if NAMES_THAT_SAY_NOTHING & {*path.parts, path.stem})


def test_time_and_chance_have_one_source() -> None:
    """Only clock.py and ids.py read a clock or draw at random, so that any run replays from its seed."""
    none_of(
        f"{short(path)}:{line} {name}"
        for path in python(PACKAGE)
        if path not in SOURCES_OF_TIME_AND_CHANCE
        for line, name in names_used(tree(path))
        if TIME_AND_CHANCE.fullmatch(name)
    )


def test_money_is_never_a_float() -> None:
    """Where paise are counted there is no float literal and no call of float()."""
    counted = [PACKAGE / "money.py", PACKAGE / "ledger", PACKAGE / "payments"]
    seconds = PACKAGE / "payments" / "ladder.py"  # it counts time, and no money
    none_of(
        f"{short(path)}:{node.lineno} {ast.unparse(node)}"
        for place in counted
        for path in python(place)
        if path != seconds
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float")
    )


def test_no_file_names_a_registry_or_a_machine() -> None:
    """Nothing committed names a package registry's host or a path of the machine it was written on."""
    none_of(
        f"{short(path)}:{text.count(chr(10), 0, found.start()) + 1} {found.group()}"
        for path, text in texts()
        for found in NOT_FOR_A_COMMIT.finditer(text)
    )


def test_every_test_states_its_promise() -> None:
    """Each test's docstring says in a sentence what it promises."""
    tests = ((path, node) for path, node in functions(ROOT / "tests") if node.name.startswith("test_"))
    none_of(f"{short(path)}:{node.lineno} {node.name}" for path, node in tests if not ast.get_docstring(node))


def test_every_module_says_what_it_is() -> None:
    """Each module opens with a docstring."""
    none_of(short(path) for path in python(PACKAGE) if not ast.get_docstring(tree(path)))


def test_everything_public_is_described() -> None:
    """Each public class and function of a module has a docstring."""
    none_of(
        f"{short(path)}:{node.lineno} {node.name}"
        for path in python(PACKAGE)
        for node in tree(path).body
        if isinstance(node, Definition) and not node.name.startswith("_") and not ast.get_docstring(node)
    )


def test_nothing_is_left_for_later() -> None:
    """No source file holds a note to finish it, or a method that only says it is not there."""
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    none_of(
        f"{short(path)}:{number} {line.strip()}"
        for path in python(PACKAGE)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if unfinished.search(line)
    )


def test_nothing_is_mocked_by_its_path() -> None:
    """No test replaces code by a string path: the counterpart is the sandbox, and the database is real."""
    none_of(
        f"{short(path)}:{node.lineno} {ast.unparse(node.func)}({ast.unparse(node.args[0])}, …)"
        for path in python(ROOT / "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and re.search(r"(^|\.)patch$|^monkeypatch\.setattr$", ast.unparse(node.func))
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    )


def none_of(offenders: Iterator[str]) -> None:
    """Fail with the places, one a line, if there are any."""
    if found := sorted(offenders):
        pytest.fail(f"{len(found)} to mend:\n  " + "\n  ".join(found), pytrace=False)


@cache
def committed(place: Path = ROOT) -> list[Path]:
    """Return the files of a place that are in git or about to be, less what others wrote (vendor/)."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", str(place)]
    names = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = (ROOT / name for name in names if name and "vendor" not in Path(name).parts)
    return sorted(path for path in paths if path.is_file())


def python(place: Path) -> list[Path]:
    """Return the Python files of a place."""
    return [path for path in committed(place) if path.suffix == ".py"]


def texts() -> Iterator[tuple[Path, str]]:
    """Yield each committed file that is text."""
    for path in committed():
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue


@cache
def tree(path: Path) -> ast.Module:
    """Return a Python file's syntax tree."""
    return ast.parse(path.read_text())


def functions(place: Path) -> Iterator[tuple[Path, Function]]:
    """Yield every function of a place, methods and inner ones too."""
    for path in python(place):
        for node in ast.walk(tree(path)):
            if isinstance(node, Function):
                yield path, node


def names_used(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the full dotted names, aliases undone, of what a module imports and of what it uses of that."""
    imported: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            parent = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                imported[alias.asname or alias.name] = parent + alias.name
                yield node.lineno, parent + alias.name
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"[\w.]+", dotted := ast.unparse(node)):
            first, _, rest = dotted.partition(".")
            if first in imported:
                yield node.lineno, f"{imported[first]}.{rest}"


def short(path: Path) -> str:
    """Return a path as one would type it."""
    return str(path.relative_to(ROOT))
