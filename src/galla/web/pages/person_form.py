"""The forms about people, as typed, and what is said back when something in them cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from galla.errors import PaymentError
from galla.service.people import NewUser
from galla.service.roles import ROLES
from galla.web.pages.entry import Faults
from galla.web.pages.page import one
from galla.web.pages.refusal import refused

_LONGEST = 200
_SPOKEN = {
    "name": "The sign-in name",
    "display_name": "The name",
    "branch": "The branch",
    "role": "The role",
    "password": "The password",
}


class PersonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to add or to change, as typed."""

    name: str = ""
    display_name: str = ""
    role: str = next(iter(ROLES))
    branch: str = ""

    def new_user(self, password: str | None = None) -> NewUser:
        """Return whom the form describes."""
        return NewUser(
            name=self.name,
            display_name=self.display_name,
            role=self.role,
            branch=self.branch or None,
            password=password,
        )


def person_form(fields: Mapping[str, list[str]]) -> PersonForm:
    """Return the posted form."""
    typed: dict[str, Any] = {name: one(fields, name)[:_LONGEST] for name in ("name", "display_name", "role", "branch")}
    return PersonForm(**typed)


def password_of(fields: Mapping[str, list[str]], name: str = "password") -> str:
    """Return a typed password as it is: nothing is trimmed."""
    return (fields.get(name) or [""])[0]


def new_password_of(fields: Mapping[str, list[str]]) -> str:
    """Return a new password that was typed twice.

    Raises:
        Faults: the two are not the same.
    """
    new = password_of(fields)
    if new != password_of(fields, "again"):
        raise Faults({"again": "The two passwords are not the same. Type the new one twice."})
    return new


def faults_about(error: PaymentError) -> Faults:
    """Return what the service refused, beside its field where it has one."""
    return refused(error, _SPOKEN)
