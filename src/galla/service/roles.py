"""What each role may do. A role is a set of scopes with a name that people use; nothing else decides.

Nobody both manages people and moves money: an admin gives the roles, and takes and returns nothing.
"""

from __future__ import annotations

import msgspec


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role: its word, the scopes it stands for, and what it is for in a sentence."""

    name: str
    scopes: frozenset[str]
    duty: str

    @property
    def spoken(self) -> str:
        """The role with its article: `a cashier`, `an admin`."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role(name="cashier", scopes=frozenset({"read", "collect"}), duty="Takes payments at a counter."),
        Role(
            name="lead",
            scopes=frozenset({"read", "collect", "refund"}),
            duty="Takes payments, gives money back, and settles what does not fit.",
        ),
        Role(name="accountant", scopes=frozenset({"read"}), duty="Looks at payments and books; moves no money."),
        Role(name="admin", scopes=frozenset({"read", "admin"}), duty="Manages people and machines; moves no money."),
    )
}
"""Every role, in the order in which they are offered."""


def role_with(scopes: frozenset[str]) -> Role | None:
    """Return the role that stands for exactly these scopes."""
    return next((role for role in ROLES.values() if role.scopes == scopes), None)


def who_may(scope: str) -> str:
    """Return who holds a scope, for a sentence: `a cashier or a lead`."""
    return " or ".join(role.spoken for role in ROLES.values() if scope in role.scopes)


def may_read_trail(scopes: frozenset[str]) -> bool:
    """Whether somebody may read the audit trail: an admin, and whoever looks at the books and moves no money."""
    return "admin" in scopes or ("read" in scopes and not scopes & {"collect", "refund"})
