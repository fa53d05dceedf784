"""Pictures that a journey leaves behind: under `.artefacts/`, or wherever `GALLA_SHOTS` says."""

import os
from pathlib import Path

from playwright.async_api import Page

FOLDER = Path(os.environ.get("GALLA_SHOTS", ".artefacts"))


async def shoot(page: Page, journey: str, step: str) -> Path:
    """Keep a picture of the whole page as `journey/step.png`, and return where it is."""
    path = FOLDER / journey / f"{step}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=path, full_page=True)
    return path
