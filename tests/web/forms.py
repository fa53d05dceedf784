"""The forms of a page, as a browser finds them, and what somebody types into them."""

from __future__ import annotations

import re

import msgspec

_TYPED = frozenset({"", "text", "search", "tel", "email", "url", "date", "password"})
_SHAPED = frozenset(
    {
        "amount", "tendered", "float", "counted", "least", "most", "upi_limit", "refund_limit", "void_cutoff", "tid",
        "mcc", "gstin", "website", "channel_id", "client_id", "phone", "quantity", "price", "off", "bill_off", "hsn",
        "gst", "vpa", "since", "until", "key", "password", "again", "current", "approver", "url", "events", "bill",
        "query", "number",
    }
)  # fmt: skip
"""Fields that have a shape of their own: numbers, days, addresses, credentials, and names of what is there."""
_SOUND = {
    **dict.fromkeys(("amount", "counted", "float", "price"), "1"), "url": "https://hooks.example/", "tid": "99990009",
}  # fmt: skip
"""What stands in a field that has a shape and must not be empty."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field: what stands in it, and whether a person types there."""

    name: str
    value: str
    limit: int
    is_typed: bool

    @property
    def is_of_words(self) -> bool:
        """Whether any words at all will do in it."""
        return self.is_typed and self.name not in _SHAPED


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One form with its fields, and what its first button says."""

    action: str
    method: str
    fields: list[Field]

    @property
    def key(self) -> str:
        """The form whatever it is about: ids in its address are `*`."""
        names = ",".join(sorted({field.name for field in self.fields if field.is_typed}))
        return f"{re.sub(r'/[a-z]+_[0-9A-Za-z]{8,}', '/*', self.action.partition('?')[0])} {names}"

    @property
    def is_typed_into(self) -> bool:
        """Whether somebody types into it and sends it off."""
        return self.method == "post" and any(field.is_typed for field in self.fields)

    def typed(self, text: str, *, is_sound: bool) -> dict[str, list[str]]:
        """Return what is sent when a text is typed into every field, or only where words will do."""
        sent: dict[str, list[str]] = {}
        for field in self.fields:
            value = field.value
            if field.is_of_words or (field.is_typed and not is_sound):
                value = text[: field.limit]
            elif field.is_typed and not value and field.name in _SOUND:
                value = _SOUND[field.name]
            sent.setdefault(field.name, []).append(value)
        return sent


class Forms:
    """Finds the forms while a page is read."""

    def __init__(self) -> None:
        self.found: list[Form] = []
        self._is_open = False
        self._choice: str | None = None

    def open(self, tag: str, given: dict[str, str]) -> None:
        """Take an element in."""
        if tag == "form":
            method = given.get("method", "get").lower()
            self.found.append(Form(action=given.get("action", ""), method=method, fields=[]))
            self._is_open = True
        if not self._is_open:
            return
        name = given.get("name", "")
        if tag == "select":
            self._choice = name
        elif tag == "option" and self._choice:
            self._choose(given.get("value", ""), is_chosen="selected" in given)
        elif name and tag in ("input", "textarea", "button"):
            self._take(tag, name, given)

    def close(self, tag: str) -> None:
        """Note where a form ends."""
        if tag == "form":
            self._is_open, self._choice = False, None

    def _take(self, tag: str, name: str, given: dict[str, str]) -> None:
        kind = given.get("type", "").lower() if tag == "input" else ""
        is_choice = kind == "radio" or tag == "button"
        if is_choice and any(field.name == name for field in self.found[-1].fields):
            return
        limit = int(given.get("maxlength", 10_000))
        self._add(name, given.get("value", ""), limit, is_typed=tag != "button" and kind in _TYPED)

    def _choose(self, value: str, *, is_chosen: bool) -> None:
        """Take the option that is selected, or else the first."""
        fields = self.found[-1].fields
        if not any(field.name == self._choice for field in fields):
            self._add(self._choice or "", value)
        elif is_chosen:
            fields[:] = [field for field in fields if field.name != self._choice]
            self._add(self._choice or "", value)

    def _add(self, name: str, value: str, limit: int = 10_000, *, is_typed: bool = False) -> None:
        self.found[-1].fields.append(Field(name=name, value=value, limit=limit, is_typed=is_typed))
