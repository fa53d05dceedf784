"""`galla audit`: is the audit trail whole?"""

from __future__ import annotations

import asyncio

from galla.cli import screen
from galla.cli.ending import Exit


def verify(*, json: bool = False) -> int:
    """Check that each audit row still carries the hash of the one before it. The exit code is 1 if not.

    Args:
        json: Print JSON.
    """
    return asyncio.run(_verify(json))


async def _verify(as_json: bool) -> int:
    from galla.cli.local import open_till
    from galla.service import audit

    async with open_till() as till:
        found = await audit.verify(till)
    first_bad = found["first_bad"]
    if as_json:
        screen.print_json(found)
    else:
        out = screen.console()
        if first_bad is None:
            out.print(f"The audit trail is whole: {found['rows']} rows checked", style="bold green")
        else:
            where = f"row {first_bad['position']} of merchant {first_bad['merchant']}"
            out.print(f"The audit trail is broken at {where}", style="bold red")
            out.print(f"{found['rows']} rows were checked. Copy the database before anything else is done.")
    return Exit.OK if first_bad is None else Exit.UNEXPECTED
