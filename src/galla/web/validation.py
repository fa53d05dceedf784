"""What pydantic found wrong, as one problem in galla's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from galla.web.problem import Problem

_SENTENCES = {
    "extra_forbidden": "`{param}` is not known here; leave it out.",
    "missing": "`{param}` is missing.",
    "int_type": "`{param}` must be a whole number, without quotes or a decimal point.",
    "int_from_float": "`{param}` must be a whole number, without quotes or a decimal point.",
    "int_parsing": "`{param}` must be a whole number.",
    "bool_type": "`{param}` must be true or false.",
    "string_type": "`{param}` must be text.",
    "list_type": "`{param}` must be a list.",
    "dict_type": "`{param}` must be an object.",
    "model_type": "`{param}` must be an object.",
    "model_attributes_type": "`{param}` must be an object.",
    "string_too_short": "`{param}` must not be empty.",
    "string_too_long": "`{param}` must be at most {max_length} characters long.",
    "too_short": "`{param}` must have at least {min_length} of them.",
    "too_long": "`{param}` must have at most {max_length} of them.",
    "greater_than_equal": "`{param}` must be at least {ge}.",
    "less_than_equal": "`{param}` must be at most {le}.",
    "literal_error": "`{param}` must be one of {expected}.",
    "string_pattern_mismatch": "`{param}` is not written as it must be: {pattern}.",
    "value_error": "`{param}` {error}.",
}
_CODES = {"extra_forbidden": "unknown_field", "missing": "missing_field"}
_PLACES = frozenset({"body", "query", "path", "header"})


def explain(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the 422 for the first thing wrong; unknown fields come first, since they explain the rest."""
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    kind, param = str(first["type"]), param_of(first["loc"])
    return Problem(422, _CODES.get(kind, "invalid_field"), sentence(first, param or "body"), param=param)


def sentence(error: Mapping[str, Any], name: str) -> str:
    """Say what is wrong with one field."""
    if error["type"] == "too_short" and (error.get("ctx") or {}).get("field_type") == "Value":  # a secret text
        return _SENTENCES["string_too_short"].format(param=name)
    context = {key: _plain(value) for key, value in (error.get("ctx") or {}).items()}
    template = _SENTENCES.get(str(error["type"]), "`{param}` cannot be used as it is.")
    try:
        return template.format(param=name, **context)
    except KeyError:
        return f"`{name}` cannot be used as it is."


def param_of(location: Sequence[Any]) -> str | None:
    """Return the field at fault as a path, such as `lines[0].quantity`."""
    steps = list(location)
    if steps and steps[0] in _PLACES:
        steps = steps[1:]
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.lstrip(".")[:200] or None


def _plain(value: Any) -> str:
    text = str(value)
    return text.removesuffix(".")
