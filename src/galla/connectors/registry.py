"""Which connectors there are: galla's own, and those of any installed package.

A package adds one through the entry point group `galla.connectors`: a callable without arguments that returns a
`Connector`. No connector is imported before the registry is asked.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from galla.connectors.amount import AmountForm
from galla.connectors.cash import CashConnector
from galla.connectors.connector import Capabilities, Connector, Refunder
from galla.connectors.edc import EdcConnector
from galla.connectors.queue import QueueConnector
from galla.connectors.upi import UpiConnector
from galla.errors import ConfigError

GROUP = "galla.connectors"
_METHOD = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


def connectors() -> dict[str, Connector]:
    """Return every connector by the method it serves.

    Raises:
        ConfigError: two connectors claim the same method, or an entry point cannot be loaded or gives no connector.
    """
    found: dict[str, Connector] = {}
    for connector in (*own(), *_from_outside()):
        for method in sorted(connector.capabilities.methods):
            if method in found:
                raise ConfigError(
                    f"Two connectors offer the method `{method}`: {found[method].capabilities.name} and "
                    f"{connector.capabilities.name}. Uninstall one of them."
                )
            found[method] = connector
    return found


def own() -> list[Connector]:
    """Return the connectors that galla brings, in the order they are shown."""
    return [EdcConnector(), QueueConnector(), UpiConnector(), CashConnector()]


def _from_outside() -> list[Connector]:
    out: list[Connector] = []
    for entry in _installed(tuple(sys.path)):
        try:
            made: Connector = entry.load()()
        except Exception as error:
            raise ConfigError(
                f"The connector `{entry.name}` of {entry.value} cannot be loaded: {error}. Correct or uninstall it."
            ) from error
        if says := _fault(made):
            raise ConfigError(f"The connector `{entry.name}` of {entry.value} {says}. Correct or uninstall it.")
        out.append(made)
    return out


@cache
def _installed(path: tuple[str, ...]) -> list[EntryPoint]:
    """Return the entry points to be found on a path, by name: a look into every package, so only once for each."""
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _fault(made: object) -> str | None:
    """What keeps a thing from being a connector, if anything."""
    powers = getattr(made, "capabilities", None)
    if not isinstance(powers, Capabilities):
        return "has no `capabilities`"
    if not callable(getattr(made, "begin", None)) or not callable(getattr(made, "inquire", None)):
        return "needs the methods `begin` and `inquire`"
    if not powers.methods or not all(_METHOD.fullmatch(method) for method in powers.methods):
        return "must name its methods in small letters, digits and _"
    if "INR" not in powers.currencies or not isinstance(powers.amounts, AmountForm):
        return "must take INR and say how it writes amounts"
    if powers.can_refund and not isinstance(made, Refunder):
        return "says that it can refund, and has no `begin_refund` and `inquire_refund`"
    return None
