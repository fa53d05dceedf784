"""axe-core looks at a page as it stands, by the rules of WCAG 2.2 AA. It is kept in `web/vendor`."""

import json
from pathlib import Path
from typing import Any

from playwright.async_api import Page
from playwright.sync_api import Page as SyncPage

AXE = Path(__file__).parent / "web" / "vendor" / "axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN = f"() => axe.run(document, {{runOnly: {json.dumps(TAGS)}}})"


async def check_accessible(page: Page) -> None:
    """Fail with what axe finds on a page."""
    await page.evaluate(AXE.read_text())
    _judge(page.url, await page.evaluate(_RUN))


def check_accessible_sync(page: SyncPage) -> None:
    """Fail with what axe finds on a page of the sync driver."""
    page.evaluate(AXE.read_text())
    _judge(page.url, page.evaluate(_RUN))


def _judge(url: str, found: dict[str, Any]) -> None:
    wrong = [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]
    if wrong:
        raise AssertionError("\n".join([url, *wrong]))
