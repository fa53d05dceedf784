"""Two people for what one must not do alone: the second shows a credential of their own, which is never kept.

A credential is a user's `name:password` or an API key, of the same merchant. People are told apart by the id behind
it (`usr_…`, `key_…`), not by the name that others read.
"""

from __future__ import annotations

from galla.config import Secret
from galla.errors import Forbidden
from galla.service import access, signing_in
from galla.service.till import Principal, Till

SUPERVISORS = frozenset({"refund", "admin"})
"""The scopes of those who may be the second person."""


async def second_person(till: Till, principal: Principal, credential: Secret, scopes: frozenset[str]) -> str:
    """Return the name of the second person behind a credential, as the audit trail knows them.

    Raises:
        Forbidden: nobody of this merchant has it, or may not approve (`approver_unknown`), or it is the caller's own
            (`approver_same_person`). 403: the request is fine, and the two of them may not make it.
        TooSoon: the caller has tried too many that were wrong.
    """
    other = await _holder(till, principal, credential.reveal())
    if other is None:
        raise Forbidden(
            "Nobody in this shop has the password or key given as `approver`. A second person must give their own.",
            code="approver_unknown",
            param="approver",
        )
    if other.person == principal.person:
        raise Forbidden(
            "The password or key given as `approver` is your own. Somebody else must look at this and give theirs.",
            code="approver_same_person",
            param="approver",
        )
    if not other.scopes & scopes:
        raise Forbidden(
            f"{other.actor} may not approve this: it needs the scope {' or '.join(sorted(scopes))}.",
            code="approver_unknown",
            param="approver",
        )
    return other.actor


def needed(why: str) -> Forbidden:
    """Return the error for something that one person may not do alone; `why` is the sentence that says so."""
    return Forbidden(
        f"{why} A second person must give their own password or key as `approver`. Nothing was done.",
        code="approval_needed",
        param="approver",
    )


async def _holder(till: Till, principal: Principal, credential: str) -> Principal | None:
    """Return whose credential this is: a key, or a name and a password, as typed, with a colon between them."""
    found = await access.principal_for_key(till, credential.strip())
    if found is not None:
        return found if found.merchant_id == principal.merchant_id else None
    name, colon, password = credential.partition(":")
    if not colon:
        return None
    tried_by = f"approval {principal.person or principal.actor}"
    return await signing_in.person(till, principal, name, password, address=tried_by)
