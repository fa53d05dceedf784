"""axe-core looks at a page as it stands, by the rules of WCAG 2.2 AA. It is kept in `web/vendor`.

A page is looked at in light by every rule, and in dark by the rule that colours can break.
"""

import json
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page
from playwright.sync_api import Page as SyncPage

AXE = Path(__file__).parent / "web" / "vendor" / "axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
IS_THERE = "'axe' in window"
_LOOK = """async () => {
    const found = await axe.run(document, %s);
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}"""


def _run(rules: dict[str, Any]) -> str:
    asked = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}  # no page has sound or film
    return _LOOK % json.dumps(asked)


ALL = _run({"type": "tag", "values": TAGS})
COLOURS = _run({"type": "rule", "values": ["color-contrast"]})


async def bring_axe(context: BrowserContext) -> None:
    """Let each page of a context have axe from its beginning, which is quicker where many are looked at."""
    await context.add_init_script(path=AXE)


async def check_accessible(page: Page) -> None:
    """Fail with what axe finds on a page in light or in dark."""
    await _bring(page)
    await page.emulate_media(color_scheme="dark")
    _judge(f"{page.url} in dark", await page.evaluate(COLOURS))
    await page.emulate_media(color_scheme="light")
    _judge(page.url, await page.evaluate(ALL))


async def wrong_with(page: Page) -> list[str]:
    """Return what axe finds on a page as it stands, in the colours it has now."""
    await _bring(page)
    return list(await page.evaluate(ALL))


async def wrong_colours_of(page: Page) -> list[str]:
    """Return what axe finds too pale on a page as it stands."""
    await _bring(page)
    return list(await page.evaluate(COLOURS))


async def _bring(page: Page) -> None:
    if not await page.evaluate(IS_THERE):
        await page.evaluate(AXE.read_text())


def check_accessible_sync(page: SyncPage) -> None:
    """Fail with what axe finds on a page of the sync driver, in light or in dark."""
    page.evaluate(AXE.read_text())
    page.emulate_media(color_scheme="dark")
    _judge(f"{page.url} in dark", page.evaluate(COLOURS))
    page.emulate_media(color_scheme="light")
    _judge(page.url, page.evaluate(ALL))


def _judge(where: str, wrong: list[str]) -> None:
    if wrong:
        raise AssertionError("\n".join([where, *wrong]))
