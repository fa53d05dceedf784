"""`galla user`: add, list and change the people who sign in by name. A password is asked for, never an argument."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import Any, Literal

from galla.cli import screen
from galla.errors import InvalidField

Role = Literal["cashier", "lead", "accountant", "admin"]
_HEADS = ("Sign-in name", "Name", "Role", "Branch", "State", "Signed in")


def add(
    name: str,
    /,
    *,
    role: Role,
    display_name: str | None = None,
    branch: str | None = None,
    merchant: str | None = None,
    json: bool = False,
) -> int:
    """Add a user. The password is asked for, or read from the input when that is not a terminal.

    Args:
        name: What they type to sign in; no spaces.
        role: What they may do: cashier, lead, accountant or admin.
        display_name: The name the others see; the sign-in name when it is left out.
        branch: Where they work, when there are several branches.
        merchant: The merchant's id or MID, when there are several.
        json: Print the user as JSON.
    """
    values = {"name": name, "display_name": display_name or name, "role": role, "branch": branch}
    return asyncio.run(_add(values, merchant, json))


def list_all(*, merchant: str | None = None, json: bool = False) -> int:
    """List the users, disabled ones last.

    Args:
        merchant: The merchant's id or MID, when there are several.
        json: Print JSON.
    """
    return asyncio.run(_list(merchant, json))


def password(name: str, /, *, merchant: str | None = None) -> int:
    """Give a user a new password, and sign them out everywhere. It is asked for, or read from the input.

    Args:
        name: The sign-in name, or the id.
        merchant: The merchant's id or MID, when there are several.
    """
    return asyncio.run(_password(name, merchant))


def disable(name: str, /, *, merchant: str | None = None) -> int:
    """Keep a user out: every session of theirs ends at once. What they did stays theirs.

    Args:
        name: The sign-in name, or the id.
        merchant: The merchant's id or MID, when there are several.
    """
    said = "{display_name} is disabled, and signed out everywhere."
    return asyncio.run(_change(name, merchant, said, is_active=False))


def enable(name: str, /, *, merchant: str | None = None) -> int:
    """Let a disabled user in again, with the password they had.

    Args:
        name: The sign-in name, or the id.
        merchant: The merchant's id or MID, when there are several.
    """
    return asyncio.run(_change(name, merchant, "{display_name} may sign in again.", is_active=True))


def role(name: str, role: Role, /, *, merchant: str | None = None) -> int:
    """Give a user another role, and sign them out everywhere.

    Args:
        name: The sign-in name, or the id.
        role: cashier, lead, accountant or admin.
        merchant: The merchant's id or MID, when there are several.
    """
    return asyncio.run(_change(name, merchant, "{display_name} now has the role {role}.", role=role))


async def _add(values: dict[str, Any], merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import people

    typed = _ask()
    async with open_till() as till:
        new = people.NewUser(password=typed, **values)
        user = await people.add(till, await principal_for(till, merchant), new)
    if as_json:
        screen.print_json(user)
        return 0
    screen.console().print(f"Added {user['display_name']}, who signs in as {user['name']}", style="bold")
    return 0


async def _list(merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import people

    async with open_till() as till:
        found = await people.find(till, await principal_for(till, merchant))
    if as_json:
        screen.print_json(found)
        return 0
    out = screen.console()
    out.print(f"{len(found)} {'user' if len(found) == 1 else 'users'}", style="bold")
    if found:
        rows = [
            (
                user["name"],
                user["display_name"],
                user["role"],
                user["branch"] or "",
                "disabled" if not user["is_active"] else "in force" if user["has_password"] else "no password yet",
                screen.clock_text(user["signed_in_at"]),
            )
            for user in found
        ]
        screen.show_table(out, _HEADS, rows)
    else:
        out.print("Add the first: galla user add rao --role admin --display-name 'Dr. Rao'")
    return 0


async def _password(name: str, merchant: str | None) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import people

    typed = _ask()
    async with open_till() as till:
        await people.set_password(till, await principal_for(till, merchant), name, typed)
    screen.console().print(f"{name} has a new password, and is signed out everywhere.", style="bold")
    return 0


async def _change(name: str, merchant: str | None, said: str, **changes: Any) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import people

    async with open_till() as till:
        user = await people.change(till, await principal_for(till, merchant), name, **changes)
    screen.console().print(said.format(**user), style="bold")
    return 0


def _ask() -> str:
    """Return a new password: typed twice at a terminal, one line of the input otherwise."""
    if not sys.stdin.isatty():
        typed = sys.stdin.readline().rstrip("\r\n")
    else:
        typed = getpass.getpass("New password: ")
        if typed != getpass.getpass("Once more: "):
            raise InvalidField("The two passwords are not the same; nothing was changed.", param="password")
    if not typed:
        raise InvalidField(
            "The password is needed: type it when asked, or send it on the input.", param="password"
        )
    return typed
