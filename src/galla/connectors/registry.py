"""Which connectors there are: galla's own, and those of any installed package.

A package adds one through the entry point group `galla.connectors`: a callable without arguments that returns a
`Connector`. No connector is imported before the registry is asked.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from galla.connectors.connector import Connector
from galla.connectors.edc import EdcConnector
from galla.connectors.upi import UpiConnector
from galla.errors import ConfigError

GROUP = "galla.connectors"


def connectors() -> dict[str, Connector]:
    """Return every connector by the method it serves.

    Raises:
        ConfigError: two connectors claim the same method, or an entry point cannot be loaded.
    """
    found: dict[str, Connector] = {}
    own: list[Connector] = [EdcConnector(), UpiConnector()]
    for connector in (*own, *_from_outside()):
        for method in sorted(connector.capabilities.methods):
            if method in found:
                raise ConfigError(
                    f"Two connectors offer the method `{method}`: {found[method].capabilities.name} and "
                    f"{connector.capabilities.name}. Uninstall one of them."
                )
            found[method] = connector
    return found


def _from_outside() -> list[Connector]:
    out: list[Connector] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            made: Connector = entry.load()()
        except Exception as error:
            raise ConfigError(
                f"The connector `{entry.name}` of {entry.value} cannot be loaded: {error}. Correct or uninstall it."
            ) from error
        out.append(made)
    return out
