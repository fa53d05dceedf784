"""Connectors of other packages: found by their entry point, and refused with a sentence when they are none."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from galla.connectors.registry import connectors, own
from galla.errors import ConfigError

WHOLE = """
    from galla.connectors.amount import PAISE_TEXT
    from galla.connectors.connector import Capabilities

    class Made:
        capabilities = Capabilities(name="made", methods=frozenset(METHODS), amounts=PAISE_TEXT{MORE})
        def begin(self, payment, account, now): yield
        def inquire(self, payment, account, now): yield
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, name: str) -> None:
    """Put a package on the path whose entry point is `Made` of this code."""
    (folder / f"{name}.py").write_text(textwrap.dedent(code))
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[galla.connectors]\n{name} = {name}:Made\n")
    monkeypatch.syspath_prepend(str(folder))


def whole(methods: str, more: str = "") -> str:
    """Return the code of a whole connector."""
    return WHOLE.replace("METHODS", methods).replace("{MORE}", more)


def test_gallas_own_are_always_there() -> None:
    """Every method of galla's own connectors has its connector."""
    found = connectors()
    for connector in own():
        for method in connector.capabilities.methods:
            assert found[method].capabilities.name == connector.capabilities.name


def test_a_package_adds_its_methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is on the path adds each of its methods, beside galla's own."""
    install(tmp_path, monkeypatch, whole('{"made_link", "made_qr"}'), "made_whole")
    found = connectors()
    assert found["made_link"] is found["made_qr"]
    assert found["made_link"].capabilities.name == "made"
    assert "edc" in found


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (whole('{"edc"}'), "Two connectors offer the method `edc`: paytm-edc and made"),
        ("import nothing_of_that_name", "cannot be loaded: No module named 'nothing_of_that_name'"),
        ("Other = 1", "cannot be loaded"),
        ("def Made(): raise RuntimeError('MADE_URL is missing')", "cannot be loaded: MADE_URL is missing"),
        ("def Made(): return None", "has no `capabilities`"),
        ("class Made:\n  capabilities = {'name': 'made'}", "has no `capabilities`"),
        (whole('{"made"}').replace("def inquire", "def ask"), "needs the methods `begin` and `inquire`"),
        (whole("()"), "must name its methods"),
        (whole('{"Made Up"}'), "must name its methods"),
        (whole('{"made"}', ', currencies=frozenset({"USD"})'), "must take INR"),
        (whole('{"made"}').replace("PAISE_TEXT)", "str)"), "must take INR and say how it writes amounts"),
        (whole('{"made"}', ", can_refund=True"), "says that it can refund"),
    ],
)
def test_what_is_no_connector_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, code: str, says: str
) -> None:
    """A package whose connector cannot work stops galla before it takes money, and the message says what is wrong."""
    install(tmp_path, monkeypatch, code, f"made_{abs(hash(request.node.name))}")
    with pytest.raises(ConfigError) as caught:
        connectors()
    assert says in str(caught.value)
    assert "ninstall" in str(caught.value)
