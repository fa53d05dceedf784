"""Every page of the application in a real Chromium, in each language, light and dark: axe finds nothing to mend.

Nor does the browser: no page asks anybody else for anything, and the policy has nothing to report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, async_playwright

from galla.web.language import COOKIE, LANGUAGES
from tests.axe import bring_axe, wrong_colours_of, wrong_with
from tests.browser import ARGUMENTS, find
from tests.web.furnished import FACES, furnish, pages_of
from tests.web.upi_shop import open_upi_shop

Scheme = Literal["light", "dark"]
SCHEMES: dict[str, Scheme] = {"en": "light", "hi": "dark"}
OTHER: dict[Scheme, Scheme] = {"light": "dark", "dark": "light"}
STILL = 0.01  # of a page that moves after its first paint; up to 0.1 is held to be good
SHIFTED = """new Promise((done) => {
  let sum = 0;
  const add = (list) => list.getEntries().forEach((each) => { sum += each.hadRecentInput ? 0 : each.value; });
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 50);
})"""
UNFOLDED = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"


async def looked_at(page: Page, address: str, language: str) -> list[str]:
    """Open an address with everything on it unfolded; return what is wrong, unless it speaks no such language."""
    answer = await page.goto(address)
    assert answer is not None
    if answer.status >= 500:
        return [f"{address} answers {answer.status}"]
    if not (await page.locator("html").get_attribute("lang") or "").startswith(language):
        return []
    shifted = await page.evaluate(SHIFTED)
    await page.evaluate(UNFOLDED)
    found = [*await wrong_with(page), *([f"shifts by {shifted:.3f}"] if shifted > STILL else [])]
    if address.startswith("/counter"):
        await page.emulate_media(color_scheme=OTHER[SCHEMES[language]])
        found += await wrong_colours_of(page)
        await page.emulate_media(color_scheme=SCHEMES[language])
    return [f"{address} in {language}: {wrong}" for wrong in found]


def watch(page: Page, origin: str) -> list[str]:
    """Return the list into which goes what the policy reports, and what is asked of anybody else."""
    heard: list[str] = []
    page.on("console", lambda said: heard.append(said.text) if "Content Security" in said.text else None)
    page.on("request", lambda asked: None if asked.url.startswith((origin, "data:")) else heard.append(asked.url))
    return heard


@pytest.mark.timeout(600)
async def test_axe_finds_nothing_on_any_page(tmp_path: Path) -> None:
    """Whatever route answers with a page is found by asking it, and axe looks at each: English by day, Hindi by night.

    The counter and its panel, where words are tight and colours many, are looked at by day and night in both. No page
    moves after its first paint.
    """
    async with open_upi_shop(f"sqlite:///{tmp_path / 'galla.db'}") as shop, async_playwright() as playwright:
        made = await furnish(shop)
        faces = [(made.filled(path), who) for who, path in FACES]
        looks = [*await pages_of(shop, made), *faces]
        chromium = await playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        wrong: list[str] = []
        for role in (None, *made.sessions):
            context = await chromium.new_context(base_url=shop.url, viewport={"width": 1366, "height": 768})
            await bring_axe(context)
            if role is not None:
                await context.add_cookies([{"name": "galla", "value": made.sessions[role].token, "url": shop.url}])
            page = await context.new_page()
            heard = watch(page, shop.url)
            for language in SCHEMES:
                await context.add_cookies([{"name": COOKIE, "value": language, "url": shop.url}])
                await page.emulate_media(color_scheme=SCHEMES[language])
                for address in [address for address, who in looks if who == role]:
                    wrong += await looked_at(page, address, language)
            wrong += heard
        await chromium.close()
    assert wrong == []
    assert set(SCHEMES) == set(LANGUAGES)
