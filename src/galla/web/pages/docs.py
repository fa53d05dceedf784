"""`/openapi.json`, and `/docs`: the same as a page, drawn from the document without anything from elsewhere."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.web.api.reply import reply
from galla.web.openapi import document
from galla.web.pages.page import page
from galla.web.pages.wording import kind
from galla.web.problem import TITLES
from galla.web.security import OPEN, SCOPE_KEY

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Return the OpenAPI 3.1 document."""
    return reply(document(request.app))


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show every call: what it takes, what it answers, which scope it needs."""
    found = document(request.app)
    return page(
        request,
        "docs.html",
        description=found["info"]["description"],
        groups=grouped(found),
        codes=sorted(TITLES.items()),
    )


def grouped(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the calls by their tag, in the document's order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            scope = operation[SCOPE_KEY]
            call = {
                "method": method.upper(),
                "path": path,
                "anchor": operation["operationId"],
                "text": operation.get("description") or operation["summary"],
                "scope": None if scope == OPEN else scope,
                "parameters": operation.get("parameters", []),
                "fields": _fields(found, operation.get("requestBody")),
                "statuses": sorted(operation["responses"]),
            }
            groups.setdefault(operation["tags"][0].replace("_", " "), []).append(call)
    return groups


def _fields(found: dict[str, Any], body: dict[str, Any] | None) -> list[dict[str, Any]]:
    if body is None:
        return []
    schema = body["content"]["application/json"]["schema"]
    refs = [part["$ref"] for part in (schema, *schema.get("anyOf", [])) if "$ref" in part]
    fields = []
    for ref in refs:
        shape = found["components"]["schemas"][ref.rsplit("/", 1)[-1]]
        for name, part in shape["properties"].items():
            is_required = name in shape.get("required", [])
            fields.append(
                {
                    "name": name,
                    "kind": kind(part),
                    "is_required": is_required,
                    "text": part.get("description") or "",
                }
            )
    return fields
