"""The form of a webhook endpoint, as it is typed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from galla.web.pages.page import one

NAMES = {"url": "The address", "description": "The name", "events": "The list of events"}
"""What the service's fields are called on the form."""
_LONGEST = 1000


class EndpointForm(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint to add or to change: `events` with commas or spaces between them, none for all."""

    url: str = ""
    description: str = ""
    events: str = ""

    @classmethod
    def of(cls, endpoint: Mapping[str, Any]) -> EndpointForm:
        """Return the form of an endpoint that is there."""
        return cls(
            url=endpoint["url"], description=endpoint["description"] or "", events=", ".join(endpoint["events"])
        )

    @property
    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return {"url": self.url, "events": self.events.replace(",", " ").split(), "description": self.description}


def endpoint_form(fields: Mapping[str, list[str]]) -> EndpointForm:
    """Return the posted form."""
    return EndpointForm(**{name: one(fields, name)[:_LONGEST] for name in EndpointForm.__struct_fields__})
