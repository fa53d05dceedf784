"""Which free texts the API takes, by its own document, and into which of them somebody has written a hostile one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
from fastapi import FastAPI

from galla.web.openapi import document
from tests.corpus import MARK

SHOWN_NOWHERE = frozenset({"approver", "password", "key"})
"""Credentials: compared, or kept where nobody reads them."""
NAMES_SOMETHING = frozenset({"bill", "terminal", "merchant", "customer.id", "method", "events", "vpa", "return_url"})
"""What must name a thing, a way to pay or an address: anything else is refused, in JSON."""
_PLAIN = frozenset({"enum", "const", "pattern", "format"})


def fields_of(app: FastAPI) -> set[str]:
    """Return every field of the API that takes any words, such as `POST /v1/bills lines.description`."""
    found = document(app)
    return {
        f"{method.upper()} {path} {name}"
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation and "application/json" in operation["requestBody"]["content"]
        for name in _texts(operation["requestBody"]["content"]["application/json"]["schema"], found, "")
        if name.partition(".")[0] not in SHOWN_NOWHERE and name not in NAMES_SOMETHING
    }


def _texts(schema: dict[str, Any], found: dict[str, Any], name: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = found["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("anyOf", ()):
        yield from _texts(part, found, name)
    match schema.get("type"):
        case "string" if not _PLAIN & set(schema):
            yield name
        case "array":
            yield from _texts(schema.get("items", {}), found, name)
        case "object":
            for each, part in schema.get("properties", {}).items():
                yield from _texts(part, found, f"{name}.{each}".removeprefix("."))
            if isinstance(schema.get("additionalProperties"), dict):
                yield from _texts(schema["additionalProperties"], found, f"{name}.*")


class Written:
    """Listens to a client, and notes each field in which a marked text was taken, or refused by the field's name."""

    def __init__(self, app: FastAPI) -> None:
        self.fields: set[str] = set()
        paths = sorted(document(app)["paths"], key=lambda path: path.count("{"))
        self._paths = [(path, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for path in paths]

    async def note(self, answer: httpx2.Response) -> None:
        """Note one call."""
        sent = answer.request
        if not sent.url.path.startswith("/v1/") or not sent.content:
            return
        found = set(_marked(json.loads(sent.content), ""))
        if answer.status_code >= 400:
            await answer.aread()
            found &= {re.sub(r"\[[0-9]+\]", "", answer.json().get("param") or "")}
        path = next(path for path, shape in self._paths if shape.fullmatch(sent.url.path))
        self.fields |= {f"{sent.method} {path} {name}" for name in found}


def _marked(value: Any, name: str) -> Iterator[str]:
    match value:
        case str() if MARK in value:
            yield name
        case list():
            for each in value:
                yield from _marked(each, name)
        case dict() if name.rpartition(".")[2] == "metadata":
            yield from (f"{name}.*" for each in value.values() if MARK in each)
        case dict():
            for each, part in value.items():
                yield from _marked(part, f"{name}.{each}".removeprefix("."))
