"""`/v1/bills/import`: many bills of another billing system at once, each with its own answer."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from galla.errors import PaymentError
from galla.service import bills
from galla.service.till import Principal, Till
from galla.web.api.bills import new_bill
from galla.web.api.reply import reply
from galla.web.bill_shapes import BillBody, ImportBody, Imported
from galla.web.problem import Problem, from_error
from galla.web.security import Caller, GuardedRoute, TillHere, needs
from galla.web.validation import explain

router = APIRouter(prefix="/v1", tags=["bills"], route_class=GuardedRoute)

_TOGETHER = 50


@router.post("/bills/import", responses={200: {"model": Imported}}, openapi_extra=needs("collect"))
async def import_bills(till: TillHere, caller: Caller, body: ImportBody) -> Response:
    """Take in up to 500 bills. One that cannot be used holds up no other; sent again, all that is in is `known`."""
    rows: list[dict[str, Any]] = []
    for first in range(0, len(body.bills), _TOGETHER):
        some = body.bills[first : first + _TOGETHER]
        rows += await asyncio.gather(*(_take_in(till, caller, each) for each in some))
    counts = {word: sum(row["result"] == word for row in rows) for word in ("created", "known", "refused")}
    return reply({"data": rows, **counts})


async def _take_in(till: Till, caller: Principal, given: dict[str, Any]) -> dict[str, Any]:
    number = given.get("number")
    shown = number[:64] if isinstance(number, str) else None
    try:
        body = BillBody.model_validate(given)
        if body.number is None:
            said = "`number` is missing: by it a bill is known when it is sent again."
            raise Problem(422, "missing_field", said, param="number")
        bill, is_new = await bills.take_in(till, caller, new_bill(body))
    except ValidationError as error:
        return _refused(shown, explain(error.errors()))
    except PaymentError as error:
        return _refused(shown, from_error(error))
    except Problem as problem:
        return _refused(shown, problem)
    return {
        "number": bill["number"],
        "result": "created" if is_new else "known",
        "bill": bill["id"],
        "error": None,
    }


def _refused(number: str | None, problem: Problem) -> dict[str, Any]:
    error = {"code": problem.code, "detail": problem.detail, "param": problem.param}
    return {"number": number, "result": "refused", "bill": None, "error": error}
