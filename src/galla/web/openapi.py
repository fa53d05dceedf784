"""The OpenAPI 3.1 document, made from the routes, and `/docs`, made from the document."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from galla.web.answers import Problem
from galla.web.problem import MEDIA_TYPE, TITLES
from galla.web.security import OPEN, SCOPE_KEY

_DESCRIPTION = (
    "Take payments on Paytm card machines and follow each one to a proven end. Amounts are whole paise, instants "
    "RFC 3339 in UTC. Send an API key as `Authorization: Bearer <key>`. Errors are RFC 9457 problems."
)
_STATUSES = {
    "400": "The request cannot be read.",
    "401": "The caller is not known.",
    "403": "The caller may not do this.",
    "404": "There is no such thing, or none that the caller may see.",
    "409": "What galla knows does not allow this now.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "A field cannot be used; `param` names it.",
    "429": "Asked too often; `Retry-After` says when.",
    "503": "galla cannot take work now; nothing was changed.",
}
_ALWAYS = ("400", "422", "503")


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, made once."""
    if app.openapi_schema is None:
        found = get_openapi(
            title="galla",
            version="1",
            summary="Every rupee explained.",
            description=_DESCRIPTION,
            openapi_version="3.1.0",
            routes=app.routes,
        )
        _add_problems(found)
        payment = found["components"]["schemas"]["PaymentBody"]["properties"]
        payment["method"]["enum"] = sorted(app.state.till.connectors)
        app.openapi_schema = found
    return app.openapi_schema


def _add_problems(found: dict[str, Any]) -> None:
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema()
    problem["properties"]["code"]["enum"] = sorted(TITLES)
    problem["description"] = "RFC 9457."
    schemas["Problem"] = problem
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {status: {"description": text, "content": content} for status, text in _STATUSES.items()}
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}}
    for methods in found["paths"].values():
        for method, operation in methods.items():
            _describe(method, operation)


def _describe(method: str, operation: dict[str, Any]) -> None:
    scope = operation.get(SCOPE_KEY, OPEN)
    is_write = method != "get"
    operation["security"] = [] if scope == OPEN else [{"key": []}]
    statuses = set(_ALWAYS)
    if scope != OPEN:
        statuses |= {"401", "403", "404"}
    if is_write:
        statuses |= {"409", "413", "415", "429"}
    answers = operation["responses"]
    answers.pop("422", None)
    for status in sorted(statuses):
        answers.setdefault(status, {"$ref": f"#/components/responses/{status}"})
