"""axe-core looks at a page as it stands, by the rules of WCAG 2.2 AA. It is kept in `web/vendor`.

A page is looked at in light by every rule, and in dark by the rule that colours can break.
"""

import json
from pathlib import Path
from typing import Any

from playwright.async_api import Page
from playwright.sync_api import Page as SyncPage

AXE = Path(__file__).parent / "web" / "vendor" / "axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def _run(rules: dict[str, Any]) -> str:
    return f"() => axe.run(document, {json.dumps({'runOnly': rules, 'resultTypes': ['violations']})})"


ALL = _run({"type": "tag", "values": TAGS})
COLOURS = _run({"type": "rule", "values": ["color-contrast"]})


async def check_accessible(page: Page) -> None:
    """Fail with what axe finds on a page in light or in dark."""
    await page.evaluate(AXE.read_text())
    await page.emulate_media(color_scheme="dark")
    _judge(f"{page.url} in dark", await page.evaluate(COLOURS))
    await page.emulate_media(color_scheme="light")
    _judge(page.url, await page.evaluate(ALL))


def check_accessible_sync(page: SyncPage) -> None:
    """Fail with what axe finds on a page of the sync driver, in light or in dark."""
    page.evaluate(AXE.read_text())
    page.emulate_media(color_scheme="dark")
    _judge(f"{page.url} in dark", page.evaluate(COLOURS))
    page.emulate_media(color_scheme="light")
    _judge(page.url, page.evaluate(ALL))


def _judge(where: str, found: dict[str, Any]) -> None:
    wrong = [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]
    if wrong:
        raise AssertionError("\n".join([where, *wrong]))
