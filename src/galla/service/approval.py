"""Two people for what one must not do alone: the second shows a credential of their own, which is never kept.

Today a credential is an API key of the same merchant. People are told apart by the key's id, not by its label.
"""

from __future__ import annotations

from galla.config import Secret
from galla.errors import Forbidden
from galla.service import access
from galla.service.till import Principal, Till

SUPERVISORS = frozenset({"refund", "admin"})
"""The scopes of those who may be the second person."""


async def second_person(till: Till, principal: Principal, credential: Secret, scopes: frozenset[str]) -> str:
    """Return the name of the second person behind a credential, as the audit trail knows them.

    Raises:
        Forbidden: nobody of this merchant holds it, or may not approve (`approver_unknown`), or it is the caller's own
            (`approver_same_person`). 403: the request is fine, and the two of them may not make it.
    """
    other = await access.principal_for_key(till, credential.reveal().strip())
    if other is None or other.merchant_id != principal.merchant_id:
        raise Forbidden(
            "Nobody in this shop holds the key given as `approver`. A second person must give their own.",
            code="approver_unknown",
            param="approver",
        )
    if other.person == principal.person:
        raise Forbidden(
            "The key given as `approver` is your own. Somebody else must look at this and give theirs.",
            code="approver_same_person",
            param="approver",
        )
    if not other.scopes & scopes:
        raise Forbidden(
            f"The key given as `approver` may not approve this: it needs the scope {' or '.join(sorted(scopes))}.",
            code="approver_unknown",
            param="approver",
        )
    return other.actor


def needed(why: str) -> Forbidden:
    """Return the error for something that one person may not do alone; `why` is the sentence that says so."""
    return Forbidden(
        f"{why} A second person must give a key of their own as `approver`. Nothing was done.",
        code="approval_needed",
        param="approver",
    )
