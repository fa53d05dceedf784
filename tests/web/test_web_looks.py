"""What the pages are made of: vendored files as they came, small, legible, and nothing written into the markup."""

import hashlib
import re
from pathlib import Path

import pytest

from galla.web.pages.page import WEB

STATIC = WEB / "static"
TEMPLATES = sorted((WEB / "templates").glob("*.html"))


def test_vendored_files_are_what_their_makers_published() -> None:
    """Each file in vendor/ is listed with the sum of what npm gave."""
    listed = dict(re.findall(r"\| (\S+) \| \S+ \| ([0-9a-f]{64}) \|", (STATIC / "vendor/VENDOR.md").read_text()))
    files = {path.name for path in (STATIC / "vendor").iterdir()} - {"VENDOR.md"}
    assert files == set(listed)
    for name, digest in listed.items():
        assert digest == hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest()


def test_styles_and_scripts_are_small() -> None:
    """All that a browser loads stays below 120 kB, before compression."""
    loaded = [path for path in STATIC.rglob("*") if path.suffix in (".css", ".js")]
    assert sum(path.stat().st_size for path in loaded) <= 120_000


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_markup_carries_no_style_no_script_no_unescaped_value(path: Path) -> None:
    """No inline style, script or handler, no `safe` filter, nothing from another origin."""
    text = path.read_text()
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|hx-on|\|\s*safe", text)
    assert not re.search(r"(src|href|action|formaction|data|hx-[\w:-]+)\s*=\s*[\"']?\s*(https?:)?//", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)


def test_only_the_tokens_name_a_colour() -> None:
    """The style sheets take every colour from tokens.css."""
    for path in set(STATIC.glob("*.css")) - {STATIC / "tokens.css"}:
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", text) == [], path.name


def tokens() -> dict[str, dict[str, str]]:
    """Return the colours of both schemes."""
    light, _, dark = (STATIC / "tokens.css").read_text().partition("@media")
    first = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return {"light": first, "dark": {**first, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark))}}


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast of two colours."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_is_legible(scheme: str) -> None:
    """Ink on paper 7:1, states on their tint 7:1, buttons and quiet text 4.5:1, outlines 3:1, light and dark."""
    colour = tokens()[scheme]
    for ink, paper, least in (
        ("ink", "paper", 7.0),
        ("ink", "sheet", 7.0),
        ("ink-quiet", "paper", 4.5),
        ("ink-quiet", "sheet", 4.5),
        ("on-accent", "accent", 4.5),
        ("on-accent", "accent-over", 4.5),
        ("accent", "sheet", 4.5),
        ("line-strong", "sheet", 3.0),
        ("focus", "sheet", 3.0),
        *((f"{state}", f"{state}-soft", 7.0) for state in ("waiting", "paid", "not-paid", "checking", "person")),
        *(("ink", f"{state}-soft", 7.0) for state in ("waiting", "paid", "not-paid", "checking", "person")),
        *(("ink-quiet", f"{state}-soft", 4.5) for state in ("waiting", "paid", "not-paid", "checking", "person")),
        *(("accent", f"{state}-soft", 4.5) for state in ("waiting", "paid", "not-paid", "checking", "person")),
    ):
        assert contrast(colour[ink], colour[paper]) >= least, (ink, paper)
