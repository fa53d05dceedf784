"""Mutants: one small mistake at a time is put into the code on which money hangs, and a test must notice each.

A mistake is a changed comparison, sum, number, text, truth, condition or returned value, or a statement left out. Each
is tried in a forked process of its own, in which the module is compiled with it before anything imports it; its own
quick tests run there, and end at the first that fails. What no test notices survives. A survivor that changes nothing
anybody could see is listed in `equivalent.toml` with the reason; any other is a hole in the tests.
"""

from __future__ import annotations

import ast
import copy
import os
import signal
import sys
import time
import tomllib
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from typing import Any

import msgspec

from reliability.record import FOLDER, Record, count, exactly, facts, keep

ROOT = FOLDER.parent
TIMEOUT_S = 60
LONGEST = 110

TARGETS: dict[str, tuple[str, ...]] = {
    "galla.money": ("tests/test_money.py",),
    "galla.protocol.checksum": ("tests/protocol/test_checksum.py", "tests/protocol/test_checksum_malformed.py"),
    "galla.payments.machine": ("tests/payments/test_machine_steps.py", "tests/payments/test_payments_machine.py"),
    "galla.payments.giving_back": ("tests/payments/test_giving_back.py",),
}
"""Each module and the tests that must notice every mistake in it."""

FAULTS = "comparisons, sums, numbers, texts, truths, conditions changed; values not returned; calls left out"
SLOW = "not million and not seconds"
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


class Mutant(msgspec.Struct, frozen=True):
    """One mistake: the line, how it reads, what stands there with the mistake, and the whole module with it."""

    line: int
    place: str
    text: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(source)
    unread = _annotations(tree)
    for number, node in enumerate(ast.walk(tree)):
        for choice in range(0 if id(node) in unread else _choices(node, _is_docstring(node))):
            other = copy.deepcopy(tree)
            changed = next(each for place, each in enumerate(ast.walk(other)) if place == number)
            _change(changed, choice)
            text = ast.unparse(changed).splitlines()
            line = getattr(node, "lineno", 0)
            place = source.splitlines()[line - 1].strip() if line else ""
            yield Mutant(line, place, (text[0] if text else "")[:LONGEST], ast.unparse(other))


def _choices(node: ast.AST, is_docstring: bool) -> int:
    match node:
        case ast.Compare(ops=ops) if type(ops[0]) in _SWAPS:
            return len(ops)
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return 1
        case ast.BinOp(op=op) if type(op) in _SWAPS:
            return 1
        case ast.Constant(value=bool()):
            return 1
        case ast.Constant(value=int()):
            return 2
        case ast.Constant(value=str(text)) if text and not is_docstring:
            return 1
        case ast.If() | ast.IfExp():
            return 1
        case ast.Return(value=value) if value is not None and not _is_none(value):
            return 1
        case ast.Raise() | ast.Expr(value=ast.Call()) | ast.AugAssign():
            return 1
        case _:
            return 0


def _change(node: Any, choice: int) -> None:
    match node:
        case ast.Compare():
            node.ops[choice] = _SWAPS[type(node.ops[choice])]()
        case ast.BoolOp() | ast.BinOp():
            node.op = _SWAPS[type(node.op)]()
        case ast.UnaryOp():
            node.op = ast.Not()
            node.operand = ast.UnaryOp(op=ast.Not(), operand=node.operand)
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int()):
            node.value += (1, -1)[choice]
        case ast.Constant():
            node.value = f"XX{node.value}"
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
        case ast.Return():
            node.value = ast.Constant(value=None)
        case _:
            kept = {"lineno": node.lineno, "col_offset": node.col_offset}
            node.__class__ = ast.Pass
            node.__dict__ = kept


def _is_none(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _annotations(tree: ast.AST) -> set[int]:
    """Return what stands in annotations of functions and variables: only type checkers read it there.

    The fields of a class are another matter, since msgspec reads their types.
    """
    places: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            places.append(node.returns)
        if isinstance(node, ast.arg):
            places.append(node.annotation)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            places += [each.annotation for each in node.body if isinstance(each, ast.AnnAssign)]
    return {id(each) for place in places if place is not None for each in ast.walk(place)}


def _is_docstring(node: ast.AST) -> bool:
    """Return whether a text is only read by people: a docstring, or words of a message."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    return " " in node.value or "\n" in node.value or not node.value.strip()


class _PlainFirst:
    """Lets the tests of one example go before those of hundreds, and spares a mistake found its simplest form."""

    @staticmethod
    def pytest_collection_modifyitems(items: list[Any]) -> None:
        """Put the tests of many examples last."""
        items.sort(key=lambda item: hasattr(item.obj, "hypothesis"))


class _Changed(MetaPathFinder):
    """Finds one module in its changed form."""

    def __init__(self, name: str, source: str, path: Path) -> None:
        self._name, self._source, self._path = name, source, path

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the changed module; leave all others to whoever finds them."""
        return spec_from_loader(name, self, origin=str(self._path)) if name == self._name else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Let the usual module be made."""

    def exec_module(self, module: Any) -> None:
        """Run the changed source in it."""
        module.__file__ = str(self._path)
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)  # noqa: S102 - that is what it is for


def survives(name: str, path: Path, mutant: Mutant, tests: tuple[str, ...]) -> bool:
    """Run a module's tests on a mutant in a process of its own; return whether all pass."""
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        signal.alarm(TIMEOUT_S)
        code: int = 1
        try:
            import pytest

            for known in [each for each in sys.modules if each.partition(".")[0] == "galla"]:
                del sys.modules[known]
            sys.meta_path.insert(0, _Changed(name, mutant.source, path))
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            words = ["-x", "-q", "-c", os.devnull, "--rootdir", str(ROOT), "--import-mode=importlib", "--noconftest"]
            words += ["-p", "no:cacheprovider", "--assert=plain", "-k", SLOW, "-W", "error"]
            words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is loaded before the fork
            code = int(pytest.main([*words, *tests], plugins=[_PlainFirst()]))
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status == 0


def run(names: list[str]) -> dict[str, list[str]]:
    """Try every mutant of the named modules; return the survivors of each that nobody has explained."""
    import hypothesis  # loaded once, before the forks
    import pytest  # noqa: F401

    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutants", phases=phases, database=None)
    hypothesis.settings.load_profile("mutants")

    machine = facts()
    known = tomllib.loads((FOLDER / "equivalent.toml").read_text(encoding="utf-8"))
    left: dict[str, list[str]] = {}
    for name in names:
        excused = {(each["line"], text) for each in known.get(name, []) for text in each["mutants"]}
        tried, alive = _survivors(name, excused)
        left[name] = [f"{name}:{each.line} {each.text}" for each in alive if (each.place, each.text) not in excused]
        record = Record(
            title=f"Mutants of {name.removeprefix('galla.')}",
            how=str(__doc__).split("\n\n")[1].replace("\n", " ").strip(),
            command=f"python -m reliability mutants {name}",
            seeds="none: every mutant is tried",
            machine=machine,
            faults=[FAULTS],
            figures=[
                count("mutants", tried),
                count("of them equivalent, with a reason", len(alive) - len(left[name])),
                exactly("survivors", len(left[name])),
            ],
            violations=left[name],
        )
        keep("mutants", name, record)
    return left


def _survivors(name: str, excused: set[tuple[str, str]]) -> tuple[int, list[Mutant]]:
    """Try every mutant of a module; return how many there are, and those that its tests pass."""
    path = ROOT / "src" / Path(*name.split(".")).with_suffix(".py")
    source = path.read_text(encoding="utf-8")
    everything = list(mutants(source))
    if not survives(name, path, Mutant(0, "", "", source), TARGETS[name]):
        raise RuntimeError(f"The tests of {name} fail without any mistake in it.")
    alive, told = [], 0.0
    for number, mutant in enumerate(everything, 1):
        if survives(name, path, mutant, TARGETS[name]):
            alive.append(mutant)
            if (mutant.place, mutant.text) not in excused:
                print(f"{name}:{mutant.line} survives: {mutant.text}   in   {mutant.place}", flush=True)
        if time.monotonic() - told > 1:
            told = time.monotonic()
            print(f"{name}: {number}/{len(everything)} · {len(alive)} survive", flush=True)
    return len(everything), alive
