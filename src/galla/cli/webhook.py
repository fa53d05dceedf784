"""`galla webhook`: add and list the systems that are told what happens, replace a secret, send again."""

from __future__ import annotations

import asyncio
from typing import Any

from galla.cli import screen

_HEADS = ("Endpoint", "Address", "Events", "State", "Waiting", "Failed")


def add(
    url: str,
    /,
    *,
    event: tuple[str, ...] = (),
    description: str | None = None,
    merchant: str | None = None,
    json: bool = False,
) -> int:
    """Add an endpoint and print its secret; it cannot be shown again.

    Args:
        url: Where to send, https.
        event: A kind of event, such as payment.paid or refund.*; give it once for each, none for all.
        description: What you call that system.
        merchant: The merchant's id or MID, when there are several.
        json: Print the endpoint as JSON, with its secret.
    """
    return asyncio.run(_add(url, list(event), description, merchant, json))


def list_all(*, merchant: str | None = None, json: bool = False) -> int:
    """List the endpoints, with what waits for each and what has failed.

    Args:
        merchant: The merchant's id or MID, when there are several.
        json: Print JSON.
    """
    return asyncio.run(_list(merchant, json))


def rotate(endpoint: str, /, *, overlap_h: int = 24, merchant: str | None = None, json: bool = False) -> int:
    """Give an endpoint a new secret and print it; it cannot be shown again.

    Args:
        endpoint: The endpoint's id, as `galla webhook list` shows it.
        overlap_h: For how many hours the secret before signs too; 0 ends it at once.
        merchant: The merchant's id or MID, when there are several.
        json: Print the endpoint as JSON, with its secret.
    """
    return asyncio.run(_rotate(endpoint, overlap_h, merchant, json))


def replay(endpoint: str, /, *, merchant: str | None = None) -> int:
    """Send again all that failed, and let what waits for its next try go now.

    Args:
        endpoint: The endpoint's id, as `galla webhook list` shows it.
        merchant: The merchant's id or MID, when there are several.
    """
    return asyncio.run(_replay(endpoint, merchant))


async def _add(url: str, events: list[str], description: str | None, merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import webhooks

    async with open_till() as till:
        principal = await principal_for(till, merchant)
        made = await webhooks.create(till, principal, url, events=events, description=description)
    return _shown(made, as_json, f"Added {made['id']}. Keep its secret now; it is not shown again.")


async def _rotate(endpoint: str, overlap_h: int, merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import webhooks

    async with open_till() as till:
        principal = await principal_for(till, merchant)
        made = await webhooks.rotate(till, principal, endpoint, overlap_h=overlap_h)
    until = made["previous_secret_until"]
    after = f"The one before signs too until {screen.clock_text(until)}." if until else "The one before signs no more."
    return _shown(made, as_json, f"A new secret for {endpoint}; it is not shown again. {after}")


def _shown(made: dict[str, Any], as_json: bool, said: str) -> int:
    if as_json:
        screen.print_json(made)
        return 0
    print(made["secret"])  # plain and alone on its line, so that it can be copied or piped
    screen.console().print(said)
    return 0


async def _list(merchant: str | None, as_json: bool) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import webhooks

    async with open_till() as till:
        found = await webhooks.find(till, await principal_for(till, merchant))
    if as_json:
        screen.print_json(found)
        return 0
    out = screen.console()
    out.print(f"{len(found)} {'endpoint' if len(found) == 1 else 'endpoints'}", style="bold")
    if found:
        screen.show_table(out, _HEADS, [_row(each) for each in found])
    else:
        out.print("Add the first: galla webhook add https://billing.example/galla")
    return 0


def _row(endpoint: dict[str, Any]) -> tuple[str, ...]:
    state = "on" if endpoint["is_enabled"] else "gone" if endpoint["disabled_reason"] == "gone" else "off"
    events = ", ".join(endpoint["events"]) or "all"
    return (endpoint["id"], endpoint["url"], events, state, str(endpoint["waiting"]), str(endpoint["failed"]))


async def _replay(endpoint: str, merchant: str | None) -> int:
    from galla.cli.local import open_till, principal_for
    from galla.service import deliveries

    async with open_till() as till:
        count = await deliveries.replay_failed(till, await principal_for(till, merchant), endpoint)
    noun = "message goes" if count == 1 else "messages go"
    screen.console().print(f"{count} {noun} out again once galla runs: galla serve", style="bold")
    return 0
